from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from stellwerk.cli.main import run

EXAMPLE = Path(__file__).parents[2] / "examples/german-7b.toml"


class Ended(NamedTuple):
    exit_code: int
    stdout: str
    stderr: str


Verb = Callable[..., Ended]


@pytest.fixture
def workload(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verb:
    def call(*arguments: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["stellwerk", "workload", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return call


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
