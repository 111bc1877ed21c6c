from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.records import TrainingRun, contradictions, faults_of, read_usable_runs

PUBLISHED = Path(__file__).parents[2] / "calibration" / "runs.csv"

RUN = {
    "layers": 32,
    "hidden": 4096,
    "heads": 32,
    "kv_heads": 8,
    "seq_len": 4096,
    "gpu": "H100-SXM-80GB",
    "n_gpus": 64,
    "tp": 2,
    "pp": 4,
    "dp": 8,
    "micro_batch": 2,
    "global_batch_sequences": 128,
    "step_time_s": 4.0,
}


def run(**changes: object) -> TrainingRun:
    return TrainingRun(**({"id": "a"} | RUN | changes))  # type: ignore[arg-type]


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "runs.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"n_gpus": 65}, "n_gpus", "the layout tp 2 x pp 4 x cp 1 x dp 8 multiplies to 64 GPUs"),
        ({"cp": 2}, "n_gpus", "multiplies to 128 GPUs"),
        ({"dp": None, "n_gpus": 36}, "n_gpus", "does not divide it"),
        ({"micro_batch": 3}, "global_batch_sequences", "dp 8 x micro-batch 3 does not divide it"),
        ({"mfu_reported": 1.2}, "mfu_reported", "cannot be above 1"),
        ({"hfu_reported": 43.0}, "hfu_reported", "cannot be above 1"),
        ({"step_time_s": -1.0}, "step_time_s", "must be above zero"),
        ({"step_time_s": float("nan")}, "step_time_s", "no finite number"),
        ({"tokens_per_s_per_gpu": 0.0}, "tokens_per_s_per_gpu", "must be above zero"),
        ({"layers": 0}, "layers", "must be above zero"),
        ({"vocab": 10**30}, "vocab", "is above 1e+12"),
        ({"shared_experts": -1}, "shared_experts", "must not be negative"),
        ({"kv_heads": 5}, "kv_heads", "does not divide the 32 heads"),
        ({"layers": 3}, "pp", "more than the 3 layers"),
        ({"dense_layers": 33}, "dense_layers", "more than the 32 layers"),
        ({"experts": 8, "experts_active": 9}, "experts_active", "more than the 8 experts"),
        ({"gated_mlp": 2}, "gated_mlp", "1 for yes or 0 for no"),
        ({"zero_or_fsdp_stage": 4}, "zero_or_fsdp_stage", "from 0 to 3"),
        ({"notes": "noisy; LAYOUT x DP != n_gpus AS PUBLISHED"}, "notes", "does not multiply to the GPUs"),
    ],
)
def test_what_cannot_be_true_is_a_fault_of_its_column(changes: dict[str, object], column: str, reason: str) -> None:
    (fault,) = faults_of(run(**changes))
    assert fault.column == column
    assert reason in fault.reason


@given(*(st.integers(1, 16) for _ in range(6)))
def test_every_layout_that_multiplies_and_divides_is_free_of_faults(
    tensor: int, pipeline: int, context: int, data: int, micro_batch: int, micro_batches: int
) -> None:
    layout = {"tp": tensor, "pp": pipeline, "cp": context, "n_gpus": tensor * pipeline * context * data}
    batch = {"micro_batch": micro_batch, "global_batch_sequences": data * micro_batch * micro_batches}
    assert not list(faults_of(run(**layout, dp=data, **batch)))
    assert not list(faults_of(run(**layout, dp=None, **batch)))
    assert list(faults_of(run(**layout, dp=data + 1, **batch)))
    one_more = {"micro_batch": micro_batch, "global_batch_sequences": data * micro_batch * micro_batches + 1}
    assert bool(list(faults_of(run(**layout, dp=data, **one_more)))) == (data * micro_batch > 1)


def test_impossible_rows_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    path = table(tmp_path, "id,layers,step_time_s,mfu_reported\na,12,fast,0.5\nb,12.0,2,0.5\nc,1.5,2,7\n,12,2,0.5\n")
    read = read_usable_runs(path)
    assert [(one.id, one.layers) for one in read.runs] == [("b", 12)]
    said = [(row.id, row.line, fault.column, fault.value) for row in read.refused for fault in row.faults]
    assert said == [("a", 2, "step_time_s", "fast"), ("c", 4, "layers", "1.5"), ("", 5, "id", "")]


@pytest.mark.parametrize("text", ["", "model\nx\n", "id,colour\na,red\n", "id,layers\n"])
def test_a_table_with_another_header_or_no_row_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError):
        read_usable_runs(table(tmp_path, text))


def test_of_the_published_runs_those_are_refused_that_say_so_themselves() -> None:
    read = read_usable_runs(PUBLISHED)
    assert len(read.runs) == 2211
    assert len(read.refused) == 15
    assert {fault.column for row in read.refused for fault in row.faults} == {"n_gpus"}


def test_rows_with_equal_conditions_and_other_speeds_are_shown_not_averaged() -> None:
    runs = [run(id="a"), run(id="b", step_time_s=5.0, notes="again"), run(id="c", step_time_s=4.04), run(id="d", tp=1)]
    (found,) = contradictions(runs)
    assert found.ids == ("a", "c", "b")
    assert found.step_times_s == (4.0, 4.04, 5.0)
    assert found.spread == pytest.approx(0.25)


@pytest.mark.parametrize(
    "other",
    [
        {"step_time_s": 4.1},
        {"recompute": "full"},
        {"framework": "another"},
        {"source_title": "summary of release 25.04"},
        {"seq_len": None},
    ],
)
def test_another_condition_or_release_or_a_small_difference_is_no_contradiction(other: dict[str, object]) -> None:
    first = run(id="a", source_title="summary of release 25.02")
    second = {"source_title": "summary of release 25.02", "step_time_s": 5.0} | other
    assert contradictions([first, run(id="b", **second)]) == ()


def test_a_row_whose_two_speeds_contradict_each_other_is_shown() -> None:
    """128 sequences of 4,096 tokens in 4 s on 64 GPUs are 2,048 tokens a second on each."""
    assert contradictions([run(tokens_per_s_per_gpu=2048.0)]) == ()
    (found,) = contradictions([run(tokens_per_s_per_gpu=4096.0)])
    assert found.ids == ("a",)
    assert found.step_times_s == (2.0, 4.0)
