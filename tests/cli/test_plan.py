from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import main
from stellwerk.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "examples"


@cache
def plan(*arguments: str, file: str | Path = "german-7b.toml") -> str:
    """What the command prints; the same call is made once for all tests that read it."""
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


def test_a_plan_says_what_measured_runs_were_met_less_well(tmp_path: Path) -> None:
    text = (EXAMPLES / "german-7b.toml").read_text(encoding="utf-8")
    experts = tmp_path / "experts.toml"
    experts.write_text(re.sub(r"(?s)\[model\].*?\n\n", '[model]\nname = "mixtral-8x7b"\n\n', text), encoding="utf-8")
    assert "- Measured runs with a mixture of experts (MoE)" in plan("--on", "jsc-jupiter-booster", file=experts)
    assert "Measured runs with" not in plan("--on", "jsc-jupiter-booster")


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


def test_a_plan_says_what_failures_and_checkpoints_cost() -> None:
    shown = plan("--on", "jsc-jupiter-booster")
    for word in ("Mean time between failures", "Daly (Young)", "Goodput, %", "Expected duration with failures"):
        assert word in shown
    assert "counted and measured elsewhere" in " ".join(shown.split())
    assert "Goodput" not in plan("--on", "stackit-n3-28d-g2", file="serve-70b.toml")


def test_goodput_as_json_sums_up_and_leaves_the_duration_as_it_was() -> None:
    answer = json.loads(plan("--on", "jsc-jupiter-booster", "--json"))
    goodput = answer["goodput"]
    assert goodput["goodput"]["best"] + sum(goodput["overhead_parts"].values()) == pytest.approx(1.0)
    assert goodput["days"]["best"] == pytest.approx(answer["days"]["best"] / goodput["goodput"]["best"])
    assert goodput["checkpoints"] == "blocking"
    asynchronous = json.loads(plan("--on", "jsc-jupiter-booster", "--json", "--checkpoints", "asynchronous"))
    assert asynchronous["goodput"]["goodput"]["best"] > goodput["goodput"]["best"]
    assert asynchronous["days"] == answer["days"]


def test_a_scan_shows_every_number_and_what_it_is_worth() -> None:
    shown = plan("--on", "jsc-jupiter-booster", "--scan-gpus", "8..64")
    for word in ("8 to 64 GPUs", "Speed-up", "Scaling, %", "GPU-hours", "MWh"):
        assert word in shown
    assert "Cost" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_a_scan_as_json_is_strong_scaling() -> None:
    answer = json.loads(plan("--on", "jsc-jupiter-booster", "--scan-gpus", "8..4096", "--json"))
    points = answer["scan"]
    assert [point["devices"] for point in points[:4]] == [8, 12, 16, 24]
    assert points[0]["speed_up"] == points[0]["efficiency"] == 1.0
    for point in points:
        layout = point["layout"]
        assert layout["data"] * layout["micro_batch"] * layout["micro_batches"] == 1024
        assert point["speed_up"] == pytest.approx(points[0]["step_time_s"]["best"] / point["step_time_s"]["best"])
    assert answer["catalogue_sha256"]


def test_a_scan_of_what_is_rented_has_its_cost() -> None:
    target = "aws-p5.48xlarge-eu-north-1"
    points = json.loads(plan("--on", target, "--scan-gpus", "8..64", "--json"))["scan"]
    assert [point["cost"]["currency"] for point in points] == ["USD"] * len(points)
    hours = points[0]["gpu_hours"]["best"]
    assert points[0]["cost"]["best"] == pytest.approx(hours / 8 * 58.8928)
    shown = plan("--on", target, "--scan-gpus", "8..64")
    assert "Cost, USD" in shown
    assert "…" not in shown


def test_a_scan_says_which_numbers_have_no_layout_and_where_it_ends(tmp_path: Path) -> None:
    text = (EXAMPLES / "german-7b.toml").read_text(encoding="utf-8")
    odd = tmp_path / "odd.toml"
    odd.write_text(text.replace("global_batch_sequences = 1024", "global_batch_sequences = 1023"), encoding="utf-8")
    shown = " ".join(plan("--on", "jsc-jupiter-booster", "--scan-gpus", "1..4096", file=odd).split())
    assert "- 4096 GPUs: The global batch of 1,023 sequences cannot be spread evenly over 4,096 devices." in shown
    small = " ".join(plan("--on", "jsc-juwels-booster", "--scan-gpus", "1..8").split())
    assert "- 1 GPUs: The model does not fit" in small
    ended = " ".join(plan("--on", "tud-capella", "--scan-gpus", "8..100000").split())
    assert "the scan ends there, not at 100,000" in ended


