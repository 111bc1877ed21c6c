"""Partitions, charges and cut-offs of systems and programmes from their entries."""

from __future__ import annotations

import datetime
from typing import Any

from stellwerk.catalog.claims import source_rank
from stellwerk.catalog.facts import Source
from stellwerk.catalog.model_parts import Charge, Cutoff, Partition, RecurringCutoff
from stellwerk.catalog.rows import Row
from stellwerk.catalog.schema_parts import ChargeEntry, PartitionEntry, RecurringCutoffEntry


def build_partitions(row: Row[Any]) -> tuple[Partition, ...]:
    found = [
        Partition(
            name=part.name,
            kind=part.kind,
            devices_min=part.devices_min,
            devices_max=part.devices_max,
            max_walltime_h=None if part.max_walltime_h is None else float(part.max_walltime_h),
            slice=part.slice,
            note=part.note,
            source=source,
        )
        for part, source in row.parts
        if isinstance(part, PartitionEntry)
    ]
    return tuple(sorted(found, key=lambda partition: partition.name))


def build_charges(row: Row[Any]) -> tuple[Charge, ...]:
    """The leading statement first, as claims are ordered."""
    found = [_build_charge(part, source) for part, source in row.parts if isinstance(part, ChargeEntry)]
    return tuple(sorted(found, key=lambda charge: source_rank(charge.source)))


def build_recurring_cutoffs(row: Row[Any]) -> tuple[RecurringCutoff, ...]:
    return tuple(
        RecurringCutoff(
            days=tuple(sorted((int(day[:2]), int(day[3:])) for day in part.days)),
            scope=part.scope,
            system_ids=tuple(part.system_ids),
            note=part.note,
            source=source,
        )
        for part, source in row.parts
        if isinstance(part, RecurringCutoffEntry)
    )


def build_cutoff(text: str) -> Cutoff:
    """A cut-off written as ``2026-11-30 10:00 Europe/Brussels``."""
    day, hour, zone = text.split(" ")
    return Cutoff(datetime.date.fromisoformat(day), hour, zone)


def _build_charge(part: ChargeEntry, source: Source) -> Charge:
    return Charge(
        unit=part.unit,
        per=part.per,
        factor=None if part.factor is None else float(part.factor),
        slice=part.slice,
        accelerators_per_node=part.accel_per_node,
        whole_nodes=part.whole_nodes,
        note=part.note,
        source=source,
    )
