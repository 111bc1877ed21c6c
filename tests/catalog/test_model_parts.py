from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.catalog import Catalogue, Cutoff, Programme, load_catalogue
from stellwerk.catalog.model_parts import DateRange
from tests.catalog.conftest import WriteCatalogue

UTC = datetime.UTC
DAYS = st.dates(datetime.date(2020, 1, 1), datetime.date(2035, 12, 31))
CUTOFFS = """\
cutoff_dates = [2026-12-01, 2027-06-30]
cutoffs = ["2026-12-01 10:00 Europe/Brussels", "2026-07-01 17:00 Europe/Berlin"]
family = "stufen"
"""
RECURRING = """\
[[programmes.recurring_cutoffs]]
days = ["07-15", "01-15"]
scope = "Heim"
system_ids = ["heim-gpu"]

[[programmes.recurring_cutoffs]]
days = ["10-01"]

[[programmes.limits]]"""


@pytest.fixture
def programme(write_catalogue: WriteCatalogue) -> Programme:
    written = write_catalogue(('family = "stufen"\n', CUTOFFS), ("[[programmes.limits]]", RECURRING))
    return load_catalogue(written).programmes["antrag"]


@pytest.mark.parametrize(
    ("day", "utc"),
    [
        (datetime.date(2026, 7, 1), datetime.datetime(2026, 7, 1, 15, tzinfo=UTC)),
        (datetime.date(2026, 12, 1), datetime.datetime(2026, 12, 1, 16, tzinfo=UTC)),
        (datetime.date(2027, 3, 27), datetime.datetime(2027, 3, 27, 16, tzinfo=UTC)),
        (datetime.date(2027, 3, 28), datetime.datetime(2027, 3, 28, 15, tzinfo=UTC)),
    ],
)
def test_an_hour_in_berlin_is_another_in_summer_than_in_winter(day: datetime.date, utc: datetime.datetime) -> None:
    """Summer time begins on 2027-03-28."""
    assert Cutoff(day, "17:00", "Europe/Berlin").instant == utc


def test_a_day_alone_is_no_instant() -> None:
    assert Cutoff(datetime.date(2026, 12, 1)).instant is None


def test_an_hour_of_a_cutoff_leads_over_the_same_day_without_one(programme: Programme) -> None:
    expected = Cutoff(datetime.date(2026, 12, 1), "10:00", "Europe/Brussels")
    assert programme.next_cutoff(datetime.date(2026, 11, 23)) == expected
    assert programme.next_cutoff(datetime.date(2026, 12, 1)) == expected, "applications are taken on the day itself"


def test_a_cutoff_with_an_hour_is_one_of_the_days_too(programme: Programme) -> None:
    assert programme.cutoff_dates == (
        datetime.date(2026, 7, 1),
        datetime.date(2026, 12, 1),
        datetime.date(2027, 6, 30),
    )


def test_a_recurring_cutoff_of_one_centre_holds_for_its_systems_only(programme: Programme) -> None:
    after = datetime.date(2026, 12, 2)
    assert programme.next_cutoff(after, "heim-gpu") == Cutoff(datetime.date(2027, 1, 15))
    assert programme.next_cutoff(after, "elsewhere") == Cutoff(datetime.date(2027, 6, 30))
    assert programme.next_cutoff(after) == Cutoff(datetime.date(2027, 6, 30))
    assert programme.next_cutoff(datetime.date(2027, 7, 1)) == Cutoff(datetime.date(2027, 10, 1))


def test_a_recurring_cutoff_returns_in_the_next_year(programme: Programme) -> None:
    rule = programme.recurring_cutoffs[0]
    assert rule.days == ((1, 15), (7, 15))
    assert rule.next_day(datetime.date(2026, 7, 15)) == datetime.date(2026, 7, 15)
    assert rule.next_day(datetime.date(2026, 7, 16)) == datetime.date(2027, 1, 15)


def test_without_any_cutoff_none_is_next(write_catalogue: WriteCatalogue) -> None:
    programme = load_catalogue(write_catalogue()).programmes["antrag"]
    assert programme.next_cutoff(datetime.date(2026, 11, 23), "heim-gpu") is None


@given(as_of=DAYS)
def test_the_next_cutoff_is_never_before_the_day(packaged: Catalogue, as_of: datetime.date) -> None:
    for programme in packaged.programmes.values():
        for system_id in (None, *programme.system_ids[:3]):
            found = programme.next_cutoff(as_of, system_id)
            assert found is None or found.day >= as_of
            if found is not None:
                assert programme.next_cutoff(found.day, system_id) == found
            if programme.recurring_cutoffs and not programme.recurring_cutoffs[0].system_ids:
                assert found is not None
                assert (found.day - as_of).days <= 366


PLANNED = DateRange(
    datetime.date(2026, 7, 1), datetime.date(2026, 12, 31), datetime.date(2030, 1, 1), datetime.date(2030, 12, 31)
)


