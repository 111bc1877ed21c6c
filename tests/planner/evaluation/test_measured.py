from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from statistics import median

import pytest

from stellwerk.catalog import Accelerator
from stellwerk.planner.evaluation import DescribedRun, MeasuredRun, Unscored, describe, measure, measured_step_time_s
from stellwerk.records import TrainingRun, read_usable_runs, step_time_from_tokens_s
from stellwerk.workload import count_parameters
from tests.planner.evaluation.published import PUBLISHED, run

Accelerators = Mapping[str, Accelerator]
TOKENS, DEVICES = 64 * 4096, 16
LAYERS, HIDDEN, VOCAB, LENGTH = 32, 4096, 51200, 4096


def step_time(row: TrainingRun, accelerators: Accelerators) -> float | Unscored:
    described = describe(row, accelerators)
    assert isinstance(described, DescribedRun)
    return measured_step_time_s(described)


def equation_3(recomputed: float) -> float:
    """FLOPs per token of a GPT (Narayanan et al. 2021, arXiv:2104.04473, equation 3), with and without the pass that
    recomputes: 24 L h² (1 + s/6h) for each of three or four passes, and 6 h V."""
    return (3 + recomputed) * 24 * LAYERS * HIDDEN**2 * (1 + LENGTH / (6 * HIDDEN)) + 6 * HIDDEN * VOCAB


def test_a_step_time_goes_before_a_token_rate_and_that_before_flops(accelerators: Accelerators) -> None:
    row = run(tokens_per_s_per_gpu=4096.0, tflops_per_gpu_reported=100.0, flops_convention="model", mfu_reported=0.5)
    assert step_time(row, accelerators) == 10.0
    row = replace(row, step_time_s=None)
    assert step_time(row, accelerators) == pytest.approx(TOKENS / (4096.0 * DEVICES))
    row = replace(row, tokens_per_s_per_gpu=None)
    assert step_time(row, accelerators) == pytest.approx(equation_3(0) * TOKENS / (100e12 * DEVICES))
    row = replace(row, tflops_per_gpu_reported=None)
    assert step_time(row, accelerators) == pytest.approx(equation_3(0) * TOKENS / (0.5 * 312e12 * DEVICES))


@pytest.mark.parametrize(
    ("convention", "changes", "flops_per_token"),
    [
        ("model", {}, equation_3(0)),
        ("model", {"recompute": "full"}, equation_3(0)),
        ("hardware(full recompute; paper eq.3)", {}, equation_3(1)),
        ("hardware(full recompute)", {"recompute": None}, equation_3(1)),
        ("hardware(Megatron formula: incl recompute when on)", {"recompute": "full"}, equation_3(1)),
        ("hardware(Megatron formula: incl recompute when on)", {"recompute": "none"}, equation_3(0)),
        ("hardware", {"recompute": "selective"}, equation_3(0) + LAYERS * 4 * LENGTH * HIDDEN),
        ("model", {"framework": "Megatron-Bridge/Megatron-Core"}, equation_3(0) - 3 * LAYERS * 2 * LENGTH * HIDDEN),
        ("hardware(x4, params-only)", {"params_b": 8.0}, 8 * 8.0e9),
    ],
)
def test_tflops_become_seconds_by_the_convention_that_counted_them(
    convention: str, changes: dict[str, object], flops_per_token: float, accelerators: Accelerators
) -> None:
    row = run(step_time_s=None, tflops_per_gpu_reported=140.0, flops_convention=convention, **changes)
    assert step_time(row, accelerators) == pytest.approx(flops_per_token * TOKENS / (140e12 * DEVICES))


def test_parameters_are_counted_where_none_are_published(accelerators: Accelerators) -> None:
    row = run(step_time_s=None, tflops_per_gpu_reported=50.0, flops_convention="hardware(x4, params-only)")
    described = describe(row, accelerators)
    assert isinstance(described, DescribedRun)
    parameters = count_parameters(described.architecture).total
    assert step_time(row, accelerators) == pytest.approx(8 * parameters * TOKENS / (50e12 * DEVICES))


def test_hfu_counts_what_is_recomputed(accelerators: Accelerators) -> None:
    row = run(step_time_s=None, hfu_reported=0.5, recompute="full")
    assert step_time(row, accelerators) == pytest.approx(equation_3(1) * TOKENS / (0.5 * 312e12 * DEVICES))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "no_measurement"),
        ({"tflops_per_gpu_reported": 140.0}, "flops_convention_unclear"),
        ({"tflops_per_gpu_reported": 147.0, "flops_convention": "paper says up to"}, "flops_convention_unclear"),
        ({"hfu_reported": 0.5, "recompute": None}, "flops_convention_unclear"),
        ({"mfu_reported": 0.5, "task": "lora"}, "flops_convention_unclear"),
        ({"mfu_reported": 0.5, "precision": "fp8"}, "peak_unclear"),
    ],
)
def test_what_gives_no_step_time_says_why(changes: dict[str, object], reason: str, accelerators: Accelerators) -> None:
    assert measure(run(step_time_s=None, **changes), accelerators) == Unscored(reason)


def test_a_row_with_memory_alone_is_measured_and_an_unverified_one_is_not(accelerators: Accelerators) -> None:
    found = measure(run(step_time_s=None, peak_memory_gb=71.5, memory_measure="reserved"), accelerators)
    assert isinstance(found, MeasuredRun)
    assert (found.step_time_s, found.memory_bytes) == (None, 71.5e9)
    assert found.run.memory_measure == "reserved"
    assert measure(run(provenance="unverified"), accelerators) == Unscored("unverified")


def test_the_conversions_agree_with_the_token_rates_that_the_sources_also_give(accelerators: Accelerators) -> None:
    """Dense, trained in full: seconds from TFLOP/s over seconds from tokens, the median of each source's rows."""
    ratios: dict[str, list[float]] = defaultdict(list)
    for row in read_usable_runs(PUBLISHED).runs:
        expected, described = step_time_from_tokens_s(row), describe(row, accelerators)
        if expected is None or row.tflops_per_gpu_reported is None or isinstance(described, Unscored):
            continue
        alone = describe(replace(row, step_time_s=None, tokens_per_s_per_gpu=None), accelerators)
        assert isinstance(alone, DescribedRun)
        found = measured_step_time_s(alone)
        if row.experts is None and not isinstance(found, Unscored):
            ratios[row.source_title or ""].append(found / expected)
    assert len(ratios) >= 12
    assert sum(map(len, ratios.values())) >= 350
    assert {title: median(each) for title, each in ratios.items()} == {
        title: pytest.approx(1, abs=0.02) for title in ratios
    }
