from __future__ import annotations

import datetime
import re
import shutil
from decimal import Decimal
from pathlib import Path

from stellwerk.catalog import (
    Cutoff,
    charge_per_module_hour,
    charges_whole_nodes,
    convert,
    load_catalogue,
    schema,
    schema_parts,
    schema_tables,
)
from stellwerk.catalog.load import PACKAGED
from stellwerk.catalog.rule_fields import TESTS

GUIDE = Path(__file__).parents[2] / "docs/catalogue.md"


def test_the_example_of_the_guide_can_be_added_to_the_catalogue(tmp_path: Path) -> None:
    shutil.copytree(PACKAGED, tmp_path / "data")
    (tmp_path / "data/example.toml").write_text(_example('id = "heim-gpu"'), encoding="utf-8")
    system = load_catalogue(tmp_path / "data").systems["heim-gpu"]
    assert system.accelerators_per_node.value == 4
    assert [claim.value for claim in system.accelerators_per_node.rivals] == [8]
    assert system.programme_ids == ("nhr-normal",)


def test_the_example_of_an_overlay_can_be_laid_over_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(_example('id = "house-call"'), encoding="utf-8")
    system = load_catalogue(overlay=tmp_path).systems["tud-capella"]
    assert system.nodes.value == 160
    assert {"house-call", "nhr-normal"} <= set(system.programme_ids)


def test_the_example_of_rules_can_be_laid_over_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(_example('id = "house-rules"'), encoding="utf-8")
    rules = load_catalogue(overlay=tmp_path).programmes["house-rules"].rules
    assert [(rule.id, rule.field) for rule in rules] == [
        ("benchmark-first", "grants"),
        ("first-proposal", None),
        ("pi-doctorate", "pi_doctorate"),
        ("university", "institution_kind"),
    ]


def test_the_examples_of_dates_charges_contingents_profiles_and_rates_can_be_laid_over_the_catalogue(
    tmp_path: Path,
) -> None:
    parts = ("operation_from_earliest", "two-calls", "capella-nhr", "heim-profile", "eur-sek")
    for number, part in enumerate(parts):
        (tmp_path / f"{number}.toml").write_text(_example(part), encoding="utf-8")
    catalogue = load_catalogue(overlay=tmp_path)
    capella, day = catalogue.systems["tud-capella"], datetime.date(2026, 11, 23)
    assert capella.operation.covers(day) is True
    assert charge_per_module_hour(capella, "core_h") == 14
    assert charges_whole_nodes(capella) is True
    assert "capella-nhr" in {contingent.id for contingent in catalogue.contingents_of("tud-capella")}
    assert catalogue.launch_profiles["heim-profile"].address_suffix.value == "i"
    calls = catalogue.programmes["two-calls"]
    assert calls.next_cutoff(day, "tud-capella") == Cutoff(datetime.date(2027, 1, 15))
    assert calls.next_cutoff(datetime.date(2027, 2, 2)) == Cutoff(datetime.date(2027, 3, 1), "17:00", "Europe/Berlin")
    converted = convert(Decimal(1), "EUR", "SEK", catalogue, day)
    assert converted is not None
    assert converted.rate == Decimal("11.0125")
    assert catalogue.carbon_intensity("DE", day).value == 25


def test_the_guide_names_every_key_of_the_newer_tables_and_parts() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    models = (
        *(schema_parts.PartitionEntry, schema_parts.ChargeEntry, schema_parts.RecurringCutoffEntry, schema.PriceEntry),
        *(schema_tables.ExchangeRateEntry, schema_tables.ExchangeRateValues, schema_tables.CarbonIntensityEntry),
        *(schema_tables.CarbonIntensityValues, schema_tables.ContingentEntry, schema_tables.ContingentValues),
        *(schema_tables.LaunchProfileEntry, schema_tables.LaunchProfileValues),
    )
    missing = {name for model in models for name in model.model_fields if not re.search(rf"\b{name}\b", guide)}
    assert missing == set()


def test_the_guide_names_every_field_of_rules_with_its_tests() -> None:
    rows = [line.split("|") for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for field, tests in TESTS.items():
        assert any(f"`{field}`" in row[1] and all(f"`{test}`" in row[2] for test in tests) for row in rows), field


def test_the_guide_names_every_operator_kind() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    for system in load_catalogue().systems.values():
        assert f"| `{system.operator_kind}` |" in guide


def _example(part: str) -> str:
    """The whole file among the examples that holds a part."""
    examples = re.findall(
        r"^```toml\n(schema = 1\n.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    (found,) = [example for example in examples if part in example]
    return str(found)
