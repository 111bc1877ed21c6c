from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path

import pytest

from stellwerk.records import TrainingRun, write_training_runs
from tests.cli.conftest import Verb
from tests.planner.evaluation.published import run


@pytest.fixture
def evaluate(in_process: Verb) -> Verb:
    return partial(in_process, "evaluate")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    rows: list[TrainingRun] = [
        run(id="a1", peak_memory_gb=50.0, memory_measure="allocated"),
        run(id="a2", step_time_s=16.0),
        run(id="b1", source_family="two", seq_len=2048),
        run(id="b2", source_family="two", gpu="H100-SXM-80GB", step_time_s=4.0),
        run(id="c1", ffn_hidden=None),
        run(id="d1", n_gpus=15),
        run(id="d2", mfu_reported=1.5),
        run(id="d3", step_time_s=-3.0),
    ]
    write_training_runs(path, rows)
    return path


def test_tables_name_errors_baselines_reasons_and_impossible_rows(evaluate: Verb, table: Path) -> None:
    ended = evaluate(table)
    assert (ended.exit_code, ended.stderr) == (0, "")
    shown = " ".join(ended.stdout.split())
    for said in (
        "runs.csv: 8 rows, 4 scored, 1 not scored, 3 refused",
        "Accelerators that several families measured",
        "Extrapolations: accelerators of one family only",
        "MFU 6ND",
        "mean of the families",
        "missing_ffn_hidden 1 the column ffn_hidden is empty",
        "row d1 (line 7), n_gpus = 15: the layout tp 2 x pp 2 x cp 1 x dp 4 multiplies to 16 GPUs",
        "row d2 (line 8), mfu_reported = 1.5: is a share of the peak and cannot be above 1",
        "row d3 (line 9), step_time_s = -3: must be above zero",
        "a1, a2: 10, 16 s, 60% apart",
    ):
        assert said in shown


def test_as_json_it_has_families_overall_and_reasons(evaluate: Verb, table: Path) -> None:
    answer = json.loads(evaluate(table, "--json").stdout)
    assert answer["schema"] == 1
    assert answer["table"] == {"file": "runs.csv", "sha256": hashlib.sha256(table.read_bytes()).hexdigest()}
    assert {name: family["n"] for name, family in answer["families"].items()} == {"one": 2, "two": 2}
    assert answer["overall"]["n"] == 4
    assert answer["families"]["one"]["memory"]["n"] == 1
    assert answer["families"]["two"]["memory"] is None
    assert answer["unscored"] == {"missing_ffn_hidden": 1}
    assert [(row["id"], row["line"], row["column"]) for row in answer["refused"]] == [
        ("d1", 7, "n_gpus"),
        ("d2", 8, "mfu_reported"),
        ("d3", 9, "step_time_s"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("model\nx\n", "it has no column id"),
        ("id,colour\na,red\n", "colour: unknown column"),
        ("id,layers\n", "has no row"),
        ("id,layers\na,many\n", "layers: row a (line 2): is no whole number (got 'many')"),
    ],
)
def test_what_is_no_table_of_runs_ends_with_2_and_says_why(
    evaluate: Verb, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(content, encoding="utf-8")
    ended = evaluate(path)
    assert ended.exit_code == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_that_is_not_there_ends_with_2(evaluate: Verb, tmp_path: Path) -> None:
    assert evaluate(tmp_path / "nowhere.csv").exit_code == 2
