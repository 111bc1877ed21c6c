from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from stellwerk.errors import InputError
from stellwerk.files import read_bytes, read_text, read_toml, write_whole


def test_a_file_comes_back_as_it_was_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.toml"
    write_whole(path, 'name = "größe"\n'.encode())
    assert read_toml(path, limit_bytes=100) == {"name": "größe"}
    assert [file.name for file in path.parent.iterdir()] == ["file.toml"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, problem in ((tmp_path, "directory"), (tmp_path / "none", "does not exist")):
        with pytest.raises(InputError, match=problem):
            read_bytes(path, limit_bytes=10)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not an ordinary file"):
        read_bytes(tmp_path / "pipe", limit_bytes=10)


def test_the_limit_is_checked_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "giant"
    with path.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(InputError, match=r"1,073,741,824 bytes.*at most 10"):
        read_text(path, limit_bytes=10)


def test_other_bytes_than_utf8_are_named_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin"
    path.write_bytes("a\nö".encode("latin-1"))
    with pytest.raises(InputError, match="line 2 is not UTF-8: byte 0xf6"):
        read_text(path, limit_bytes=10)


@pytest.mark.parametrize(("name", "problem"), [("x" * 300, "File name too long"), ("file/below", "cannot be written")])
def test_a_place_that_cannot_be_written_is_named_and_left_as_it_was(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(InputError, match=problem):
        write_whole(tmp_path / name, b"new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file", "old")]


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="something else than a file"):
        write_whole(tmp_path, b"new")


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    real_fdopen = os.fdopen

    def full_disk(handle: int, mode: str) -> Any:
        file = real_fdopen(handle, mode)

        class Full:
            def __enter__(self) -> Full:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, content: bytes) -> None:
                file.write(content[:3])
                raise OSError(errno.ENOSPC, "No space left on device")

        return Full()

    monkeypatch.setattr(os, "fdopen", full_disk)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        write_whole(path, b"new content")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("file", "old")]
