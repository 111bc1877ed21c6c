from __future__ import annotations

import datetime
import html
import json
import math
from collections.abc import Iterable
from typing import get_args
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.measures import Capacity, Device, Usage, log_sentences, render_usage_page, usage_as_dict, usage_of
from stellwerk.measures.usage.model import Size, Use
from stellwerk.messages import LANGUAGES, Language
from stellwerk.records import JobTable
from tests.records.tables import job_table

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_S, DAY_S = 3_600, 86_400
ZERO = datetime.datetime(2024, 3, 30, 23, tzinfo=datetime.UTC)  # midnight of the 31st in Berlin

STATES = ["completed", "failed", "timeout", "cancelled", "node_fail", "running", None]


def _hours(uses: Iterable[Use]) -> float:
    return math.fsum(use.hours for use in uses)


@st.composite
def logs(draw: st.DrawFn) -> JobTable:
    """Small logs in which anything may be unknown."""
    jobs = draw(st.integers(1, 12))

    def column(values: st.SearchStrategy[object]) -> list[object]:
        return draw(st.lists(values, min_size=jobs, max_size=jobs))

    return job_table(
        submit_s=sorted(column(st.integers(0, 90 * DAY_S))),
        eligible_s=column(st.integers(-1, 90 * DAY_S)),
        wait_s=column(st.integers(-1, 2 * DAY_S)),
        run_s=column(st.integers(-1, 40 * DAY_S)),
        requested_s=column(st.integers(-1, 40 * DAY_S)),
        allocated_processors=column(st.integers(-1, 70)),
        allocated_accelerators=column(st.integers(-1, 9)),
        allocated_nodes=column(st.integers(-1, 3)),
        user=column(st.sampled_from(["ada", "bea", None])),
        account=column(st.sampled_from(["p", "q", None])),
        state=column(st.sampled_from(STATES)),
        zero=draw(st.sampled_from([ZERO, None])),
    )


@settings(max_examples=30)
@given(logs(), st.booleans())
def test_every_grouping_has_the_same_jobs_and_hours(jobs: JobTable, part: bool) -> None:
    period_s = (10 * DAY_S, 40 * DAY_S) if part else None
    usage = usage_of(jobs, zone=BERLIN, period_s=period_s)
    for uses in (usage.sizes, usage.states, usage.groups):
        assert sum(use.jobs for use in uses.values()) == usage.total.jobs
        assert sum(use.wait_s.jobs for use in uses.values()) == usage.total.wait_s.jobs
        assert _hours(uses.values()) == pytest.approx(usage.total.hours)
        assert math.fsum(use.lost_hours for use in uses.values()) == pytest.approx(usage.total.lost_hours)


@settings(max_examples=30)
@given(logs())
def test_months_and_spans_hold_all_hours_whose_time_is_known(jobs: JobTable) -> None:
    usage = usage_of(jobs, zone=BERLIN)
    held = {"accelerator": jobs.accelerators, "processor": jobs.processors, "node": jobs.nodes}[usage.device]
    devices = np.maximum(held, 0)
    placed = (jobs.wait_s >= 0) & (jobs.run_s > 0)
    hours = (devices * jobs.run_s)[placed].sum() / HOUR_S
    for parts in ([month.hours for month in usage.months], usage.coarse.hours, usage.fine.hours):
        assert math.fsum(parts) == pytest.approx(hours)
    assert sum(month.started for month in usage.months) == usage.total.wait_s.jobs


@settings(max_examples=30)
@given(logs())
def test_two_periods_hold_the_hours_of_the_one_they_make_up(jobs: JobTable) -> None:
    first, middle, last = 0, 33 * DAY_S + 7, 200 * DAY_S
    whole, one, other = (
        usage_of(jobs, period_s=period).total.hours for period in ((first, last), (first, middle), (middle, last))
    )
    assert one + other == pytest.approx(whole)


def _usage(**columns: object) -> Usage:
    return usage_of(job_table(**columns), zone=BERLIN)


def test_a_job_over_the_end_of_a_month_counts_in_both() -> None:
    usage = _usage(submit_s=[22 * HOUR_S], wait_s=[0], run_s=[10 * HOUR_S], allocated_processors=[4], zero=ZERO)
    # The last day of March has 23 hours: from 22 hours after its start, one is left.
    assert [(f"{month.start:%Y-%m}", month.hours) for month in usage.months] == [("2024-03", 4.0), ("2024-04", 36.0)]
    assert [month.started for month in usage.months] == [1, 0]


