from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.catalog import Accelerator
from stellwerk.planner.evaluation import (
    Evaluation,
    MeasuredRun,
    Prediction,
    Unscored,
    cross_validate,
    evaluate,
    evaluation_as_dict,
    measure,
    packaged_predictor,
    reason_in_words,
)
from stellwerk.planner.evaluation.scores import errors, layout_kind
from stellwerk.records import TrainingRun, faults_of, read_usable_runs
from stellwerk.units import Interval
from stellwerk.workload import count_parameters
from tests.planner.evaluation.published import PUBLISHED, run

Accelerators = Mapping[str, Accelerator]
positive = st.floats(1e-3, 1e6)


def times(factor: float, spread: float = 1.0) -> Callable[[TrainingRun], Prediction]:
    """Predicts so many times what was measured, with an interval so much wider to each side."""

    def predict(row: TrainingRun) -> Prediction:
        seconds = None if row.step_time_s is None else row.step_time_s * factor
        memory = None if row.peak_memory_gb is None else row.peak_memory_gb * 1e9 * factor
        return Prediction(*(best and Interval(best / spread, best, best * spread) for best in (seconds, memory)))

    return predict


def table() -> list[TrainingRun]:
    """Two families on A100, one of them on H100, too, and a third on MI300X alone."""
    return [
        run(id="a1", step_time_s=10.0, peak_memory_gb=60.0, memory_measure="reserved"),
        run(id="a2", step_time_s=20.0),
        run(id="a3", step_time_s=6.0, gpu="H100-SXM-80GB"),
        run(id="b1", step_time_s=12.0, source_family="two", experts=8, experts_active=2),
        run(id="c1", step_time_s=5.0, source_family="three", gpu="MI300X", task="full-ft"),
        run(id="d1", step_time_s=5.0, provenance="unverified"),
        run(id="d2", ffn_hidden=None),
        run(id="d3", step_time_s=None),
    ]


@given(st.lists(positive, min_size=1, max_size=9), st.floats(0.1, 10))
def test_a_constant_factor_is_the_bias_and_the_error(measured: list[float], factor: float) -> None:
    found = errors([(value, Interval.exactly(value * factor)) for value in measured])
    assert found is not None
    assert found.n == len(measured)
    assert found.bias == pytest.approx(factor - 1, abs=1e-9)
    assert found.mape == pytest.approx(abs(factor - 1), abs=1e-9)
    assert found.median_ape == pytest.approx(found.mape, abs=1e-9)


@given(st.lists(st.tuples(positive, positive), min_size=1, max_size=9))
def test_bias_lies_within_the_error_and_coverage_between_none_and_all(pairs: list[tuple[float, float]]) -> None:
    found = errors([(measured, Interval(best * 0.8, best, best * 1.3)) for measured, best in pairs])
    assert found is not None
    assert found.coverage is not None
    assert abs(found.bias) <= found.mape * (1 + 1e-9)
    inside = sum(best * 0.8 <= measured <= best * 1.3 for measured, best in pairs)
    assert found.coverage == pytest.approx(inside / len(pairs))


def test_an_interval_covers_its_bounds() -> None:
    found = errors([(8.0, Interval(8, 10, 12)), (12.0, Interval(8, 10, 12)), (12.1, Interval(8, 10, 12))])
    assert found is not None
    assert found.coverage == pytest.approx(2 / 3)


def test_each_family_has_the_same_weight_in_the_mean(accelerators: Accelerators) -> None:
    """One family is predicted perfectly on three rows, the other one 40% too slow on one."""
    rows = table()[:4]
    evaluation = evaluate(rows, lambda row: times(1.4 if row.id == "b1" else 1.0)(row), accelerators)
    one, two = evaluation.all.families["one"], evaluation.all.families["two"]
    assert one.step_time is not None
    assert two.step_time is not None
    assert (one.n, one.step_time.mape, two.n) == (3, 0.0, 1)
    assert two.step_time.bias == pytest.approx(0.4)
    overall = evaluation.all.overall
    assert overall.step_time is not None
    assert (overall.n, overall.step_time.mape) == (4, pytest.approx(0.2))
    assert overall.step_time.coverage == pytest.approx(0.5)


def test_memory_is_scored_where_it_was_measured(accelerators: Accelerators) -> None:
    families = evaluate(table(), times(1.1), accelerators).all.families
    assert families["one"].memory is not None
    assert (families["one"].memory.n, families["one"].memory.mape) == (1, pytest.approx(0.1))
    assert families["two"].memory is None


