"""What ``--on`` and ``--system`` name: a system or a product of the catalogue."""

from __future__ import annotations

from pathlib import Path

from stellwerk.broker import CommercialOffer, PublicOffer
from stellwerk.catalog import Catalogue
from stellwerk.errors import InputError


def offer_at(
    catalogue: Catalogue, target: str, *, file: Path | None = None, key: str = "--on"
) -> PublicOffer | CommercialOffer:
    """The hardware of this id, on no particular terms.

    Raises InputError that names the nearest id where there is none.
    """
    if target in catalogue.systems:
        return PublicOffer(catalogue.systems[target], None)
    if target in catalogue.products:
        return CommercialOffer(catalogue.products[target], None)
    raise InputError(
        "no system or product has this id",
        file=file,
        key=key,
        value=target,
        allowed=[*catalogue.systems, *catalogue.products],
    )
