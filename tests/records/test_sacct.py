from __future__ import annotations

import datetime
import gzip
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.records import MISSING, Finding, JobTable, Labels, read_sacct, replayable

GIB = 2**30
JOB = {
    "JobID": "7",
    "JobIDRaw": "",
    "User": "ada",
    "Account": "physics",
    "Partition": "gpu",
    "QOS": "normal",
    "State": "COMPLETED",
    "Submit": "2026-01-05T10:00:00",
    "Eligible": "2026-01-05T10:00:00",
    "Start": "2026-01-05T10:01:00",
    "End": "2026-01-05T11:01:00",
    "Elapsed": "01:00:00",
    "Timelimit": "02:00:00",
    "NNodes": "2",
    "NCPUS": "16",
    "ReqCPUS": "16",
    "ReqMem": "",
    "ReqTRES": "",
    "AllocTRES": "",
    "NodeList": "n[1-2]",
    "JobName": "train",
}
NEVER_STARTED = {
    "State": "CANCELLED by 1000",
    "Start": "None",
    "End": "2026-01-05T10:30:00",
    "Elapsed": "00:00:00",
    "NodeList": "None assigned",
}

Read = Callable[..., JobTable]


def dump(*jobs: dict[str, str], title: bool = True) -> str:
    fields = list(dict.fromkeys(name for job in jobs for name in (*JOB, *job)))
    lines = ["|".join((JOB | job).get(name, "") for name in fields) for job in jobs]
    return "".join(f"{line}\n" for line in (["|".join(fields)] if title else []) + lines)


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_dump(*jobs: dict[str, str] | str | bytes, **options: Any) -> JobTable:
        path = tmp_path / "dump.txt"
        if isinstance(jobs[0], dict):
            path.write_text(dump(*(job for job in jobs if isinstance(job, dict))))
        else:
            path.write_bytes(b"".join(job.encode() if isinstance(job, str) else bytes(job) for job in jobs))  # type: ignore[arg-type]
        return read_sacct(path, **options)

    return read_dump


def words(column: Labels) -> list[str | None]:
    return [None if code == MISSING else column.names[code] for code in column.code]


def test_each_column_holds_its_field(read: Read) -> None:
    jobs = read(
        {"ReqTRES": "cpu=16,mem=64G,node=2,gres/gpu=8", "AllocTRES": "billing=99,cpu=16,mem=64G,node=2,gres/gpu=8"}
    )
    assert jobs.zero is not None
    assert jobs.zero + datetime.timedelta(seconds=int(jobs.submit_s[0])) == datetime.datetime(
        2026, 1, 5, 10, tzinfo=datetime.UTC
    )
    numbers = (
        "job_id",
        "line",
        "wait_s",
        "run_s",
        "requested_s",
        "memory_bytes",
        "processors",
        "nodes",
        "accelerators",
    )
    assert {name: int(getattr(jobs, name)[0]) for name in numbers} == {
        "job_id": 7,
        "line": 2,
        "wait_s": 60,
        "run_s": 3600,
        "requested_s": 7200,
        "memory_bytes": 64 * GIB,
        "processors": 16,
        "nodes": 2,
        "accelerators": 8,
    }
    texts = [words(column)[0] for column in (jobs.user, jobs.account, jobs.partition, jobs.qos, jobs.state)]
    assert texts == ["ada", "physics", "gpu", "normal", "completed"]
    assert (dict(jobs.dropped), dict(jobs.remarks), jobs.out_of_order) == ({}, {}, None)