def test_hours_are_of_accelerators_where_the_log_knows_any() -> None:
    usage = _usage(
        submit_s=[0, 0, 0],
        wait_s=[0, 0, 0],
        run_s=[HOUR_S] * 3,
        allocated_processors=[8, 16, -1],
        allocated_accelerators=[4, -1, -1],
    )
    assert usage.device == "accelerator"
    assert (usage.total.hours, usage.total.processor_hours) == (4.0, 24.0)
    assert list(usage.sizes) == [Size(0, 0), Size(3, 4), Size(None, None)]


def test_a_log_in_which_accelerators_hardly_matter_is_counted_by_cores_unless_asked_otherwise() -> None:
    jobs = job_table(
        submit_s=[0, 0],
        wait_s=[0, 0],
        run_s=[HOUR_S] * 2,
        allocated_processors=[9, 91],
        allocated_accelerators=[2, -1],
    )
    usage = usage_of(jobs)
    assert (usage.device, usage.total.hours) == ("processor", 100.0)
    assert (usage.accelerator_jobs, usage.accelerator_hours) == (1, 2.0)
    assert usage_of(jobs, device="accelerator").total.hours == 2.0


def test_a_log_that_counts_nodes_only_is_counted_by_nodes() -> None:
    usage = usage_of(
        job_table(submit_s=[0], wait_s=[0], run_s=[2 * HOUR_S], requested_nodes=[128]),
        capacities={"node": Capacity(256, "option"), "processor": Capacity(9, "option")},
    )
    assert (usage.device, usage.total.hours, usage.capacity.devices) == ("node", 256.0, 256)


def test_cores_make_wider_classes() -> None:
    usage = _usage(submit_s=[0] * 5, wait_s=[0] * 5, run_s=[HOUR_S] * 5, allocated_processors=[1, 2, 4, 5, 4097])
    assert usage.device == "processor"
    assert [(size, use.jobs) for size, use in usage.sizes.items()] == [
        (Size(1, 1), 1),
        (Size(2, 4), 2),
        (Size(5, 16), 1),
        (Size(4097, 16384), 1),
    ]


def test_cancelled_while_waiting_is_another_end_and_costs_nothing() -> None:
    usage = _usage(
        submit_s=[0, 0, 0],
        wait_s=[5, -1, 30],
        run_s=[HOUR_S, -1, 0],
        allocated_processors=[2, 2, 2],
        state=["cancelled"] * 3,
    )
    assert {state: (use.jobs, use.hours) for state, use in usage.states.items()} == {
        "cancelled": (1, 2.0),
        "cancelled_waiting": (2, 0.0),
    }
    assert usage.total.lost_hours == 2.0
    assert (usage.never_ran, usage.total.wait_s.jobs) == (2, 1)


def test_waits_count_from_submission_and_from_eligibility() -> None:
    usage = _usage(
        submit_s=[0, 0, 0],
        eligible_s=[60, -1, 500],
        wait_s=[100, 200, 300],
        run_s=[1, 1, 1],
        allocated_processors=[1, 1, 1],
    )
    assert usage.total.wait_s[:2] == (3, 200.0)
    assert usage.total.eligible_wait_s[:2] == (1, 40.0)  # after its start nobody becomes eligible
    assert usage.eligible_later == 1


def test_utilisation_is_of_the_stated_size_in_the_covered_part() -> None:
    jobs = job_table(submit_s=[0, 0, 100], wait_s=[0, 0, 0], run_s=[20, 200, 100], allocated_processors=[5, 4, 2])
    usage = usage_of(jobs, capacities={"processor": Capacity(10, "option")})
    assert usage.covered_s == (20, 100)  # from the first end to the last submit
    assert (usage.mean_held, usage.utilisation, usage.most_held) == (4.0, 0.4, 9)
    assert (usage.edges.started_before, usage.edges.ended_after) == (1, 1)


def test_without_a_size_there_is_no_utilisation_but_a_lower_bound() -> None:
    usage = _usage(submit_s=[0, 50], wait_s=[0, 0], run_s=[20, 20], allocated_processors=[5, 2])
    assert (usage.utilisation, usage.capacity, usage.most_held) == (None, Capacity(None, "unknown"), 5)


def test_a_log_of_one_job_covers_nothing_from_end_to_end() -> None:
    usage = _usage(submit_s=[7], wait_s=[0], run_s=[0], allocated_processors=[5])
    assert (usage.covered_s, usage.mean_held, usage.utilisation) == (None, None, None)
    assert usage.coarse.whole == (False,)


