from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from stellwerk.measures.usage.calendar import BinKind, calendar_bins

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_S, DAY_S = 3_600, 86_400


def _utc(*parts: int) -> datetime.datetime:
    return datetime.datetime(*parts, tzinfo=datetime.UTC)  # type: ignore[arg-type, misc]


def test_months_begin_at_local_midnight_whatever_the_clock_does_in_them() -> None:
    zero = _utc(2024, 2, 28, 23, 0)  # midnight of the 29th in Berlin
    bins = calendar_bins(0, 70 * DAY_S, "month", zero, BERLIN)
    assert [start.isoformat() for start in bins.starts] == [  # type: ignore[union-attr]
        "2024-02-01T00:00:00+01:00",
        "2024-03-01T00:00:00+01:00",
        "2024-04-01T00:00:00+02:00",
        "2024-05-01T00:00:00+02:00",
    ]
    assert (np.diff(bins.edges_s) / HOUR_S).tolist() == [29 * 24, 31 * 24 - 1, 30 * 24, 31 * 24]


@pytest.mark.parametrize(("day", "hours"), [((2024, 3, 31), 23), ((2024, 10, 27), 25), ((2024, 6, 1), 24)])
def test_a_day_has_as_many_hours_as_the_zone_gives_it(day: tuple[int, int, int], hours: int) -> None:
    zero = datetime.datetime(*day, 12, tzinfo=BERLIN)
    bins = calendar_bins(0, 1, "day", zero, BERLIN)
    assert np.diff(bins.edges_s).tolist() == [hours * HOUR_S]


def test_a_week_starts_on_monday() -> None:
    bins = calendar_bins(0, 8 * DAY_S, "week", _utc(2024, 3, 7), datetime.UTC)
    assert [start.day for start in bins.starts] == [4, 11]  # type: ignore[union-attr]


@pytest.mark.parametrize(("kind", "days"), [("day", 1), ("week", 7), ("month", 30)])
def test_without_dates_days_count_from_the_zero_of_the_log(kind: BinKind, days: int) -> None:
    bins = calendar_bins(days * DAY_S + 5, 3 * days * DAY_S, kind, None, BERLIN)
    assert bins.starts == (float(days), 2.0 * days)
    assert bins.edges_s.tolist() == [days * DAY_S, 2 * days * DAY_S, 3 * days * DAY_S]


@pytest.mark.parametrize("kind", ["day", "week", "month"])
@pytest.mark.parametrize("zero", [None, _utc(1999, 12, 31, 23, 59, 59)])
def test_bins_cover_the_span_without_a_gap_and_none_lies_beside_it(
    kind: BinKind, zero: datetime.datetime | None
) -> None:
    for first_s, last_s in ((0, 1), (12_345, 98_765_432), (DAY_S, 2 * DAY_S)):
        edges_s = calendar_bins(first_s, last_s, kind, zero, BERLIN).edges_s
        assert edges_s[0] <= first_s < edges_s[1]
        assert edges_s[-2] < last_s <= edges_s[-1]
        assert (np.diff(edges_s) > 0).all()
