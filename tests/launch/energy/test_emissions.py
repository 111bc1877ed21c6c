from __future__ import annotations

import datetime

import pytest

from stellwerk.catalog import load_catalogue
from stellwerk.launch.energy import emissions_of

DAY = datetime.date(2026, 1, 2)


def test_energy_times_pue_times_the_intensity_of_the_country() -> None:
    catalogue = load_catalogue()
    intensity = catalogue.carbon_intensity("DE", DAY).value
    assert intensity is not None
    stated = emissions_of(3.6e6, catalogue, "DE", DAY, pue=1.5)
    assert stated is not None
    assert stated.co2_kg == pytest.approx(1.5 * intensity / 1e3)
    assert "2024" in stated.intensity_note
    unstated = emissions_of(3.6e6, catalogue, "DE", DAY)
    assert unstated is not None
    assert unstated.pue is None
    assert unstated.co2_kg == pytest.approx(intensity / 1e3)


@pytest.mark.parametrize(("energy_j", "country"), [(None, "DE"), (3.6e6, None), (3.6e6, "XX")])
def test_without_energy_country_or_intensity_emissions_are_unknown(energy_j: float | None, country: str | None) -> None:
    assert emissions_of(energy_j, load_catalogue(), country, DAY) is None
