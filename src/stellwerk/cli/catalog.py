"""``stellwerk catalog``: what exists, where it was read and what nobody states."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Any

import click

from stellwerk import __version__
from stellwerk.catalog import (
    ENTRY_KINDS,
    MAX_AGE_DAYS,
    Catalogue,
    Fact,
    admits_country,
    as_plain_data,
    currencies_without_rate,
    entry_schema,
    file_schema,
    freshness,
    leading_values,
    load_catalogue,
    named_facts,
    stale_facts,
    summarise,
)
from stellwerk.cli.catalog_entry import print_entry
from stellwerk.cli.catalog_tables import KINDS, label, print_list, print_summary
from stellwerk.cli.output import print_json, today
from stellwerk.errors import InputError, did_you_mean

JSON_SCHEMA = 1

_overlay = click.option(
    "--catalogue",
    "overlay",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Lay the files of a folder over the catalogue; what they state leads.",
)
_as_of = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day by which a value may be too old; default: today."
)


@click.group(name="catalog")
def command() -> None:
    """What exists: systems, programmes, commercial products, support, software, each value with its source."""


@command.command(name="list")
@click.option("--kind", type=click.Choice(KINDS), default="systems", show_default=True)
@click.option("--country", help="Only what is in a country, or admits it (ISO code: DE).")
@click.option("--json", "as_json", is_flag=True, help="Print everything known about each entry as JSON.")
@_overlay
def list_(kind: str, country: str | None, as_json: bool, overlay: Path | None) -> None:
    """One line for each entry of a kind."""
    catalogue = load_catalogue(overlay=overlay)
    entries = [entry for entry in getattr(catalogue, kind).values() if _is_in(entry, kind, country)]
    if as_json:
        _print_json(catalogue, {"kind": kind, "entries": as_plain_data(entries)})
        return
    print_list(kind, entries, catalogue, today())


@command.command()
@click.argument("name", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@_as_of
@_overlay
def show(name: str, as_json: bool, as_of: datetime.datetime | None, overlay: Path | None) -> None:
    """Everything known about one entry: each value with its evidence, date and source, rival claims beneath.

    A leading value that is older than its kind allows is marked as stale.
    """
    catalogue, day = load_catalogue(overlay=overlay), _day(as_of)
    kinds = (*KINDS, "providers")
    found = {kind: getattr(catalogue, kind)[name] for kind in kinds if name in getattr(catalogue, kind)}
    if not found:
        hint = did_you_mean(name, [known for kind in kinds for known in getattr(catalogue, kind)])
        raise InputError(f"the catalogue has no such id{hint}", key="ID", value=name)
    if as_json:
        stale = [
            {"kind": value.entry_kind, "field": value.field, "as_of": value.source.as_of}
            for value in stale_facts(catalogue, day)
            if value.entry_id == name and value.entry_kind in found
        ]
        entries = {kind: as_plain_data(entry) for kind, entry in found.items()}
        _print_json(catalogue, {"as_of": day.isoformat(), "stale": stale, **entries})
        return
    for kind, entry in found.items():
        print_entry(kind, entry, catalogue, day)


@command.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@click.option("--stale", "list_stale", is_flag=True, help="Name every stale value.")
@_as_of
@_overlay
def check(directory: Path | None, list_stale: bool, as_of: datetime.datetime | None, overlay: Path | None) -> None:
    """Read a catalogue: count what it holds, and what of it is too old, or list every mistake.

    It is the packaged one, or that in DIRECTORY by itself, with the files of --catalogue laid over it.
    """
    catalogue = load_catalogue(directory, overlay=overlay)
    laid_over = f" with {overlay} laid over it" if overlay else ""
    click.echo(f"no mistakes in {directory or 'the packaged catalogue'}{laid_over}; it holds")
    for kind in (*KINDS, "providers", "observations"):
        name = "price observations" if kind == "observations" else label(kind)
        click.echo(f"{len(getattr(catalogue, kind)):>7,}  {name}")
    claims = [claim for fact in _facts(catalogue) for claim in fact.claims]
    click.echo(f"{len(claims):>7,}  claims, of which")
    for evidence in ("primary", "secondary", "unsourced"):
        click.echo(f"{sum(claim.source.evidence == evidence for claim in claims):>7,}  {evidence}")
    if overlay:
        click.echo(f"{sum(claim.source.local for claim in claims):>7,}  local")
    click.echo(f"{sum(bool(fact.rivals) for fact in _facts(catalogue)):>7,}  facts with rival claims")
    _print_ages(catalogue, _day(as_of), list_stale=list_stale)
    for currency, product_ids in currencies_without_rate(catalogue, _day(as_of)).items():
        click.echo(f"warning: no exchange rate from {currency} to EUR is known; priced in it: {', '.join(product_ids)}")
    click.echo(f"SHA-256 {catalogue.hash}")


@command.command()
@click.argument("kind", required=False, type=click.Choice(ENTRY_KINDS))
@click.option("--overlay", is_flag=True, help="For files laid over the catalogue, where known entries need only an id.")
def schema(kind: str | None, overlay: bool) -> None:
    """The JSON Schema of a catalogue file, or of one entry of a KIND, for an editor to complete and check."""
    document = entry_schema(kind, overlay=overlay) if kind else file_schema(overlay=overlay)
    print_json(document)


@command.command()
@click.option("--country", default="DE", show_default=True, help="ISO code, or 'all'.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, every group with its systems.")
@_overlay
def summary(country: str, as_json: bool, overlay: Path | None) -> None:
    """Capacities by operator kind, accelerator and openness; what has no count is named, never taken as zero."""
    catalogue = load_catalogue(overlay=overlay)
    result = summarise(catalogue, None if country == "all" else country.upper())
    if as_json:
        _print_json(catalogue, {"summary": as_plain_data(result)})
        return
    print_summary(result, catalogue)


def _day(as_of: datetime.datetime | None) -> datetime.date:
    return as_of.date() if as_of else today()


def _print_ages(catalogue: Catalogue, day: datetime.date, *, list_stale: bool) -> None:
    """How many leading values of each kind are stale and undated, and which are stale."""
    found = Counter(
        (value.value_kind, freshness(value.source, value.value_kind, day)) for value in leading_values(catalogue, day)
    )
    click.echo(f"leading values that are stale or undated, as of {day}")
    for kind, max_age_days in MAX_AGE_DAYS.items():
        if max_age_days is not None:
            stale, undated = found[kind, "stale"], found[kind, "undated"]
            click.echo(f"{stale:>7,}  {kind} older than {max_age_days} days, {undated:,} undated")
    if list_stale:
        for value in stale_facts(catalogue, day):
            click.echo(f"stale: {value.entry_kind}.{value.entry_id}: {value.field} (as of {value.source.as_of})")


def _is_in(entry: Any, kind: str, country: str | None) -> bool:
    if country is None:
        return True
    code = country.upper()
    if kind == "systems":
        return bool(entry.country.value == code)
    if kind == "products":
        return code in (entry.countries_of_data.value or ())
    if kind == "programmes":
        return admits_country(entry.country_codes, code)
    raise InputError("goes with systems, programmes and products only", key="--country", value=country)


def _facts(catalogue: Catalogue) -> list[Fact[Any]]:
    return [fact for _, entry in catalogue.entries() for fact in named_facts(entry).values()]


def _print_json(catalogue: Catalogue, content: dict[str, Any]) -> None:
    envelope = {"schema": JSON_SCHEMA, "stellwerk": __version__, "catalogue_sha256": catalogue.hash}
    print_json(envelope | content)
