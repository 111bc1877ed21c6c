"""Tests of stellwerk.records.columns: CSV and Parquet through a mapping."""

from __future__ import annotations

import csv as python_csv
import datetime
import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError, MissingExtraError
from stellwerk.records import JobTable, columns_csv, read_columns

pl = pytest.importorskip("polars")

MAPPING = """
schema = 1
timezone = "Europe/Berlin"
source = "our own machine, 2024"
[columns]
job_id = "id"
submit = { column = "submitted", time = "iso" }
start = { column = "started", time = "iso" }
end = { column = "ended", time = "iso" }
limit = { column = "hours", unit = "h" }
memory = { column = "gb", unit = "GB", per = "node" }
requested_nodes = "nodes"
user = "who"
partition = { value = "gpu" }
state = "result"
[states]
ok = "completed"
"""
HEADER = "id,who,submitted,started,ended,hours,gb,nodes,result"
ROWS = (
    "7,ann,2024-03-01T12:00:00,2024-03-01T12:10:00,2024-03-01T13:10:00,1.5,64,2,ok",
    "8,bob,2024-03-01T11:00:00,2024-03-01T11:00:30,2024-03-01T11:01:30,2,,1,TIMEOUT",
    '9,"ann",2024-03-01T14:00:00,,,24,1,1,CANCELLED by 1000',
)


def read(folder: Path, text: str | bytes, mapping: str = MAPPING, timezone: str | None = None) -> JobTable:
    (folder / "mapping.toml").write_text(mapping)
    data = folder / "jobs.csv"
    data.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_columns(data, mapping=folder / "mapping.toml", timezone=timezone)


def csv(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def refusal(folder: Path, text: str | bytes, mapping: str = MAPPING) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, text, mapping)
    return str(caught.value).replace(str(folder) + "/", "")


def test_every_column_of_the_table_comes_in_its_unit(tmp_path: Path) -> None:
    jobs = read(tmp_path, csv(*ROWS))
    assert jobs.job_id.tolist() == [8, 7, 9]
    assert jobs.line.tolist() == [3, 2, 4]
    assert jobs.zero == datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    ten_o_clock_s = datetime.datetime(2024, 3, 1, 10, tzinfo=datetime.UTC).timestamp()
    assert (jobs.submit_s - ten_o_clock_s).tolist() == [0, 3600, 10800]
    assert jobs.wait_s.tolist() == [30, 600, -1]
    assert jobs.run_s.tolist() == [60, 3600, -1]
    assert jobs.requested_s.tolist() == [7200, 5400, 86400]
    assert jobs.memory_bytes.tolist() == [-1, 128 * 10**9, 10**9]
    assert jobs.requested_nodes.tolist() == [1, 2, 1]
    assert [jobs.user.names[code] for code in jobs.user.code] == ["bob", "ann", "ann"]
    assert [jobs.partition.names[code] for code in jobs.partition.code] == ["gpu"] * 3
    assert [jobs.state.names[code] for code in jobs.state.code] == ["timeout", "completed", "cancelled"]
    assert jobs.out_of_order is not None
    assert (jobs.out_of_order.jobs, jobs.out_of_order.first_line) == (1, 3)
    assert jobs.header == ("our own machine, 2024",)


def test_gzip_byte_order_mark_blank_lines_and_carriage_returns_change_nothing(tmp_path: Path) -> None:
    plain = read(tmp_path, csv(*ROWS))
    text = "\ufeff" + csv(*ROWS).replace("\n", "\r\n\r\n")
    other = read(tmp_path, gzip.compress(text.encode()))
    assert other.submit_s.tolist() == plain.submit_s.tolist()
    assert other.line.tolist() == [5, 3, 7]
    assert [other.state.names[code] for code in other.state.code] == ["timeout", "completed", "cancelled"]


