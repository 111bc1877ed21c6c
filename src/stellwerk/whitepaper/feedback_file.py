"""The file of comments: one JSON object per line, only ever appended to.

The first line is ``{"schema": 1, "file": "stellwerk feedback"}``; each further line is a comment (it has an ``id``)
or an answer (it has ``answer_to``). Writers take a lock on the file, so that comments sent at the same moment all
stay. An empty file holds no comment.
"""

from __future__ import annotations

import datetime
import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from stellwerk.errors import InputError
from stellwerk.files import decode_utf8

SCHEMA = 1
LARGEST_FILE_BYTES = 16 * 2**20

_HEADER = {"schema": SCHEMA, "file": "stellwerk feedback"}
_COMMENT_KEYS: Mapping[str, type] = {
    "id": str,
    "figure": str,
    "date": str,
    "name": str,
    "email": str,
    "consent_name": bool,
    "consent_email": bool,
    "text": str,
}
_ANSWER_KEYS: Mapping[str, type] = {"answer_to": str, "date": str, "text": str}
_ID = re.compile(r"c[1-9][0-9]{0,8}")

Record = dict[str, object]


def read_records(file: Path) -> tuple[list[Record], str]:
    """Comments and answers in the order of the file, and its SHA-256; InputError, with the line, for anything else."""
    if not file.exists():
        raise InputError("no such file", file=file)
    with _open(file, os.O_RDONLY, "rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        content = _read(stream, file)
    return _parse(content, file), hashlib.sha256(content).hexdigest()


def append_record(file: Path, make: Callable[[list[Record]], Record]) -> Record:
    """Appends the record that ``make`` builds from those already there, under a lock; returns it.

    A new file belongs to its owner alone (mode 0600): it holds e-mail addresses.
    """
    with _open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, "ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        content = _read(stream, file)
        record = make(_parse(content, file))
        lines = [] if content else [_HEADER]
        written = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [*lines, record]).encode()
        if content and not content.endswith(b"\n"):
            written = b"\n" + written
        stream.write(written)  # one write of one buffer: all of it or nothing
        stream.flush()
        os.fsync(stream.fileno())
    return record


def _open(file: Path, flags: int, mode: str) -> IO[bytes]:
    try:
        descriptor = os.open(file, flags | os.O_NONBLOCK, stat.S_IRUSR | stat.S_IWUSR)
    except OSError as error:
        raise InputError(f"cannot be opened: {error.strerror}", file=file) from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, mode)
    os.close(descriptor)
    raise InputError("is no regular file", file=file)


def _read(stream: IO[bytes], file: Path) -> bytes:
    size = os.fstat(stream.fileno()).st_size
    if size > LARGEST_FILE_BYTES:
        raise InputError(f"is {size} bytes large", file=file, allowed=f"at most {LARGEST_FILE_BYTES}")
    return os.pread(stream.fileno(), size, 0)


def _parse(content: bytes, file: Path) -> list[Record]:
    lines = decode_utf8(content, file).split("\n")
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        return []
    header, *rest = [(f"line {number}", _object(line, number, file)) for number, line in numbered]
    if header[1].get("schema") != SCHEMA or header[1].get("file") != _HEADER["file"]:
        raise InputError("is no feedback file of schema 1", file=file, key=header[0], allowed=json.dumps(_HEADER))
    seen: set[object] = set()
    for key, record in rest:
        _check(record, key, file)
        if record.get("id") in seen:
            raise InputError("the id is there twice", file=file, key=key, value=record["id"])
        if "id" in record:
            seen.add(record["id"])
    return [record for _, record in rest]


def _object(line: str, number: int, file: Path) -> Record:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError("is not JSON", file=file, key=f"line {number}", value=line) from error
    if not isinstance(record, dict):
        raise InputError("is not a JSON object", file=file, key=f"line {number}", value=line)
    return record


def _check(record: Record, key: str, file: Path) -> None:
    allowed = _ANSWER_KEYS if "answer_to" in record else _COMMENT_KEYS
    for name, value in record.items():
        if name not in allowed:
            raise InputError("unknown key", file=file, key=key, value=name, allowed=list(allowed))
        if not isinstance(value, allowed[name]):
            raise InputError(f"{name} is of the wrong type", file=file, key=key, value=value)
    for name in allowed:
        if name not in record:
            raise InputError(f"{name} is missing", file=file, key=key)
    if "id" in record and not _ID.fullmatch(str(record["id"])):
        raise InputError("is no comment id", file=file, key=key, value=record["id"], allowed="c1, c2, …")
    try:
        datetime.date.fromisoformat(str(record["date"]))
    except ValueError as error:
        raise InputError("is no date", file=file, key=key, value=record["date"], allowed="YYYY-MM-DD") from error
