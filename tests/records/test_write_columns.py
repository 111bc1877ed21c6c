from __future__ import annotations

import datetime
import gzip
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest

from stellwerk.errors import InputError, MissingExtraError
from stellwerk.records import JobTable, mapping_path, write_columns
from tests.records.tables import job_table

ZERO = datetime.datetime(2024, 3, 30, 23, tzinfo=datetime.UTC)


def _log(zero: datetime.datetime | None = ZERO) -> JobTable:
    return job_table(
        submit_s=[0, 5, 5],
        eligible_s=[0, -1, 9],
        wait_s=[1, -1, 4],
        run_s=[10, -1, 30],
        allocated_accelerators=[0, -1, 8],
        user=["ada", None, 'b,"ea"\n'],
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
        "allocated_accelerators": [0, None, 8],
        "user": ["ada", None, 'b,"ea"\n'],
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