def test_rows_are_numbered_where_no_column_names_them(tmp_path: Path) -> None:
    jobs = read(tmp_path, csv(*ROWS), MAPPING.replace('job_id = "id"', ""))
    assert jobs.job_id.tolist() == [2, 1, 3]


def test_quoted_fields_hold_separators_newlines_and_quotes(tmp_path: Path) -> None:
    rows = (ROWS[0].replace("ann", '"ann, ""the\nfirst"""'), ROWS[1])
    jobs = read(tmp_path, csv(*rows))
    assert jobs.line.tolist() == [4, 2]
    assert jobs.user.names == ('ann, "the\nfirst"', "bob")


def test_parquet_reads_as_csv_does(tmp_path: Path) -> None:
    plain = read(tmp_path, csv(*ROWS))
    pl.read_csv(tmp_path / "jobs.csv").write_parquet(tmp_path / "jobs.parquet")
    other = read_columns(tmp_path / "jobs.parquet", mapping=tmp_path / "mapping.toml")
    assert other.line.tolist() == [2, 1, 3]
    for column in ("job_id", "submit_s", "wait_s", "run_s", "requested_s", "memory_bytes"):
        assert np.array_equal(getattr(other, column), getattr(plain, column)), column
    assert other.user.names == plain.user.names


def test_of_the_hour_that_a_clock_shows_twice_the_second_follows_a_later_submission(tmp_path: Path) -> None:
    rows = ("1,a,2024-10-27T02:50:00,2024-10-27T02:10:00,2024-10-27T02:20:00,1,,1,ok",)
    jobs = read(tmp_path, csv(*rows))
    assert jobs.wait_s.tolist() == [20 * 60]
    assert jobs.run_s.tolist() == [10 * 60]


@pytest.mark.parametrize(
    ("time", "written", "second"),
    [
        ("epoch_s", "1700000000", 1700000000),
        ("epoch_ms", "1700000000999", 1700000000),
        ("epoch_us", "1700000000000000", 1700000000),
        ("iso", "2023-11-14 22:13:20", 1700000000),
        ("iso", "2023-11-14T22:13:20.5", 1700000000),
        ("iso", "2023-11-14T23:13:20+01:00", 1700000000),
        ("iso", "2023-11-14T22:13Z", None),
        ("iso", "2023-11-14T22:13", 1699999980),
        ("%d.%m.%Y %H:%M:%S", "14.11.2023 22:13:20", 1700000000),
        ("%d.%m.%Y %H:%M:%S", "11/14/2023", None),
    ],
)
def test_ways_to_write_an_instant(tmp_path: Path, time: str, written: str, second: int | None) -> None:
    mapping = f'schema = 1\ntimezone = "UTC"\n[columns]\nsubmit = {{ column = "t", time = "{time}" }}\n'
    if second is None:
        assert f"line 2: t: is no time written as {time}" in refusal(tmp_path, f"t,u\n{written},1\n", mapping)
        return
    assert read(tmp_path, f"t,u\n{written},1\n", mapping).submit_s.tolist() == [second]


@pytest.mark.parametrize(
    ("unit", "written", "seconds"),
    [
        ("s", "90", 90),
        ("ms", "1500", 2),
        ("min", "1.5", 90),
        ("d", "2", 172800),
        ("d-hh:mm:ss", "1-02:03:04", 93784),
        ("d-hh:mm:ss", "2-12", 216000),
        ("d-hh:mm:ss", "01:30:00", 5400),
        ("d-hh:mm:ss", "10:30", 630),
        ("d-hh:mm:ss", "45", 2700),
        ("d-hh:mm:ss", "00:00:07.250", 7),
    ],
)
def test_units_of_a_duration(tmp_path: Path, unit: str, written: str, seconds: int) -> None:
    mapping = (
        'schema = 1\n[columns]\nsubmit = { column = "t", time = "since_zero_s" }\n'
        f'run = {{ column = "d", unit = "{unit}" }}\n'
    )
    jobs = read(tmp_path, f"t,d\n5,{written}\n", mapping)
    assert jobs.run_s.tolist() == [seconds]
    assert jobs.submit_s.tolist() == [5]
    assert jobs.zero is None


