from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "examples"


def plan(*arguments: str, file: str | Path = "german-7b.toml") -> str:
    result = CliRunner().invoke(main, ["plan", str(EXAMPLES / file), *arguments], catch_exceptions=False)
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


def test_a_plan_says_shortly_why_it_won() -> None:
    shown = plan("--on", "jsc-jupiter-booster")
    _, _, alternatives = shown.partition("Nearest alternatives")
    assert sum(" instead of " in line for line in alternatives.splitlines()) == 3
    answer = json.loads(plan("--on", "jsc-jupiter-booster", "--json"))
    assert len(answer["alternatives"]) == 3
    assert [entry["layout"] for entry in answer["front"] if entry["chosen"]] == [answer["layout"]]


def test_an_unknown_target_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'jsc-jupiter-booster'"):
        plan("--on", "jsc-jupiter-boster")


def test_a_target_that_cannot_be_planned_says_why() -> None:
    with pytest.raises(InputError, match="mixed, unclear or not stated"):
        plan("--on", "dfki-pegasus")


def test_a_plan_says_what_no_run_was_measured_with(tmp_path: Path) -> None:
    text = (EXAMPLES / "german-7b.toml").read_text(encoding="utf-8")
    experts = tmp_path / "experts.toml"
    experts.write_text(re.sub(r"(?s)\[model\].*?\n\n", '[model]\nname = "mixtral-8x7b"\n\n', text), encoding="utf-8")
    assert "- No measured run with a mixture of experts (MoE)" in plan("--on", "jsc-jupiter-booster", file=experts)
    assert "No measured run" not in plan("--on", "jsc-jupiter-booster")


def test_fine_tuning_says_what_is_trained_and_what_is_frozen() -> None:
    shown = plan("--on", "tud-capella", file="lora-8b.toml")
    assert "Trained: 41,943,040 parameters of adapters of rank 16, 0.52% more" in shown
    assert "Frozen: 8,030,261,248 parameters, in 16 bits" in shown
    assert "Trained:" not in plan("--on", "tud-capella")


def test_a_service_shows_memory_speed_and_devices_with_intervals() -> None:
    shown = plan("--on", "stackit-n3-28d-g2", file="serve-70b.toml")
    for word in ("replicas 1, 20 requests in flight", "Devices needed", "First token, s", "kv cache", "80%", "17,520"):
        assert word in shown


def test_a_service_as_json_counts_replicas_and_sums_up() -> None:
    answer = json.loads(plan("--on", "stackit-n3-28d-g2", "--json", file="serve-70b.toml"))
    serving = answer["serving"]
    assert answer["gpus"]["best"] == serving["tensor"] * serving["replicas"]
    assert serving["batch"] * serving["replicas"] >= 20
    assert answer["days"] == {"low": 365.0, "best": 365.0, "high": 365.0}
    assert answer["gpu_hours"]["best"] == pytest.approx(answer["gpus"]["best"] * 365 * 24)
    assert sum(answer["memory_parts_bytes"].values()) < 80e9


def test_a_bound_without_an_end_is_null_in_json_and_said_in_words(tmp_path: Path) -> None:
    """15.5 tokens a second at best on four L40S; at the slow end no number of them writes 20."""
    file = tmp_path / "fast.toml"
    file.write_text((EXAMPLES / "serve-70b.toml").read_text().replace("tokens_per_s = 15 ", "tokens_per_s = 30 "))
    target = "aws-g6e.48xlarge-eu-central-1"
    answer = json.loads(plan("--on", target, "--json", file=file))
    assert answer["gpus"]["high"] is None
    assert "and more)" in plan("--on", target, file=file)


def test_a_service_that_does_not_fit_says_why() -> None:
    with pytest.raises(InputError, match="One node is not enough"):
        plan("--on", "aws-g6e.xlarge-eu-central-1", file="serve-70b.toml")


def emitted(*arguments: str, file: str | Path = "german-7b.toml") -> tuple[str, str]:
    """What was printed to stdout and to stderr."""
    command = ["plan", str(EXAMPLES / file), "--on", "jsc-jupiter-booster", *arguments]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout, result.stderr


def test_a_plan_becomes_another_programs_configuration() -> None:
    configuration, unsaid = emitted("--emit", "megatron")
    assert configuration.startswith("#!/bin/sh\n")
    assert "--num-layers 32 --hidden-size 4096" in configuration
    assert "- The workload states no learning rate: set LEARNING_RATE.\n" in unsaid


def test_a_configuration_goes_to_a_new_file(tmp_path: Path) -> None:
    file = tmp_path / "train.sh"
    printed, said = emitted("--emit", "megatron", "--emit-to", str(file))
    assert printed == ""
    assert f"Written: {file}" in said
    assert file.read_text(encoding="utf-8") == emitted("--emit", "megatron")[0]
    assert file.stat().st_mode & 0o111
    with pytest.raises(InputError, match="--emit-to: exists, and may have been filled in"):
        emitted("--emit", "megatron", "--emit-to", str(file))


def test_what_cannot_be_emitted_says_why() -> None:
    with pytest.raises(InputError, match="not lora"):
        emitted("--emit", "torchtitan", file="lora-8b.toml")
    with pytest.raises(InputError, match="--emit: needs a program"):
        emitted("--emit-to", "x")
    with pytest.raises(InputError, match="goes without --json"):
        emitted("--emit", "accelerate", "--json")


def test_a_service_is_no_training_to_configure() -> None:
    with pytest.raises(InputError, match="this workload serves a model"):
        plan("--on", "stackit-n3-28d-g2", "--emit", "accelerate", file="serve-70b.toml")
