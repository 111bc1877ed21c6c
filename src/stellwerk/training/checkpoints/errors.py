"""What goes wrong with checkpoints, in words of both languages."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from stellwerk.errors import StellwerkError
from stellwerk.messages import Reason, Words, render

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No space, no quota, no larger file."""


class CheckpointError(StellwerkError):
    """A checkpoint cannot be written or read; ``reason`` has the code and the words."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(render(reason, "en"))

    @property
    def code(self) -> str:
        return self.reason.code


def writing_failed(error: OSError, folder: Path, needed_bytes: int) -> CheckpointError:
    """The error for a failed write of a checkpoint of ``needed_bytes`` into ``folder``."""
    if error.errno not in NO_SPACE:
        return CheckpointError(Reason("checkpoint_not_written", {"folder": str(folder), "problem": words_of(error)}))
    needed, free = size_words(needed_bytes), size_words(free_bytes(folder))
    return CheckpointError(
        Reason(
            "checkpoint_disk_filled_up",
            {"folder": str(folder), "needed": needed, "free": free, "problem": words_of(error)},
        )
    )


def free_bytes(folder: Path) -> int:
    """What may still be written into ``folder``."""
    return shutil.disk_usage(folder).free


def size_words(size_bytes: int) -> Words:
    """Bytes with a unit, to three figures: ``21.3 MB``."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            text = f"{size_bytes / factor:.3g} {unit}"
            return Words(text, text.replace(".", ","))
    return Words(f"{size_bytes} bytes", f"{size_bytes} Byte")


def words_of(error: OSError) -> str:
    return error.strerror or str(error)
