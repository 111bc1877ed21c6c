"""Slurm's accounting as ``sacct --json`` writes it, of Slurm 22.05 to 25 (data parsers v0.0.37 to v0.0.43).

What differs between the versions and matters here: numbers stand plain or as ``{"set", "infinite", "number"}``, states
as one word or as a list of a state and flags, memory as ``required.memory`` or per node and per CPU. Fields mean what
``src/plugins/data_parser/*/parsers.c`` of Slurm says. Job ids are Slurm's own: each task of an array and each component
of a heterogeneous job has its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.builder import INT32_COLUMNS, INT64_COLUMNS, FoundLines, TableBuilder
from stellwerk.records.durations import durations
from stellwerk.records.json_stream import objects_of_array
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, JobTable
from stellwerk.records.rows import MAX_NUMBER
from stellwerk.records.sacct import EPOCH, number_anew
from stellwerk.records.sacct_values import state as slurm_state

_NOT_SET = (2**32 - 2, 2**32 - 1, 2**64 - 2, 2**64 - 1, -2, -1)
"""Numbers of 32 and 64 bits, the latter with and without a sign, that mean "not set" and "unlimited" in Slurm."""
_ROWS_AT_ONCE = 100_000
_TEXTS = ("user", "account", "partition", "qos")
_BYTES_PER_MIB = 2**20
_SECONDS_PER_MINUTE = 60
_MAX_COUNT = 2**31 - 1
_RESOURCE_LIMITS = {"cpu": _MAX_COUNT, "node": _MAX_COUNT, "gres": 2**20, "mem": 2**40}
"""The trackable resources to read, with what can be meant at most; memory stands in MiB."""
_NUMBERS = (*(name for name in INT64_COLUMNS if name != "wait_s"), "start_s", "end_s", *INT32_COLUMNS)


def read_sacct_json(path: Path) -> JobTable:
    """The jobs of a ``sacct --json`` dump, plain or gzip; steps are not read, and dumps of any size are.

    A requeued job has a record for each run: the last keeps the id, the others are numbered on from the largest. Second
    0 is 1970-01-01 UTC. Records that cannot be are dropped and counted.

    Raises InputError, with file, line and key, for a document that is not such a dump and for a value that
    is of another kind than Slurm writes.
    """
    reader = _Reader(path)
    for line, job in objects_of_array(path, "jobs"):
        reader.add(line, job)
    return reader.table()


@dataclass(slots=True)
class _Job:
    """One object of the list, and how to speak of it."""

    path: Path
    line: int
    values: dict[str, Any]

    def at(self, key: str) -> Any:
        """What stands at a dotted key; None where nothing does."""
        found: Any = self.values
        for name in key.split("."):
            if found is None:
                return None
            if not isinstance(found, dict):
                self.refuse(key, found, "an object")
            found = found.get(name)
        return found

    def number(self, key: str, limit: int = MAX_NUMBER) -> int:
        """A whole number from 0 to ``limit``; ``MISSING`` where it is not set, or infinite."""
        return self.whole(key, self.at(key), limit)

    def whole(self, key: str, value: Any, limit: int) -> int:
        given = value
        if isinstance(value, dict):
            if value.get("infinite") is True or value.get("set") is False:
                return MISSING
            value = value.get("number")
        if value is None or value in ("", "Infinity", "INFINITE", "UNLIMITED"):
            return MISSING
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < -2:
            self.refuse(key, given, "a whole number from 0")
        if value in _NOT_SET:
            return MISSING
        if value > limit:
            self.refuse(key, given, f"at most {limit:,}")
        return int(value)

    def instant(self, key: str) -> int:
        """Seconds since 1970; Slurm writes 0 where it knows none."""
        seconds = self.number(key)
        return seconds if seconds > 0 else MISSING

    def text(self, key: str) -> str | None:
        value = self.at(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            self.refuse(key, value, "a text")
        return value

    def resources(self, key: str) -> dict[str, int]:
        """The counts of ``_RESOURCE_LIMITS``, by type and name; empty where Slurm lists none."""
        listed = self.at(key)
        if listed is None:
            return {}
        if not isinstance(listed, list):
            self.refuse(key, listed, "a list of resources")
        counts: dict[str, int] = {}
        for entry in listed:
            if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
                self.refuse(key, entry, "resources with type, name and count")
            name = entry.get("name")
            full_name = f"{entry['type']}/{name}" if isinstance(name, str) and name else entry["type"]
            if entry["type"] in _RESOURCE_LIMITS:
                limit = _RESOURCE_LIMITS[entry["type"]]
                counts[full_name] = self.whole(f"{key}.{full_name}", entry.get("count"), limit)
        return counts

    def refuse(self, key: str, value: Any, allowed: str) -> NoReturn:
        raise InputError(
            "this value cannot stand here",
            file=self.path,
            key=f"line {self.line}: {key}",
            value=value if isinstance(value, str | int | float) else type(value).__name__,
            allowed=allowed,
        )


@dataclass(slots=True)
class _Reader:
    path: Path
    builder: TableBuilder = field(default_factory=TableBuilder)
    found: FoundLines = field(default_factory=FoundLines)
    numbers: dict[str, array[int]] = field(default_factory=lambda: {name: array("q") for name in _NUMBERS})
    words: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in _TEXTS})
    codes: dict[str, array[int]] = field(default_factory=lambda: {name: array("i") for name in (*_TEXTS, "state")})

    def add(self, line: int, values: dict[str, Any]) -> None:
        job = _Job(self.path, line, values)
        if "time" not in values:
            raise InputError(
                "has no accounting times", file=self.path, key=f"line {line}", allowed="the output of sacct --json"
            )
        requested, allocated = job.resources("tres.requested"), job.resources("tres.allocated")
        limit_minutes = job.number("time.limit", MAX_NUMBER // _SECONDS_PER_MINUTE)
        elapsed_s = job.number("time.elapsed")
        allocated_nodes = _first_of(allocated.get("node"), job.number("allocation_nodes", _MAX_COUNT))
        # A job cancelled in the queue holds nothing and "starts" when it ends.
        started = bool(allocated) or allocated_nodes > 0 or elapsed_s > 0
        row = {
            "job_id": job.number("job_id"),
            "line": line,
            "submit_s": job.instant("time.submission"),
            "eligible_s": job.instant("time.eligible"),
            "start_s": job.instant("time.start") if started else MISSING,
            "end_s": job.instant("time.end"),
            "run_s": elapsed_s if started else MISSING,
            "requested_s": limit_minutes * _SECONDS_PER_MINUTE if limit_minutes > 0 else MISSING,
            "memory_bytes": _memory_bytes(job, requested),
            "requested_processors": _first_of(requested.get("cpu"), job.number("required.CPUs", _MAX_COUNT)),
            "allocated_processors": allocated.get("cpu", MISSING),
            "requested_nodes": requested.get("node", MISSING),
            "allocated_nodes": allocated_nodes if started else MISSING,
            "requested_accelerators": _accelerators(requested),
            "allocated_accelerators": _accelerators(allocated),
        }
        for name, column in self.numbers.items():
            column.append(row[name])
        for name in _TEXTS:
            word = job.text(name)
            words = self.words[name]
            self.codes[name].append(MISSING if word is None else words.setdefault(word, len(words)))
        self.codes["state"].append(_state(job))

        if len(self.codes["state"]) == _ROWS_AT_ONCE:
            self._flush()

    def table(self) -> JobTable:
        self._flush()
        if not self.builder.rows:
            dropped = ", ".join(f"{finding.jobs} dropped: {reason}" for reason, finding in self.found.dropped.items())
            raise InputError("holds no job", file=self.path, value=dropped or "no record")
        number_anew(self.builder.column("job_id"))
        return self.builder.table(source=self.path, header=(), zero=EPOCH, found=self.found)

    def _flush(self) -> None:
        """Move what has been gathered into the table."""
        numbers: dict[str, NDArray[Any]] = {name: np.array(column, np.int64) for name, column in self.numbers.items()}
        codes = {name: np.array(code, np.int32) for name, code in self.codes.items()}
        for gathered in (*self.numbers.values(), *self.codes.values()):
            del gathered[:]
        line, unknown = numbers["line"], np.full(len(numbers["line"]), MISSING, np.int64)
        spans = durations(numbers["submit_s"], numbers.pop("start_s"), numbers.pop("end_s"), unknown, numbers["run_s"])
        numbers |= {"wait_s": spans.wait_s, "run_s": spans.run_s}
        kept = np.ones(len(line), np.bool_)
        reasons: dict[DropReason, NDArray[np.bool_]] = {
            "no_job_id": numbers["job_id"] == MISSING,
            "no_submit_time": numbers["submit_s"] == MISSING,
            "times_out_of_order": spans.backwards,
        }
        for reason, holds in reasons.items():
            self.found.drop(reason, line[holds & kept])
            kept &= ~holds
        names = {name: JOB_STATES if name == "state" else tuple(self.words[name]) for name in codes}
        self.builder.add(
            {name: column[kept] for name, column in numbers.items()},
            {name: (code[kept], names[name]) for name, code in codes.items()},
        )


def _first_of(listed: int | None, otherwise: int) -> int:
    return otherwise if listed is None else listed


def _accelerators(counts: Mapping[str, int]) -> int:
    """GPUs: the plain count where there is one, else the sum over the models; ``MISSING`` where nothing is listed."""
    if not counts:
        return MISSING
    if "gres/gpu" in counts:
        return counts["gres/gpu"]
    return sum(max(count, 0) for name, count in counts.items() if name.startswith("gres/gpu:"))


def _memory_bytes(job: _Job, requested: Mapping[str, int]) -> int:
    if requested.get("mem", 0) > 0:
        return requested["mem"] * _BYTES_PER_MIB
    for each, count in (("memory_per_node", requested.get("node")), ("memory_per_cpu", requested.get("cpu"))):
        each_mib = job.number(f"required.{each}", _RESOURCE_LIMITS["mem"])
        if each_mib > 0 and count is not None and 0 < count <= 2**20:
            return each_mib * count * _BYTES_PER_MIB if each_mib * count < _RESOURCE_LIMITS["mem"] else MISSING
    return MISSING


def _state(job: _Job) -> int:
    """The code of the state: what a requeued run is called, whatever else, else the first word of a state."""
    current = job.at("state.current")
    words = [current] if isinstance(current, str) else current
    if words is None:
        return MISSING
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        job.refuse("state.current", current, "a word such as COMPLETED, or a list of them")
    known = [state for state in map(slurm_state, words) if state is not None]
    if not known:
        return MISSING
    return JOB_STATES.index("requeued" if "requeued" in known else known[0])
