from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from stellwerk.errors import InputError
from stellwerk.simulation import Schedule, read_schedule, write_schedule

TITLE = "job_id,submit,start,end,procs\n"
SCHEDULE = Schedule.of_processors(*(np.array(column) for column in ([4, 2], [0, 7], [3, 7], [9, 8], [5, 1])))


def test_a_written_schedule_has_the_columns_of_the_oracles(tmp_path: Path) -> None:
    path = tmp_path / "schedule.csv"
    write_schedule(SCHEDULE, path)
    assert path.read_text() == TITLE + "4,0,3,9,5\n2,7,7,8,1\n"


@pytest.mark.parametrize("name", ["schedule.csv", "schedule.csv.gz"])
def test_a_schedule_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    write_schedule(SCHEDULE, tmp_path / name)
    again = read_schedule(tmp_path / name)
    for column in ("job_id", "submit_s", "start_s", "end_s", "processors"):
        assert np.array_equal(getattr(again, column), getattr(SCHEDULE, column)), column


def test_a_name_that_ends_in_gz_makes_a_gzip_and_equal_schedules_equal_bytes(tmp_path: Path) -> None:
    paths = tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"
    for path in paths:
        write_schedule(SCHEDULE, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert gzip.decompress(paths[0].read_bytes()).decode().startswith(TITLE)


def test_what_cannot_be_written_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        write_schedule(SCHEDULE, tmp_path / "file" / "schedule.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no title line"),
        ("1,0,0,1,1\n", "no title line"),
        ("job_id,submit,start,end,processors\n1,0,0,1,1\n", "job_id,submit,start,end,procs"),
        (TITLE, "holds no job"),
        (TITLE + "1,0,0,1\n", "line 2: 4 fields instead of 5"),
        (TITLE + "1,0,soon,1,1\n", "line 2: start is not a whole number (got 'soon')"),
        (TITLE + "1,0,0,1,1\n2,5,4,9,1\n", "line 3: submit, start and end are out of order"),
        (TITLE + "1,0,2,1,1\n", "line 2: submit, start and end are out of order"),
    ],
)
def test_a_file_that_is_no_schedule_is_named_with_its_line(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "schedule.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_schedule(path)
    assert str(path) in str(caught.value)
    assert said in str(caught.value)
