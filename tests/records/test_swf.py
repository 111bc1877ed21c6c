from __future__ import annotations

import gzip
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.records import MISSING, Finding, JobTable, machine_processors, read_swf, replayable

EXCERPT = Path(__file__).parents[1] / "data/swf/kth-sp2-1996-first-2500.swf.gz"
HEADER = "; Version: 2.2\n; MaxProcs: 100\n"

Write = Callable[[str | bytes], Path]


def read_jobs(path: Path) -> JobTable:
    return replayable(read_swf(path))


def swf_line(
    job_id: int = 1,
    submit: int = 0,
    wait: int = -1,
    run: int = 60,
    allocated: int = 4,
    requested: int = -1,
    limit: int = -1,
    status: int = 1,
) -> str:
    return f"{job_id} {submit} {wait} {run} {allocated} -1 -1 {requested} {limit} -1 {status} 1 1 -1 -1 -1 -1 -1\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_log(content: str | bytes) -> Path:
        path = tmp_path / "log.swf"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_log


def test_the_kth_excerpt_is_read_with_its_header_and_one_dropped_job() -> None:
    jobs = read_jobs(EXCERPT)
    assert len(jobs) == 2499
    assert dict(jobs.dropped) == {"zero_run_time": Finding(jobs=1, first_line=2485)}
    assert jobs.out_of_order is None
    assert machine_processors(jobs) == 100
    assert "; Acknowledge: Lars Malinowsky" in jobs.header


def test_each_column_holds_its_field() -> None:
    jobs = read_jobs(EXCERPT)
    first = {name: int(getattr(jobs, name)[0]) for name in ("job_id", "line", "submit_s", "wait_s", "run_s")}
    assert first == {"job_id": 1, "line": 20, "submit_s": 0, "wait_s": 964980, "run_s": 97225}
    assert (jobs.requested_s[0], jobs.allocated_processors[0], jobs.requested_processors[0]) == (210000, 56, 56)


def test_what_the_log_does_not_say_is_missing(write: Write) -> None:
    jobs = read_jobs(write(swf_line(wait=-1, limit=-1, requested=-7)))
    assert jobs.wait_s[0] == jobs.requested_s[0] == jobs.requested_processors[0] == MISSING


@pytest.mark.parametrize(("allocated", "requested", "processors"), [(8, 7, 8), (8, -1, 8), (-1, 7, 7), (0, 7, 7)])
def test_processors_are_those_allocated_or_else_those_requested(
    write: Write, allocated: int, requested: int, processors: int
) -> None:
    assert read_jobs(write(swf_line(allocated=allocated, requested=requested))).processors.tolist() == [processors]


@pytest.mark.parametrize(("limit", "expected"), [(30, 30), (90, 90), (0, 60), (-1, 60)])
def test_the_limit_is_the_requested_time_or_else_the_run_time(write: Write, limit: int, expected: int) -> None:
    assert read_jobs(write(swf_line(run=60, limit=limit))).limit_s.tolist() == [expected]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (swf_line(2, run=0), "zero_run_time"),
        (swf_line(2, run=-1), "no_run_time"),
        (swf_line(2, run=-60), "no_run_time"),
        (swf_line(2, allocated=0, requested=-1), "no_processors"),
        (swf_line(2, allocated=-4, requested=0), "no_processors"),
        (swf_line(2, submit=-1), "no_submit_time"),
        (swf_line(-1), "no_job_id"),
        (swf_line(1, status=3), "partial_execution"),
    ],
)
def test_a_job_that_cannot_be_replayed_is_dropped_with_its_reason(write: Write, line: str, reason: str) -> None:
    jobs = read_jobs(write(HEADER + swf_line(1) + line + line.replace("2 ", "4 ", 1) + swf_line(3)))
    assert jobs.job_id.tolist() == [1, 3]
    assert dict(jobs.dropped) == {reason: Finding(jobs=2, first_line=4)}


def test_submit_times_out_of_order_are_sorted_stably_and_counted(write: Write) -> None:
    submits = {5: 10, 6: 30, 3: 20, 9: 10, 4: 30}
    jobs = read_jobs(write("".join(swf_line(job_id, submit) for job_id, submit in submits.items())))
    assert jobs.job_id.tolist() == [5, 9, 3, 6, 4]
    assert jobs.line.tolist() == [1, 4, 3, 2, 5]
    assert jobs.out_of_order == Finding(jobs=2, first_line=3)


def test_lines_may_be_empty_end_in_carriage_returns_and_lack_the_last_newline(write: Write) -> None:
    text = (HEADER + "\n  \n" + swf_line(1) + "; a remark\n\t" + swf_line(2)).replace("\n", "\r\n").rstrip()
    jobs = read_jobs(write(text))
    assert jobs.line.tolist() == [5, 7]
    assert jobs.header == ("; Version: 2.2", "; MaxProcs: 100", "; a remark")


def test_gzip_is_known_by_its_content_whatever_the_name(write: Write) -> None:
    assert len(read_jobs(write(gzip.compress(swf_line().encode())))) == 1


