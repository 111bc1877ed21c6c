"""Everything about one entry, as ``stellwerk catalog show`` prints it."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from rich.padding import Padding

from stellwerk.catalog import (
    Accelerator,
    AmountLimit,
    CarbonIntensity,
    Catalogue,
    Claim,
    Contingent,
    ExchangeRate,
    Fact,
    LaunchProfile,
    Price,
    Product,
    Programme,
    Provider,
    Rule,
    Source,
    System,
    ValueKind,
    freshness,
    named_facts,
    openness_of,
    schedulable_devices,
    value_kind,
)
from stellwerk.cli.catalog_parts import bracket, charge_text, contingent_text, days_text, partition_text, period_text
from stellwerk.cli.catalog_tables import label, plain_table, price_text
from stellwerk.cli.output import console

_SINGULAR = {
    "programmes": "programme",
    "launch_profiles": "launch profile",
    "exchange_rates": "exchange rate",
    "carbon_intensities": "carbon intensity",
}
_UNITS = (("_bytes_per_s", 1e9, "GB/s"), ("_bytes", 1e9, "GB"), ("_flops", 1e12, "TFLOP/s"))


def print_entry(kind: str, entry: Any, catalogue: Catalogue, as_of: datetime.date) -> None:
    """Every value of an entry with its claims, and the sources in full beneath; what leads and is stale is marked."""
    sources: dict[Source, int] = {}
    console.print(f"{entry.id}  ({_SINGULAR.get(kind) or kind.rstrip('s')})", style="bold")
    for headline in _headlines(entry, catalogue):
        console.print(Padding(headline, (0, 0, 0, 2)))
    facts = named_facts(entry)
    _print_facts(kind, {name: fact for name, fact in facts.items() if fact.known}, sources, as_of)
    for title, lines in _parts(entry, catalogue):
        part = plain_table(title, "", "evidence", "as of", ">source")
        for line in lines:
            part.add_row(line.name, line.text, *_origin(line.source, line.kind, as_of, sources))
        console.print(part)
    unknown = [label(name) for name, fact in facts.items() if not fact.known]
    if unknown:
        console.print(f"unknown: {', '.join(unknown)}")
    for source, number in sources.items():
        console.print(f"[{number}] {_source_text(source)}", markup=False, soft_wrap=True)


def _print_facts(kind: str, facts: dict[str, Fact[Any]], sources: dict[Source, int], as_of: datetime.date) -> None:
    table = plain_table("field", "value", "evidence", "as of", ">source")
    for name, fact in facts.items():
        for number, claim in enumerate(fact.claims):
            line = _claim_line(kind, name, fact, claim)
            table.add_row(line.name if number == 0 else "", line.text, *_origin(line.source, line.kind, as_of, sources))
    if table.row_count:
        console.print(table)


def _headlines(entry: Any, catalogue: Catalogue) -> Iterable[str]:
    """What has no claims of its own: our grouping, our links, the notes."""
    if isinstance(entry, System):
        yield from _about_system(entry, catalogue)
    elif isinstance(entry, Programme):
        yield from _about_programme(entry, catalogue)
    elif isinstance(entry, Product):
        yield f"sold by {entry.provider} ({entry.provider_id}); {label(entry.kind)}"
        yield from _accelerator_type(entry)
    elif isinstance(entry, Provider):
        yield entry.name
    elif isinstance(entry, (Contingent, LaunchProfile, ExchangeRate, CarbonIntensity)):
        yield from _about_table_entry(entry)
    elif isinstance(entry, Accelerator):
        yield f"{entry.vendor} {entry.name}; a scheduler sees {entry.devices} in a module"
    if getattr(entry, "notes", ""):
        yield f"notes: {entry.notes}"
    address = getattr(entry, "documentation_url", "") or getattr(entry, "url", "")
    if address:
        yield f"address: {address}"


def _about_system(system: System, catalogue: Catalogue) -> Iterable[str]:
    yield f"operator kind {label(system.operator_kind)}; open to {openness_of(system, catalogue)}"
    yield from _accelerator_type(system)
    if system.shares_hardware_with:
        yield f"may describe the same nodes as {', '.join(system.shares_hardware_with)}"
    devices = schedulable_devices(system, catalogue.accelerators)
    if devices is not None and devices != system.accelerators.value:
        yield f"a scheduler sees {devices:,} devices"
    profile = catalogue.launch_profile(system.id)
    if profile is not None:
        yield f"launch profile {profile.id}"


def _about_programme(programme: Programme, catalogue: Catalogue) -> Iterable[str]:
    closed = {True: "takes no more applications", None: "whether it takes applications is contradictory"}
    if programme.closed in closed:
        yield closed[programme.closed]
    if programme.closed_system_ids:
        yield f"takes no applications for {', '.join(programme.closed_system_ids)}"
    leads = [system.id for system in catalogue.systems.values() if programme.id in system.programme_ids]
    yield f"leads to {', '.join(leads)}" if leads else "no source states which systems it leads to"
    if programme.family is not None:
        yield f"class {programme.access_class} of {catalogue.families[programme.family].name['en']}"
    if programme.cutoff_dates:
        hours = {cutoff.day: f" {cutoff.time} {cutoff.zone}" for cutoff in programme.cutoffs}
        yield f"cut-off dates {', '.join(f'{day}{hours.get(day, str())}' for day in programme.cutoff_dates)}"


def _about_table_entry(entry: Contingent | LaunchProfile | ExchangeRate | CarbonIntensity) -> Iterable[str]:
    if isinstance(entry, Contingent):
        yield from _about_contingent(entry)
    elif isinstance(entry, LaunchProfile):
        yield f"holds for {', '.join(entry.system_ids)}"
    elif isinstance(entry, ExchangeRate):
        yield f"{entry.quote} for one {entry.base} on {entry.date}"
    else:
        yield f"grams for one kWh in {entry.country}, mean of {entry.year}; {entry.method}"


def _about_contingent(contingent: Contingent) -> Iterable[str]:
    yield f"a part of {contingent.part_of or ', '.join(contingent.system_ids)}"
    if contingent.programme_ids:
        yield f"given through {', '.join(contingent.programme_ids)}"
    if contingent.user_groups:
        yield f"for {', '.join(map(label, contingent.user_groups))}"
    if contingent.valid_from or contingent.valid_until:
        yield period_text(contingent.valid_from, contingent.valid_until)


def _accelerator_type(entry: System | Product) -> Iterable[str]:
    if entry.accelerator_id is not None:
        yield f"accelerator type {entry.accelerator_id}{bracket(entry.accelerator_assumption)}"


class _Line(NamedTuple):
    """One statement. ``kind`` says how fast it ages; None where another one leads."""

    name: str
    text: str
    source: Source
    kind: ValueKind | None


def _parts(entry: Any, catalogue: Catalogue) -> Iterable[tuple[str, list[_Line]]]:
    """Titled lists of statements that are no facts of the entry itself: links, limits, subjects, prices."""
    if isinstance(entry, System) and entry.access:
        yield "access through", [_Line(claim.value, claim.note, claim.source, "terms") for claim in entry.access]
    if isinstance(entry, System):
        yield from _parts_of_system(entry, catalogue)
    if isinstance(entry, Programme) and entry.recurring_cutoffs:
        rules = [
            _Line(rule.scope or "everywhere", days_text(rule), rule.source, "terms") for rule in entry.recurring_cutoffs
        ]
        yield "cut-offs of every year", rules
    if isinstance(entry, Programme) and entry.limits:
        limits = [
            _Line(limit.scope or "everywhere", _limit_text(limit), limit.source, "terms") for limit in entry.limits
        ]
        yield "limits", limits
    if isinstance(entry, Programme) and entry.rules:
        yield "rules", [_Line(rule.id, _rule_text(rule), rule.source, "terms") for rule in entry.rules]
    if isinstance(entry, Provider):
        for about, facts in entry.subjects.items():
            lines = [
                _claim_line("providers", name, fact, claim) for name, fact in facts.items() for claim in fact.claims
            ]
            yield about, lines
    if isinstance(entry, Product) and entry.prices:
        yield "prices", [_Line(label(price.kind), _price_line(price), price.source, "price") for price in entry.prices]


def _parts_of_system(system: System, catalogue: Catalogue) -> Iterable[tuple[str, list[_Line]]]:
    if system.partitions:
        lines = [_Line(part.name, partition_text(part), part.source, "operation") for part in system.partitions]
        yield "partitions, never added up", lines
    if system.charges:
        yield "charges", [_Line("", charge_text(charge), charge.source, "operation") for charge in system.charges]
    contingents = [
        _Line(contingent.id, contingent_text(contingent), contingent.statement.claims[0].source, "terms")
        for contingent in catalogue.contingents_of(system.id)
        if contingent.statement.known
    ]
    if contingents:
        yield "contingents", contingents


def _claim_line(entry_kind: str, name: str, fact: Fact[Any], claim: Claim[Any]) -> _Line:
    rival_mark = "but also: " if claim in fact.rivals else ""
    text = f"{rival_mark}{_value_text(name, claim)}{bracket(claim.note)}"
    return _Line(label(name), text, claim.source, value_kind(entry_kind, name) if claim is fact.claims[0] else None)


def _value_text(name: str, claim: Claim[Any]) -> str:
    value = claim.value
    for suffix, factor, unit in _UNITS:
        if name.endswith(suffix):
            return f"{value / factor:,.6g} {unit}"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{variable}={content}" for variable, content in value.items())
    if isinstance(value, (datetime.date, Decimal)):
        return str(value)
    if value == "":
        return "none"
    if isinstance(value, str):
        return f"{value} {claim.unit}".rstrip() if value[-1:].isdigit() else value
    if isinstance(value, int) and name != "year":
        return f"{value:,}"
    return f"{value:g}"


def _price_line(price: Price) -> str:
    unit = {"gpu_h": "-h", "instance_h": "/instance-h", "month": "/month"}[price.unit]
    net = {True: "net", False: "gross", None: ""}[price.net]
    since = f"from {price.valid_from}" if price.valid_from else ""
    until = f"until {price.valid_until}" if price.valid_until else ""
    shortest = f"at least {price.commitment_days:g} days" if price.commitment_days else ""
    fewest = f"at least {price.least_accelerators} accelerators" if price.least_accelerators else ""
    parts = (price_text(price) + unit, net, price.term, shortest, fewest, since, until, price.note)
    return ", ".join(part for part in parts if part)


def _rule_text(rule: Rule) -> str:
    return rule.condition["en"] + (f" ({', '.join(label(kind) for kind in rule.kinds)})" if rule.kinds else "")


def _limit_text(limit: AmountLimit) -> str:
    bounds = " ".join(
        f"{word} {value:,.10g}" for word, value in (("at least", limit.minimum), ("at most", limit.maximum)) if value
    )
    text = f"{bounds} {limit.unit.replace('_h', '-h')}" + (f" per {limit.per}" if limit.per else "")
    return text + bracket(limit.note)


def _age(source: Source, kind: ValueKind | None, as_of: datetime.date) -> str:
    """The date of a source, and whether it is too old, or none."""
    if kind is None:
        return source.as_of
    fresh = freshness(source, kind, as_of)
    if fresh == "stale":
        return f"{source.as_of}, stale"
    return f"{source.as_of}, undated" if fresh == "undated" and "dated" not in source.as_of else source.as_of


def _origin(
    source: Source, kind: ValueKind | None, as_of: datetime.date, sources: dict[Source, int]
) -> tuple[str, str, str]:
    age = _age(source, kind, as_of)
    marks = (" *" if source.evidence == "unsourced" else "") + (", local" if source.local else "")
    if source.evidence == "unsourced" and not source.urls and not source.note:
        return source.evidence + marks, age, ""
    number = sources.setdefault(source, len(sources) + 1)
    return source.evidence + marks, age, str(number)


def _source_text(source: Source) -> str:
    return "; ".join((*source.urls, *((source.note,) if source.note else ()))) or "no address"
