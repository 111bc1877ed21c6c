from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.launch.doctor import RunEvidence, diagnose
from stellwerk.launch.doctor.steps import step_table
from stellwerk.messages import LANGUAGES, render
from stellwerk.training import StepMetrics
from stellwerk.units import Interval
from tests.launch.doctor.case import (
    EXPECTED,
    HEALTHY,
    JOB,
    RATES,
    STEP_S,
    codes,
    lines,
    only_finding,
    profile,
    samples,
    steps,
)

ON_GPUS = replace(
    HEALTHY,
    job=replace(JOB, device="cuda", compile=True),
    profiles=tuple(replace(one, backend="nccl") for one in HEALTHY.profiles),
    gpus=2,
)


def test_a_run_as_planned_has_nothing_that_stands_out_and_misses_no_evidence() -> None:
    diagnosis = diagnose(HEALTHY)
    assert (diagnosis.findings, diagnosis.missing) == ((), ())
    assert diagnose(ON_GPUS).findings == ()


# Waiting


def test_a_loader_that_starves_the_processes() -> None:
    slow = tuple(profile(one.step, data=(0.03, 0.03)) for one in HEALTHY.profiles)
    found = only_finding(replace(HEALTHY, steps=steps(data_s=0.03), profiles=slow))
    assert found.cause.code == "doctor_data_wait"
    assert found.cause.params["data_ms"] == pytest.approx(30)
    assert found.share == pytest.approx(0.3, rel=0.03)
    assert found.advice.code == "doctor_try_prepared_data"
    prepared = replace(HEALTHY, steps=steps(data_s=0.03), job=replace(JOB, dataset="tokens"))
    assert only_finding(prepared).advice.code == "doctor_try_faster_storage"


@pytest.mark.parametrize(("wait_s", "found"), [(0.0045, 0), (0.0055, 1)])
def test_waiting_for_data_matters_from_a_twentieth_of_the_step_on(wait_s: float, found: int) -> None:
    assert len(diagnose(replace(HEALTHY, steps=steps(data_s=wait_s))).findings) == found


@pytest.mark.parametrize(("exposed_s", "found"), [(0.0095, 0), (0.0105, 1)])
def test_exposed_communication_matters_from_a_tenth_of_the_step_on(exposed_s: float, found: int) -> None:
    profiles = tuple(profile(step, exposed=(exposed_s, exposed_s)) for step in (30, 60, 90))
    assert len(diagnose(replace(HEALTHY, profiles=profiles)).findings) == found


@pytest.mark.parametrize(("blocked_s", "found"), [(0.035, 0), (0.045, 1)])
def test_checkpoints_matter_from_a_fiftieth_of_the_time_on(blocked_s: float, found: int) -> None:
    table = step_table(replace(one, checkpoint_s=blocked_s if one.step % 20 == 0 else 0.0) for one in lines())
    assert len(diagnose(replace(HEALTHY, steps=table)).findings) == found


def test_data_times_come_from_the_profiles_where_the_steps_have_none() -> None:
    slow = (profile(data=(0.02, 0.021)),)
    found = only_finding(replace(HEALTHY, steps=steps(data_s=None), profiles=slow))
    assert (found.cause.code, found.share) == ("doctor_data_wait", pytest.approx(0.21))


def test_one_process_whose_data_are_slow_is_named_and_not_called_a_straggler() -> None:
    slow = tuple(profile(step, exposed=(0.044, 0.004), data=(0.0005, 0.0405)) for step in (30, 60, 90))
    found = only_finding(replace(HEALTHY, steps=steps(data_s=0.0405), profiles=slow))
    assert (found.cause.code, found.cause.params["rank"]) == ("doctor_data_wait_one", 1)


def test_a_straggler_is_the_rank_that_waits_for_nobody() -> None:
    slow = tuple(profile(step, exposed=(0.034, 0.004, 0.033), data=(0, 0, 0)) for step in (20, 40, 60, 80))
    found = only_finding(replace(HEALTHY, profiles=slow))
    assert found.cause.code == "doctor_straggler"
    assert (found.cause.params["rank"], found.cause.params["profiles"]) == (1, 4)
    assert found.share == pytest.approx(0.295)


def test_ranks_that_are_late_in_turns_are_no_straggler() -> None:
    turns = (profile(30, exposed=(0.03, 0.004)), profile(60, exposed=(0.004, 0.03)))
    assert only_finding(replace(HEALTHY, profiles=turns)).cause.code == "doctor_uneven_ranks"


