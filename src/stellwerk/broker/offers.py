"""The offers that a catalogue holds."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.broker.model import CommercialOffer, Offer, PublicOffer
from stellwerk.catalog import Catalogue


def offers_of(catalogue: Catalogue) -> Iterator[Offer]:
    """Every pool with every programme that leads to it, and every rentable product.

    Systems and programmes that are listed for comparison, and rows that are no offers (market surveys, purchases),
    are left out. A pool that no programme is known for is an offer too: an open one.
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
            yield CommercialOffer(product)
