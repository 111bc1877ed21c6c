from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.catalog import Cutoff, DateRange, RecurringCutoff, Source, load_catalogue
from tests.catalog.conftest import WriteCatalogue

SOURCE = Source((), "2026", None, "primary")


def test_the_next_cut_off_is_the_first_of_all_lists(write_catalogue: WriteCatalogue) -> None:
    programme = load_catalogue(write_catalogue()).programmes["antrag"]
    days = [
        (datetime.date(2026, 11, 23), None, datetime.date(2026, 12, 1)),
        (datetime.date(2026, 12, 2), None, datetime.date(2027, 1, 4)),
        (datetime.date(2027, 1, 4), None, datetime.date(2027, 1, 4)),
        (datetime.date(2027, 1, 5), "heim-gpu", datetime.date(2027, 1, 15)),
        (datetime.date(2027, 7, 16), "heim-gpu", datetime.date(2028, 1, 15)),
    ]
    for as_of, system_id, expected in days:
        coming = programme.next_cutoff(as_of, system_id)
        assert coming is not None
        assert coming.day == expected
    assert programme.next_cutoff(datetime.date(2027, 1, 5)) is None, "the rule holds for one system only"
    assert programme.next_cutoff(datetime.date(2027, 1, 5), "another") is None


def test_a_cut_off_with_an_hour_is_among_the_days_too(write_catalogue: WriteCatalogue) -> None:
    programme = load_catalogue(write_catalogue()).programmes["antrag"]
    assert programme.cutoff_dates == (datetime.date(2026, 12, 1), datetime.date(2027, 1, 4))
    assert programme.cutoffs == (Cutoff(datetime.date(2027, 1, 4), "10:00", "Europe/Brussels"),)


@pytest.mark.parametrize(("month", "hour_utc"), [(1, 9), (7, 8)])
def test_an_hour_follows_summer_time(month: int, hour_utc: int) -> None:
    instant = Cutoff(datetime.date(2027, month, 4), "10:00", "Europe/Brussels").instant
    assert instant == datetime.datetime(2027, month, 4, hour_utc, tzinfo=datetime.UTC)
    assert Cutoff(datetime.date(2027, month, 4)).instant is None


@given(
    as_of=st.dates(datetime.date(2020, 1, 1), datetime.date(2100, 1, 1)),
    days=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 28)), min_size=1, max_size=4),
)
def test_a_rule_gives_the_nearest_of_its_days(as_of: datetime.date, days: list[tuple[int, int]]) -> None:
    coming = RecurringCutoff(tuple(days), "", (), "", SOURCE).next_day(as_of)
    assert as_of <= coming <= as_of + datetime.timedelta(days=366)
    assert (coming.month, coming.day) in days
    between = (as_of + datetime.timedelta(days=number) for number in range((coming - as_of).days))
    assert not any((day.month, day.day) in days for day in between)


def test_a_range_of_dates_says_only_what_is_certain() -> None:
    start = (datetime.date(2024, 1, 1), datetime.date(2024, 12, 31))
    end = (datetime.date(2027, 6, 1), datetime.date(2027, 12, 31))
    known, open_ended = DateRange(*start, *end), DateRange(*start, None, None)
    assert known.covers(datetime.date(2023, 12, 31)) is False
    assert known.covers(datetime.date(2024, 6, 1)) is None
    assert known.covers(datetime.date(2025, 1, 1)) is True
    assert known.covers(datetime.date(2027, 7, 1)) is None
    assert known.covers(datetime.date(2028, 1, 1)) is False
    assert open_ended.covers(datetime.date(2025, 1, 1)) is None