def test_a_rank_is_named_where_most_looks_agree_and_one_may_disagree() -> None:
    def found(late: list[int]) -> str:
        waits = [(0.03, 0.004) if rank == 1 else (0.004, 0.03) for rank in late]
        profiles = tuple(profile(20 + step, exposed=wait) for step, wait in enumerate(waits))
        return only_finding(replace(HEALTHY, profiles=profiles)).cause.code

    assert found([1, 1, 1, 1]) == "doctor_straggler"
    assert found([1, 1, 0, 1, 1]) == "doctor_straggler"
    assert found([1, 1, 1]) == "doctor_uneven_ranks"
    assert found([1, 0, 1, 0]) == "doctor_uneven_ranks"


@pytest.mark.parametrize(
    ("job", "advice"),
    [
        (JOB, "doctor_try_fewer_micro_batches"),
        (replace(JOB, micro_batches=1), "doctor_try_more_per_step"),
        (replace(JOB, tensor=2), "doctor_try_less_tensor"),
    ],
)
def test_communication_that_nothing_hides(job, advice: str) -> None:  # type: ignore[no-untyped-def]
    exposed = tuple(profile(step, communication=(0.05, 0.05), exposed=(0.04, 0.042)) for step in (30, 60, 90))
    found = only_finding(replace(HEALTHY, profiles=exposed, job=job))
    assert found.cause.code == "doctor_exposed_communication"
    assert found.cause.params["exposed_ms"] == pytest.approx(40)
    assert (found.share, found.advice.code) == (pytest.approx(0.4), advice)


def test_checkpoints_that_hold_the_training_up() -> None:
    table = step_table(replace(one, checkpoint_s=0.5 if one.step % 20 == 0 else 0.0) for one in lines())
    found = only_finding(replace(HEALTHY, steps=table))
    assert found.cause.code == "doctor_checkpoint_stalls"
    assert (found.cause.params["count"], found.cause.params["mean_ms"]) == (5, 500)
    assert found.share == pytest.approx(2.5 / (2.5 + 95 * 0.1015), rel=0.01)
    assert (found.advice.code, found.advice.params["every"]) == ("doctor_try_fewer_checkpoints", 20)


# Devices


def test_a_processor_that_computes_beside_idle_gpus_is_named_first() -> None:
    diagnosis = diagnose(replace(HEALTHY, gpus=2, steps=steps(data_s=0.03)))
    assert codes(diagnosis) == ["doctor_cpu_beside_gpus", "doctor_data_wait"]
    assert diagnosis.findings[0].share is None


def test_gpus_that_speak_through_gloo() -> None:
    found = diagnose(replace(ON_GPUS, profiles=(profile(exposed=(0.05, 0.05)),))).findings[0]
    assert (found.cause.code, found.share) == ("doctor_gloo_on_gpus", pytest.approx(0.5))


def test_heat_and_power_are_told_apart() -> None:
    hot = replace(ON_GPUS, energy=samples(throttled=("thermal",), clock_mhz=1188.0, temperature_c=89.0))
    found = only_finding(hot)
    assert found.cause.code == "doctor_heat_measured"
    assert (found.cause.params["degrees"], found.cause.params["clock_percent"]) == (89.0, pytest.approx(60))
    assert found.share == pytest.approx(0.4)
    unmeasured = replace(ON_GPUS, energy=samples(throttled=("thermal",), clock_mhz=1188.0, temperature_c=None))
    assert only_finding(unmeasured).cause.code == "doctor_heat"
    brake = replace(ON_GPUS, energy=samples(throttled=("power_brake",), clock_mhz=990.0))
    assert only_finding(brake).cause.code == "doctor_power_brake"


def test_a_power_limit_is_a_finding_only_where_somebody_lowered_it() -> None:
    lowered = replace(ON_GPUS, energy=samples(throttled=("power_cap",), clock_mhz=1188.0, power_limit_w=450.0))
    found = only_finding(lowered)
    assert (found.cause.code, found.cause.params["limit_w"]) == ("doctor_power_limit", 450.0)
    at_its_own = replace(ON_GPUS, energy=samples(throttled=("power_cap",), clock_mhz=1188.0))
    assert diagnose(at_its_own).findings == ()


def test_clocks_that_are_held_down_now_and_then_or_by_a_little_are_no_finding() -> None:
    calm, hot = samples(20), samples(20, throttled=("thermal",), clock_mhz=1188.0)
    assert diagnose(replace(ON_GPUS, energy=(*calm[:17], *hot[17:]))).findings == ()
    barely = samples(throttled=("thermal",), clock_mhz=1940.0)
    assert diagnose(replace(ON_GPUS, energy=barely)).findings == ()


