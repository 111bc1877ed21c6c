from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Verb

EXAMPLES = Path(__file__).parents[2] / "examples"
EXAMPLE = EXAMPLES / "german-7b.toml"


@pytest.fixture
def workload(in_process: Verb) -> Verb:
    return partial(in_process, "workload")


def test_check_says_that_a_right_file_is_right(workload: Verb) -> None:
    ended = workload("check", EXAMPLE)
    assert ended.exit_code == 0
    assert "no mistakes; german-7b: 7.52B parameters, 1T tokens" in ended.stdout


def test_check_lists_every_mistake_and_exits_with_2(workload: Verb, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(EXAMPLE.read_text().replace("layers = 32", "layers = 0").replace('"1T"', '"1 TB"'))
    ended = workload("check", file)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert "wrong.toml: model.layers: must be at least 1 (got 0)" in ended.stderr
    assert "wrong.toml: training.tokens: unknown suffix 'TB'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_missing_file_is_one_line_and_exit_2(workload: Verb, tmp_path: Path) -> None:
    ended = workload("show", tmp_path / "nowhere.toml")
    assert ended.exit_code == 2
    assert ended.stderr == f"error: {tmp_path / 'nowhere.toml'}: the file does not exist\n"


def test_show_prints_parts_totals_and_limits(workload: Verb) -> None:
    shown = workload("show", EXAMPLE).stdout
    for expected in (
        "german-7b: 7.52B parameters, 1T tokens",
        "5,637,144,576",  # mlp
        "7,516,459,008",  # total
        "46.708",  # GFLOP per token, forward and backward
        "1,024 sequences = 4,194,304 tokens",
        "238,419",  # steps
        "4.671e+22 FLOP",
        "90 days",
        "2,000,000 EUR",
        "startup, DE-SN",
    ):
        assert expected in shown


def test_check_says_what_is_done_with_the_model(workload: Verb) -> None:
    assert "lora-8b: 8.03B parameters, 200M tokens, LoRA" in workload("check", EXAMPLES / "lora-8b.toml").stdout
    served = "serve-70b: 70.6B parameters, fp8 weights, 20 requests at once, 365 days"
    assert served in workload("check", EXAMPLES / "serve-70b.toml").stdout


def test_show_of_a_fine_tuning_says_what_is_trained_and_counts_its_flops(workload: Verb) -> None:
    shown = workload("show", EXAMPLES / "lora-8b.toml").stdout
    for expected in (
        "fine-tuning",
        "41,943,040 parameters of adapters of rank 16, 0.52% more",
        "8,030,261,248 parameters, in 16 bits",
        "33.492",  # GFLOP per token: two passes through frozen matrices, three through attention and adapters
        "6.698e+18 FLOP",
    ):
        assert expected in shown
    answer = json.loads(workload("show", EXAMPLES / "lora-8b.toml", "--json").stdout)
    assert answer["training"]["flops"] == pytest.approx(6.698e18, rel=1e-3)


def test_show_of_a_service_says_the_load_and_no_training(workload: Verb) -> None:
    shown = workload("show", EXAMPLES / "serve-70b.toml").stdout
    for expected in ("fp8", "2,000 tokens", "at least 15 tokens/s", "within 5 s", "365 days", "sme, DE"):
        assert expected in shown
    assert "FLOP" not in shown
    answer = json.loads(workload("show", EXAMPLES / "serve-70b.toml", "--json").stdout)
    assert answer["serving"]["concurrent_requests"] == 20


def test_mistakes_in_a_service_are_all_listed(workload: Verb, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    right = (EXAMPLES / "serve-70b.toml").read_text()
    file.write_text(right.replace('"fp8"', '"fp7"').replace("tokens_per_s = 15 ", "tokens_per_s = 0 "))
    ended = workload("check", file)
    assert ended.exit_code == 2
    assert "serving.weights" in ended.stderr
    assert "serving.tokens_per_s" in ended.stderr


def test_show_as_json_holds_the_same_numbers(workload: Verb) -> None:
    answer = json.loads(workload("show", EXAMPLE, "--json").stdout)
    assert answer["schema"] == 1
    assert answer["as_of"] == "2026-11-23"
    assert answer["parameters"]["total"] == 7_516_459_008
    assert answer["training"]["steps"] == 238_419
    assert answer["training"]["flops"] == answer["flops_per_token"]["training"] * 10**12
    assert answer["limits"]["budget"] == {"amount": "2000000", "currency": "EUR"}
    said = {key: value for key, value in answer["applicant"].items() if value is not None}
    assert said == {"kind": "startup", "country": "DE", "state": "DE-SN"}


def test_models_lists_what_a_file_can_name(workload: Verb) -> None:
    shown = workload("models").stdout
    for name in ("llama-3.1-8b", "teuken-7b", "gpt-3-175b", "smollm2-1.7b"):
        assert name in shown


def test_models_as_json_names_every_source(workload: Verb) -> None:
    rows = json.loads(workload("models", "--json").stdout)["models"]
    row = next(row for row in rows if row["name"] == "llama-3.1-8b")
    assert row["parameters"] == row["counted_parameters"] == 8_030_261_248
    assert row["parameters_source"]["evidence"] == "secondary"
    assert row["parameters_source"]["urls"][0].startswith("https://")
    assert row["architecture"]["kv_heads"] == 8


def test_show_tells_active_from_all_parameters_of_a_mixture(workload: Verb, tmp_path: Path) -> None:
    file = tmp_path / "mixture.toml"
    model = '[model]\nname = "mixtral-8x7b"\n\n'
    text = EXAMPLE.read_text()
    file.write_text(text[: text.index("[model]")] + model + text[text.index("[training]") :])
    shown = workload("show", file).stdout
    for expected in ("active per token", "12,879,925,248", "46,702,792,704"):
        assert expected in shown
    answer = json.loads(workload("show", file, "--json").stdout)
    assert answer["parameters"]["active"] == 12_879_925_248
    assert answer["architecture"]["experts"]["routed"] == 8
    assert answer["kv_cache_elements_per_token"] == 32 * 2 * 8 * 128
