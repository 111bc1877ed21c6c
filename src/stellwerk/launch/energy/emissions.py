"""Carbon dioxide of the energy that a run took (docs/energy-metering.md)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stellwerk.units import JOULES_PER_KWH

if TYPE_CHECKING:  # the supervisor of a run imports this package and needs no catalogue
    from stellwerk.catalog import Catalogue


@dataclass(frozen=True, slots=True)
class Emissions:
    """Kilograms of CO2 equivalents, with what they were computed from."""

    co2_kg: float
    co2_g_per_kwh: float
    intensity_note: str
    """Year and method."""
    country: str
    pue: float | None
    """Of the site; None: not known, so the energy that the building takes for itself is not in ``co2_kg``."""


def emissions_of(
    energy_j: float | None, catalogue: Catalogue, country: str | None, as_of: datetime.date, *, pue: float | None = None
) -> Emissions | None:
    """Energy times PUE times what a kilowatt hour of the country's electricity emitted on average in the latest year
    known on a day; None where energy, country or intensity is unknown."""
    if energy_j is None or country is None:
        return None
    fact = catalogue.carbon_intensity(country, as_of)
    if fact.value is None:
        return None
    energy_kwh = energy_j / JOULES_PER_KWH * (1.0 if pue is None else pue)
    return Emissions(
        co2_kg=energy_kwh * fact.value / 1e3,
        co2_g_per_kwh=fact.value,
        intensity_note=fact.claims[0].note or "",
        country=country,
        pue=pue,
    )