def test_jobs_at_a_time_that_the_log_does_not_say_keep_their_hours() -> None:
    usage = _usage(submit_s=[0, 9], wait_s=[-1, 0], run_s=[HOUR_S, HOUR_S], allocated_processors=[3, 2])
    assert (usage.unplaced, usage.total.hours, usage.total.ran) == (1, 5.0, 2)
    assert math.fsum(month.hours for month in usage.months) == 2.0


def test_the_queue_holds_who_waits_from_eligibility_on() -> None:
    usage = _usage(
        submit_s=[0, 0], eligible_s=[-1, DAY_S // 2], wait_s=[DAY_S, DAY_S], run_s=[1, 1], allocated_processors=[3, 5]
    )
    assert usage.coarse.mean_queue[0] == 1.5
    assert usage.coarse.most_queue[0] == 2
    assert usage.coarse.mean_queue_devices[0] == 5.5


def test_who_still_waits_when_the_log_ends_waits_until_then() -> None:
    usage = _usage(
        submit_s=[0, 0, 0],
        wait_s=[0, -1, -1],
        run_s=[DAY_S, 0, 0],
        allocated_processors=[1, 1, 1],
        state=["completed", "pending", "cancelled"],
    )
    assert usage.coarse.mean_queue == (1.0,)
    assert (usage.never_ran, usage.left_queue, usage.edges.unfinished) == (2, 1, 1)


def test_limits_count_those_that_ran_to_an_end() -> None:
    usage = _usage(
        submit_s=[0] * 5,
        wait_s=[0] * 5,
        run_s=[90, 50, 100, 60, 0],
        requested_s=[900, 100, 100, 600, 100],
        allocated_processors=[1, 2, 1, 1, 1],
        state=["completed", "failed", "timeout", "running", "failed"],
    )
    limits = usage.limits
    assert (limits.jobs, limits.without_limit) == (3, 0)
    assert limits.p50 == 0.5
    assert limits.of_hours == pytest.approx((90 + 2 * 50 + 100) / (900 + 2 * 100 + 100))
    assert [one.jobs for one in limits.classes] == [0, 1, 0, 1, 0, 1]  # a tenth used is in the class that begins there


def test_groups_are_accounts_where_the_log_knows_them_and_the_largest_comes_first() -> None:
    columns = {"submit_s": [0] * 3, "wait_s": [0] * 3, "run_s": [60] * 3, "allocated_processors": [1, 2, 4]}
    assert list(_usage(**columns, account=["a", "b", None], user=["x", "y", "z"]).groups) == [None, "b", "a"]
    assert _usage(**columns, user=["x", "y", "z"]).by == "user"
    with_users = usage_of(job_table(**columns, account=["a"] * 3, user=["x", "y", "x"]), by="user")
    assert list(with_users.groups) == ["x", "y"]


def test_a_log_without_any_submit_is_counted_all_the_same() -> None:
    usage = _usage(submit_s=[-1, -1], wait_s=[5, -1], run_s=[HOUR_S, HOUR_S], allocated_processors=[2, 1])
    assert (usage.total.hours, usage.unplaced, usage.total.wait_s.jobs) == (3.0, 2, 0)


def test_more_than_can_be_added_up_is_an_error() -> None:
    with pytest.raises(InputError, match="more devices times seconds"):
        _usage(submit_s=[0], wait_s=[0], run_s=[10**11], allocated_processors=[10**9])


def test_times_beyond_the_calendar_are_an_error() -> None:
    with pytest.raises(InputError, match="beyond the calendar"):
        _usage(submit_s=[0], wait_s=[10**11], run_s=[2 * 10**11], allocated_processors=[1], zero=ZERO)


@settings(max_examples=25)
@given(logs(), st.sampled_from(LANGUAGES), st.booleans())
def test_whatever_a_log_leaves_out_there_is_something_to_say(jobs: JobTable, language: Language, part: bool) -> None:
    capacities = {device: Capacity(100, "option") for device in get_args(Device)} if part else None
    usage = usage_of(jobs, zone=BERLIN, capacities=capacities, period_s=(DAY_S, 30 * DAY_S) if part else None)
    page = render_usage_page(usage, language, file="log", sha256="0" * 64, left_out=[])
    assert all(sentence in html.unescape(page) for sentence in log_sentences(usage, language))
    assert json.loads(json.dumps(usage_as_dict(usage)))["total"]["jobs"] == usage.total.jobs
