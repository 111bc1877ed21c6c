"""The lines of a ``sacct`` dump as columns of text, block by block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stellwerk.errors import InputError
from stellwerk.records.builder import FoundLines
from stellwerk.records.model import Int64s
from stellwerk.records.polars_extra import load_polars
from stellwerk.records.rows import line_blocks

if TYPE_CHECKING:
    import polars

SEPARATOR = "|"
OPEN_XDMOD_FIELDS = (
    *("jobid", "jobidraw", "cluster", "partition", "qos", "account", "group", "gid", "user", "uid"),
    *("submit", "eligible", "start", "end", "elapsed", "exitcode", "state", "nnodes", "ncpus", "reqcpus", "reqmem"),
    *("reqtres", "alloctres", "timelimit", "nodelist", "jobname"),
)
"""What Open XDMoD tells centres to dump, without a title line."""

_KNOWN_FIELD = re.compile(r"[A-Za-z]+(?:%-?\d+)?")
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class SacctBlock:
    """Some lines of a dump: one column of text per field, its name in lower case, and each row's line from 1."""

    frame: polars.DataFrame
    line: Int64s


def sacct_blocks(path: Path, fields: Sequence[str] | None, found: FoundLines) -> Iterator[SacctBlock]:
    """The lines with all their fields; those without are counted in ``found``.

    Raises InputError for a file that cannot be read and where no title line, ``fields`` or shape says what the columns
    are.
    """
    names = _named(fields, path) if fields is not None else None
    title: str | None = None
    for first_line, lines in line_blocks(path, errors="replace"):
        numbered = [(number, text) for number, text in enumerate(lines, first_line) if text.strip()]
        if numbered and title is None:
            title = numbered[0][1].strip()
            if _is_title(title):
                names = _named(title.strip(SEPARATOR).split(SEPARATOR), path)
            elif names is None:
                names = _recognised(title, path)
        numbered = [one for one in numbered if one[1].strip() != title or not _is_title(title)]
        if names is not None and numbered:
            yield _block(numbered, names, found)


def is_sacct(first_line: str) -> bool:
    """Whether the first line of a file looks like one of sacct's: a title, or the fields that Open XDMoD asks for."""
    return _is_title(first_line) or first_line.count(SEPARATOR) >= len(OPEN_XDMOD_FIELDS) - 1


def _is_title(line: str) -> bool:
    words = [word.strip().lower() for word in line.strip(SEPARATOR).split(SEPARATOR)]
    return len(words) > 1 and all(map(_KNOWN_FIELD.fullmatch, words)) and not {"jobid", "jobidraw"}.isdisjoint(words)


def _named(fields: Sequence[str], path: Path) -> list[str]:
    names = [field.strip().lower().partition("%")[0] for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise InputError("stands twice", file=path, key="fields", value=name)
    return names


def _recognised(line: str, path: Path) -> list[str]:
    values = line.split(SEPARATOR)
    if len(values) >= len(OPEN_XDMOD_FIELDS):
        submit = values[OPEN_XDMOD_FIELDS.index("submit")]
        if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d|\d{9,11}", submit):
            return list(OPEN_XDMOD_FIELDS)
    raise InputError(
        "has no title line: say which fields were dumped",
        file=path,
        key="fields",
        value=f"{len(values)} columns",
        allowed="--fields with the names given to sacct --format, such as JobIDRaw,Submit,Start,Elapsed,…",
    )


def _block(numbered: list[tuple[int, str]], names: list[str], found: FoundLines) -> SacctBlock:
    pl = load_polars()
    line = np.array([number for number, _ in numbered], np.int64)
    text = pl.Series([text for _, text in numbered], dtype=pl.String)
    odd = text.str.contains(_REPLACEMENT, literal=True).to_numpy()
    found.remark("not_utf8", line[odd])
    separators = text.str.count_matches(SEPARATOR, literal=True).to_numpy()
    wanted = len(names) - 1
    # `sacct --parsable` ends each line with one more separator.
    trailing = (separators == wanted + 1) & text.str.ends_with(SEPARATOR).to_numpy()
    whole = (separators == wanted) | trailing
    more = ~whole & (separators > wanted) & ("jobname" in names)
    if more.any():
        rows = np.flatnonzero(more).tolist()
        text = text.scatter(rows, [_without_separators_in_name(text[row], names) for row in rows])
        found.remark("name_with_separator", line[more])
    kept = whole | more
    found.drop("broken_line", line[~kept])
    parts = text.filter(pl.Series(kept)).str.split_exact(SEPARATOR, wanted).struct.unnest()
    parts.columns = names
    return SacctBlock(parts, line[kept])


def _without_separators_in_name(text: str, names: list[str]) -> str:
    """The line with blanks for the separators inside the job's name: all other fields hold none."""
    values = text.split(SEPARATOR)
    before = names.index("jobname")
    after = len(names) - before - 1
    name = " ".join(values[before : len(values) - after])
    return SEPARATOR.join((*values[:before], name, *values[len(values) - after :]))
