from __future__ import annotations

import datetime
import gzip
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stellwerk.errors import InputError, MissingExtraError
from stellwerk.records import MISSING, JobTable, mapping_path, read_columns, read_swf, write_columns
from tests.records.tables import COUNTS, TEXTS, job_table, words

KTH = Path(__file__).parents[1] / "data/swf/kth-sp2-1996-first-2500.swf.gz"
ZERO = datetime.datetime(2024, 3, 30, 23, tzinfo=datetime.UTC)


def _log(zero: datetime.datetime | None = ZERO) -> JobTable:
    return job_table(
        submit_s=[0, 5, 5],
        eligible_s=[0, -1, 9],
        wait_s=[1, -1, 4],
        run_s=[10, -1, 30],
        allocated_accelerators=[0, -1, 8],
        requested_s=[60, 3600, -1],
        memory_bytes=[2**30, -1, 0],
        requested_nodes=[1, 2, -1],
        user=["ada", None, 'b,"ea"'],
        state=["completed", "cancelled", None],
        zero=zero,
    )


def test_what_is_missing_is_empty_and_columns_without_anything_are_left_out(tmp_path: Path) -> None:
    write_columns(_log(), tmp_path / "log.parquet")
    frame = pl.read_parquet(tmp_path / "log.parquet")
    start = int(ZERO.timestamp())
    assert frame.to_dict(as_series=False) == {
        "submit": [start, start + 5, start + 5],
        "eligible": [start, None, start + 9],
        "job_id": [1, 2, 3],
        "wait": [1, None, 4],
        "run": [10, None, 30],
        "limit": [60, 3600, None],
        "memory": [2**30, None, 0],
        "requested_nodes": [1, 2, None],
        "allocated_accelerators": [0, None, 8],
        "user": ["ada", None, 'b,"ea"'],
        "state": ["completed", "cancelled", None],
    }


def test_without_dates_instants_count_from_the_zero_of_the_log(tmp_path: Path) -> None:
    write_columns(_log(None), tmp_path / "log.csv")
    assert pl.read_csv(tmp_path / "log.csv")["submit"].to_list() == [0, 5, 5]
    mapping = tomllib.loads((tmp_path / "log.mapping.toml").read_text())
    assert mapping["columns"]["submit"] == {"column": "submit", "time": "since_zero_s"}


def test_a_compressed_table_tells_neither_its_name_nor_when_it_was_written(tmp_path: Path) -> None:
    for name in ("one.csv.gz", "other.csv.gz"):
        write_columns(_log(), tmp_path / name)
    one, other = ((tmp_path / name).read_bytes() for name in ("one.csv.gz", "other.csv.gz"))
    assert one == other
    assert gzip.decompress(one).startswith(b"submit,eligible,job_id,wait")


def _same(again: JobTable, jobs: JobTable) -> None:
    """The same records at the same instants, whatever second each counts from."""
    moved_s = 0 if jobs.zero is None or again.zero is None else int((again.zero - jobs.zero).total_seconds())
    for name in ("submit_s", "eligible_s"):
        found, expected = getattr(again, name), getattr(jobs, name)
        np.testing.assert_array_equal(np.where(found == MISSING, MISSING, found + moved_s), expected, err_msg=name)
    for name in ("job_id", "wait_s", "run_s", "requested_s", "memory_bytes", *COUNTS):
        np.testing.assert_array_equal(getattr(again, name), getattr(jobs, name), err_msg=name)
    for name in TEXTS:
        assert words(getattr(again, name)) == words(getattr(jobs, name)), name
    assert (again.zero is None) == (jobs.zero is None)


@pytest.mark.parametrize("zero", [ZERO, None])
@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz", "log.parquet"])
def test_what_is_written_reads_back_the_same(tmp_path: Path, name: str, zero: datetime.datetime | None) -> None:
    for jobs in (_log(zero), replace(read_swf(KTH), zero=zero)):
        write_columns(jobs, tmp_path / name)
        _same(read_columns(tmp_path / name, mapping=mapping_path(tmp_path / name)), jobs)


@pytest.mark.parametrize("name", ["a.b.csv", "a.b.csv.gz", "a.b.parquet"])
def test_the_mapping_lies_beside_the_table(name: str) -> None:
    assert mapping_path(Path("folder") / name) == Path("folder/a.b.mapping.toml")


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.xlsx: is of no kind that is written"):
        write_columns(_log(), tmp_path / "log.xlsx")


def test_without_polars_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'stellwerk\[sim\]'"):
        write_columns(_log(), tmp_path / "log.csv")
    assert list(tmp_path.iterdir()) == []
