"""Parts of systems and programmes in words, for the tables of ``stellwerk catalog``."""

from __future__ import annotations

import datetime

from stellwerk.catalog import Charge, Contingent, Partition, RecurringCutoff


def partition_text(partition: Partition) -> str:
    devices = [
        f"{word} {number:,} devices"
        for word, number in (("at least", partition.devices_min), ("at most", partition.devices_max))
        if number is not None
    ]
    parts = (
        partition.kind or "",
        f"slices of {partition.slice}" if partition.slice else "",
        *devices,
        f"{partition.max_walltime_h:g} h" if partition.max_walltime_h is not None else "",
    )
    return ", ".join(part for part in parts if part) + bracket(partition.note)


def charge_text(charge: Charge) -> str:
    factor = ""
    if charge.unit is not None and charge.per is not None and charge.factor is not None:
        factor = f"{charge.factor:g} {charge.unit.replace('_h', '-h')} per {charge.per.replace('_h', '-hour')}"
        factor += f" of {charge.slice}" if charge.slice else ""
    whole = {True: "whole nodes only", False: "parts of a node too", None: ""}[charge.whole_nodes]
    return ", ".join(part for part in (factor, whole) if part) + bracket(charge.note)


def contingent_text(contingent: Contingent) -> str:
    share = share_text(contingent)
    of_whole = f"{share} of {contingent.part_of}" if share and contingent.part_of else share
    return ": ".join(part for part in (of_whole, contingent.statement.value or "") if part)


def days_text(rule: RecurringCutoff) -> str:
    return ", ".join(f"{month:02d}-{day:02d}" for month, day in rule.days) + bracket(rule.note)


def share_text(contingent: Contingent) -> str:
    """The leading share, or its bounds, or the number of accelerators; empty where none is stated."""
    parts = (
        ("", contingent.share, "%"),
        ("at least ", contingent.share_at_least, "%"),
        ("at most ", contingent.share_at_most, "%"),
        ("", contingent.accelerators, " accelerators"),
    )
    return ", ".join(
        f"{word}{fact.value * 100 if unit == '%' else fact.value:g}{unit}"
        + ("*" if fact.evidence == "unsourced" else "")
        for word, fact, unit in parts
        if fact.value is not None
    )


def period_text(start: datetime.date | None, end: datetime.date | None) -> str:
    return " ".join(part for part in (f"from {start}" if start else "", f"until {end}" if end else "") if part)


def bracket(text: str) -> str:
    return f" ({text})" if text else ""
