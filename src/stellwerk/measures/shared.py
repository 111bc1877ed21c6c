"""One copy of a table of columns for many processes, whatever its columns are."""

from __future__ import annotations

import mmap
import pickle
import struct
from pathlib import Path
from typing import Any

_ALIGNMENT = 64
_HEAD = struct.Struct("<QQ")


def share(table: Any, path: Path) -> None:
    """Write an object so that ``open_shared`` finds its arrays in place, in this process or another one."""
    buffers: list[pickle.PickleBuffer] = []
    frame = pickle.dumps(table, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    sizes = struct.pack(f"<{len(views)}Q", *(len(view) for view in views))
    with path.open("xb") as file:
        file.write(_HEAD.pack(len(frame), len(views)) + sizes + frame)
        for view in views:
            file.write(b"\0" * _padding(file.tell()))
            file.write(view)


def open_shared(path: Path) -> Any:
    """The object that ``share`` wrote. Its arrays are pages of the file, which all processes have in common; a page
    that one of them writes to becomes its own.

    The file must be one that this program wrote: a pickle runs what it names.
    """
    with path.open("rb") as file:
        memory = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    frame_bytes, count = _HEAD.unpack_from(memory)
    sizes = struct.unpack_from(f"<{count}Q", memory, _HEAD.size)
    place = _HEAD.size + 8 * count
    frame = memory[place : place + frame_bytes]
    place += frame_bytes
    buffers = []
    for size in sizes:
        place += _padding(place)
        buffers.append(memory[place : place + size])
        place += size
    return pickle.loads(frame, buffers=buffers)  # noqa: S301 - written by share, in a folder of our own


def _padding(place: int) -> int:
    return -place % _ALIGNMENT
