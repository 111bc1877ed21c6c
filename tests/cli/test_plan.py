from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "examples" / "german-7b.toml"


def plan(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["plan", str(EXAMPLE), *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_a_plan_shows_memory_and_time_by_part_with_intervals() -> None:
    shown = plan("--on", "jsc-jupiter-booster")
    for word in ("Memory per device", "optimizer", "Step time", "pipeline bubble", "MFU", "80%"):
        assert word in shown


def test_a_plan_as_json_sums_up() -> None:
    answer = json.loads(plan("--on", "jsc-jupiter-booster", "--json"))
    assert sum(answer["step_parts_s"].values()) == pytest.approx(answer["step_time_s"]["best"])
    assert answer["layout"]["tensor"] >= 1


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'jsc-jupiter-booster'"):
        plan("--on", "jsc-jupiter-boster")


def test_a_target_that_cannot_be_planned_says_why() -> None:
    with pytest.raises(InputError, match="mixed, unclear or not stated"):
        plan("--on", "dfki-pegasus")
