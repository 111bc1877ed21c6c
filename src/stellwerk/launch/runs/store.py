"""Making, finding and listing runs in the runs folder."""

from __future__ import annotations

import contextlib
import datetime
import os
import random
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stellwerk.errors import InputError
from stellwerk.launch.runs.describe import Description, read_description, write_description
from stellwerk.launch.runs.entry import read_entry, vanished_entry
from stellwerk.launch.runs.index import (
    CREATED,
    FOLDER,
    STARTED,
    Known,
    Row,
    RunList,
    mark_of,
    read_index,
    row_of,
    write_index,
)

VARIABLE = "STELLWERK_RUNS"
CODE_LETTERS = "23456789bcdfghjkmnpqrstvwxz"
"""Nothing to mistake for something else, and no vowels to form words with."""
CODE_LENGTH = 4
SLUG_LENGTH = 40
STATE = "state.json"
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Run:
    """A run by its id and its folder (absolute, links resolved)."""

    id: str
    path: Path


def runs_folder(environment: Mapping[str, str]) -> Path:
    """Where runs lie: ``$STELLWERK_RUNS``, else in the user's data folder. Nothing is made."""
    if named := environment.get(VARIABLE):
        return Path(named).expanduser().absolute()
    data = environment.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "stellwerk" / "runs"


class RunStore:
    """The runs folder ``root``; it is made with the first run."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, name: str, *, created: datetime.datetime, out: Path | None = None) -> Run:
        """A new run, its folder made, in the runs folder or at ``out``; or the run that is at ``out`` already.

        The id is readable and unique: four letters to call it by, and its name (``k3fw-german-7b``).
        Raises InputError where a folder cannot be made.
        """
        known = None if out is None else self._at(out)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            if known is not None:
                self._link(known)
                return known
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                out = out.resolve()
            number, path = self._reserve(_slug(name), out)
        except OSError as error:
            raise InputError(f"no run can be made here: {error.strerror}", file=out or self._root) from None
        write_description(path, Description(number, name, created.astimezone(datetime.UTC)))
        return Run(number, path)

    def expect(self, run: Run, *, steps: int | None, tokens: int | None, duration_s: float | None) -> None:
        """Writes down what is planned; to be called before the run is submitted."""
        description = read_description(run.path)
        if description is None:
            raise InputError("there is no run here", file=run.path)
        write_description(run.path, replace(description, steps=steps, tokens=tokens, duration_s=duration_s))

    def find(self, text: str) -> Run:
        """The run with this id, the one whose id alone begins so, or the one in this folder.

        Raises InputError that names what is near, or all that begin so.
        """
        ids = self._ids()
        if text in ids:
            return self._run(text)
        beginning = [one for one in ids if one.startswith(text)] if text else []
        if len(beginning) == 1:
            return self._run(beginning[0])
        if beginning:
            raise InputError("several runs begin so", key="RUN", value=text, allowed=sorted(beginning))
        if text and (found := self._at(Path(text))) is not None:
            return found
        raise InputError("there is no such run", key="RUN", value=text, allowed=sorted(ids))

    def entries(self) -> RunList:
        """All runs, the latest first. Reads only what changed since the last time, and what is under way."""
        index = read_index(self._root)
        ended: dict[str, Known] = {}
        rows: list[Row] = []
        for name, folder in self._folders():
            mark = mark_of(f"{folder}/{STATE}")
            known = index.get(name)
            if mark is not None and known is not None and known[0] == mark and known[1][FOLDER] == folder:
                ended[name] = known
                rows.append(known[1])
                continue
            entry = read_entry(name, folder) if os.path.isdir(folder) else vanished_entry(name, folder)  # noqa: PTH112
            if entry is None:
                continue
            rows.append(row_of(entry))
            if mark is not None and entry.problem is None and not entry.active:
                ended[name] = (mark, rows[-1])
        if ended != index:
            write_index(self._root, ended)
        rows.sort(key=lambda row: row[STARTED] or row[CREATED] or "", reverse=True)
        return RunList(rows)

    def forget(self, run_id: str) -> None:
        """Takes the link of a run outside the runs folder away; its folder stays. Raises InputError for any other."""
        link = self._root / run_id
        if not link.is_symlink():
            raise InputError("this run lies in the runs folder: remove its folder", file=link)
        link.unlink()

    def _at(self, path: Path) -> Run | None:
        """The run in a folder, whether the runs folder knows it or not."""
        try:
            path = path.expanduser().resolve()
            path.stat()
        except (OSError, ValueError, RuntimeError):  # too long, a null byte, a loop of links, no such user
            return None
        description = read_description(path) if path.is_dir() else None
        if description is not None:
            return Run(description.id, path)
        return Run(path.name, path) if (path / STATE).is_file() else None

    def _link(self, run: Run) -> None:
        """Makes known a run that another runs folder was told of, or none."""
        if run.path.parent != self._root.resolve():
            with contextlib.suppress(FileExistsError):
                (self._root / run.id).symlink_to(run.path, target_is_directory=True)

    def _run(self, name: str) -> Run:
        path = (self._root / name).resolve()
        if not path.is_dir():
            raise InputError("the folder of this run is gone", file=path, key="RUN", value=name)
        return Run(name, path)

    def _reserve(self, slug: str, out: Path | None) -> tuple[str, Path]:
        if out is not None and out.parent == self._root.resolve():
            return out.name, out
        taken = {name[:CODE_LENGTH] for name in self._ids()}
        while True:
            code = "".join(random.SystemRandom().choices(CODE_LETTERS, k=CODE_LENGTH))
            name = f"{code}-{slug}"
            if code in taken:
                continue
            try:
                if out is None:
                    (self._root / name).mkdir()
                else:
                    (self._root / name).symlink_to(out, target_is_directory=True)
            except FileExistsError:
                continue
            return name, out or (self._root / name).resolve()

    def _ids(self) -> list[str]:
        return [name for name, _ in self._folders()]

    def _folders(self) -> list[tuple[str, str]]:
        """Ids with the folders they stand for; a link's target is not looked at."""
        try:
            with os.scandir(self._root) as entries:
                return [
                    (entry.name, os.readlink(entry.path) if entry.is_symlink() else entry.path)  # noqa: PTH115
                    for entry in entries
                    if not entry.name.startswith(".") and (entry.is_symlink() or entry.is_dir())
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputError(f"the runs folder cannot be read: {error.strerror}", file=self._root) from None


def _slug(name: str) -> str:
    """Lower case letters, digits and hyphens, as far as the name has any."""
    german = name.lower().translate(_GERMAN)
    plain = unicodedata.normalize("NFKD", german).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LENGTH].strip("-") or "run"