def test_what_is_not_scored_is_counted_by_reason(accelerators: Accelerators) -> None:
    evaluation = evaluate(table(), times(1.0), accelerators)
    assert evaluation.unscored == {"missing_ffn_hidden": ("d2",), "no_measurement": ("d3",), "unverified": ("d1",)}
    assert len(evaluation.rows) + sum(map(len, evaluation.unscored.values())) == len(table())
    silent = evaluate(table(), lambda _: Prediction(None, Interval.exactly(1e9)), accelerators)
    assert silent.unscored["nothing_predicted"] == ("a2", "a3", "b1", "c1")
    refusing = evaluate(table(), lambda _: Unscored("layout_not_modelled"), accelerators)
    assert len(refusing.unscored["layout_not_modelled"]) == 5
    assert refusing.all.overall.step_time is None
    assert reason_in_words("missing_ffn_hidden") == "the column ffn_hidden is empty"


def test_rows_on_accelerators_of_one_family_only_are_extrapolations(accelerators: Accelerators) -> None:
    evaluation = evaluate(table(), times(1.0), accelerators)
    assert {name: score.n for name, score in evaluation.covered.families.items()} == {"one": 2, "two": 1}
    assert {name: score.n for name, score in evaluation.extrapolations.families.items()} == {"one": 1, "three": 1}
    assert evaluation.measured_rows["a100-sxm-80gb"] == 3
    assert evaluation.measured_rows["gh200-96gb"] == 0


def test_breakdowns_hold_every_row_once(accelerators: Accelerators) -> None:
    evaluation = evaluate(table(), times(1.0), accelerators)
    for scores in evaluation.breakdowns.values():
        assert sum(score.n for score in scores.values()) == len(evaluation.rows)
    assert set(evaluation.breakdowns["model"]) == {"dense", "experts"}
    assert set(evaluation.breakdowns["task"]) == {"pretrain", "full-ft"}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "tp+pp+dp"),
        ({"tp": 1, "pp": 1, "cp": 4, "ep": 8, "dp": 4}, "cp+ep+dp"),
        ({"tp": 1, "pp": 1, "n_gpus": 1, "dp": None}, "one GPU"),
    ],
)
def test_a_layout_is_named_by_its_axes(changes: dict[str, object], kind: str) -> None:
    assert layout_kind(run(**changes)) == kind


def test_the_constant_mfu_of_a_family_is_that_of_the_others(accelerators: Accelerators) -> None:
    """The same run in 10 s there is predicted at 10 s here, on the same accelerator or, failing that, at its MFU."""
    there = run(id="a", step_time_s=10.0)
    here = run(id="b", step_time_s=25.0, source_family="two")
    elsewhere = replace(here, gpu="H100-SXM-80GB")
    rows = {row.run.id: row for row in evaluate([there, here], times(1.0), accelerators).rows}
    assert rows["b"].baselines["constant_mfu"] == pytest.approx(10.0)
    assert rows["a"].baselines["constant_mfu"] == pytest.approx(25.0)
    rows = {row.run.id: row for row in evaluate([there, elsewhere], times(1.0), accelerators).rows}
    assert rows["b"].baselines["constant_mfu"] == pytest.approx(10.0 * 312 / 989.4)
    (alone,) = evaluate([there], times(1.0), accelerators).rows
    assert "constant_mfu" not in alone.baselines


def test_six_flops_per_parameter_at_forty_percent(accelerators: Accelerators) -> None:
    found = measure(run(), accelerators)
    assert isinstance(found, MeasuredRun)
    (row,) = evaluate([run()], times(1.0), accelerators).rows
    flops = 6 * count_parameters(found.described.architecture).total * 64 * 4096
    assert row.baselines["six_nd_at_40_percent"] == pytest.approx(flops / (0.4 * 312e12 * 16))


def test_a_family_is_predicted_by_what_was_fitted_on_the_others(accelerators: Accelerators) -> None:
    calls: list[set[str]] = []

    def fit(others: Sequence[TrainingRun]) -> Callable[[TrainingRun], Prediction]:
        families = {row.source_family or "" for row in others}
        calls.append(families)

        def predict(row: TrainingRun) -> Prediction:
            assert row.source_family not in families
            return times(len(families))(row)

        return predict

    evaluation = cross_validate(table(), fit, accelerators)
    assert sorted(map(sorted, calls)) == [["one", "three"], ["one", "two"], ["three", "two"]]
    assert all(
        score.step_time is not None and score.step_time.bias == pytest.approx(1.0)
        for score in evaluation.all.families.values()
    )


