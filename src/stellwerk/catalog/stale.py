"""How old a value may be before it has to be read again."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stellwerk.catalog.describe import named_facts
from stellwerk.catalog.exchange import latest_rate
from stellwerk.catalog.facts import Source
from stellwerk.catalog.model import Catalogue, Product, Programme, Provider, System
from stellwerk.catalog.model_tables import CarbonIntensity, ExchangeRate

ValueKind = Literal[
    "price", "exchange_rate", "status", "terms", "operation", "carbon", "hardware", "help", "data_sheet"
]

MAX_AGE_DAYS: Mapping[ValueKind, int | None] = {
    "price": 92,  # list prices change within a quarter
    "exchange_rate": 92,  # currencies move by some per cent within a quarter
    "status": 365,  # machines start and end within a year
    "terms": 365,  # calls, amounts and rules are renewed yearly
    "operation": 730,  # queues and software change with a major upgrade
    "carbon": 730,  # yearly means appear in the year after, revised in the next
    "hardware": 1096,  # a machine is extended within about three years
    "help": 365,  # offers of help hang on yearly funding and staff
    "data_sheet": None,  # a type that is sold does not change
}
"""By kind of value, the age in days above which a claim is stale; None never is."""

Freshness = Literal["fresh", "stale", "undated"]

_STATUS = {
    *("status", "in_operation_since", "until", "funding_until", "operation_from_earliest", "operation_from_latest"),
    *("operation_until_earliest", "operation_until_latest"),
}
_OPERATION = {
    *("access_rule", "availability", "billing_when_stopped", "certifications", "charge", "container_runtime"),
    *("countries_of_data", "data_location", "data_sensitivity", "energy_notes", "internet_on_compute_nodes"),
    *("jurisdiction", "max_nodes_seen", "max_walltime", "max_walltime_h", "power_mw", "queue_limits", "scheduler"),
    *("site_power", "storage_quota_bytes", "walltime_requested"),
}
_KIND_OF_ENTRY: Mapping[str, ValueKind] = {
    "accelerators": "data_sheet",
    "systems": "hardware",
    "programmes": "terms",
    "products": "hardware",
    "providers": "operation",
    "support": "help",
    "needs": "terms",
    "software": "operation",
    "contingents": "terms",
    "launch_profiles": "operation",
    "exchange_rates": "exchange_rate",
    "carbon_intensities": "carbon",
}


@dataclass(frozen=True, slots=True)
class LeadingValue:
    """Where a leading value comes from.

    ``field`` names a fact, or a link (``access: nhr-normal``), a limit (``limit: gpu_h``), a rule
    (``rule: pi-doctorate``), a price (``price: on_demand``), a partition, charge or recurring cut-off
    (``partition: grete``), what is known of a subject (``all: egress_price``) or the type of an observed price.
    """

    entry_kind: str
    entry_id: str
    field: str
    value_kind: ValueKind
    source: Source


def stale_facts(catalogue: Catalogue, as_of: datetime.date) -> tuple[LeadingValue, ...]:
    """The leading values that are older on a day than their kind allows; undated ones are not among them."""
    return tuple(
        value
        for value in leading_values(catalogue, as_of)
        if freshness(value.source, value.value_kind, as_of) == "stale"
    )


def freshness(source: Source, kind: ValueKind, as_of: datetime.date) -> Freshness:
    """Whether what a source states is still fresh on a day, counted from the earliest day that its date can mean."""
    max_age_days = MAX_AGE_DAYS[kind]
    if max_age_days is None:
        return "fresh"
    if source.as_of_date is None:
        return "undated"
    return "stale" if (as_of - source.as_of_date).days > max_age_days else "fresh"


def leading_values(catalogue: Catalogue, as_of: datetime.date) -> Iterator[LeadingValue]:
    """What the catalogue goes by on a day: the leading claim of each known fact, each link and other part, the valid
    price of each kind of a product, and every observed price. Exchange rates and carbon intensities that a later one
    has replaced are not among them."""
    for entry_kind in _KIND_OF_ENTRY:
        for entry_id, entry in getattr(catalogue, entry_kind).items():
            if _is_replaced(entry, catalogue, as_of):
                continue
            for field, source in _leading_sources(entry, as_of):
                yield LeadingValue(entry_kind, entry_id, field, value_kind(entry_kind, field), source)
    for price in catalogue.observations:
        yield LeadingValue("observations", price.provider_id, price.instance_type, "price", price.source)


def value_kind(entry_kind: str, field: str) -> ValueKind:
    """What kind of value a field of an entry holds, as far as it matters for its age."""
    group, _, name = field.rpartition(": ")
    if group == "price" or "price" in name.split("_"):
        return "price"
    if group == "access":
        return "terms"
    if group in ("partition", "charge"):
        return "operation"
    if name in _STATUS:
        return "status"
    if name in _OPERATION:
        return "operation"
    return _KIND_OF_ENTRY[entry_kind]


def _is_replaced(entry: Any, catalogue: Catalogue, as_of: datetime.date) -> bool:
    if isinstance(entry, ExchangeRate):
        return latest_rate(entry.base, entry.quote, catalogue, as_of) is not entry
    if isinstance(entry, CarbonIntensity):
        others = (other for other in catalogue.carbon_intensities.values() if other.country == entry.country)
        return entry.year > as_of.year or any(entry.year < other.year <= as_of.year for other in others)
    return False


def _leading_sources(entry: Any, as_of: datetime.date) -> Iterator[tuple[str, Source]]:
    for field, fact in named_facts(entry).items():
        if fact.known:
            yield field, fact.claims[0].source
    yield from _leading_parts(entry, as_of)


def _leading_parts(entry: Any, as_of: datetime.date) -> Iterator[tuple[str, Source]]:
    """What an entry goes by beside its facts."""
    if isinstance(entry, System):
        yield from {f"access: {link.value}": link.source for link in reversed(entry.access)}.items()
        yield from ((f"partition: {partition.name}", partition.source) for partition in entry.partitions)
        yield from ((f"charge: {charge.unit or 'whole nodes'}", charge.source) for charge in entry.charges)
    elif isinstance(entry, Programme):
        yield from ((f"limit: {limit.unit} {limit.scope}".rstrip(), limit.source) for limit in entry.limits)
        yield from ((f"rule: {rule.id}", rule.source) for rule in entry.rules)
        for recurring in entry.recurring_cutoffs:
            yield f"recurring cut-off: {recurring.scope}".rstrip(": "), recurring.source
    elif isinstance(entry, Product):
        for kind in dict.fromkeys(price.kind for price in entry.prices):
            price = entry.price_at(as_of, kind)
            if price is not None:
                yield f"price: {kind}", price.source
    elif isinstance(entry, Provider):
        for about, facts in entry.subjects.items():
            yield from ((f"{about}: {name}", fact.claims[0].source) for name, fact in facts.items())
