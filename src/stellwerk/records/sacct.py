"""What ``sacct --parsable2`` prints, with or without its title line (docs/records.md)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.files import load_polars
from stellwerk.records import sacct_values as values
from stellwerk.records.builder import FoundLines, TableBuilder
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Int32s, Int64s, JobTable, Remark
from stellwerk.records.sacct_lines import SacctBlock, sacct_blocks
from stellwerk.records.sacct_times import check_timezone, instants_s

Bools = NDArray[np.bool_]
Numbers = dict[str, NDArray[Any]]
Texts = dict[str, tuple[Int32s, Sequence[str]]]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MAX_RECORDS = 50_000_000
MAX_PENDING_TASKS = 2_000_000
"""Records that lines of pending arrays may become in all: a single line could ask for millions."""

_ONE_OF = (("jobidraw", "jobid"), ("submit",), ("start",), ("elapsedraw", "elapsed", "end"))
_READ = (
    frozenset(
        ("jobid", "jobidraw", "user", "account", "partition", "qos", "state", "submit", "eligible", "start", "end")
    )
    | frozenset(
        ("elapsed", "elapsedraw", "timelimit", "timelimitraw", "nnodes", "allocnodes", "reqnodes", "ncpus", "alloccpus")
    )
    | frozenset(("reqcpus", "reqmem", "reqtres", "alloctres", "reqgres", "allocgres", "nodelist"))
)
_MAX_ID = 2**32
_TASK_BITS = 8
_FIRST_PENDING_TASK = 2**22
"""Above all numbers of array tasks, which Slurm ends at four million."""
_ID = r"^\s*([0-9]{1,10})(?:_(?:([0-9]{1,7})|(\[.*)))?(?:\+([0-9]{1,3}))?\s*$"
_REASONS: tuple[DropReason, ...] = (
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
    executions = np.empty((0, 2), np.int64)
    pending = 0
    for block in sacct_blocks(path, fields, _READ, found):
        _require_fields(block, path)
        block = _without_steps(block, found)
        if not len(block.line):
            continue
        numbers, texts, key, start_s, tasks = _records(block, timezone, found)
        tasks = _limited(tasks, MAX_PENDING_TASKS - pending, numbers["line"], found)
        pending += int(tasks[tasks > 1].sum())
        builder.add(
            {name: np.repeat(column, tasks) for name, column in numbers.items()},
            {name: (np.repeat(code, tasks), names) for name, (code, names) in texts.items()},
        )
        before = len(executions)
        executions.resize((builder.rows, 2), refcheck=False)
        executions[before:] = np.stack([_of_each_task(key, tasks), np.repeat(start_s, tasks)], axis=1)
        if builder.rows > MAX_RECORDS:
            raise InputError(f"more than {MAX_RECORDS:,} records", file=path, key=f"line {block.line[-1]}")
    if not builder.rows:
        raise InputError("holds no job", file=path, value=", ".join(found.dropped) or "no line")
    _drop_repeated(builder, executions, found)
    del executions
    number_anew(builder.column("job_id"))
    return builder.table(source=path, header=(), zero=EPOCH, found=found)


def number_anew(job_id: Int64s) -> None:
    """Make ids unique, in place: the last of those that are equal keeps the id, the others go on from the largest, and
    so do records without one."""
    by_id = np.argsort(job_id, kind="stable")
    again = by_id[:-1][np.diff(job_id[by_id]) == 0]
    again = np.union1d(again, by_id[: np.searchsorted(job_id[by_id], 0)])
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
    if not step.any():
        return block
    # Slurm shortens the list of an array's tasks by points, too: 123_[1,3,...]
    shortened = block.frame["jobid" if "jobid" in block.frame.columns else "jobidraw"].str.contains("[", literal=True)
    step &= ~shortened.to_numpy()
    found.drop("job_step", block.line[step])
    return SacctBlock(block.frame.filter(load_polars().Series(~step)), block.line[~step])


def _records(block: SacctBlock, timezone: str, found: FoundLines) -> tuple[Numbers, Texts, Int64s, Int64s, Int64s]:
    """The records of one block; what tells jobs apart, when they started, and for how many tasks each record stands.
    What cannot be a record is dropped."""
    reader = _BlockReader(block, timezone)
    numbers, texts = reader.numbers(), reader.texts()
    usable = np.ones(len(block.line), np.bool_)
    for reason in _REASONS:
        wrong = reader.wrong.get(reason)
        if wrong is not None:
            found.drop(reason, block.line[wrong & usable])
            usable &= ~wrong
    for remark, rows in reader.remarked.items():
        found.remark(remark, block.line[rows & usable])
    key, start_s, tasks = (numbers.pop(name) for name in ("key", "start_s", "tasks"))
    if usable.all():
        return numbers, texts, key, start_s, tasks
    return (
        {name: column[usable] for name, column in numbers.items()},
        {name: (code[usable], names) for name, (code, names) in texts.items()},
        key[usable],
        start_s[usable],
        tasks[usable],
    )


def _limited(tasks: Int64s, room: int, line: Int64s, found: FoundLines) -> Int64s:
    """How many records each row becomes: its tasks, while there is room."""
    several = tasks > 1
    if not several.any():
        return tasks
    fits = several & (np.cumsum(np.where(several, tasks, 0)) <= room)
    found.remark("tasks_in_one_line", line[fits])
    found.remark("tasks_not_counted", line[several & ~fits])
    return np.where(fits, tasks, 1)


def _of_each_task(key: Int64s, tasks: Int64s) -> Int64s:
    """Keys of their own for the tasks of one line: they are different jobs."""
    if (tasks == 1).all():
        return key
    repeated = np.repeat(key, tasks)
    first = np.repeat(np.cumsum(tasks) - tasks, tasks)
    several = np.repeat(tasks > 1, tasks)
    return repeated + np.where(several, (_FIRST_PENDING_TASK + np.arange(len(repeated)) - first) << _TASK_BITS, 0)


@dataclass(slots=True)
class _Words:
    """A column of texts: the distinct ones, and which of them each row holds."""

    distinct: list[str]
    place: NDArray[np.int64]


@dataclass(slots=True)
class _BlockReader:
    """Reads the columns of one block; notes in ``wrong``, by reason, which rows cannot be records, and in ``remarked``
    which are not quite as the log says."""

    block: SacctBlock
    timezone: str
    wrong: dict[DropReason, Bools] = field(default_factory=dict)
    remarked: dict[Remark, Bools] = field(default_factory=dict)
    _words: dict[str, _Words] = field(default_factory=dict)

    def numbers(self) -> Numbers:
        submit_s = self._instants("submit", None)
        eligible_s = self._instants("eligible", submit_s)
        start_s = self._instants("start", submit_s)
        end_s = self._instants("end", start_s)
        elapsed_s = self._elapsed_s()
        by_clock_s = np.where((start_s != MISSING) & (end_s != MISSING), end_s - start_s, MISSING)
        run_s = np.where(elapsed_s != MISSING, elapsed_s, by_clock_s)
        # Cancelled in the queue: Slurm gives the end as the start, and no time and no nodes in between.
        started = (start_s != MISSING) & ~((run_s <= 0) & self._without_nodes())
        self._note("no_submit_time", submit_s == MISSING)
        self._note("times_out_of_order", started & (submit_s != MISSING) & (start_s < submit_s))
        self._note("times_out_of_order", started & (by_clock_s < 0) & (end_s != MISSING))
        return {
            **self._ids(),
            "line": self.block.line,
            "start_s": start_s,
            "submit_s": submit_s,
            "eligible_s": eligible_s,
            "wait_s": np.where(started, start_s - submit_s, MISSING),
            "run_s": np.where(started, run_s, MISSING),
            "requested_s": self._first(("timelimitraw", _minutes), ("timelimit", values.limit_s)),
            **self._resources(started),
        }

    def texts(self) -> Texts:
        found: Texts = {}
        for name in ("user", "account", "partition", "qos"):
            if name in self.block.frame.columns:
                found[name] = self._coded(name, lambda word: None if values.is_nothing(word) else word.strip())
        if "state" in self.block.frame.columns:
            code, states = self._coded("state", values.state)
            known = np.array([*(JOB_STATES.index(state) for state in states), MISSING], np.int32)
            found["state"] = known[code], JOB_STATES
            self._remark("unknown_state", (code == MISSING) & (self.block.frame["state"] != "").to_numpy())
        return found

    def _resources(self, started: Bools) -> Numbers:
        allocated = self._sizes("alloctres", ("nnodes", "allocnodes"), ("ncpus", "alloccpus"), "allocgres")
        requested = self._sizes("reqtres", ("reqnodes",), ("reqcpus",), "reqgres")
        # What Slurm shows as given to a job that never ran is what it asked for.
        requested = {
            name: np.where((column == MISSING) & ~started, allocated[name], column)
            for name, column in requested.items()
        }
        nodes = np.where(requested["nodes"] == MISSING, allocated["nodes"], requested["nodes"])
        processors = np.where(requested["processors"] == MISSING, allocated["processors"], requested["processors"])
        return {
            "memory_bytes": self._memory_bytes(nodes, processors),
            **{f"requested_{name}": column for name, column in requested.items()},
            **{f"allocated_{name}": np.where(started, column, MISSING) for name, column in allocated.items()},
        }

    def _ids(self) -> dict[str, Int64s]:
        """Slurm's number of each record, what tells jobs, tasks and components apart, and how many tasks it is."""
        pl = load_polars()
        columns = self.block.frame
        text = columns["jobid" if "jobid" in columns.columns else "jobidraw"]
        base = text.cast(pl.Int64, strict=False).fill_null(MISSING).to_numpy().copy()
        task, component = np.full(len(base), MISSING, np.int64), np.full(len(base), MISSING, np.int64)
        tasks = np.ones(len(base), np.int64)
        job_id = base.copy()
        others = np.flatnonzero((base < 0) | (base >= _MAX_ID))
        if len(others):
            parts = text.gather(others).str.extract_groups(_ID).struct.unnest()
            base[others], task[others], component[others] = (
                parts.to_series(place).cast(pl.Int64, strict=False).fill_null(MISSING).to_numpy() for place in (0, 1, 3)
            )
            listed = parts.to_series(2)
            for row in np.flatnonzero(listed.is_not_null().to_numpy()).tolist():
                tasks[others[row]] = values.pending_tasks(listed[row])
            job_id[others] = MISSING
        known = (base >= 0) & (base < _MAX_ID) & (task < _FIRST_PENDING_TASK) & (component < 255)
        if "jobidraw" in columns.columns:
            raw = columns["jobidraw"].cast(pl.Int64, strict=False).fill_null(MISSING).to_numpy()
            job_id = np.where((raw >= 0) & (raw < _MAX_ID), raw, job_id)
        self._note("no_job_id", ~known)
        key = (base << 31) | (task + 1) << _TASK_BITS | (component + 1)
        return {"job_id": job_id, "key": np.where(known, key, MISSING), "tasks": tasks}

    def _instants(self, name: str, not_before_s: Int64s | None) -> Int64s:
        """A column of times; of an hour that a clock shows twice, the later one where the first would be too early."""
        if name not in self.block.frame.columns:
            return np.full(len(self.block.line), MISSING, np.int64)
        found = instants_s(self.block.frame[name], self.timezone)
        self._remark("unreadable_value", found.unreadable)
        self._note("no_such_time", found.in_gap)
        self._remark("clock_shown_twice", found.first_s != found.second_s)
        if not_before_s is None:
            return found.first_s
        return np.where(found.first_s < not_before_s, found.second_s, found.first_s)

    def _elapsed_s(self) -> Int64s:
        pl = load_polars()
        if "elapsedraw" in self.block.frame.columns or "elapsed" not in self.block.frame.columns:
            return self._first(("elapsedraw", _seconds), ("elapsed", values.duration_s))
        # Nearly every job has a run time of its own: what is written as usual is not looked at one by one.
        text = self.block.frame["elapsed"]
        parts = text.str.extract_groups(r"^(?:([0-9]{1,5})-)?([0-9][0-9]):([0-9][0-9]):([0-9][0-9])$").struct.unnest()
        days, hours, minutes, seconds = (parts.to_series(place).cast(pl.Int64) for place in range(4))
        usual = ((days.fill_null(0) * 24 + hours) * 60 + minutes) * 60 + seconds
        found: Int64s = usual.fill_null(MISSING).to_numpy().copy()
        others = np.flatnonzero(found == MISSING)
        if len(others):
            numbers, readable = _parsed(text.gather(others).to_list(), values.duration_s)
            found[others] = numbers
            unreadable = np.zeros(len(found), np.bool_)
            unreadable[others] = ~readable
            self._remark("unreadable_value", unreadable)
        return found

    def _sizes(self, tres: str, nodes: Sequence[str], processors: Sequence[str], gres: str) -> dict[str, Int64s]:
        count = values.whole_number
        return {
            "processors": self._first(*((name, count) for name in processors), (tres, _resource("cpu"))),
            "nodes": self._first(*((name, count) for name in nodes), (tres, _resource("node"))),
            "accelerators": np.maximum(
                self._first((tres, values.accelerators)), self._first((gres, values.accelerators))
            ),
        }

    def _without_nodes(self) -> Bools:
        if "nodelist" not in self.block.frame.columns:
            cancelled: Bools = self._first(("state", lambda text: values.state(text) == "cancelled")) == 1
            return cancelled
        nodes = self.block.frame["nodelist"].str.strip_chars().str.to_lowercase()
        without: Bools = nodes.is_in(list(values.NOTHING)).to_numpy()
        return without

    def _memory_bytes(self, nodes: Int64s, processors: Int64s) -> Int64s:
        """Requested memory of the whole job: ReqTRES says it; ReqMem may say that of each node or processor."""
        whole = self._first(("reqtres", values.memory_in))
        if "reqmem" not in self.block.frame.columns or not (whole == MISSING).any():
            return whole
        each = self._first(("reqmem", lambda text: (found := values.memory_bytes(text)) and found[0]))
        per = self._first(("reqmem", values.memory_is_per))
        times = np.select([per == values.PER_NODE, per == values.PER_PROCESSOR], [nodes, processors], 1)
        fits = (each > 0) & (times > 0) & (each.astype(np.float64) * times <= values.MAX_BYTES)
        return np.where(whole == MISSING, np.where(fits, each * np.where(fits, times, 1), MISSING), whole)

    def _first(self, *columns: tuple[str, Callable[[str], int | None]]) -> Int64s:
        """Numbers from the first of some columns that says something, row by row."""
        found = np.full(len(self.block.line), MISSING, np.int64)
        for name, parse in columns:
            if name in self.block.frame.columns and (found == MISSING).any():
                words = self._distinct(name)
                numbers, readable = _parsed(words.distinct, parse)
                if not readable.all():
                    self._remark("unreadable_value", ~readable[words.place])
                found = np.where(found == MISSING, numbers[words.place], found)
        return found

    def _coded(self, name: str, word_of: Callable[[str], str | None]) -> tuple[Int32s, Sequence[str]]:
        """Codes of words, ``MISSING`` where there is none, and the words."""
        texts = self._distinct(name)
        words: dict[str, int] = {}
        found = [word_of(text) for text in texts.distinct]
        code = [MISSING if word is None else words.setdefault(word, len(words)) for word in found]
        return np.array(code, np.int32)[texts.place], tuple(words)

    def _distinct(self, name: str) -> _Words:
        if name not in self._words:
            pl = load_polars()
            text = self.block.frame[name]
            distinct = text.unique(maintain_order=True)
            place = text.replace_strict(distinct, pl.Series(range(len(distinct)), dtype=pl.Int64)).to_numpy()
            self._words[name] = _Words(distinct.to_list(), place)
        return self._words[name]

    def _note(self, reason: DropReason, rows: Bools) -> None:
        if rows.any():
            self.wrong[reason] = self.wrong.get(reason, np.zeros(len(rows), np.bool_)) | rows

    def _remark(self, remark: Remark, rows: Bools) -> None:
        if rows.any():
            self.remarked[remark] = self.remarked.get(remark, np.zeros(len(rows), np.bool_)) | rows


