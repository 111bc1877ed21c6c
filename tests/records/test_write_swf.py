from __future__ import annotations

import datetime
import gzip
from pathlib import Path

import numpy as np
import pytest

from stellwerk.errors import InputError
from stellwerk.records import JobTable, machine_processors, read_swf, write_swf
from tests.records.tables import job_table, words

KTH = Path(__file__).parents[1] / "data/swf/kth-sp2-1996-first-2500.swf.gz"
ZERO = datetime.datetime(2024, 3, 30, 23, tzinfo=datetime.UTC)
NUMBERS = ("job_id", "submit_s", "wait_s", "run_s", "requested_s", "requested_processors", "allocated_processors")


def _names(jobs: JobTable, column: str) -> list[str | None]:
    return words(getattr(jobs, column))


@pytest.mark.parametrize("name", ["copy.swf", "copy.swf.gz"])
def test_a_log_that_is_written_reads_back_the_same(tmp_path: Path, name: str) -> None:
    jobs, copy = read_swf(KTH), tmp_path / name
    write_swf(jobs, copy, processors=machine_processors(jobs))
    again = read_swf(copy)
    for column in (*NUMBERS, "memory_bytes"):
        np.testing.assert_array_equal(getattr(again, column), getattr(jobs, column), err_msg=column)
    for column in ("user", "account", "partition", "qos", "state"):
        assert _names(again, column) == _names(jobs, column)
    assert (again.zero, machine_processors(again)) == (jobs.zero, 100)


def test_names_become_numbers_and_ends_the_three_that_the_format_has(tmp_path: Path) -> None:
    jobs = job_table(
        submit_s=[0, 1, 2, 3],
        run_s=[5, 5, 5, -1],
        requested_processors=[4, 4, -1, 4],
        memory_bytes=[8 * 2**30, -1, 2**30, -1],
        user=["ada", "bea", "ada", None],
        qos=["normal", "normal", "long", None],
        state=["completed", "node_fail", "cancelled", "pending"],
        zero=ZERO,
    )
    write_swf(jobs, tmp_path / "log.swf", notes=["What was done."])
    again = read_swf(tmp_path / "log.swf")
    assert _names(again, "user") == ["1", "2", "1", None]
    assert _names(again, "state") == ["completed", "failed", "cancelled", None]
    assert again.memory_bytes.tolist() == [8 * 2**30, -1, 2**30, -1]
    assert again.zero == ZERO
    assert {"; Note: What was done.", "; Queue: 1 long", "; Queue: 2 normal"} <= set(again.header)


def test_a_compressed_log_tells_neither_its_name_nor_when_it_was_written(tmp_path: Path) -> None:
    jobs = job_table(submit_s=[0], run_s=[5], requested_processors=[1])
    for name in ("one.swf.gz", "other.swf.gz"):
        write_swf(jobs, tmp_path / name)
    one, other = ((tmp_path / name).read_bytes() for name in ("one.swf.gz", "other.swf.gz"))
    assert one == other
    assert gzip.decompress(one).endswith(b"1 0 -1 5 -1 -1 -1 1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1\n")


def test_where_nothing_can_be_written_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.swf").mkdir()
    with pytest.raises(InputError, match=r"log\.swf: cannot be written"):
        write_swf(job_table(submit_s=[0]), tmp_path / "log.swf")
