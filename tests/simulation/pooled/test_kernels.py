"""What every kernel on pooled processors promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.pooled.logs import CASES, Case, Row, columns, rows, textbook

MACHINE = 8
cases = st.sampled_from(CASES)
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.policy}-{case.order}")


@given(rows=rows(MACHINE), case=cases)
@settings(max_examples=200)
def test_any_log_is_scheduled_as_the_textbook_says(rows: list[Row], case: Case) -> None:
    assert case.starts_s(columns(rows), MACHINE).tolist() == textbook(rows, MACHINE, case)


@each_case
def test_a_crowded_machine_is_scheduled_as_the_textbook_says(case: Case) -> None:
    """Dozens of running and waiting jobs, some of whose limits are hours and some days."""
    random = np.random.default_rng(7)
    jobs = 250
    run_s = random.integers(1, 3000, jobs)
    spare_s = random.choice([0, 60, 3600, 200_000], jobs)
    submit_s = np.sort(random.integers(0, 30_000, jobs))
    processors = random.choice([1, 1, 2, 3, 8, 60], jobs)
    log = [Row(*map(int, row)) for row in zip(submit_s, run_s, run_s + spare_s, processors, strict=True)]
    assert case.starts_s(columns(log), 100).tolist() == textbook(log, 100, case)


@given(rows=rows(MACHINE), case=cases)
@settings(max_examples=100)
def test_no_processor_is_given_away_twice_and_nobody_starts_before_the_submission(rows: list[Row], case: Case) -> None:
    submit_s, run_s, _, processors = columns(rows)
    start_s = case.starts_s(columns(rows), MACHINE)
    assert (start_s >= submit_s).all()
    for now in start_s:
        assert processors[(start_s <= now) & (now < start_s + run_s)].sum() <= MACHINE


@given(rows=rows(MACHINE), case=cases, zero_s=st.integers(0, 10**11))
@settings(max_examples=80)
def test_a_log_that_begins_later_is_scheduled_the_same(rows: list[Row], case: Case, zero_s: int) -> None:
    submit_s, *others = columns(rows)
    later = case.starts_s((submit_s + zero_s, *others), MACHINE)
    assert later.tolist() == (case.starts_s((submit_s, *others), MACHINE) + zero_s).tolist()


@each_case
def test_a_log_without_jobs_gives_a_schedule_without_jobs(case: Case) -> None:
    nothing = np.empty(0, np.int64)
    assert case.starts_s((nothing, nothing, nothing, nothing), MACHINE).tolist() == []