def _parsed(texts: Sequence[str], parse: Callable[[str], int | None]) -> tuple[Int64s, Bools]:
    """The numbers, ``MISSING`` where there is none, and which texts can be read."""
    numbers = np.full(len(texts), MISSING, np.int64)
    readable = np.ones(len(texts), np.bool_)
    for place, text in enumerate(texts):
        try:
            number = parse(text)
        except ValueError:
            readable[place] = False
        else:
            numbers[place] = MISSING if number is None else number
    return numbers, readable


def _drop_repeated(builder: TableBuilder, executions: Int64s, found: FoundLines) -> None:
    """Keep the last of records that are the same execution: of one job, submitted and started at the same time."""
    key, start_s = executions.T
    ordered = np.sort(key)
    twice = ordered[1:][np.diff(ordered) == 0]
    del ordered
    if not len(twice):
        return
    rows = np.flatnonzero(np.isin(key, np.unique(twice)))
    submit_s = builder.column("submit_s")
    same = rows[np.lexsort((rows, start_s[rows], submit_s[rows], key[rows]))]
    equal = np.ones(len(same) - 1, np.bool_)
    for column in (key, submit_s, start_s):
        equal &= np.diff(column[same]) == 0
    repeated = np.zeros(len(key), np.bool_)
    repeated[same[:-1][equal]] = True
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