@pytest.mark.parametrize(
    ("header", "processors"),
    [
        ("; MaxNodes: 20\n; MaxProcs: 100 (80 of them new)\n", 100),
        ("; MaxNodes: 20\n; MaxProcs: -1\n", 20),
        ("; MaxProcs: 1,024\n", None),
        ("; MaxProcs: many\n; MaxNodes: 0\n", None),
        ("", None),
    ],
)
def test_the_machine_is_as_large_as_the_header_says(write: Write, header: str, processors: int | None) -> None:
    assert machine_processors(read_jobs(write(header + swf_line()))) == processors


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no usable job"),
        (HEADER.encode(), "holds no usable job"),
        (swf_line(run=0).encode(), "holds no usable job (got '1 dropped: zero_run_time')"),
        (HEADER.encode() + b"1 2 3\n", "line 3: 3 fields instead of 18 (got '1 2 3')"),
        ((swf_line().strip() + " 7\n").encode(), "line 1: 19 fields instead of 18"),
        (
            swf_line(1).encode() + swf_line(2).replace("60", "1h").encode(),
            "line 2: run_s is not a whole number (got '1h')",
        ),
        (swf_line(1).replace("60", "60.5").encode(), "line 1: run_s is not a whole number (got '60.5')"),
        (swf_line(1).replace("60", "nan").encode(), "line 1: run_s is not a whole number (got 'nan')"),
        (swf_line(run=10**11 + 1).encode(), "line 1: run_s is larger than 100,000,000,000"),
        (swf_line(run=10**40).encode(), "line 1: run_s is not a whole number"),
        (swf_line(submit=-(10**18)).encode(), "line 1: submit_s is larger than"),
        (swf_line(allocated=2**31).encode(), "line 1: allocated_processors is beyond measure (got 2147483648)"),
        ((swf_line(7) + swf_line(8) + swf_line(7)).encode(), "line 3: the job of line 1 has the same id (got 7)"),
        (HEADER.encode() + b"; K\xf6nig\n", "line 3: not UTF-8 text"),
        (bytes(range(256)), "line 1: "),
        (swf_line().encode() + b"0" * 70_000, "line 2: line longer than 64 KiB"),
        (gzip.compress(swf_line().encode(), mtime=0) + b"more", "broken gzip"),
        (b"\x1f\x8b", "the gzip ends early"),
    ],
)
def test_bad_content_is_named_with_file_and_line(write: Write, content: bytes, said: str) -> None:
    path = write(content)
    with pytest.raises(InputError) as caught:
        read_jobs(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.swf: cannot be read: No such file"):
        read_jobs(tmp_path / "nowhere.swf")
    with pytest.raises(InputError, match="not a regular file"):
        read_jobs(tmp_path)


@given(end=st.integers(min_value=2, max_value=EXCERPT.stat().st_size - 1))
@settings(max_examples=30)
def test_a_gzip_that_ends_early_is_named_wherever_it_ends(tmp_path_factory: pytest.TempPathFactory, end: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "log.swf.gz"
    path.write_bytes(EXCERPT.read_bytes()[:end])
    with pytest.raises(InputError, match=r"log\.swf\.gz: the gzip ends early"):
        read_jobs(path)


def test_a_file_above_the_cap_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.swf"
    with path.open("wb") as file:
        file.truncate(2**35)
    with pytest.raises(InputError, match=r"huge\.swf: larger than 16384 MiB"):
        read_jobs(path)


def test_a_small_gzip_of_a_huge_text_is_refused_at_the_cap(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stellwerk.records.rows.MAX_TEXT_BYTES", 2**20)
    path = write(gzip.compress("".join(swf_line(number) for number in range(30_000)).encode()))
    assert path.stat().st_size < 2**20
    with pytest.raises(InputError, match="larger than 1 MiB"):
        read_jobs(path)


def test_a_line_without_end_is_refused_before_it_fills_the_memory(write: Write) -> None:
    path = write(gzip.compress(bytes(100 * 2**20), compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="line 1: line longer than 64 KiB"):
            read_jobs(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


COUNTS = (4, 7)  # fields with numbers of processors
MEMORY = 9
fields = st.tuples(
    *(
        st.integers(
            min_value=-(10**11), max_value=2**31 - 1 if place in COUNTS else 2**19 if place == MEMORY else 10**11
        )
        for place in range(18)
    )
).map(list)


@given(rows=st.lists(fields, min_size=1, max_size=12, unique_by=lambda row: row[0]))
@settings(max_examples=60)
def test_every_line_ends_up_in_the_table_or_in_the_report(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[int]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.swf"
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))
    jobs = table_or_error(path)
    if isinstance(jobs, InputError):
        assert jobs.problem == "holds no usable job"
        return
    assert len(jobs) + sum(finding.jobs for finding in jobs.dropped.values()) == len(rows)
    for place, line in enumerate(jobs.line):
        row = rows[line - 1]
        assert (jobs.job_id[place], jobs.submit_s[place], jobs.run_s[place]) == (row[0], row[1], row[3])
    assert_is_queue(jobs)


@given(seed=st.integers(0, 2**32), edits=st.integers(1, 6))
@settings(max_examples=75)
def test_a_damaged_log_gives_a_sound_table_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, seed: int, edits: int
) -> None:
    dice = random.Random(seed)  # noqa: S311
    content = bytearray((HEADER + "".join(swf_line(number, 10 * number) for number in range(8))).encode())
    for _ in range(edits):
        place = dice.randrange(len(content))
        content[place : place + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    path = tmp_path_factory.mktemp("damaged") / "log.swf"
    path.write_bytes(content)
    jobs = table_or_error(path)
    if isinstance(jobs, InputError):
        assert jobs.file == path
        return
    assert_is_queue(jobs)


@given(content=st.binary(max_size=200))
@settings(max_examples=60)
def test_arbitrary_bytes_never_escape_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "log.swf"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_jobs(path)


def table_or_error(path: Path) -> JobTable | InputError:
    try:
        return read_jobs(path)
    except InputError as error:
        return error


def assert_is_queue(jobs: JobTable) -> None:
    assert (np.diff(jobs.submit_s) >= 0).all()
    assert len(np.unique(jobs.job_id)) == len(jobs)
    assert (jobs.submit_s >= 0).all()
    assert (jobs.run_s > 0).all()
    assert (jobs.processors > 0).all()
    assert (jobs.limit_s > 0).all()