@pytest.mark.parametrize(
    ("column", "text", "accelerators"),
    [
        ("AllocTRES", "cpu=8,gres/gpu=8", 8),
        ("AllocTRES", "cpu=8,gres/gpu:h100=4", 4),
        ("AllocTRES", "cpu=8,gres/gpu=8,gres/gpu:h100=8", 8),
        ("AllocTRES", "cpu=8,gres/gpu:h100=8,gres/gpu=8", 8),
        ("AllocTRES", "gres/gpu:a100=4,gres/gpu:h100=2", 6),
        ("AllocTRES", "gpu=4", 4),
        ("AllocTRES", "gres/gpu:3090=4", 4),
        ("AllocTRES", "gres/gpu=99999999999", MISSING),
        ("AllocTRES", "gres/gpu:a100=many", MISSING),
        ("AllocTRES", "gres/gpu:a100=2000000000,gres/gpu:h100=2000000000", MISSING),
        ("AllocTRES", "billing=512,cpu=8,mem=1G,node=1", 0),
        ("AllocTRES", "cpu=8,gres/gpumem=80G,gres/shard=3", 0),
        ("AllocTRES", "", MISSING),
        ("AllocGRES", "gpu:4", 4),
        ("AllocGRES", "gpu", 1),
        ("AllocGRES", "gpu:3090:2", 2),
        ("AllocGRES", "gpu:tesla", 1),
        ("AllocGRES", "gpu:a100:4(S:0-1)", 4),
        ("AllocGRES", "gpu:a100:4(S:0,1),gpu:v100:2,craynetwork:1", 6),
        ("AllocGRES", "gres:gpu:2", 2),
        ("AllocGRES", "craynetwork:1", 0),
    ],
)
def test_gpus_are_counted_in_every_spelling(read: Read, column: str, text: str, accelerators: int) -> None:
    jobs = read({column: text})
    assert jobs.allocated_accelerators.tolist() == [accelerators]
    requested = read({column.replace("Alloc", "Req"): text})
    assert requested.requested_accelerators.tolist() == [accelerators]


def test_gpus_that_only_the_older_field_knows_are_counted_too(read: Read) -> None:
    assert read({"AllocTRES": "cpu=16,node=2", "AllocGRES": "gpu:8"}).accelerators.tolist() == [8]


@pytest.mark.parametrize(
    ("text", "memory_bytes"),
    [
        ("64G", 64 * GIB),
        ("512K", 512 * 2**10),
        ("1.5T", 3 * 2**39),
        ("1000", 1000 * 2**20),
        ("4Gn", 2 * 4 * GIB),
        ("4Gc", 16 * 4 * GIB),
        ("0n", MISSING),
        ("", MISSING),
        ("2147486448Mn", 16 * 2800 * 2**20),
    ],
)
def test_memory_is_that_of_the_whole_job(read: Read, text: str, memory_bytes: int) -> None:
    assert read({"ReqMem": text}).memory_bytes.tolist() == [memory_bytes]


def test_trackable_resources_say_the_memory_of_the_whole_job_themselves(read: Read) -> None:
    assert read({"ReqMem": "4Gc", "ReqTRES": "cpu=16,mem=10G"}).memory_bytes.tolist() == [10 * GIB]


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        ("01:30", 90),
        ("02:00:00", 7_200),
        ("7-00:00:00", 7 * 86_400),
        ("125-00:00:00", 125 * 86_400),
        ("UNLIMITED", MISSING),
        ("Partition_Limit", MISSING),
        ("", MISSING),
    ],
)
def test_time_limits_in_every_form(read: Read, limit: str, seconds: int) -> None:
    assert read({"Timelimit": limit}).requested_s.tolist() == [seconds]


def test_raw_fields_are_minutes_of_the_limit_and_seconds_of_the_run(read: Read) -> None:
    jobs = read({"TimelimitRaw": "90", "ElapsedRaw": "77", "Timelimit": "", "Elapsed": ""})
    assert (jobs.requested_s.tolist(), jobs.run_s.tolist()) == ([5_400], [77])


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("CANCELLED by 1234", "cancelled"),
        ("OUT_OF_MEMORY", "out_of_memory"),
        ("NODE_FAIL", "node_fail"),
        ("REQUEUED", "requeued"),
        ("PREEMPTED", "preempted"),
        ("CANCELLED+", "cancelled"),
        ("OUT_OF_ME+", "out_of_memory"),
        ("", None),
    ],
)
def test_states_are_named_in_lower_case_without_what_follows(read: Read, text: str, state: str | None) -> None:
    jobs = read({"State": text})
    assert words(jobs.state) == [state]
    assert not jobs.remarks


def test_an_unknown_state_is_left_empty_and_counted(read: Read) -> None:
    jobs = read({"JobID": "1"}, {"JobID": "2", "State": "SPECIAL_EXIT"})
    assert words(jobs.state) == ["completed", None]
    assert jobs.remarks == {"unknown_state": Finding(1, 3)}


