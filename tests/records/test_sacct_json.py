"""Tests of stellwerk.records.sacct_json, on documents after Slurm's own format (tests/data/sacct-json)."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from stellwerk.errors import InputError
from stellwerk.records import JobTable, Labels, json_stream, read_sacct_json

DATA = Path(__file__).parents[1] / "data" / "sacct-json"
MIB = 2**20


def words(labels: Labels) -> list[str | None]:
    return [None if code < 0 else labels.names[code] for code in labels.code.tolist()]


def a_job(**changes: Any) -> dict[str, Any]:
    time = {"submission": 1000, "eligible": 1000, "start": 1010, "end": 1110, "elapsed": 100, "limit": 5}
    job = {"job_id": 1, "time": time, "tres": {"requested": [], "allocated": [{"type": "cpu", "name": "", "count": 4}]}}
    return job | changes


def read(folder: Path, document: object) -> JobTable:
    file = folder / "dump.json"
    text = document if isinstance(document, str) else json.dumps(document)
    file.write_bytes(text.encode())
    return read_sacct_json(file)


def refusal(folder: Path, document: object) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, document)
    return str(caught.value).replace(str(folder) + "/", "")


def test_plain_numbers_of_slurm_22() -> None:
    jobs = read_sacct_json(DATA / "v0.0.38.json")
    assert jobs.job_id.tolist() == [1001, 1002]
    assert jobs.zero is not None
    assert jobs.zero.timestamp() == 0
    assert jobs.submit_s.tolist() == [1709287200, 1709287300]
    assert jobs.eligible_s.tolist() == [1709287200, -1]
    assert jobs.wait_s.tolist() == [600, -1]
    assert jobs.run_s.tolist() == [3600, -1]
    assert jobs.requested_s.tolist() == [7200, -1]
    assert jobs.memory_bytes.tolist() == [128000 * MIB, 2000 * MIB]
    assert jobs.requested_processors.tolist() == [64, 1]
    assert jobs.allocated_processors.tolist() == [64, -1]
    assert jobs.allocated_nodes.tolist() == [2, -1]
    assert jobs.requested_accelerators.tolist() == [8, 0]
    assert jobs.allocated_accelerators.tolist() == [8, -1]
    assert words(jobs.state) == ["completed", "cancelled"]
    assert words(jobs.qos) == ["normal", None]
    assert words(jobs.user) == ["ann", "bob"]


def test_numbers_as_objects_and_a_record_for_each_run_of_slurm_23() -> None:
    jobs = read_sacct_json(DATA / "v0.0.39.json")
    assert jobs.job_id.tolist() == [2001, 2003, 2002]
    assert words(jobs.state) == ["timeout", "requeued", "completed"]
    assert jobs.requested_s.tolist() == [3600, -1, -1]
    assert jobs.memory_bytes.tolist() == [32000 * MIB, 16000 * MIB, 16000 * MIB]
    assert jobs.allocated_accelerators.tolist() == [2, 1, 1]
    assert jobs.run_s.tolist() == [3600, 300, 300]


def test_states_as_lists_arrays_and_heterogeneous_jobs_of_slurm_24() -> None:
    jobs = read_sacct_json(DATA / "v0.0.42.json")
    assert jobs.job_id.tolist() == [3001, 3002, 3010, 3011, 3012, 3013]
    assert words(jobs.state) == ["completed", "node_fail", "out_of_memory", "pending", "running", "requeued"]
    assert jobs.allocated_accelerators.tolist() == [4, 3, 0, -1, 1, 1]
    assert jobs.accelerators.tolist() == [4, 3, 0, 1, 1, 1]
    assert jobs.wait_s.tolist() == [5, 10, 10, -1, 1, 9]
    assert jobs.run_s.tolist() == [600, 90, 10, -1, 500, 10]
    assert jobs.requested_s.tolist() == [1800, 1800, 600, 600, 600, 600]
    lines = (DATA / "v0.0.42.json").read_text().splitlines()
    assert all(lines[line - 1] == "  {" for line in jobs.line)


@pytest.mark.parametrize(
    "unset", [2**32 - 2, 2**32 - 1, 2**64 - 2, -1, -2, None, "Infinity", {"set": False, "number": 7}]
)
def test_every_spelling_of_no_number_is_none(tmp_path: Path, unset: object) -> None:
    tres = {"allocated": [{"type": "cpu", "count": unset}, {"type": "gres", "name": "gpu", "count": unset}]}
    time = {"submission": 1000, "eligible": unset, "start": 1010, "end": 1110, "elapsed": 100, "limit": unset}
    jobs = read(tmp_path, {"jobs": [a_job(time=time, tres=tres)]})
    for column in (jobs.eligible_s, jobs.requested_s, jobs.allocated_processors, jobs.allocated_accelerators):
        assert column.tolist() == [-1]


def test_gzip_reads_as_plain(tmp_path: Path) -> None:
    file = tmp_path / "dump.json.gz"
    file.write_bytes(gzip.compress((DATA / "v0.0.42.json").read_bytes()))
    assert read_sacct_json(file).run_s.tolist() == [600, 90, 10, -1, 500, 10]


def test_what_ends_before_it_starts_is_dropped_and_counted(tmp_path: Path) -> None:
    backwards = a_job(job_id=2, time={"submission": 1000, "start": 1010, "end": 900, "elapsed": 0})
    early = a_job(job_id=3, time={"submission": 1000, "start": 990, "end": 1100, "elapsed": 110})
    jobs = read(tmp_path, {"jobs": [a_job(), backwards, early, a_job(job_id=None)]})
    assert jobs.job_id.tolist() == [1]
    assert {reason: found.jobs for reason, found in jobs.dropped.items()} == {
        "no_job_id": 1,
        "times_out_of_order": 2,
    }


def test_memory_is_bounded_by_a_job_not_by_the_dump(tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    with file.open("w") as stream:
        stream.write('{"meta": {}, "jobs": [')
        for job_id in range(1, 4001):
            stream.write(json.dumps(a_job(job_id=job_id, script="x" * 5000)) + (",\n" if job_id < 4000 else ""))
        stream.write('], "errors": []}')
    tracemalloc.start()
    jobs = read_sacct_json(file)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(jobs) == 4000
    assert jobs.line.tolist() == list(range(1, 4001))
    assert file.stat().st_size > 19 * MIB
    assert peak_bytes < 12 * MIB


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "dump.json: line 1: the JSON ends early"),
        ("[]", "dump.json: line 1: not valid JSON: a JSON object should stand here (got '[')"),
        ("{}", "dump.json: jobs: the document has no such key at its top"),
        ({"jobs": 5}, "dump.json: line 1: not valid JSON: a list of jobs should stand here (got '5')"),
        ({"jobs": []}, "dump.json: holds no job (got 'no record')"),
        ({"jobs": [5]}, "dump.json: line 1: an element of jobs is no object (got 'int')"),
        ({"jobs": [{"job_id": 1}]}, "line 1: has no accounting times; allowed: the output of sacct --json"),
        ({"jobs": [a_job(time=5)]}, "line 1: time.limit: this value cannot stand here (got 5)"),
        ({"jobs": [a_job(job_id="x")]}, "line 1: job_id: this value cannot stand here (got 'x')"),
        ({"jobs": [a_job(job_id=True)]}, "line 1: job_id: this value cannot stand here"),
        ({"jobs": [a_job(job_id=-5)]}, "line 1: job_id: this value cannot stand here (got -5)"),
        ({"jobs": [a_job(user=["ann"])]}, "line 1: user: this value cannot stand here (got 'list'); allowed: a text"),
        ({"jobs": [a_job(state={"current": 1})]}, "line 1: state.current: this value cannot stand here (got 1)"),
        ({"jobs": [a_job(tres={"requested": "cpu=1"})]}, "line 1: tres.requested: this value cannot stand here"),
        ('{"jobs": [{}\n{}]}', "dump.json: line 1: has no accounting times"),
        ('{"jobs": [\n\n{"time": {}, "job_id": 1} {}]}', "line 3: not valid JSON: a comma or the end of the list"),
        ('{"jobs": [\n{"time": {,}}]}', "line 2: not valid JSON: Expecting property name"),
        ('{"jobs": [\n{"time": {}, "job_id": 1}', "line 2: the JSON ends early"),
        ('{"jobs": [\n{"time": {}, "jo', "line 2: "),
        ('{"jobs": [], "jobs": []} x', "nothing may follow the document (got 'x')"),
        ('{"a": ' + "[" * 100_000, "values are nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", "line 1: not valid JSON"),
    ],
)
def test_a_bad_dump_is_named_with_its_line(tmp_path: Path, document: object, said: str) -> None:
    assert said in refusal(tmp_path, document)


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "dump.json"
    file.write_bytes(b'{"jobs": [\n\n\xff]}')
    with pytest.raises(InputError, match="line 3: not UTF-8 text"):
        read_sacct_json(file)


@pytest.mark.parametrize("block_bytes", [1, 2, 7, 100])
def test_blocks_may_end_anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block_bytes: int) -> None:
    file = tmp_path / "dump.json"
    document = {
        "a": [1, 2.5, -3e2, True, None, "ä\U0001f600\\"],
        "jobs": [a_job(name="x, {[ ü"), a_job(job_id=2)],
        "n": 12,
    }
    file.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    monkeypatch.setattr(json_stream, "_BLOCK_BYTES", block_bytes)
    assert [value for _, value in json_stream.objects_of_array(file, "jobs")] == document["jobs"]
