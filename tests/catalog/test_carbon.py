from __future__ import annotations

import datetime
from pathlib import Path

from stellwerk.catalog import load_catalogue
from tests.catalog.conftest import WriteCatalogue

DAY = datetime.date(2026, 11, 23)
MORE = """\
[[carbon_intensities]]
id = "older"
source = "page"
country = "DE"
year = 2024
method = "direct"
co2_g_per_kwh = 360

[[carbon_intensities]]
id = "other-method"
source = "page"
country = "DE"
year = 2025
method = "life cycle"
co2_g_per_kwh = 400

[carbon_intensities.remarks]
co2_g_per_kwh = "estimated"

[[carbon_intensities]]
id = "de-2025"
"""


def test_the_latest_year_leads_then_the_better_evidence(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(('[[carbon_intensities]]\nid = "de-2025"\n', MORE)))
    fact = catalogue.carbon_intensity("DE", DAY)
    assert [claim.value for claim in fact.claims] == [400, 350, 360]
    assert [claim.note for claim in fact.claims] == ["2025, life cycle, estimated", "2025, direct", "2024, direct"]
    assert {claim.unit for claim in fact.claims} == {"g/kWh"}


def test_a_year_to_come_is_not_known_yet(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(('[[carbon_intensities]]\nid = "de-2025"\n', MORE)))
    assert catalogue.carbon_intensity("DE", datetime.date(2024, 12, 31)).value == 360
    assert not catalogue.carbon_intensity("DE", datetime.date(2023, 12, 31)).known
    assert not catalogue.carbon_intensity("FI", DAY).known


def test_a_local_value_of_an_earlier_year_leads(write_catalogue: WriteCatalogue, tmp_path: Path) -> None:
    """The centre's own contract with its supplier."""
    (tmp_path / "below").mkdir()
    below = write_catalogue(name="below/heim.toml") / "below"
    (tmp_path / "local").mkdir()
    local = (
        'schema = 1\n[sources.contract]\nas_of = "2024"\nevidence = "primary"\n[[carbon_intensities]]\nid = "own"\n'
        'source = "contract"\ncountry = "DE"\nyear = 2024\nmethod = "contract"\nco2_g_per_kwh = 0\n'
    )
    (tmp_path / "local/own.toml").write_text(local, encoding="utf-8")
    fact = load_catalogue(below, overlay=tmp_path / "local").carbon_intensity("DE", DAY)
    assert fact.known
    assert [claim.value for claim in fact.claims] == [0, 350]
