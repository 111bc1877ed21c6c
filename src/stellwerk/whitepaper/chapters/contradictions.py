"""Chapter: where sources state different values for the same thing."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from stellwerk.catalog import CarbonIntensity, Catalogue, ExchangeRate, Fact, LaunchProfile, named_facts
from stellwerk.whitepaper.book import FigureBook
from stellwerk.whitepaper.model import WORDED, Figure, Form, Phrase


def register_rivals(catalogue: Catalogue, book: FigureBook) -> None:
    """Gives every fact that has rival claims a figure, also where no other chapter shows it."""
    for entry_id, entry in reported_entries(catalogue):
        own = {field.name for field in dataclasses.fields(entry)}  # type: ignore[arg-type]
        for name, fact in named_facts(entry).items():
            if not fact.rivals or name.startswith("eligibility: "):
                continue  # who may apply has its figures in the chapter on access
            field = field_name(name)
            label = None if name in own else Phrase("field.other", {"name": name.replace("_", " ")})
            book.stated(entry_id, field, fact.claims, _form(field, fact), label=label)


def reported_entries(catalogue: Catalogue) -> Iterator[tuple[str, object]]:
    """The entries that the report speaks of: rates, carbon intensities and launch profiles serve programs."""
    for entry_id, entry in catalogue.entries():
        if not isinstance(entry, (ExchangeRate, CarbonIntensity, LaunchProfile)):
            yield entry_id, entry


def contradictions(figures: Mapping[str, Figure]) -> tuple[list[Figure], list[Figure]]:
    """Figures with rival claims: those that differ in a number or a category, and those that differ in words."""
    rivalled = [figure for figure in figures.values() if figure.rivals]
    numbers = [figure for figure in rivalled if figure.form not in WORDED]
    return numbers, [figure for figure in rivalled if figure.form in WORDED]


_NAMES = {
    "accelerator_memory_bytes": "accelerator-memory",
    "memory_bytes": "accelerator-memory",
    "max_walltime_h": "max-walltime",
    "power_mw": "power",
    "max_coupled_accelerators": "max-coupled",
    "interconnect_bytes_per_s": "interconnect-rate",
    "interconnect_at_least_bytes_per_s": "interconnect-rate-at-least",
    "memory_bandwidth_bytes_per_s": "memory-bandwidth",
    "link_bytes_per_s": "link-rate",
    "link_per_pair_bytes_per_s": "link-rate-per-pair",
    "host_link_bytes_per_s": "host-link-rate",
    "storage_quota_bytes": "storage-quota",
}
_FORMS: Mapping[str, Form] = {
    "status": "status",
    "year": "names",  # written without a grouping mark
    "accelerator-memory": "gigabytes",
    "interconnect-rate": "gigabits_per_s",
    "interconnect-rate-at-least": "gigabits_per_s",
    "memory-bandwidth": "gigabytes_per_s",
    "link-rate": "gigabytes_per_s",
    "link-rate-per-pair": "gigabytes_per_s",
    "host-link-rate": "gigabytes_per_s",
    "storage-quota": "gigabytes",
    "share": "percent",
    "share-at-least": "percent",
    "share-at-most": "percent",
}


def field_name(attribute: str) -> str:
    """The name under which the chapters know a field of the catalogue's types."""
    return _NAMES.get(attribute, attribute.replace("_", "-"))


def _form(field: str, fact: Fact[Any]) -> Form:
    if field in _FORMS:
        return _FORMS[field]
    if field.endswith("-flops"):
        return "teraflops"
    if isinstance(fact.value, tuple | datetime.date):
        return "names"
    return "number" if isinstance(fact.value, int | float) else "text"
