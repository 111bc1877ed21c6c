from __future__ import annotations

import pytest

from stellwerk.launch import Comparison, compare
from stellwerk.training import Outcome, StepMetrics
from stellwerk.units import Interval
from stellwerk.workload import flops_per_token
from tests.launch.local_run_case import RATES, WORKLOAD, planned

RUN = planned()
STEP_TIMES_S = (9.0, 0.9, 0.9, 0.9, 0.9, 0.19, 0.21, 0.2, 0.2, 0.8)
OUTCOME = Outcome(
    parameters=1_869_504,
    training_time_s=36.0,
    held_out_loss=1.3,
    held_out_tokens=28_160,
    peak_memory_bytes=460_000_000,
    base_memory_bytes=280_000_000,
    sample="§ 1 Der Bund",
    torch_version="2.13.0",
    text_sha256="00",
)
METRICS = tuple(
    StepMetrics(number, number * 2048, 5.5 / number, 1e-3, 1.0, step_time_s, 2048 / step_time_s)
    for number, step_time_s in enumerate(STEP_TIMES_S, start=1)
)


def rows() -> dict[str, Comparison]:
    return {row.quantity: row for row in compare(RUN.expected, METRICS, OUTCOME)}


def test_the_typical_step_leaves_out_the_warm_up_and_outliers() -> None:
    assert rows()["step time"].measured == 0.2


def test_a_run_of_few_steps_leaves_out_its_first_half() -> None:
    few = {row.quantity: row for row in compare(RUN.expected, METRICS[4:6], OUTCOME)}
    assert few["step time"].measured == 0.19


def test_throughput_and_mfu_follow_from_the_typical_step() -> None:
    assert rows()["throughput"].measured == pytest.approx(2048 / 0.2)
    flops = flops_per_token(WORKLOAD.architecture, 256).training
    assert rows()["MFU"].measured == pytest.approx(flops * 2048 / 0.2 / (2 * RATES.best_matmul_flops))


def test_planned_and_measured_mfu_count_the_same_flops() -> None:
    """A run as fast as planned has the planned MFU."""
    as_planned = tuple(StepMetrics(number, 0, 1.0, 0.0, 1.0, RUN.plan.step_time_s.best, 1.0) for number in range(1, 20))
    (mfu,) = (row for row in compare(RUN.expected, as_planned, OUTCOME) if row.quantity == "MFU")
    assert mfu.measured == pytest.approx(mfu.planned)
    assert mfu.within


def test_duration_and_device_hours_count_the_whole_loop() -> None:
    assert rows()["duration"].measured == 36.0
    assert rows()["device-hours"].measured == pytest.approx(2 * 36 / 3600)


@pytest.mark.parametrize(("measured", "within"), [(1.0, True), (2.0, True), (4.0, True), (0.99, False), (4.01, False)])
def test_a_measurement_on_the_bound_still_lies_within(measured: float, within: bool) -> None:
    assert Comparison("step time", "s", 2.0, Interval(1.0, 2.0, 4.0), measured).within is within


def test_without_an_interval_nothing_is_claimed() -> None:
    memory = rows()["memory per process"]
    assert memory.within is None
    assert memory.planned == RUN.plan.memory_bytes


def test_what_a_program_does_not_say_is_unknown_and_not_guessed() -> None:
    silent = tuple(StepMetrics(number, loss=1.0) for number in range(1, 20))
    for row in compare(RUN.expected, silent):
        assert row.measured is None
        assert row.within is None


def test_steps_of_unknown_time_are_left_out_of_the_typical_step() -> None:
    mixed = (StepMetrics(1), *METRICS[4:6])
    known = {row.quantity: row for row in compare(RUN.expected, mixed, OUTCOME)}
    assert known["step time"].measured == 0.19
