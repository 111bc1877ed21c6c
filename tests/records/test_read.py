"""Tests of stellwerk.records.read: one door for every format."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.records import read_jobs

DATA = Path(__file__).parents[1] / "data"
MAPPING = 'schema = 1\n[columns]\nsubmit = { column = "t", time = "epoch_s" }\nrun = "r"\n'


def test_a_json_dump_is_known_by_its_beginning(tmp_path: Path) -> None:
    assert len(read_jobs(DATA / "sacct-json" / "v0.0.42.json")) == 6
    file = tmp_path / "dump.txt"
    file.write_bytes(b"\xef\xbb\xbf\n  " + (DATA / "sacct-json" / "v0.0.42.json").read_bytes())
    assert len(read_jobs(file)) == 6


@pytest.mark.parametrize("format_name", [None, "csv"])
def test_a_mapping_says_that_a_file_holds_columns(tmp_path: Path, format_name: None) -> None:
    pytest.importorskip("polars")
    data, mapping = tmp_path / "jobs.csv", tmp_path / "mapping.toml"
    data.write_text("t,r\n10,5\n")
    mapping.write_text(MAPPING)
    assert read_jobs(data, log_format=format_name, mapping=mapping).run_s.tolist() == [5]


@pytest.mark.parametrize("content", [b"PAR1\x00\x00", b"t,r\n10,5\n"])
def test_columns_without_a_mapping_are_refused(tmp_path: Path, content: bytes) -> None:
    data = tmp_path / "jobs"
    data.write_bytes(content)
    with pytest.raises(InputError, match="jobs: mapping: nothing says which column is what"):
        read_jobs(data, log_format=None if content.startswith(b"PAR1") else "csv")


SWF_ROW = b"1 0 -1 60 4 -1 -1 4 -1 -1 1 1 1 -1 -1 -1 -1 -1\n"


@pytest.mark.parametrize(
    "content",
    [
        b"; Version: 2.2\n" + SWF_ROW,
        b"\n\n  " + SWF_ROW,
        gzip.compress(SWF_ROW),
        b"JobID|Submit|Start|End\n1|10|20|30\n",
        b"\xef\xbb\xbfsubmit|jobidraw|start|elapsed|\n10|1|20|00:00:30|\n",
        gzip.compress(b"JobIDRaw|Submit|Start|Elapsed\n1|10|20|00:00:30\n"),
    ],
    ids=["swf", "indented swf", "gzip of swf", "sacct", "sacct with a byte order mark", "gzip of sacct"],
)
def test_swf_and_sacct_are_known_by_their_beginning(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "log"
    file.write_bytes(content)
    assert read_jobs(file).job_id.tolist() == [1]


@pytest.mark.parametrize("content", [b"hello\n", b"a|b|c\n", bytes(range(1, 9))], ids=["words", "bars", "bytes"])
def test_what_looks_like_no_format_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "log"
    file.write_bytes(content)
    with pytest.raises(InputError, match="log: format: the beginning looks like no format: name it"):
        read_jobs(file)


def test_what_cannot_be_read_is_said_by_a_reader(tmp_path: Path) -> None:
    file = tmp_path / "log"
    for content, said in ((b"", "holds no usable job"), (b"\x1f\x8b", "the gzip ends early"), (b"1 2 3\n", "3 fields")):
        file.write_bytes(content)
        with pytest.raises(InputError, match=said):
            read_jobs(file)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_jobs(tmp_path / "nowhere")


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: not a regular file"):
        read_jobs(tmp_path / "pipe")