@pytest.mark.parametrize(
    ("day", "covered"),
    [
        (datetime.date(2026, 6, 30), False),
        (datetime.date(2026, 7, 1), None),
        (datetime.date(2026, 12, 30), None),
        (datetime.date(2026, 12, 31), True),
        (datetime.date(2030, 1, 1), True),
        (datetime.date(2030, 1, 2), None),
        (datetime.date(2030, 12, 31), None),
        (datetime.date(2031, 1, 1), False),
    ],
)
def test_a_range_covers_a_day_for_certain_or_leaves_it_open(day: datetime.date, covered: bool | None) -> None:
    assert PLANNED.covers(day) is covered


def test_where_no_end_is_known_no_day_is_covered_for_certain() -> None:
    begun = DateRange(datetime.date(2026, 7, 1), datetime.date(2026, 7, 1), None, None)
    assert begun.covers(datetime.date(2026, 6, 30)) is False
    assert begun.covers(datetime.date(2026, 7, 2)) is None
    assert DateRange(None, None, None, None).covers(datetime.date(2026, 7, 2)) is None


@given(ends=st.lists(DAYS, min_size=4, max_size=4).map(sorted), known=st.tuples(*[st.booleans()] * 4), day=DAYS)
def test_knowing_less_never_settles_more(
    ends: list[datetime.date], known: tuple[bool, ...], day: datetime.date
) -> None:
    less = DateRange(*(end if stated else None for end, stated in zip(ends, known, strict=True)))
    assert less.covers(day) in (None, DateRange(*ends).covers(day))


def test_partitions_arrive_in_the_order_of_their_names_and_a_local_one_replaces_its_name(
    write_catalogue: WriteCatalogue, tmp_path: Path
) -> None:
    tables = (
        '[[systems.partitions]]\nname = "gpu"\nkind = "exclusive"\ndevices_max = 16\nmax_walltime_h = 24\n\n'
        '[[systems.partitions]]\nname = "dev"\nkind = "development"\nsource = "report"\n\n[[systems.claims]]'
    )
    (tmp_path / "below").mkdir()
    below = write_catalogue(("[[systems.claims]]", tables), name="below/heim.toml") / "below"
    dev, gpu = load_catalogue(below).systems["heim-gpu"].partitions
    assert (dev.name, dev.kind, dev.devices_max, dev.source.evidence) == ("dev", "development", None, "secondary")
    assert (gpu.name, gpu.devices_max, gpu.max_walltime_h) == ("gpu", 16, 24)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/own.toml").write_text(
        'schema = 1\n\n[[systems]]\nid = "heim-gpu"\n\n'
        '[[systems.partitions]]\nname = "gpu"\nmax_walltime_h = 48\nsource = "unsourced"\n',
        encoding="utf-8",
    )
    dev, gpu = load_catalogue(below, overlay=tmp_path / "own").systems["heim-gpu"].partitions
    assert dev.kind == "development"
    assert (gpu.max_walltime_h, gpu.devices_max, gpu.source.local) == (48, None, True)


def test_the_leading_launch_profile_and_unknown_keys_stay_apart(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue())
    profile = catalogue.launch_profile("heim-gpu")
    assert profile is not None
    assert (profile.scheduler.value, profile.address_suffix.value) == ("slurm", None)
    assert catalogue.launch_profile("elsewhere") is None


def test_of_two_intensities_the_local_the_later_and_the_better_evidenced_lead(
    write_catalogue: WriteCatalogue, tmp_path: Path
) -> None:
    entry = (
        '[[carbon_intensities]]\nid = "{0}"\nsource = "{1}"\ncountry = "DE"\nyear = {2}\nmethod = "{3}"\n'
        "co2_g_per_kwh = {4}\n\n"
    )
    more = (
        entry.format("co2-2026", "report", 2026, "quoted", 310)
        + entry.format("co2-2026b", "page", 2026, "life cycle", 350)
        + entry.format("co2-2027", "page", 2027, "yearly average", 1)
    )
    (tmp_path / "below").mkdir()
    place = "[[carbon_intensities]]"
    below = write_catalogue((place, more + place), name="below/heim.toml") / "below"
    as_of = datetime.date(2026, 11, 23)
    found = load_catalogue(below).carbon_intensity("DE", as_of)
    assert [claim.value for claim in found.claims] == [350, 310, 300], "none of a year that is yet to come"
    assert (found.claims[0].note, found.claims[0].unit) == ("2026, life cycle", "g/kWh")
    assert load_catalogue(below).carbon_intensity("FR", as_of).value is None
    (tmp_path / "own").mkdir()
    (tmp_path / "own/own.toml").write_text(
        "schema = 1\n\n" + entry.format("green", "unsourced", 2024, "our contract", 0), encoding="utf-8"
    )
    assert load_catalogue(below, overlay=tmp_path / "own").carbon_intensity("DE", as_of).value == 0
