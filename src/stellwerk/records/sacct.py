"""What ``sacct --parsable2`` prints, with or without its title line (docs/records.md)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records import sacct_values as values
from stellwerk.records.builder import FoundLines, TableBuilder
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Int32s, Int64s, JobTable
from stellwerk.records.polars_extra import load_polars
from stellwerk.records.sacct_lines import SacctBlock, sacct_blocks
from stellwerk.records.sacct_times import check_timezone, instants_s

if TYPE_CHECKING:
    import polars

T = TypeVar("T")
Bools = NDArray[np.bool_]
Numbers = dict[str, NDArray[Any]]
Texts = dict[str, tuple[Int32s, Sequence[str]]]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_ONE_OF = (("jobidraw", "jobid"), ("submit",), ("start",), ("elapsedraw", "elapsed", "end"))
_REASONS: tuple[DropReason, ...] = (
    "unreadable_value",
    "no_such_time",
    "no_job_id",
    "no_submit_time",
    "times_out_of_order",
)


def read_sacct(path: Path, *, fields: Sequence[str] | None = None, timezone: str = "UTC") -> JobTable:
    """The jobs of a dump, plain or gzip; ``fields`` names its columns where it has no title line.

    Without either, the 26 fields that Open XDMoD asks for are recognised. Times are read on the clock of ``timezone``
    (IANA); the table's second 0 is 1970-01-01 UTC. Lines that are no record of a job, and records that cannot be, are
    dropped and counted. An id that stands several times, as those of requeued jobs do, stays with its last record; the
    others are numbered on from the largest.

    Raises MissingExtraError without polars, and InputError for a file that cannot be read, fields that are not enough,
    an unknown time zone and a dump without a job.
    """
    check_timezone(timezone)
    found, builder = FoundLines(), TableBuilder()
    for block in sacct_blocks(path, fields, found):
        _require_fields(block, path)
        block = _without_steps(block, found)
        if len(block.line):
            builder.add(*_records(block, timezone, found))
    if not len(builder.column("line")):
        raise InputError("holds no job", file=path, value=", ".join(found.dropped) or "no line")
    _drop_repeated(builder, found)
    number_anew(builder.column("job_id"))
    return builder.table(source=path, header=(), zero=EPOCH, found=found)


def number_anew(job_id: Int64s) -> None:
    """Make ids unique, in place: the last of those that are equal keeps the id, the others go on from the largest."""
    by_id = np.argsort(job_id, kind="stable")
    again = by_id[:-1][np.diff(job_id[by_id]) == 0]
    job_id[again] = job_id.max(initial=0) + 1 + np.arange(len(again))


def _require_fields(block: SacctBlock, path: Path) -> None:
    for names in _ONE_OF:
        if not any(name in block.frame.columns for name in names):
            raise InputError(
                f"the dump has no field {' or '.join(names)}",
                file=path,
                key="fields",
                value=",".join(block.frame.columns),
            )


def _without_steps(block: SacctBlock, found: FoundLines) -> SacctBlock:
    """The records of jobs: those of their steps have a point in the id (``123.batch``)."""
    step = np.zeros(len(block.line), np.bool_)
    for name in ("jobid", "jobidraw"):
        if name in block.frame.columns:
            step |= block.frame[name].str.contains(".", literal=True).to_numpy()
    found.drop("job_step", block.line[step])
    return SacctBlock(block.frame.filter(load_polars().Series(~step)), block.line[~step])


def _records(block: SacctBlock, timezone: str, found: FoundLines) -> tuple[Numbers, Texts]:
    """The records of one block; what cannot be one is dropped."""
    reader = _BlockReader(block, timezone)
    numbers, texts = reader.numbers(), reader.texts()
    usable = np.ones(len(block.line), np.bool_)
    for reason in _REASONS:
        wrong = reader.wrong.get(reason)
        if wrong is not None:
            found.drop(reason, block.line[wrong & usable])
            usable &= ~wrong
    found.remark("clock_shown_twice", block.line[reader.shown_twice & usable])
    tasks = reader.pending_tasks()[usable]
    found.remark("tasks_in_one_line", block.line[usable][tasks > 1])
    return (
        {name: np.repeat(column[usable], tasks) for name, column in numbers.items()},
        {name: (np.repeat(code[usable], tasks), names) for name, (code, names) in texts.items()},
    )


@dataclass(slots=True)
class _BlockReader:
    """Reads the columns of one block and notes in ``wrong``, by reason, which rows cannot be records."""

    block: SacctBlock
    timezone: str
    wrong: dict[DropReason, Bools] = field(default_factory=dict)
    shown_twice: Bools = field(init=False)

    def __post_init__(self) -> None:
        self.shown_twice = np.zeros(len(self.block.line), np.bool_)

    def numbers(self) -> Numbers:
        submit_s = self._instants("submit", None)
        eligible_s = self._instants("eligible", submit_s)
        start_s = self._instants("start", submit_s)
        end_s = self._instants("end", start_s)
        elapsed_s = self._first(("elapsedraw", _seconds), ("elapsed", values.duration_s))
        by_clock_s = np.where((start_s != MISSING) & (end_s != MISSING), end_s - start_s, MISSING)
        run_s = np.where(elapsed_s != MISSING, elapsed_s, by_clock_s)
        allocated = self._sizes("alloctres", ("nnodes", "allocnodes"), ("ncpus", "alloccpus"), "allocgres")
        requested = self._sizes("reqtres", ("reqnodes",), ("reqcpus",), "reqgres")
        # Cancelled in the queue: Slurm gives the end as the start, and no time and no nodes in between.
        started = (start_s != MISSING) & ~((run_s <= 0) & self._without_nodes())
        self._note("no_submit_time", submit_s == MISSING)
        self._note("times_out_of_order", started & (submit_s != MISSING) & (start_s < submit_s))
        self._note("times_out_of_order", started & (by_clock_s < 0) & (end_s != MISSING))
        for name, given in allocated.items():
            # What a job was given stands in for what it asked for, where only that is dumped; so does, for one that
            # never ran, what Slurm shows as given.
            requested[name] = np.where(requested[name] == MISSING, given, requested[name])
        return {
            "job_id": self._ids(),
            "line": self.block.line,
            "submit_s": submit_s,
            "eligible_s": eligible_s,
            "wait_s": np.where(started, start_s - submit_s, MISSING),
            "run_s": np.where(started, run_s, MISSING),
            "requested_s": self._first(("timelimitraw", _minutes), ("timelimit", values.limit_s)),
            "memory_bytes": self._memory_bytes(requested["nodes"], requested["processors"]),
            **{f"requested_{name}": column for name, column in requested.items()},
            **{f"allocated_{name}": np.where(started, column, MISSING) for name, column in allocated.items()},
        }

    def texts(self) -> Texts:
        found: Texts = {}
        for name in ("user", "account", "partition", "qos"):
            if name in self.block.frame.columns:
                words = self.block.frame[name].str.strip_chars()
                found[name] = _coded(words, lambda word: None if values.is_nothing(word) else word)
        if "state" in self.block.frame.columns:
            code, states = _coded(self.block.frame["state"], values.state)
            known = np.array([*(JOB_STATES.index(state) for state in states), MISSING], np.int32)
            found["state"] = known[code], JOB_STATES
        return found

    def pending_tasks(self) -> Int64s:
        if "jobid" not in self.block.frame.columns:
            return np.ones(len(self.block.line), np.int64)
        ids = self.block.frame["jobid"]
        if not ids.str.contains("[", literal=True).any():
            return np.ones(len(self.block.line), np.int64)
        return np.array([values.pending_tasks(job_id) for job_id in ids], np.int64)

    def _instants(self, name: str, not_before_s: Int64s | None) -> Int64s:
        """A column of times; of an hour that a clock shows twice, the later one where the first would be too early."""
        if name not in self.block.frame.columns:
            return np.full(len(self.block.line), MISSING, np.int64)
        found = instants_s(self.block.frame[name], self.timezone)
        self._note("unreadable_value", found.unreadable)
        self._note("no_such_time", found.in_gap)
        self.shown_twice |= found.first_s != found.second_s
        if not_before_s is None:
            return found.first_s
        return np.where(found.first_s < not_before_s, found.second_s, found.first_s)

    def _sizes(self, tres: str, nodes: Sequence[str], processors: Sequence[str], gres: str) -> dict[str, Int64s]:
        count = values.whole_number
        return {
            "processors": self._first(*((name, count) for name in processors), (tres, _resource("cpu"))),
            "nodes": self._first(*((name, count) for name in nodes), (tres, _resource("node"))),
            "accelerators": self._first((tres, values.accelerators), (gres, values.accelerators)),
        }

    def _ids(self) -> Int64s:
        pl = load_polars()
        name = "jobidraw" if "jobidraw" in self.block.frame.columns else "jobid"
        digits = self.block.frame[name].str.extract(r"^\s*(\d{1,15})").cast(pl.Int64)
        job_id: Int64s = digits.fill_null(MISSING).to_numpy()
        self._note("no_job_id", job_id == MISSING)
        return job_id.copy()

    def _without_nodes(self) -> Bools:
        if "nodelist" not in self.block.frame.columns:
            return np.ones(len(self.block.line), np.bool_)
        nodes = self.block.frame["nodelist"].str.strip_chars().str.to_lowercase()
        without: Bools = nodes.is_in(list(values.NOTHING)).to_numpy()
        return without

    def _memory_bytes(self, nodes: Int64s, processors: Int64s) -> Int64s:
        each = self._first(("reqmem", lambda text: (found := values.memory_bytes(text)) and found[0]))
        if "reqmem" not in self.block.frame.columns:
            return each
        per_node, per_processor = (
            self.block.frame["reqmem"].str.to_lowercase().str.strip_chars().str.ends_with(end).to_numpy()
            for end in ("n", "c")
        )
        times = np.where(per_node, np.maximum(nodes, 1), np.where(per_processor, np.maximum(processors, 1), 1))
        total = each.astype(np.float64) * times
        self._note("unreadable_value", total > values.MAX_BYTES)
        return np.where((each == MISSING) | (total > values.MAX_BYTES), MISSING, each * times)

    def _first(self, *columns: tuple[str, Callable[[str], int | None]]) -> Int64s:
        """Numbers from the first of some columns that says something, row by row."""
        found = np.full(len(self.block.line), MISSING, np.int64)
        for name, parse in columns:
            if name in self.block.frame.columns and (found == MISSING).any():
                numbers, unreadable = _parsed(self.block.frame[name], parse)
                self._note("unreadable_value", unreadable)
                found = np.where(found == MISSING, numbers, found)
        return found

    def _note(self, reason: DropReason, rows: Bools) -> None:
        if rows.any():
            self.wrong[reason] = self.wrong.get(reason, np.zeros(len(rows), np.bool_)) | rows


def _parsed(texts: polars.Series, parse: Callable[[str], int | None]) -> tuple[Int64s, Bools]:
    """Each distinct text parsed once: the numbers, and which rows cannot be read."""
    pl = load_polars()
    distinct = texts.unique()
    numbers, readable = [], []
    for text in distinct:
        try:
            number = parse(text)
            readable.append(True)
        except ValueError:
            number = None
            readable.append(False)
        numbers.append(MISSING if number is None else number)
    found: Int64s = texts.replace_strict(distinct, pl.Series(numbers, dtype=pl.Int64)).to_numpy()
    if all(readable):
        return found, np.zeros(len(found), np.bool_)
    return found, ~texts.replace_strict(distinct, pl.Series(readable, dtype=pl.Boolean)).to_numpy()


def _coded(texts: polars.Series, word_of: Callable[[str], str | None]) -> tuple[Int32s, Sequence[str]]:
    """Codes of words, ``MISSING`` where there is none, and the words."""
    pl = load_polars()
    distinct = texts.unique(maintain_order=True)
    words: dict[str, int] = {}
    codes = []
    for text in distinct:
        word = word_of(text)
        codes.append(MISSING if word is None else words.setdefault(word, len(words)))
    return texts.replace_strict(distinct, pl.Series(codes, dtype=pl.Int32)).to_numpy(), tuple(words)


def _drop_repeated(builder: TableBuilder, found: FoundLines) -> None:
    """Keep one of records that are the same execution: of one id, submitted and started at the same time."""
    same = np.lexsort(
        (builder.column("line"), builder.column("wait_s"), builder.column("submit_s"), builder.column("job_id"))
    )
    repeated = np.zeros(len(same), np.bool_)
    equal = np.ones(len(same) - 1, np.bool_)
    for name in ("job_id", "submit_s", "wait_s"):
        equal &= np.diff(builder.column(name)[same]) == 0
    # Tasks of one array that stand in one line are no repetition.
    equal &= np.diff(builder.column("line")[same]) != 0
    repeated[same[1:]] = equal
    if repeated.any():
        found.drop("repeated_record", builder.column("line")[repeated])
        builder.keep(~repeated)


def _resource(name: str) -> Callable[[str], int | None]:
    return lambda text: values.resource(text, name)


def _seconds(text: str) -> int | None:
    return values.whole_number(text)


def _minutes(text: str) -> int | None:
    limit = None if text.strip().lower() in values.NO_LIMIT else values.whole_number(text)
    return None if limit is None else limit * 60
