"""What a plan emits where an offer stands (docs/formulas/energy.md)."""

from __future__ import annotations

from stellwerk.broker.model import CommercialOffer, Offer
from stellwerk.catalog import Catalogue, carbon_intensity
from stellwerk.planner import Plan, ServingPlan
from stellwerk.units import JOULES_PER_KWH, Interval


def emissions_kg(plan: Plan | ServingPlan, offer: Offer, catalogue: Catalogue) -> Interval | None:
    """Kilograms of CO2: energy times what electricity of the country emits on average over a year.

    None where energy, country or intensity is not known. Of several countries the interval spans all; the country that
    is named first gives the best estimate.
    """
    countries = _countries(offer)
    known = [carbon_intensity(catalogue, country) for country in countries]
    intensities = [one.kg_co2_per_kwh.value for one in known if one is not None]
    if plan.energy_j is None or not intensities or len(intensities) < len(countries) or None in intensities:
        return None
    values = [float(value) for value in intensities if value is not None]
    energy_kwh = plan.energy_j * (1 / JOULES_PER_KWH)
    return energy_kwh.times(Interval(min(values), values[0], max(values)))


def _countries(offer: Offer) -> tuple[str, ...]:
    if isinstance(offer, CommercialOffer):
        return offer.product.countries_of_data.value or ()
    country = offer.system.country.value
    return (country,) if country else ()
