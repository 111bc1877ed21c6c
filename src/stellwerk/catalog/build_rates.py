"""Exchange rates and carbon intensities from their entries."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from stellwerk.catalog.build_systems import times
from stellwerk.catalog.model import CarbonIntensity, ExchangeRate
from stellwerk.catalog.rows import Row, Rows
from stellwerk.catalog.schema import CarbonIntensityEntry, ExchangeRateEntry
from stellwerk.errors import InputError

KG_PER_G = 1e-3


def wrong_rates(rows: Rows) -> Iterator[InputError]:
    """Rates whose source names no day, between a currency and itself, or of nothing."""
    for row in rows.exchange_rates:
        entry, file = row.entry, row.document.path
        if row.source.as_of_date is None:
            problem = "needs a source with a day: a rate holds for one"
            yield InputError(problem, file=file, key=f"{row.where}.source", value=row.source.as_of)
        if entry.base == entry.quote:
            yield InputError("is the base as well", file=file, key=f"{row.where}.quote", value=entry.quote)
        if Decimal(entry.rate) == 0:
            yield InputError("must be above 0", file=file, key=f"{row.where}.rate", value=entry.rate)


def build_exchange_rate(row: Row[ExchangeRateEntry]) -> ExchangeRate:
    entry, day = row.entry, row.source.as_of_date
    if day is None:
        raise ValueError("a rate without a day is refused by wrong_rates")
    return ExchangeRate(entry.id, entry.base, entry.quote, Decimal(entry.rate), day, row.source)


def build_carbon_intensity(row: Row[CarbonIntensityEntry]) -> CarbonIntensity:
    fact = row.claims.fact("g_co2_per_kwh", times(KG_PER_G))
    return CarbonIntensity(row.entry.id, row.entry.country, row.entry.method, fact)
