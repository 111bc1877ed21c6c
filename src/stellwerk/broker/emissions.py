"""What a plan emits where an offer stands (docs/formulas/energy.md)."""

from __future__ import annotations

import datetime

from stellwerk.broker.model import CommercialOffer, Offer
from stellwerk.catalog import Catalogue
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import JOULES_PER_KWH, Interval

KG_PER_G = 1e-3


def emissions_kg(plan: Plan | ServingPlan, offer: Offer, catalogue: Catalogue, as_of: datetime.date) -> Interval | None:
    """Kilograms of CO2: energy times what a kilowatt hour of the country emitted on average in the latest year known.

    None where energy, country or intensity is not known. Of several countries the interval spans all; the country that
    is named first gives the best estimate.
    """
    countries = _countries(offer)
    values = [
        value * KG_PER_G
        for value in (catalogue.carbon_intensity(country, as_of).value for country in countries)
        if value is not None
    ]
    if plan.energy_j is None or not values or len(values) < len(countries):
        return None
    energy_kwh = plan.energy_j * (1 / JOULES_PER_KWH)
    return energy_kwh.times(Interval(min(values), values[0], max(values)))


def _countries(offer: Offer) -> tuple[str, ...]:
    if isinstance(offer, CommercialOffer):
        return offer.product.countries_of_data.value or ()
    country = offer.system.country.value
    return (country,) if country else ()
