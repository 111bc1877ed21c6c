"""``stellwerk catalog``: what exists, where it was read and what nobody states."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from stellwerk import __version__
from stellwerk.catalog import (
    Catalogue,
    Fact,
    admits_country,
    as_plain_data,
    load_catalogue,
    named_facts,
    summarise,
)
from stellwerk.cli.catalog_entry import print_entry
from stellwerk.cli.catalog_tables import KINDS, print_list, print_summary
from stellwerk.cli.output import today
from stellwerk.errors import InputError, nearest_match

JSON_SCHEMA = 1


@click.group(name="catalog")
def command() -> None:
    """What exists: systems, programmes, commercial products, support and software, each value with its source."""


@command.command(name="list")
@click.option("--kind", type=click.Choice(KINDS), default="systems", show_default=True)
@click.option("--country", help="Only what is in a country, or admits it (ISO code: DE).")
@click.option("--json", "as_json", is_flag=True, help="Print everything known about each entry as JSON.")
def list_(kind: str, country: str | None, as_json: bool) -> None:
    """One line for each entry of a kind."""
    catalogue = load_catalogue()
    entries = [entry for entry in getattr(catalogue, kind).values() if _is_in(entry, kind, country)]
    if as_json:
        _print_json(catalogue, {"kind": kind, "entries": as_plain_data(entries)})
        return
    print_list(kind, entries, catalogue, today())


@command.command()
@click.argument("name", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(name: str, as_json: bool) -> None:
    """Everything known about one entry: each value with its evidence, date and source, rival claims beneath."""
    catalogue = load_catalogue()
    kinds = (*KINDS, "providers")
    found = {kind: getattr(catalogue, kind)[name] for kind in kinds if name in getattr(catalogue, kind)}
    if not found:
        nearest = nearest_match(name, [known for kind in kinds for known in getattr(catalogue, kind)])
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        raise InputError(f"the catalogue has no such id{hint}", key="ID", value=name)
    if as_json:
        _print_json(catalogue, {kind: as_plain_data(entry) for kind, entry in found.items()})
        return
    for kind, entry in found.items():
        print_entry(kind, entry, catalogue)


@command.command()
@click.argument("directory", required=False, type=click.Path(path_type=Path))
def check(directory: Path | None) -> None:
    """Read a catalogue (the packaged one, or that in DIRECTORY): count what it holds or list every mistake."""
    catalogue = load_catalogue(directory)
    click.echo(f"no mistakes in {directory or 'the packaged catalogue'}; it holds")
    for kind in (*KINDS, "providers", "observations"):
        click.echo(f"{len(getattr(catalogue, kind)):>7,}  {kind.replace('observations', 'price observations')}")
    claims = [claim for fact in _facts(catalogue) for claim in fact.claims]
    click.echo(f"{len(claims):>7,}  claims, of which")
    for evidence in ("primary", "secondary", "unsourced"):
        click.echo(f"{sum(claim.source.evidence == evidence for claim in claims):>7,}  {evidence}")
    click.echo(f"{sum(bool(fact.rivals) for fact in _facts(catalogue)):>7,}  facts with rival claims")
    click.echo(f"SHA-256 {catalogue.hash}")


@command.command()
@click.option("--country", default="DE", show_default=True, help="ISO code, or 'all'.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, every group with its systems.")
def summary(country: str, as_json: bool) -> None:
    """Capacities by operator kind, accelerator and openness; what has no count is named, never taken as zero."""
    catalogue = load_catalogue()
    result = summarise(catalogue, None if country == "all" else country.upper())
    if as_json:
        _print_json(catalogue, {"summary": as_plain_data(result)})
        return
    print_summary(result, catalogue)


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
    click.echo(json.dumps(envelope | content, ensure_ascii=False, indent=1))
