"""The folder that holds checkpoints: how they are named, published, kept and set aside. Nothing here needs torch.

::

    step-00000040      a checkpoint; a second one of the same step is step-00000040.2
    .writing-…         being written; a leftover if nobody writes
    .removing-…        being removed
    broken-…           set aside because it is not whole

A name changes by one rename, so a checkpoint appears and vanishes as a whole. Which is newer says the step in the name;
no clock is asked.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from stellwerk.training.checkpoints.errors import CheckpointError
from stellwerk.training.checkpoints.manifest import check_sizes, read_manifest

WRITING, REMOVING, BROKEN = ".writing-", ".removing-", "broken-"
_NAME = re.compile(rf"(?:{BROKEN})?step-(\d+)(?:\.(\d+))?(?:-\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a checkpoint stands in the order: by step, then by how often that step was written."""

    step: int
    repeat: int

    @property
    def name(self) -> str:
        return f"step-{self.step:08d}" + (f".{self.repeat}" if self.repeat > 1 else "")


class CheckpointFolder:
    """The checkpoints in one folder. Raises OSError as the file system does."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def places(self) -> list[Place]:
        """Whatever is named like a checkpoint, newest first."""
        return sorted((place for place, name in self._named() if name == place.name), reverse=True)

    def clean(self) -> None:
        """Removes what an earlier writer left half done."""
        for name in self._names():
            if name.startswith((WRITING, REMOVING)):
                shutil.rmtree(self.path / name, ignore_errors=True)

    def begin(self, step: int) -> Path:
        """Makes the folder in which a checkpoint is written aside."""
        repeat = 1 + max((place.repeat for place in self.places() if place.step == step), default=0)
        writing = self.path / f"{WRITING}{Place(step, repeat).name}"
        writing.mkdir()
        return writing

    def publish(self, writing: Path) -> Place:
        """Gives a checkpoint its name, once everything in it is on the disk."""
        sync_folder(writing)
        name = writing.name.removeprefix(WRITING)
        writing.rename(self.path / name)
        sync_folder(self.path)
        return next(place for place in self.places() if place.name == name)

    def prune(self, keep: int, *, spare: Place) -> None:
        """Removes what is older than the ``keep`` newest checkpoints that are whole, except ``spare``.

        With fewer of them nothing is removed: a broken one never costs a whole one its place. What cannot be removed
        stays for the next time.
        """
        whole = [place for place in self.places() if self._looks_whole(place)]
        if len(whole) < keep:
            return
        for place, name in self._named():
            if place < whole[keep - 1] and place != spare:
                with contextlib.suppress(OSError):
                    self._remove(name)

    def discard(self, writing: Path) -> None:
        """Removes what was written aside of a checkpoint that failed."""
        shutil.rmtree(writing, ignore_errors=True)

    def set_aside(self, place: Place) -> Path:
        """Renames a checkpoint that is not whole, so that nobody takes it for one."""
        aside = self.path / f"{BROKEN}{place.name}"
        number = 1
        while aside.exists():
            number += 1
            aside = self.path / f"{BROKEN}{place.name}-{number}"
        (self.path / place.name).rename(aside)
        return aside

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self.path.iterdir()]
        except FileNotFoundError:
            return []

    def _named(self) -> list[tuple[Place, str]]:
        matches = ((name, _NAME.fullmatch(name)) for name in self._names())
        return [(Place(int(match[1]), int(match[2] or 1)), name) for name, match in matches if match]

    def _looks_whole(self, place: Place) -> bool:
        folder = self.path / place.name
        try:
            check_sizes(folder, read_manifest(folder))
        except CheckpointError:
            return False
        return True

    def _remove(self, name: str) -> None:
        removing = self.path / f"{REMOVING}{name}"
        (self.path / name).rename(removing)
        shutil.rmtree(removing)


def sync_folder(path: Path) -> None:
    """Hands the names in a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