def test_what_held_the_clock_down_before_the_start_is_not_the_run_s() -> None:
    """An idle GPU is often below its full clock; the line that a meter writes at its start is not of the run."""
    before, *during = samples(5)
    hot = samples(1, throttled=("thermal",), clock_mhz=500.0)
    assert diagnose(replace(ON_GPUS, energy=(*hot, *during[:4]))).findings == ()
    assert before.elapsed_s == hot[0].elapsed_s == 0.0


def test_micro_batches_that_are_too_little_work() -> None:
    overhead = replace(RATES, layer_overhead_s=2.5e-3)
    found = only_finding(replace(HEALTHY, rates=overhead))
    assert found.cause.code == "doctor_small_micro_batch"
    assert found.cause.params["overhead_ms"] == pytest.approx(20)
    assert found.share == pytest.approx(0.2, rel=0.03)
    assert found.advice.code == "doctor_try_fewer_micro_batches"
    full = replace(HEALTHY, rates=overhead, peak_memory_bytes=int(2.8e9))
    assert only_finding(full).advice.code == "doctor_try_recomputation"
    one = replace(HEALTHY, rates=replace(RATES, layer_overhead_s=5e-3), job=replace(JOB, micro_batches=1))
    assert only_finding(one).advice.code == "doctor_try_larger_batch"


def test_memory_that_is_nearly_full_is_a_risk_and_named_after_what_costs() -> None:
    full = replace(HEALTHY, peak_memory_bytes=int(3.15e9), steps=steps(data_s=0.03))
    diagnosis = diagnose(full)
    assert codes(diagnosis) == ["doctor_data_wait", "doctor_memory_full"]
    assert diagnosis.findings[1].share == 0.0


def test_an_allocator_that_struggles() -> None:
    table = step_table(
        replace(
            one,
            step_time_s=0.3 if one.step % 10 == 0 else 0.1,
            allocation_retries=one.step // 10,
            reserved_bytes=3 * 10**9,
            allocated_bytes=2 * 10**9,
        )
        for one in lines()
    )
    found = diagnose(replace(ON_GPUS, steps=table)).findings[0]
    assert found.cause.code == "doctor_fragmentation"
    assert found.cause.params["retries"] == 10
    assert found.share == pytest.approx(10 * 0.2 / 11.5, rel=0.02)
    calm = step_table(replace(one, allocation_retries=3) for one in lines())  # all of them before the first step
    assert diagnose(replace(ON_GPUS, steps=calm)).findings == ()


def test_loose_memory_matters_only_where_memory_is_scarce() -> None:
    def held(reserved: float) -> RunEvidence:
        table = steps(reserved_bytes=int(reserved), allocated_bytes=int(reserved * 0.7), allocation_retries=0)
        return replace(ON_GPUS, steps=table)

    assert only_finding(held(2.9e9)).cause.code == "doctor_fragmentation"
    assert diagnose(held(2.0e9)).findings == ()


def test_torch_compile_is_missed_on_gpus_only() -> None:
    off = replace(ON_GPUS, job=replace(JOB, device="cuda", compile=False))
    found = only_finding(off)
    assert (found.cause.code, found.share) == ("doctor_compile_off", None)


# Course


def test_work_that_was_done_twice() -> None:
    first, second = lines(60), lines(100)[40:]
    found = only_finding(replace(HEALTHY, steps=step_table([*first, *second]), attempts=2))
    assert found.cause.code == "doctor_lost_work"
    assert (found.cause.params["steps"], found.cause.params["attempts"]) == (20, 2)
    assert found.share == pytest.approx(20 / 120, rel=0.02)


def test_steps_that_the_guard_left_out() -> None:
    table = step_table(replace(one, skipped=one.step in (40, 41), loss=50.0 if one.step in (40, 41) else one.loss)
                       for one in lines())  # fmt: skip
    found = only_finding(replace(HEALTHY, steps=table))
    assert found.cause.code == "doctor_skipped_steps"
    assert (found.cause.params["count"], found.cause.params["step"]) == (2, 40)
    assert found.share == pytest.approx(0.02, rel=0.05)


def test_a_loss_that_jumps_and_one_that_diverges_without_end() -> None:
    jump = step_table(replace(one, loss=9.0 if one.step == 70 else one.loss) for one in lines())
    found = only_finding(replace(HEALTHY, steps=jump))
    assert (found.cause.code, found.cause.params["count"], found.cause.params["step"]) == ("doctor_loss_spikes", 1, 70)


