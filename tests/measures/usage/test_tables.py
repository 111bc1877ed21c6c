from __future__ import annotations

import datetime
import tomllib
from importlib.resources import files
from typing import get_args

import pytest

from stellwerk.measures import Capacity, Usage, key_figures, log_sentences, summary_of, usage_of, usage_tables
from stellwerk.measures.usage.groups import CANCELLED_WAITING
from stellwerk.messages import LANGUAGES, Language
from stellwerk.records import JOB_STATES, DropReason, Remark
from tests.records.tables import job_table

ZERO = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
HOUR_S = 3_600


def _usage(jobs: int = 8, **columns: object) -> Usage:
    defaults = {
        "submit_s": [HOUR_S * number for number in range(jobs)],
        "wait_s": [60] * jobs,
        "run_s": [HOUR_S] * jobs,
        "requested_s": [2 * HOUR_S] * jobs,
        "allocated_processors": [4] * jobs,
        "state": ["completed"] * jobs,
        "user": [f"user{number}" for number in range(jobs)],
        "zero": ZERO,
    }
    return usage_of(job_table(**defaults | columns))


def _text(usage: Usage, language: Language = "en") -> str:
    """Everything that is said, in one line."""
    figures = [part for figure in key_figures(usage, language) for part in figure]
    tables = [
        cell
        for table in usage_tables(usage, language)
        for cell in (table.title, *table.header, *(cell for row in table.rows for cell in row), *table.notes)
    ]
    return " | ".join([summary_of(usage, language), *figures, *tables, *log_sentences(usage, language)])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_end_and_every_reason_to_drop_a_record_has_its_words(language: Language) -> None:
    texts = tomllib.loads(files("stellwerk.messages").joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    assert set(texts["job_state"]) == {*JOB_STATES, CANCELLED_WAITING}
    assert set(texts["drop_reason"]) == set(get_args(DropReason))
    assert set(texts["remark"]) == set(get_args(Remark))


def test_a_row_has_as_many_cells_as_the_header() -> None:
    for table in usage_tables(_usage(), "en"):
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_few_jobs_are_marked_and_five_are_not() -> None:
    usage = _usage(jobs=9, allocated_processors=[1] * 5 + [2] * 4)
    sizes = usage_tables(usage, "en")[0]
    assert [row[0] for row in sizes.rows] == ["1", "2–4 *"]
    assert sizes.notes[-1] == "* fewer than 5 jobs: a figure to be careful with"


def test_more_groups_than_asked_for_stand_in_one_row_that_completes_the_sum() -> None:
    usage = _usage()
    (groups,) = (table for table in usage_tables(usage, "en", most_rows=3) if table.id == "groups")
    assert len(groups.rows) == 4
    assert groups.rows[-1][:3] == ("5 others", "5", "20")
    assert groups.more == 5
    (every,) = (table for table in usage_tables(usage, "en", most_rows=7) if table.id == "groups")
    assert (len(every.rows), every.more) == (8, 0)  # a row for one other says less than the row itself


def test_what_a_log_does_not_say_has_no_table() -> None:
    nothing = _usage(wait_s=[-1] * 8, requested_s=[-1] * 8, state=[None] * 8, user=[None] * 8)
    assert [table.id for table in usage_tables(nothing, "en")] == ["sizes"]
    shown = _text(nothing)
    assert "lost" not in shown
    assert "The log does not say when jobs ran." in shown
    assert "Ran at a time that the log does not say: 8 jobs." in shown


def test_waits_from_eligibility_stand_where_they_differ() -> None:
    same = _text(_usage(eligible_s=[HOUR_S * number for number in range(8)]))
    assert "el. p50" not in same
    later = _usage(eligible_s=[HOUR_S * number + 30 for number in range(8)])
    assert "The same from eligibility | 30 s · 30 s · 30 s" in _text(later)
    assert "el. p50" in _text(later)


def test_a_stated_size_that_is_too_small_is_said() -> None:
    jobs = job_table(submit_s=[0, 0, 9], wait_s=[0, 0, 0], run_s=[5, 5, 5], allocated_processors=[3, 3, 3])
    usage = usage_of(jobs, capacities={"processor": Capacity(4, "option")})
    assert "Up to 6 were in use at once, more than the 4 cores stated" in _text(usage)


def test_one_job_is_one_job() -> None:
    assert "Never ran (cancelled while waiting, or still waiting): 1 job." in _text(
        _usage(wait_s=[60] * 7 + [-1], run_s=[60] * 7 + [0], state=["completed"] * 7 + ["cancelled"])
    )


def test_numbers_follow_the_language() -> None:
    usage = _usage(run_s=[1000 * HOUR_S] * 8)
    assert "32,000 core-h" in _text(usage, "en")
    assert "32.000 Kern-h" in _text(usage, "de")
