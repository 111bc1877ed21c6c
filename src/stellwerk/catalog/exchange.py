"""Amounts of money in another currency, by dated exchange rates."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from stellwerk.catalog.claims import source_rank
from stellwerk.catalog.facts import Source
from stellwerk.catalog.model import Catalogue
from stellwerk.catalog.model_tables import ExchangeRate

EURO = "EUR"


@dataclass(frozen=True, slots=True)
class Conversion:
    """``amount`` in the new currency, of which one unit of the old one bought ``rate``.

    ``rates`` are the exchange rates that were used: none for the same currency, two by way of the euro.
    """

    amount: Decimal
    rate: Decimal
    rates: tuple[ExchangeRate, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(rate.rate.claims[0].source for rate in self.rates)


def convert(
    amount: Decimal, from_currency: str, to_currency: str, catalogue: Catalogue, as_of: datetime.date
) -> Conversion | None:
    """An amount in another currency, by the latest rate that is not after ``as_of``, read in either direction; by way
    of the euro where no rate leads there directly. None where no rate is known."""
    if from_currency == to_currency:
        return Conversion(amount, Decimal(1), ())
    for path in ([from_currency, to_currency], [from_currency, EURO, to_currency]):
        steps = [latest_rate(old, new, catalogue, as_of) for old, new in pairwise(path)]
        rates = tuple(step for step in steps if step is not None)
        if len(rates) == len(steps):
            rate = Decimal(1)
            for old, step in zip(path, rates, strict=False):
                rate = _times(rate, step, old)
            return Conversion(amount * rate, rate, rates)
    return None


def latest_rate(one: str, other: str, catalogue: Catalogue, as_of: datetime.date) -> ExchangeRate | None:
    """The latest rate between two currencies, in either direction, that is not after a day; of one day the local or
    better evidenced one."""
    known = [
        rate
        for rate in catalogue.exchange_rates.values()
        if {rate.base, rate.quote} == {one, other} and rate.date <= as_of
    ]
    return min(known, key=lambda rate: (-rate.date.toordinal(), source_rank(rate.rate.claims[0].source)), default=None)


def currencies_without_rate(catalogue: Catalogue, as_of: datetime.date) -> dict[str, tuple[str, ...]]:
    """Currencies in which products are priced and that no rate of a day converts into euros, with those products."""
    found: dict[str, list[str]] = {}
    for product in catalogue.products.values():
        for currency in dict.fromkeys(price.currency for price in product.prices if price.currency):
            if convert(Decimal(1), currency, EURO, catalogue, as_of) is None:
                found.setdefault(currency, []).append(product.id)
    return {currency: tuple(ids) for currency, ids in sorted(found.items())}


def _times(rate: Decimal, step: ExchangeRate, old: str) -> Decimal:
    factor = step.rate.claims[0].value
    return rate * factor if step.base == old else rate / factor