@pytest.mark.parametrize("start", ["None", "Unknown", "", "N/A", "2026-01-05T10:30:00"])
def test_a_job_that_never_started_waited_for_nothing_and_held_nothing(read: Read, start: str) -> None:
    jobs = read({"JobID": "1"}, {"JobID": "2"} | NEVER_STARTED | {"Start": start})
    assert (jobs.wait_s[1], jobs.run_s[1], jobs.allocated_processors[1]) == (MISSING, MISSING, MISSING)
    assert (jobs.requested_processors[1], jobs.requested_nodes[1]) == (16, 2)
    assert dict(replayable(jobs).dropped) == {"no_run_time": Finding(1, 3)}


def test_a_running_job_is_in_the_table_and_not_in_a_replay(read: Read) -> None:
    jobs = read({"JobID": "1"}, {"JobID": "2", "State": "RUNNING", "End": "Unknown", "Elapsed": "00:10:00"})
    assert jobs.run_s.tolist() == [3600, 600]
    assert dict(replayable(jobs).dropped) == {"not_ended": Finding(1, 3)}


def test_steps_are_left_out_and_counted(read: Read) -> None:
    steps = [{"JobID": f"7.{step}", "JobName": step} for step in ("batch", "extern", "0")]
    jobs = read({}, *steps, {"JobID": "8"}, {"JobID": "7_3.batch"})
    assert jobs.job_id.tolist() == [7, 8]
    assert jobs.dropped == {"job_step": Finding(4, 3)}


def test_tasks_and_components_are_jobs_of_their_own_with_or_without_a_raw_id(read: Read) -> None:
    ids = ["10", "11_1", "11_2", "12+0", "12+1"]
    jobs = read(*({"JobID": job_id} for job_id in ids))
    assert jobs.job_id.tolist() == [10, 11, 12, 13, 14]
    assert not jobs.dropped
    raw = read(*({"JobID": job_id, "JobIDRaw": str(20 + place)} for place, job_id in enumerate(ids)))
    assert raw.job_id.tolist() == [20, 21, 22, 23, 24]


@pytest.mark.parametrize(
    ("job_id", "tasks"), [("9_[5-9%2]", 5), ("9_[1,3,7-21:2]", 10), ("9_[4]", 1), ("9_[1-3,...]", 3), ("9_[0-2]", 3)]
)
def test_a_pending_array_stands_for_its_tasks(read: Read, job_id: str, tasks: int) -> None:
    jobs = read({"JobID": job_id, "State": "PENDING"} | NEVER_STARTED, {"JobID": "30"})
    assert jobs.line.tolist() == [2] * tasks + [3]
    assert len(set(jobs.job_id.tolist())) == tasks + 1
    assert jobs.remarks.get("tasks_in_one_line") == (Finding(1, 2) if tasks > 1 else None)