def test_rows_that_contradict_each_other_are_shown_and_scored_one_by_one(accelerators: Accelerators) -> None:
    evaluation = evaluate([run(id="a"), run(id="b", step_time_s=15.0)], times(1.0), accelerators)
    assert [one.ids for one in evaluation.contradictions] == [("a", "b")]
    assert len(evaluation.rows) == 2


sizes = st.none() | st.integers(1, 9) | st.sampled_from([64, 4096, 10**6, 10**12])
amounts = st.none() | st.floats(1e-6, 1e12)
SIZES = (
    *("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn_hidden", "vocab", "seq_len", "experts", "ep", "vpp"),
    *("experts_active", "shared_experts", "dense_layers", "dense_ffn_hidden", "gpus_per_node", "micro_batch"),
    *("global_batch_sequences", "n_gpus", "tp", "pp", "cp", "dp"),
)
AMOUNTS = ("params_b", "tflops_per_gpu_reported", "mfu_reported", "tokens_per_s_per_gpu", "step_time_s")
TEXTS = {
    "gpu": st.sampled_from([None, "MI250X", "H100-SXM-80GB", "V100-SXM2-32GB", "L4", "nonsense"]),
    "task": st.sampled_from([None, "lora", "qlora", "sft"]),
    "precision": st.sampled_from([None, "fp8", "nvfp4", "fp16", "int3"]),
    "recompute": st.sampled_from([None, "full", "selective", "most"]),
    "attention_kind": st.sampled_from([None, "mla", "gqa"]),
    "flops_convention": st.sampled_from([None, "model", "hardware", "hardware(full recompute)", "?"]),
    "zero_or_fsdp_stage": st.none() | st.integers(0, 3),
}
CELLS = dict.fromkeys(SIZES, sizes) | dict.fromkeys(AMOUNTS, amounts) | TEXTS


@settings(max_examples=60)
@given(st.lists(st.fixed_dictionaries({}, optional=CELLS), min_size=1, max_size=3))
def test_whatever_is_possible_is_scored_or_counted(accelerators: Accelerators, changes: list[Any]) -> None:
    runs = [row for number, each in enumerate(changes) if not list(faults_of(row := run(id=str(number), **each)))]
    evaluation = evaluate(runs, packaged_predictor(accelerators), accelerators)
    assert len(evaluation.rows) + sum(map(len, evaluation.unscored.values())) == len(runs)
    json.dumps(evaluation_as_dict(evaluation), allow_nan=False)
    assert all(reason_in_words(reason) for reason in evaluation.unscored)


@pytest.fixture(scope="module")
def published(accelerators: Accelerators) -> Evaluation:
    """The first twenty rows of each family, which is enough of vTrain's 1,440."""
    read = read_usable_runs(PUBLISHED)
    seen: dict[str | None, int] = {}
    rows = []
    for row in read.runs:
        seen[row.source_family] = seen.get(row.source_family, 0) + 1
        if seen[row.source_family] <= 20:
            rows.append(row)
    return evaluate(rows, packaged_predictor(accelerators), accelerators, read.refused)


def test_the_packaged_planner_predicts_the_published_runs(published: Evaluation) -> None:
    assert set(published.all.families) >= {"mosaicml", "internevo", "simumax", "nanotron", "vtrain"}
    for row in published.rows:
        predicted = row.prediction.step_time_s
        assert predicted is not None
        assert row.measured_step_time_s is not None
        assert 0.1 < predicted.best / row.measured_step_time_s < 10
    assert published.all.families["nanotron"].memory is not None


def test_an_evaluation_as_plain_data_keeps_the_promised_keys(published: Evaluation) -> None:
    plain = evaluation_as_dict(published)
    for name, family in (*plain["families"].items(), ("overall", plain["overall"])):
        assert {"n", "step_time", "memory", "coverage"} <= set(family), name
        assert {"mape", "median_ape", "bias"} <= set(family["step_time"])
    assert plain["schema"] == 1
    assert plain["rows_read"] == plain["rows_scored"] + sum(plain["unscored"].values()) + len(published.refused)
    assert sum(family["n"] for family in plain["families"].values()) == plain["rows_scored"] == len(plain["rows"])
    assert plain["refused"][0]["id"] == "nemolong-001"
