"""The offers that a catalogue holds."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from stellwerk.broker.model import CommercialOffer, Offer, PublicOffer
from stellwerk.catalog import Catalogue, Price, Product


def offers_of(catalogue: Catalogue, as_of: datetime.date) -> Iterator[Offer]:
    """Every pool with every programme that leads to it, and every rentable product on each of its terms.

    Systems and programmes that are listed for comparison, and rows that are no offers (market surveys, purchases),
    are left out. A pool that no programme is known for is an offer too, and so is a product without a valid price:
    open ones.
    """
    for system in catalogue.systems.values():
        if system.comparator:
            continue
        programmes = [catalogue.programmes[programme_id] for programme_id in system.programme_ids]
        admitting = [programme for programme in programmes if programme.kind == "access"]
        if not admitting:
            yield PublicOffer(system, None)
        yield from (PublicOffer(system, programme) for programme in admitting)
    for product in catalogue.products.values():
        if product.kind == "product":
            prices = _prices_by_term(product, as_of)
            yield from (CommercialOffer(product, price) for price in prices)
            if not prices:
                yield CommercialOffer(product, None)


def _prices_by_term(product: Product, as_of: datetime.date) -> list[Price]:
    """The price that leads for each term of a product on a day. An average over a market is no term of anybody's."""
    leading: dict[str, Price] = {}
    for price in product.prices:
        if price.kind != "average" and price.valid_on(as_of):
            leading.setdefault(price.term_id, price)
    return list(leading.values())