def test_arrays_beyond_measure_count_as_one_job(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stellwerk.records.sacct.MAX_PENDING_TASKS", 100)
    pending = {"State": "PENDING"} | NEVER_STARTED
    jobs = read(*({"JobID": f"{number}_[1-60]"} | pending for number in (1, 2)))
    assert len(jobs) == 61
    assert jobs.remarks == {"tasks_in_one_line": Finding(1, 2), "tasks_not_counted": Finding(1, 3)}


def test_each_execution_of_a_requeued_job_is_a_record_and_the_last_keeps_the_id(read: Read) -> None:
    later = {"Submit": "2026-01-05T10:20:00", "Start": "2026-01-05T10:30:00", "End": "2026-01-05T11:30:00"}
    jobs = read({"State": "NODE_FAIL"}, later, {"JobID": "9"})
    assert jobs.job_id.tolist() == [10, 9, 7]
    assert words(jobs.state) == ["node_fail", "completed", "completed"]


def test_of_one_execution_in_two_dumps_the_last_record_counts(read: Read) -> None:
    jobs = read({"State": "RUNNING", "End": "Unknown", "Elapsed": "00:10:00"}, {"JobID": "8"}, {})
    assert (jobs.line.tolist(), jobs.run_s.tolist()) == ([3, 4], [3600, 3600])
    assert jobs.dropped == {"repeated_record": Finding(1, 2)}


@pytest.mark.parametrize(
    "times",
    [
        {"End": "2026-01-05T10:00:30"},
        {"Start": "2026-01-05T09:59:59"},
    ],
)
def test_times_that_run_backwards_are_dropped_and_counted(read: Read, times: dict[str, str]) -> None:
    jobs = read({"JobID": "1"}, {"JobID": "2"} | times, {"JobID": "3"})
    assert jobs.job_id.tolist() == [1, 3]
    assert jobs.dropped == {"times_out_of_order": Finding(1, 3)}


def test_submissions_out_of_order_are_sorted_and_counted(read: Read) -> None:
    jobs = read({"JobID": "1"}, {"JobID": "2", "Submit": "2026-01-05T09:00:00"})
    assert jobs.job_id.tolist() == [2, 1]
    assert jobs.out_of_order == Finding(1, 3)


def test_seconds_since_1970_need_no_zone(read: Read) -> None:
    times = {"Submit": "1767607200", "Eligible": "1767607200", "Start": "1767607260", "End": "1767610860"}
    jobs = read(times, timezone="Europe/Berlin")
    assert (jobs.submit_s.tolist(), jobs.wait_s.tolist()) == ([1767607200], [60])


def test_the_clock_of_a_zone_is_read_as_such(read: Read) -> None:
    utc, berlin = read({}), read({}, timezone="Europe/Berlin")
    assert (utc.submit_s - berlin.submit_s).tolist() == [3600]


def test_in_the_hour_that_a_clock_shows_twice_the_other_times_decide(read: Read) -> None:
    night = {
        "Submit": "2026-10-25T02:50:00",
        "Eligible": "2026-10-25T02:50:00",
        "Start": "2026-10-25T02:10:00",
        "End": "2026-10-25T04:10:00",
        "Elapsed": "02:00:00",
    }
    jobs = read({"JobID": "1"}, {"JobID": "2"} | night, timezone="Europe/Berlin")
    assert (jobs.wait_s[1], jobs.run_s[1]) == (20 * 60, 7200)
    assert jobs.remarks == {"clock_shown_twice": Finding(1, 3)}
    assert not jobs.dropped


def test_run_times_through_a_night_of_the_change_are_those_elapsed(read: Read) -> None:
    night = {
        "Start": "2026-03-29T01:30:00",
        "End": "2026-03-29T03:30:00",
        "Submit": "2026-03-29T01:00:00",
        "Elapsed": "",
    }
    assert read(night, timezone="Europe/Berlin").run_s.tolist() == [3600]
    assert read(night).run_s.tolist() == [7200]


def test_a_time_that_no_clock_showed_is_dropped_and_counted(read: Read) -> None:
    jobs = read({"JobID": "1"}, {"JobID": "2", "End": "2026-03-29T02:30:00"}, timezone="Europe/Berlin")
    assert jobs.job_id.tolist() == [1]
    assert jobs.dropped == {"no_such_time": Finding(1, 3)}


def test_separators_in_a_job_name_are_told_apart_wherever_it_stands(read: Read) -> None:
    first = {"JobID": "1", "JobName": "a|b||c"}
    jobs = read(first, {"JobID": "2", "NNodes": "4"})
    assert (jobs.job_id.tolist(), jobs.nodes.tolist()) == ([1, 2], [2, 4])
    assert jobs.remarks == {"name_with_separator": Finding(1, 2)}
    in_the_middle = read(
        "JobID|JobName|Submit|Start|End\n5|x|y|2026-01-05T10:00:00|2026-01-05T10:00:00|2026-01-05T10:00:09\n"
    )
    assert in_the_middle.run_s.tolist() == [9]


def test_where_two_texts_may_hold_the_separator_the_line_is_dropped_and_counted(read: Read) -> None:
    jobs = read({"JobID": "1", "Comment": "x"}, {"JobID": "2", "Comment": "x|y"})
    assert jobs.job_id.tolist() == [1]
    assert jobs.dropped == {"broken_line": Finding(1, 3)}


def test_a_last_line_that_breaks_off_is_dropped_and_counted(read: Read) -> None:
    text = dump({"JobID": "1"}, {"JobID": "2"})
    jobs = read(text[:-40])
    assert jobs.job_id.tolist() == [1]
    assert jobs.dropped == {"truncated_line": Finding(1, 3)}
    assert not read(text[:-1]).dropped


def test_a_line_break_inside_a_name_costs_its_lines_only(read: Read) -> None:
    jobs = read(dump({"JobID": "1"}, {"JobID": "2", "JobName": "two\nlines"}, {"JobID": "3"}))
    assert jobs.job_id.tolist() == [1, 2, 3]
    assert jobs.dropped == {"broken_line": Finding(1, 4)}


def test_latin_1_is_read_as_such_and_counted(read: Read) -> None:
    lines = dump({"JobID": "1", "JobName": "größe", "User": "jörg"}, {"JobID": "2", "User": "ada"})
    jobs = read(lines.encode("latin-1"))
    assert words(jobs.user) == ["jörg", "ada"]
    assert jobs.remarks == {"not_utf8": Finding(1, 2)}
    assert words(read(lines).user) == ["jörg", "ada"]


def test_lines_may_end_in_separators_and_carriage_returns_and_the_title_may_come_again(read: Read) -> None:
    text = dump({"JobID": "1"}) + dump({"JobID": "2"})
    parsable = text.replace("\n", "|\r\n") + "\r\n \r\n"
    for content in (text, parsable, "\ufeff" + text, gzip.compress(parsable.encode())):
        jobs = read(content)
        assert (jobs.job_id.tolist(), jobs.line.tolist()) == ([1, 2], [2, 4])
        assert words(jobs.user) == ["ada", "ada"]
        assert not jobs.dropped


def test_unreadable_values_are_left_empty_and_counted(read: Read) -> None:
    jobs = read({"JobID": "1", "NCPUS": "many", "Timelimit": "soon", "ReqMem": "lots"}, {"JobID": "2"})
    assert (jobs.allocated_processors[0], jobs.requested_s[0], jobs.memory_bytes[0]) == (MISSING, MISSING, MISSING)
    assert jobs.remarks == {"unreadable_value": Finding(1, 2)}


def test_without_a_title_the_fields_of_open_xdmod_are_recognised(read: Read) -> None:
    line = (
        "977669|977669|c1|part|qos|acc|grp|104|user|423|2016-12-21T21:43:34|2016-12-21T21:43:34|2016-12-22T07:03:30|"
        "2016-12-30T03:43:09|7-20:39:39|0:0|COMPLETED|1|12|12|48000Mn|cpu=12,mem=48000M,node=1|"
        "billing=12,cpu=12,mem=48000M,node=1|125-00:00:00|n27|name\n"
    )
    jobs = read(line)
    assert (jobs.job_id.tolist(), jobs.line.tolist(), jobs.run_s.tolist()) == ([977669], [1], [679179])
    assert jobs.memory_bytes.tolist() == [48000 * 2**20]


def test_without_a_title_the_fields_may_be_named(read: Read) -> None:
    text = "5|2026-01-05T10:00:00|2026-01-05T10:00:05|00:00:09\n"
    jobs = read(text, fields=["JobID%20", "Submit", "Start", "Elapsed"])
    assert (jobs.wait_s.tolist(), jobs.run_s.tolist(), jobs.processors.tolist()) == ([5], [9], [MISSING])


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        ("", {}, "holds no job"),
        ("JobID|Submit|Start|Elapsed\n", {}, "holds no job"),
        ("1|2|3\n", {}, "has no title line: say which fields were dumped"),
        ("JobID|Submit|Submit|Start|End\n1|2|3|4|5\n", {}, "fields: stands twice (got 'submit')"),
        ("JobID|State\n1|COMPLETED\n", {}, "the dump has no field submit"),
        (dump({}), {"timezone": "Europe/Nowhere"}, "timezone: no such time zone (got 'Europe/Nowhere')"),
        (dump({"Submit": "yesterday"}), {}, "holds no job (got 'no_submit_time')"),
        (dump({}) + "x" * (2**20 + 1), {}, "line 3: line longer than 1024 KiB"),
        (gzip.compress(dump({}).encode())[:-12], {}, "the gzip ends early"),
    ],
)
def test_bad_content_is_named(read: Read, content: str | bytes, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(content, **options)
    assert said in str(caught.value)


def test_blocks_of_any_size_give_the_same_table(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[dict[str, str]] = [
        *({"JobID": str(number), "JobName": "|" * (number % 3)} for number in range(1, 9)),
        *({"JobID": f"9.{step}"} for step in range(9)),
        {"JobID": "20_[1-3]", "State": "PENDING"} | NEVER_STARTED,
        {"JobID": "1", "State": "RUNNING"},
    ]
    text = dump(*jobs)[:-30]
    expected = read(text)
    for size in (1, 100, 450, 2_000):
        monkeypatch.setattr("stellwerk.records.sacct_lines._BLOCK_BYTES", size)
        found = read(text)
        assert found.job_id.tolist() == expected.job_id.tolist()
        assert found.line.tolist() == expected.line.tolist()
        assert words(found.user) == words(expected.user)
        assert (found.dropped, found.remarks) == (expected.dropped, expected.remarks)
    assert set(expected.dropped) == {"job_step", "truncated_line"}


def test_a_line_without_end_is_refused_before_it_fills_the_memory(read: Read) -> None:
    content = gzip.compress(dump({}).encode() + b"x" * (120 * 2**20), compresslevel=1)
    read({})
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="line 3: line longer than 1024 KiB"):
            read(content)
        assert tracemalloc.get_traced_memory()[1] < 80 * 2**20
    finally:
        tracemalloc.stop()


def test_polars_is_asked_for_by_its_extra(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(Exception, match=r"pip install 'stellwerk\[sim\]'"):
        read({})


@given(
    records=st.lists(
        st.tuples(
            st.integers(1, 12),
            st.integers(0, 10**6),
            st.integers(-100, 10**5),
            st.integers(-100, 10**5),
            st.sampled_from(["COMPLETED", "FAILED", "RUNNING", "PENDING", "?"]),
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=30)
def test_every_line_ends_up_in_the_table_or_in_the_report(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[int, int, int, int, str]]
) -> None:
    path = tmp_path_factory.mktemp("dump") / "dump.txt"
    lines = [
        f"{job_id}|{10**9 + submit}|{10**9 + submit + wait}|{10**9 + submit + wait + run}|{state}\n"
        for job_id, submit, wait, run, state in records
    ]
    path.write_text("JobID|Submit|Start|End|State\n" + "".join(lines))
    jobs = table_or_error(path)
    if isinstance(jobs, InputError):
        assert jobs.problem == "holds no job"
        return
    assert len(jobs) + sum(finding.jobs for finding in jobs.dropped.values()) == len(records)
    for place, line in enumerate(jobs.line):
        _, submit, wait, run, _ = records[line - 2]
        assert (jobs.submit_s[place], jobs.wait_s[place], jobs.run_s[place]) == (10**9 + submit, wait, run)
    assert_sound(jobs)


@given(seed=st.integers(0, 2**32), edits=st.integers(1, 8), zone=st.sampled_from(["UTC", "Europe/Berlin"]))
@settings(max_examples=50)
def test_a_damaged_dump_gives_a_sound_table_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, seed: int, edits: int, zone: str
) -> None:
    dice = random.Random(seed)  # noqa: S311
    jobs = [{"JobID": f"{number}_[1-{number}]" if number % 3 == 0 else str(number)} for number in range(1, 9)]
    content = bytearray(dump(*jobs, {"ReqMem": "4Gn", "AllocTRES": "cpu=1,gres/gpu:a=2,mem=4G"}).encode())
    for _ in range(edits):
        place = dice.randrange(len(content))
        content[place : place + dice.randrange(4)] = dice.choice(
            [dice.randbytes(dice.randrange(3)), b"|", b"\n", b"9" * 30, b"-1", b"\r", b'"']
        )
    path = tmp_path_factory.mktemp("damaged") / "dump.txt"
    path.write_bytes(content)
    found = table_or_error(path, timezone=zone)
    if isinstance(found, InputError):
        assert found.file == path
        return
    assert_sound(found)


def table_or_error(path: Path, **options: Any) -> JobTable | InputError:
    try:
        return read_sacct(path, **options)
    except InputError as error:
        return error


def assert_sound(jobs: JobTable) -> None:
    assert (np.diff(jobs.submit_s) >= 0).all()
    assert len(np.unique(jobs.job_id)) == len(jobs)
    for name in ("job_id", "submit_s"):
        assert (getattr(jobs, name) >= 0).all()
    for name in ("wait_s", "run_s", "requested_s", "memory_bytes", "allocated_processors", "requested_accelerators"):
        assert (getattr(jobs, name) >= MISSING).all()
