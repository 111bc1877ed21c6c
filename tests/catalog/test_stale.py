from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from stellwerk.catalog import (
    MAX_AGE_DAYS,
    Catalogue,
    Source,
    ValueKind,
    freshness,
    leading_values,
    load_catalogue,
    stale_facts,
    value_kind,
)
from stellwerk.catalog.claims import earliest_day
from tests.catalog.conftest import WriteCatalogue

AS_OF = datetime.date(2026, 11, 23)
GUIDE = Path(__file__).parents[2] / "docs/catalogue.md"


@pytest.mark.parametrize(
    ("as_of", "kind", "expected"),
    [
        ("2026-08-23", "price", "fresh"),
        ("2026-08-22", "price", "stale"),
        ("2026-08-22", "status", "fresh"),
        ("2025", "status", "stale"),
        ("2025/26", "hardware", "fresh"),
        ("2020", "data_sheet", "fresh"),
        ("undated", "data_sheet", "fresh"),
        ("undated", "price", "undated"),
        ("until 2026-09-30", "price", "undated"),
        ("2027-01", "price", "fresh"),
    ],
)
def test_a_value_is_fresh_stale_or_undated_by_its_kind(as_of: str, kind: ValueKind, expected: str) -> None:
    assert freshness(Source((), as_of, earliest_day(as_of), "primary"), kind, AS_OF) == expected


@pytest.mark.parametrize(
    ("entry_kind", "field", "kind"),
    [
        ("systems", "nodes", "hardware"),
        ("systems", "status", "status"),
        ("systems", "max_walltime_h", "operation"),
        ("systems", "access: nhr-normal", "terms"),
        ("programmes", "amount_max", "terms"),
        ("programmes", "limit: gpu_h", "terms"),
        ("programmes", "eligibility: sme", "terms"),
        ("products", "price: on_demand", "price"),
        ("products", "price_history_per_gpu_h", "price"),
        ("products", "countries_of_data", "operation"),
        ("products", "interconnect", "hardware"),
        ("providers", "all: egress_price", "price"),
        ("accelerators", "power_w", "data_sheet"),
        ("support", "cost", "help"),
        ("systems", "partition: grete", "operation"),
        ("systems", "charge: core_h", "operation"),
        ("systems", "operation_from_latest", "status"),
        ("programmes", "recurring cut-off: Darmstadt", "terms"),
        ("contingents", "share", "terms"),
        ("launch_profiles", "scheduler", "operation"),
        ("exchange_rates", "rate", "exchange_rate"),
        ("carbon_intensities", "co2_g_per_kwh", "carbon"),
    ],
)
def test_each_field_ages_as_its_kind(entry_kind: str, field: str, kind: str) -> None:
    assert value_kind(entry_kind, field) == kind


def test_only_the_leading_claim_counts(write_catalogue: WriteCatalogue) -> None:
    """The older claim is the better evidenced one and leads; the later one beside it does not make it fresh."""
    catalogue = load_catalogue(write_catalogue())
    late = datetime.date(2029, 4, 1)
    stale = {(value.entry_id, value.field) for value in stale_facts(catalogue, late)}
    assert ("heim-gpu", "nodes") in stale
    assert not {field for entry, field in stale if entry == "heim-gpu"} & {"scheduler"}, "undated is not stale"


def test_links_limits_rules_prices_subjects_and_observations_age_too(write_catalogue: WriteCatalogue) -> None:
    stale = stale_facts(load_catalogue(write_catalogue()), datetime.date(2030, 1, 1))
    assert {(value.entry_kind, value.field) for value in stale} >= {
        ("systems", "access: antrag"),
        ("programmes", "limit: gpu_h"),
        ("programmes", "rule: doctorate"),
        ("products", "price: on_demand"),
        ("providers", "all: egress_price"),
        ("observations", "8x"),
        ("systems", "partition: gpu:shared"),
        ("systems", "charge: core_h"),
        ("programmes", "recurring cut-off: Heim"),
        ("exchange_rates", "rate"),
        ("carbon_intensities", "co2_g_per_kwh"),
        ("contingents", "share_at_least"),
        ("launch_profiles", "environment"),
    }


def test_a_price_that_is_not_valid_on_the_day_is_no_leading_value(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(('kind = "on_demand"', 'kind = "on_demand"\nvalid_until = 2026-09-30')))
    fields = {value.field for value in leading_values(catalogue, AS_OF)}
    assert "price: on_demand" not in fields


def test_only_the_latest_exchange_rate_and_carbon_intensity_count(packaged: Catalogue) -> None:
    def counted(day: datetime.date) -> set[str]:
        kinds = ("exchange_rates", "carbon_intensities")
        return {value.entry_id for value in leading_values(packaged, day) if value.entry_kind in kinds}

    assert {"eur-usd-2026-10-30", "de-2024-ember", "de-2024-uba"} <= counted(AS_OF)
    assert not {"eur-usd-2026-09-30", "de-2023-uba"} & counted(AS_OF)
    assert "eur-usd-2026-09-30" in counted(datetime.date(2026, 10, 1))
    assert "eur-usd-2026-10-30" not in counted(datetime.date(2026, 10, 1))


def test_a_later_day_never_makes_a_value_fresh_again(packaged: Catalogue) -> None:
    """Prices aside, which are other ones on another day."""
    found = [
        {value for value in stale_facts(packaged, AS_OF + datetime.timedelta(days=days)) if value.value_kind != "price"}
        for days in (0, 200, 2000)
    ]
    assert found[0] < found[1] < found[2]


def test_the_guide_states_every_age() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    for kind, days in MAX_AGE_DAYS.items():
        age = "no age" if days is None else f"{days} days"
        assert f"| `{kind}` | {age} |" in guide