def test_what_stands_for_no_value_is_no_value(tmp_path: Path) -> None:
    mapping = (
        'schema = 1\nmissing = ["n/a"]\n[columns]\nsubmit = { column = "t", time = "epoch_s", missing = [0] }\n'
        'run = { column = "d", missing = [-1, "?"] }\nuser = "u"\n'
    )
    jobs = read(tmp_path, "t,d,u\n0,-1,n/a\n10,?,-1\n20,3,x\n", mapping)
    assert jobs.submit_s.tolist() == [-1, 10, 20]
    assert jobs.run_s.tolist() == [-1, -1, 3]
    assert jobs.user.code.tolist() == [-1, 0, 1]


def test_records_that_make_no_sense_are_dropped_and_counted(tmp_path: Path) -> None:
    nameless = ROWS[0].replace("7,", ",", 1)
    backwards = ROWS[0].replace("T13:10", "T12:00")
    jobs = read(tmp_path, csv(nameless, *ROWS, backwards.replace("7,", "10,", 1), backwards.replace("7,", "11,", 1)))
    assert sorted(jobs.job_id.tolist()) == [7, 8, 9]
    assert {reason: (found.jobs, found.first_line) for reason, found in jobs.dropped.items()} == {
        "no_job_id": (1, 2),
        "times_out_of_order": (2, 6),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "jobs.csv: holds no row, not even the names of the columns"),
        (HEADER + "\n", "jobs.csv: holds no job (got 'no row')"),
        (csv(header=HEADER.replace("who", "user")), "jobs.csv: who: the data have no such column; allowed: id, user"),
        (csv(header=HEADER.replace("nodes", "who")), "jobs.csv: nodes: the data have no such column"),
        (csv(ROWS[0] + ",1"), "jobs.csv: line 2: 10 fields instead of 9"),
        (csv(ROWS[0], "1,2"), "jobs.csv: line 3: 2 fields instead of 9"),
        (csv(ROWS[0], ROWS[0]), "jobs.csv: line 3: the job of line 2 has the same id (got 7)"),
        (csv(ROWS[0].replace("1.5", "soon")), "jobs.csv: line 2: hours: is no number (got 'soon')"),
        (csv(ROWS[0].replace("1.5", "-1")), "jobs.csv: line 2: hours: cannot be meant (got '-1')"),
        (csv(ROWS[0].replace("1.5", "nan")), "jobs.csv: line 2: hours: cannot be meant (got 'nan')"),
        (csv(ROWS[0].replace("1.5", "1e30")), "jobs.csv: line 2: hours: cannot be meant (got '1e30')"),
        (csv(ROWS[0].replace("7,", "seven,", 1)), "jobs.csv: line 2: id: is no whole number"),
        (csv(ROWS[0].replace(",ok", ",compleated")), "no such state; say what it means in [states] of mapping.toml"),
        (csv(ROWS[0].replace(",ok", ",COMPLETD")), "did you mean 'completed'?"),
        (csv(ROWS[0].replace("03-01T12:00", "03-31T02:30")), "no clock of Europe/Berlin has shown this time"),
        (
            csv(ROWS[0].replace("2024-03-01T12:00", "1969-12-31T12:00")),
            "line 2: submitted: is too far away to be meant",
        ),
        (csv(ROWS[0].replace("T13:10", "T09:00")), "holds no job (got '1 dropped: times_out_of_order')"),
        (csv(ROWS[0].replace("ann", 'a"n"')), "jobs.csv: line 2: a quote inside a field"),
        (csv(ROWS[0].replace("ann", '"ann')), "jobs.csv: line 2 or after: a quote without its second"),
        (csv(*ROWS).encode() + b"\xff", "jobs.csv: line 5: not UTF-8 text"),
        (gzip.compress(csv(*ROWS).encode())[:-9], "jobs.csv: the gzip ends early"),
        (b"PAR1 and no more", "jobs.csv: broken Parquet"),
    ],
)
def test_bad_data_is_named_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_a_clock_needs_a_zone_from_somewhere(tmp_path: Path) -> None:
    mapping = MAPPING.replace('timezone = "Europe/Berlin"', "")
    assert "jobs.csv: submitted: its times stand on a clock, and nothing says where" in refusal(
        tmp_path, csv(*ROWS), mapping
    )
    jobs = read(tmp_path, csv(*ROWS), mapping, timezone="UTC")
    assert jobs.submit_s[0] == datetime.datetime(2024, 3, 1, 11, tzinfo=datetime.UTC).timestamp()


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.sampled_from(',;"\n '), max_size=12)


