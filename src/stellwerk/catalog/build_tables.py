"""Exchange rates, carbon intensities, contingents and launch profiles from their entries."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import cast

from stellwerk.catalog.model_tables import CarbonIntensity, Contingent, ExchangeRate, LaunchProfile
from stellwerk.catalog.rows import Row
from stellwerk.catalog.schema_tables import (
    CarbonIntensityEntry,
    ContingentEntry,
    ExchangeRateEntry,
    LaunchProfileEntry,
)


def build_exchange_rate(row: Row[ExchangeRateEntry]) -> ExchangeRate:
    rate = row.claims.fact("rate", Decimal)
    day = cast(datetime.date, rate.claims[0].source.as_of_date)  # consistency.py takes no rate without a day
    return ExchangeRate(id=row.entry.id, base=row.entry.base, quote=row.entry.quote, date=day, rate=rate)


def build_carbon_intensity(row: Row[CarbonIntensityEntry]) -> CarbonIntensity:
    entry = row.entry
    return CarbonIntensity(
        id=entry.id,
        country=entry.country,
        year=entry.year,
        method=entry.method,
        co2_g_per_kwh=row.claims.fact("co2_g_per_kwh", float),
    )


def build_contingent(row: Row[ContingentEntry]) -> Contingent:
    entry, take = row.entry, row.claims.fact
    return Contingent(
        id=entry.id,
        system_ids=tuple(entry.system_ids),
        programme_ids=tuple(entry.programme_ids),
        user_groups=tuple(entry.user_groups),
        part_of=entry.part_of,
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
        funder=take("funder"),
        share=take("share", float),
        share_at_least=take("share_at_least", float),
        share_at_most=take("share_at_most", float),
        accelerators=take("accelerators"),
        statement=take("statement"),
    )


def build_launch_profile(row: Row[LaunchProfileEntry]) -> LaunchProfile:
    entry, take = row.entry, row.claims.fact
    return LaunchProfile(
        id=entry.id,
        system_ids=tuple(entry.system_ids),
        scheduler=take("scheduler"),
        cpu_architecture=take("cpu_architecture"),
        container_runtimes=take("container_runtimes", tuple),
        launcher=take("launcher"),
        address_suffix=take("address_suffix"),
        internet_on_compute_nodes=take("internet_on_compute_nodes"),
        environment=take("environment"),
    )