def test_step_times_that_vary() -> None:
    table = step_table(replace(one, step_time_s=0.1 if one.step % 3 else 0.16) for one in lines())
    found = only_finding(replace(HEALTHY, steps=table))
    assert found.cause.code == "doctor_varying_step_times"
    assert found.share == pytest.approx(0.06 / 3 / 0.12, rel=0.1)
    waiting = step_table(
        replace(one, step_time_s=0.1 if one.step % 3 else 0.16, data_s=0.0 if one.step % 3 else 0.06) for one in lines()
    )
    assert codes(diagnose(replace(HEALTHY, steps=waiting))) == ["doctor_data_wait"]


def test_a_plan_that_was_missed_is_a_finding_of_its_own_only_without_a_cause() -> None:
    late = replace(EXPECTED, step_time_s=Interval(0.05, 0.06, 0.08))
    found = only_finding(replace(HEALTHY, expected=late))
    assert found.cause.code == "doctor_missed_plan"
    assert found.share == pytest.approx(0.4, rel=0.05)
    explained = replace(HEALTHY, expected=late, steps=steps(data_s=0.03))
    assert codes(diagnose(explained)) == ["doctor_data_wait"]


# All rules


def test_findings_are_ranked_by_what_they_cost() -> None:
    exposed = (profile(communication=(0.2, 0.2), exposed=(0.04, 0.042)),)
    both = diagnose(replace(HEALTHY, profiles=exposed, steps=steps(data_s=0.02)))
    assert codes(both) == ["doctor_exposed_communication", "doctor_data_wait"]


def test_what_was_not_there_to_look_at_is_said() -> None:
    bare = RunEvidence(steps=step_table([StepMetrics(step=1, loss=2.0), StepMetrics(step=2, loss=1.9)]))
    diagnosis = diagnose(bare)
    assert diagnosis.findings == ()
    assert {reason.code for reason in diagnosis.missing} == {
        "doctor_no_step_times",
        "doctor_no_profile",
        "doctor_no_data_times",
        "doctor_no_plan",
        "doctor_no_job",
        "doctor_no_energy",
    }
    assert [reason.code for reason in diagnose(RunEvidence(steps=step_table([]))).missing] == ["doctor_no_steps"]
    unread = replace(ON_GPUS, energy=samples(clock_mhz=None))
    assert [reason.code for reason in diagnose(unread).missing] == ["doctor_no_clocks"]


seconds = st.none() | st.floats(0, 10, allow_nan=False)
metrics = st.builds(
    StepMetrics,
    step=st.integers(1, 60),
    loss=st.none() | st.floats(allow_nan=True, allow_infinity=True),
    step_time_s=seconds,
    data_s=seconds,
    checkpoint_s=seconds,
    allocated_bytes=st.none() | st.integers(0, 10**10),
    reserved_bytes=st.none() | st.integers(0, 10**10),
    allocation_retries=st.none() | st.integers(0, 5),
    skipped=st.booleans(),
)
positive = st.floats(1e-6, 10)
profiles = st.integers(1, 4).flatmap(
    lambda ranks: st.builds(
        lambda step_s, comm, data: replace(profile(communication=comm, exposed=comm, data=data), step_time_s=step_s),
        positive,
        st.lists(st.floats(0, 10), min_size=ranks, max_size=ranks),
        st.lists(st.floats(0, 10), min_size=ranks, max_size=ranks),
    )
)


@given(
    st.lists(metrics, max_size=80),
    st.lists(profiles, max_size=3),
    st.booleans(),
    st.sampled_from(["cpu", "cuda", None]),
)
def test_whatever_a_run_left_behind_every_finding_can_be_said_and_shares_are_shares(
    found: list[StepMetrics], looked: list, planned: bool, device: str | None
) -> None:
    evidence = RunEvidence(
        steps=step_table(found),
        profiles=tuple(looked),
        energy=samples(5, throttled=("thermal",), clock_mhz=1000.0) if device == "cuda" else (),
        job=None if device is None else replace(JOB, device=device),
        expected=EXPECTED if planned else None,
        rates=RATES if planned else None,
        gpus=2,
    )
    diagnosis = diagnose(evidence)
    for finding in diagnosis.findings:
        assert finding.share is None or 0 <= finding.share <= 1
        for language in LANGUAGES:
            assert render(finding.cause, language)
            assert render(finding.advice, language)


def test_the_healthy_run_is_the_same_length_as_its_plan() -> None:
    assert HEALTHY.steps.typical_s == pytest.approx(STEP_S, rel=0.02)