def test_a_scan_is_drawn_with_its_table(tmp_path: Path) -> None:
    file = tmp_path / "scan.svg"
    shown = plan("--on", "jsc-jupiter-booster", "--scan-gpus", "8..64", "--picture", str(file))
    assert "Written:" in shown
    drawn = ElementTree.parse(file).getroot()  # noqa: S314 - written a line above
    texts = ["".join(one.itertext()) for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
    for word in ("Strong scaling: german-7b on GH200-96GB", "Time to train: german-7b on GH200-96GB", "Speed-up"):
        assert word in texts
    assert texts.count("Speed-up") == 1
    with pytest.raises(InputError, match="--picture: exists"):
        plan.__wrapped__("--on", "jsc-jupiter-booster", "--scan-gpus", "8..64", "--picture", str(file))


def test_the_largest_model_is_shown_with_its_interval_and_its_plan() -> None:
    arguments = ("--on", "jsc-jupiter-booster", "--largest-in", "30d", "--share", "0.02", "--json")
    answer = json.loads(plan(*arguments))
    sizes = answer["parameters"]
    assert sizes["low"] < sizes["best"] <= sizes["high"]
    largest = answer["largest"]
    assert largest["parameters"] == sizes["best"]
    assert largest["tokens"] == 20 * sizes["best"]
    assert largest["architecture"]["vocab"] == 65536
    assert largest["plan"]["days"]["best"] <= 30
    assert largest["plan"]["gpus"]["best"] <= answer["devices"] <= 0.02 * 24_000
    ratio = json.loads(plan(*arguments, "--tokens-per-parameter", "100"))
    assert ratio["parameters"]["best"] < sizes["best"]


def test_the_largest_model_needs_no_file() -> None:
    command = ["plan", "--on", "jsc-jupiter-booster", "--largest-in", "7d", "--share", "0.01"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0
    for word in ("Parameters", "layers, width", "Tokens", "Layout", "Energy, MWh", "vocabulary", "no larger because"):
        assert word in result.output
    nothing = CliRunner().invoke(main, [*command[:-3], "1s", *command[-2:]], catch_exceptions=False)
    assert "Not even the smallest model" in nothing.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scan-gpus", "4096..8"), ("--scan-gpus", "'4096..8' is reversed", "such as 8..4096")),
        (("--scan-gpus", "0..8"), ("--scan-gpus", "'0..8' holds a number below 1")),
        (("--scan-gpus", "8-64"), ("--scan-gpus", "'8-64' is no range", "such as 8..4096")),
        (("--largest-in", "soon"), ("--largest-in", "'soon'", "such as 90s")),
        (("--largest-in", "0d"), ("--largest-in", "'0d' is no time above 0")),
        (("--largest-in", "30d", "--share", "1.5"), ("--share", "1.5 is not in the range 0<x<=1")),
        (("--largest-in", "30d", "--share", "0"), ("--share", "0.0 is not in the range 0<x<=1")),
        (("--largest-in", "30d", "--tokens-per-parameter", "-1"), ("--tokens-per-parameter", "x>0")),
    ],
)
def test_an_option_that_is_none_names_itself_its_value_and_what_is_allowed(
    arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    command = ["plan", str(EXAMPLES / "german-7b.toml"), "--on", "jsc-jupiter-booster", *arguments]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    for word in words:
        assert word in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--share", "0.2"), "--share: asks about a time .*together with --largest-in"),
        (("--tokens-per-parameter", "20"), "--tokens-per-parameter: asks about a time"),
        (("--picture", "a.svg"), "--picture: draws a scan .*together with --scan-gpus"),
        (("--scan-gpus", "8..64", "--picture", "a.png"), "--picture: is no SVG file"),
        (("--scan-gpus", "8..64", "--largest-in", "3d"), "--largest-in: is a question of its own"),
        (("--scan-gpus", "8..64", "--emit", "megatron"), "--emit: configures one plan"),
        (("--scan-gpus", "50000..60000"), "--scan-gpus: From 50,000 to 60,000 devices there is no number to use"),
        (("--largest-in", "30d", "--share", "0.00001"), "--share: .* less than one node"),
    ],
)
def test_options_that_do_not_go_together_say_so(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan("--on", "jsc-jupiter-booster", *arguments)


def test_what_has_no_scan_and_no_sizes_says_so() -> None:
    with pytest.raises(InputError, match="FILE: is missing"):
        CliRunner().invoke(main, ["plan", "--on", "jsc-jupiter-booster"], catch_exceptions=False)
    with pytest.raises(InputError, match="this workload serves a model"):
        plan("--on", "jsc-jupiter-booster", "--scan-gpus", "8..64", file="serve-70b.toml")
    with pytest.raises(InputError, match="pre-trained"):
        plan("--on", "jsc-jupiter-booster", "--largest-in", "3d", file="lora-8b.toml")
