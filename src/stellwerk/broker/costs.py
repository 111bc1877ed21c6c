"""What an offer costs the applicant."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stellwerk.broker.bounds import AtMost, Bound, Estimates, FloatArray, Params, rows_of
from stellwerk.broker.model import CommercialOffer, Cost, Effect, Finding
from stellwerk.broker.plans import Options
from stellwerk.catalog import MAX_AGE_DAYS, Catalogue, Conversion, Price, Product, Programme, convert
from stellwerk.messages import Reason
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval, Money

SECONDS_PER_MONTH = 30 * SECONDS_PER_DAY
OLD_PRICE_DAYS = 180
"""An older list price is still used, and marked."""
MOVED_RATE = Interval(0.9, 1.0, 1.1)
"""How far an exchange rate moves until it is stale, or after: a judgement, of the order of a year's movement of the
dollar."""


Conversions = Mapping[str, Conversion | None]
"""What one unit of a currency is worth in that of the match; None where no exchange rate is known."""


class Rental(NamedTuple):
    """What renting every option costs, in the currency of the price; ``conversion`` says what one unit of it is worth
    in the currency of the match, None where no exchange rate is known. ``rate_moves`` tells the options whose last
    hour is paid when that rate will be stale."""

    amounts: Estimates
    currency: str
    net: bool | None
    conversion: Conversion | None
    rate_moves: npt.NDArray[np.bool_]

    @property
    def rate(self) -> float | None:
        return None if self.conversion is None else float(self.conversion.rate)

    def cost(self, index: int) -> Cost:
        amount = self.amounts.at(index)
        return Cost(amount, self.currency, self.net, None if self.rate is None else amount * self.rate)


def public_cost(programme: Programme | None, budget: Money | None) -> tuple[Cost | None, list[Finding]]:
    """Zero where the programme says that it is free for those it admits; otherwise unknown, which a budget leaves
    open."""
    if programme is None:
        return None, []
    if programme.free:
        unsourced = programme.cost.evidence == "unsourced"
        findings = [Finding("note", Reason("cost_unsourced", {"programme": programme.id}))] if unsourced else []
        nothing = Interval.exactly(0.0)
        return Cost(nothing, "EUR", net=None, converted=nothing), findings
    if programme.free is False:
        return None, [Finding("unknown", Reason("price_unknown"))]
    effect: Effect = "note" if budget is None else "unknown"
    return None, [Finding(effect, Reason("cost_unknown", {"programme": programme.id}))]


def judge_price(offer: CommercialOffer, as_of: datetime.date) -> Iterator[Finding]:
    """Whether the price of an offer is one to reckon with."""
    price = offer.price
    if price is None:
        yield Finding("unknown", Reason("price_unknown"))
    elif price.currency is None:
        yield Finding("unknown", Reason("currency_unknown"))
    elif price.kind == "from":
        yield Finding("unknown", Reason("price_is_a_start", {"price": f"{price.amount} {price.currency}"}))
    elif _binds_for_unknown_time(price):
        yield Finding("unknown", Reason("commitment_unknown", {"price": f"{price.amount} {price.currency}"}))
    elif _is_old(price, as_of):
        yield Finding("note", Reason("price_old", {"as_of": price.source.as_of}))
    if price is not None and price.kind == "spot":
        yield Finding("unknown", Reason("spot_interruptible"))


def conversions_to(currency: str, catalogue: Catalogue, as_of: datetime.date) -> Conversions:
    """Of every currency that products are priced in."""
    priced = {price.currency for product in catalogue.products.values() for price in product.prices if price.currency}
    return {one: convert(Decimal(1), one, currency, catalogue, as_of) for one in priced}


def rental_of(
    offer: CommercialOffer, options: Options, conversions: Conversions, as_of: datetime.date
) -> Rental | None:
    """What each option costs on the terms of an offer; None where its price is unknown or only a starting price, or
    where it binds for a time that is not stated.

    Instances are rented whole, for the time of the run but at least as many and as long as the terms say; monthly rent
    counts whole months.
    """
    price = offer.price
    if price is None or price.currency is None or price.kind == "from" or _binds_for_unknown_time(price):
        return None
    devices = rows_of(options.devices_spread) * options.devices
    duration_s = rows_of(options.duration_spread) * options.duration_s
    rent = _rent(price, offer.product, devices, duration_s, options.machine.devices_per_node)
    conversion = conversions[price.currency]
    moves = _paid_s(price, options.duration_s) > _fresh_days(conversion, as_of) * SECONDS_PER_DAY
    return Rental(Estimates(rent), price.currency, price.net, conversion, moves)


def judge_least_rent(
    offer: CommercialOffer, budget: Money | None, conversions: Conversions, as_of: datetime.date
) -> Iterator[Finding]:
    """Terms whose shortest time on the fewest instances exceeds the budget, whatever the plan; ``conversions`` are
    those to the currency of the budget."""
    price = offer.price
    if (
        budget is None
        or price is None
        or price.currency is None
        or not (price.unit == "month" or price.commitment_days)
    ):
        return
    conversion = conversions[price.currency]
    if conversion is None:
        return
    second = np.ones(1)
    least = float(_rent(price, offer.product, np.zeros(1), second, 1)[0]) * float(conversion.rate)
    moves = _paid_s(price, second)[0] > _fresh_days(conversion, as_of) * SECONDS_PER_DAY
    if least * (MOVED_RATE.low if moves else 1.0) > float(budget.amount):
        params: Params = {"cost": least, "budget": float(budget.amount), "currency": budget.currency}
        yield Finding("impossible", Reason("over_budget", params))


def budget_bound(rental: Rental, budget: Money | None) -> Iterator[Bound]:
    """That the cost stays within the budget, where both are in one currency or a rate is known.

    Where the rate will have moved before all is paid, a cost that is near the budget leaves the answer open.
    """
    if budget is None or rental.rate is None:
        return
    limit = float(budget.amount)
    converted = rental.amounts.values * rental.rate

    def params(index: int) -> Params:
        return {"cost": float(converted[1, index]), "budget": limit, "currency": budget.currency}

    def within_budget(amounts: FloatArray, uncertain: Reason) -> Bound:
        return AtMost(Estimates(amounts), limit, Reason("over_budget"), uncertain, Reason("budget_tight"), params)

    moved = rental.rate_moves
    if not moved.any():
        yield within_budget(converted, Reason("budget_within_uncertainty"))
        return
    # Each bound holds for its own options.
    shifted = converted * ((MOVED_RATE.low,), (MOVED_RATE.high,), (MOVED_RATE.high,))
    yield within_budget(np.where(moved, 0.0, converted), Reason("budget_within_uncertainty"))
    yield within_budget(np.where(moved, shifted, 0.0), Reason("budget_hangs_on_rate"))


def judge_rate(rental: Rental, budget: Money | None, currency: str, as_of: datetime.date) -> Iterator[Finding]:
    """The rates that a price was converted with; without one, a budget leaves the answer open."""
    currencies: dict[str, str | int | float] = {"currency": rental.currency, "budget_currency": currency}
    if rental.conversion is None:
        if budget is not None:
            yield Finding("unknown", Reason("no_exchange_rate", currencies))
        return
    for rate in rental.conversion.rates:
        day = rate.date.isoformat()
        said = {"base": rate.base, "quote": rate.quote, "rate": str(rate.rate.value), "day": day}
        yield Finding("note", Reason("converted", said))
    if _fresh_days(rental.conversion, as_of) < 0:
        oldest = min(rate.date for rate in rental.conversion.rates)
        yield Finding("note", Reason("rate_stale", {"day": oldest.isoformat()}))


def _binds_for_unknown_time(price: Price) -> bool:
    return price.kind == "reserved" and price.commitment_days is None


def _is_old(price: Price, as_of: datetime.date) -> bool:
    read = price.source.as_of_date
    return price.valid_until is None and read is not None and (as_of - read).days > OLD_PRICE_DAYS


def _fresh_days(conversion: Conversion | None, as_of: datetime.date) -> float:
    """How many days from ``as_of`` the oldest rate of a conversion stays fresh; negative where it is stale."""
    most_days = MAX_AGE_DAYS["exchange_rate"]
    if conversion is None or not conversion.rates or most_days is None:
        return math.inf
    return most_days - (as_of - min(rate.date for rate in conversion.rates)).days


def _rent(
    price: Price, product: Product, devices: FloatArray, duration_s: FloatArray, devices_per_instance: int
) -> FloatArray:
    modules_per_instance = product.accelerators.value or 1
    least = -(-(price.least_accelerators or 1) // modules_per_instance)
    instances = np.maximum(np.ceil(devices / devices_per_instance), least)
    paid_s = _paid_s(price, duration_s)
    if price.unit == "month":
        return np.ceil(paid_s / SECONDS_PER_MONTH) * float(price.amount) * instances
    rate = float(price.amount) * (modules_per_instance if price.unit == "gpu_h" else 1)
    return rate * instances * paid_s / SECONDS_PER_HOUR


def _paid_s(price: Price, duration_s: FloatArray) -> FloatArray:
    return np.maximum(duration_s, (price.commitment_days or 0.0) * SECONDS_PER_DAY)