@given(rows=st.lists(st.tuples(st.integers(0, 10**9), TEXT, TEXT), min_size=1, max_size=30), block=st.integers(1, 90))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fields_are_those_that_pythons_own_csv_wrote_wherever_blocks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[int, str, str]], block: int
) -> None:
    monkeypatch.setattr(columns_csv, "_BLOCK_BYTES", block)
    data, mapping = tmp_path / "jobs.csv", tmp_path / "mapping.toml"
    with data.open("w", newline="", encoding="utf-8") as file:
        python_csv.writer(file, lineterminator="\n").writerows([("time", "first, or", 'sec"ond'), *rows])
    mapping.write_text(
        'schema = 1\n[columns]\nsubmit = { column = "time", time = "epoch_s" }\n'
        "user = 'first, or'\naccount = 'sec\"ond'\n"
    )
    jobs = read_columns(data, mapping=mapping)
    order = sorted(range(len(rows)), key=lambda row: rows[row][0])
    assert jobs.submit_s.tolist() == [rows[row][0] for row in order]
    for column, place in ((jobs.user, 1), (jobs.account, 2)):
        read_back = ["" if code < 0 else column.names[code] for code in column.code.tolist()]
        assert read_back == [rows[row][place] for row in order]
    first_lines = [2 + sum(1 + "".join(row[1:]).count("\n") for row in rows[:row_number]) for row_number in order]
    assert jobs.line.tolist() == first_lines


def test_what_holds_for_each_node_or_processor_is_multiplied(tmp_path: Path) -> None:
    mapping = (
        'schema = 1\n[columns]\nsubmit = { column = "t", time = "epoch_s" }\nrequested_nodes = "n"\n'
        'requested_processors = { column = "c", per = "node" }\nallocated_accelerators = { value = 4, per = "node" }\n'
        'memory = { column = "m", unit = "MiB", per = "processor" }\n'
    )
    jobs = read(tmp_path, "t,n,c,m\n1,2,8,100\n2,,8,100\n3,2,,100\n", mapping)
    assert jobs.requested_processors.tolist() == [16, -1, -1]
    assert jobs.allocated_accelerators.tolist() == [8, -1, 8]
    assert jobs.memory_bytes.tolist() == [16 * 100 * 2**20, -1, -1]
    assert "is too much for each of 2000000000 nodes" in refusal(tmp_path, "t,n,c,m\n1,2000000000,8,100\n", mapping)


def test_a_format_without_the_minute_is_refused(tmp_path: Path) -> None:
    mapping = 'schema = 1\ntimezone = "UTC"\n[columns]\nsubmit = { column = "t", time = "%Y-%m-%d %H" }\n'
    said = refusal(tmp_path, "t,u\n2024-01-01 10,1\n", mapping)
    assert "jobs.csv: t: the mapping's format of its times cannot be" in said


def test_an_unknown_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="timezone: no such time zone"):
        read(tmp_path, csv(*ROWS), timezone="Mars/Olympus")


def test_without_polars_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"CSV.*stellwerk\[sim\]"):
        read(tmp_path, csv(*ROWS))
