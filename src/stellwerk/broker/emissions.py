"""What a plan emits where an offer stands (docs/formulas/energy.md)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from stellwerk.broker.model import CommercialOffer, Offer
from stellwerk.catalog import Catalogue
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import JOULES_PER_KWH, Interval

KG_PER_G = 1e-3


def kg_per_kwh_by_country(catalogue: Catalogue, as_of: datetime.date) -> dict[str, float]:
    """What a kilowatt hour emitted on average in the latest year known on a day, where anything is known."""
    countries = dict.fromkeys(entry.country for entry in catalogue.carbon_intensities.values())
    grams = {country: catalogue.carbon_intensity(country, as_of).value for country in countries}
    return {country: value * KG_PER_G for country, value in grams.items() if value is not None}


def emissions_kg(plan: Plan | ServingPlan, offer: Offer, kg_per_kwh: Mapping[str, float]) -> Interval | None:
    """Kilograms of CO2: energy times what a kilowatt hour emits, by country.

    None where energy, country or intensity is not known. Of several countries the interval spans all; the country that
    is named first gives the best estimate.
    """
    countries = _countries(offer)
    values = [kg_per_kwh[country] for country in countries if country in kg_per_kwh]
    if plan.energy_j is None or not values or len(values) < len(countries):
        return None
    energy_kwh = plan.energy_j * (1 / JOULES_PER_KWH)
    return energy_kwh.times(Interval(min(values), values[0], max(values)))


def _countries(offer: Offer) -> tuple[str, ...]:
    if isinstance(offer, CommercialOffer):
        return offer.product.countries_of_data.value or ()
    country = offer.system.country.value
    return (country,) if country else ()
