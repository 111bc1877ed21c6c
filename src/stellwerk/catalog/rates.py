"""Amounts in another currency, and what electricity emits, as the catalogue knows them on a day."""

from __future__ import annotations

import datetime

from stellwerk.catalog.model import CarbonIntensity, Catalogue, ExchangeRate


def exchange_rate(catalogue: Catalogue, currency: str, wanted: str, as_of: datetime.date) -> float | None:
    """What one unit of ``currency`` is worth in ``wanted`` by the latest rate up to a day; None where none is known.

    A rate counts in both directions; rates over a third currency are not chained.
    """
    if currency == wanted:
        return 1.0
    rate = latest_rate(catalogue, currency, wanted, as_of)
    if rate is None:
        return None
    return float(rate.rate) if rate.base == currency else 1 / float(rate.rate)


def latest_rate(catalogue: Catalogue, currency: str, wanted: str, as_of: datetime.date) -> ExchangeRate | None:
    """The exchange rate between two currencies that was read last, up to a day; a local one leads on its day."""
    known = [
        rate
        for rate in catalogue.exchange_rates.values()
        if {rate.base, rate.quote} == {currency, wanted} and rate.day <= as_of
    ]
    return max(known, key=lambda rate: (rate.source.local, rate.day, rate.id), default=None)


def carbon_intensity(catalogue: Catalogue, country: str) -> CarbonIntensity | None:
    """What electricity of a country emits; a local entry leads. None where nothing is known."""
    known = [
        one for one in catalogue.carbon_intensities.values() if one.country == country and one.kg_co2_per_kwh.known
    ]
    return max(known, key=lambda one: (one.kg_co2_per_kwh.claims[0].source.local, one.id), default=None)
