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
from stellwerk.records.columns_table import COUNTS, NO_INSTANT, in_queue_order, waits_and_runs
from stellwerk.records.json_stream import objects_of_array
from stellwerk.records.model import JOB_STATES, MISSING, DropReason, Finding, JobTable, Labels
from stellwerk.records.rows import MAX_NUMBER

_NO_VALUE = 2**32 - 2
"""From here on numbers of 32 bits mean "unlimited" or "not set" in Slurm."""
_TEXTS = ("user", "account", "partition", "qos")
_BYTES_PER_MIB = 2**20
_SECONDS_PER_MINUTE = 60
_MAX_COUNT = 2**31 - 1
_RESOURCE_LIMITS = {"cpu": _MAX_COUNT, "node": _MAX_COUNT, "gres": 2**20, "mem": 2**40}
"""The trackable resources to read, with what can be meant at most; memory stands in MiB."""
_READ = (
    "job_id",
    "line",
    "submit_s",
    "eligible_s",
    "start_s",
    "end_s",
    "elapsed_s",
    "requested_s",
    "memory_bytes",
    *COUNTS,
)


def read_sacct_json(path: Path) -> JobTable:
    """The jobs of a ``sacct --json`` dump, plain or gzip; steps are not read, and records of any size of dump are.

    A requeued job has a record for each run; the later ones get ids above all others. Instants are UTC by
    definition. Records that end before they start are dropped and counted.

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
        if isinstance(value, str) and value.isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.refuse(key, given, "a whole number from 0")
        if value in (_NO_VALUE, _NO_VALUE + 1) or value >= 2**64 - 2:
            return MISSING
        if value > limit:
            self.refuse(key, given, f"at most {limit:,}")
        return int(value)

    def instant(self, key: str) -> int:
        """Seconds since 1970; Slurm writes 0 where it knows none."""
        seconds = self.number(key)
        return seconds if seconds > 0 else NO_INSTANT

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
    numbers: dict[str, array[int]] = field(default_factory=lambda: {name: array("q") for name in _READ})
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
            "start_s": job.instant("time.start") if started else NO_INSTANT,
            "end_s": job.instant("time.end"),
            "elapsed_s": elapsed_s,
            "requested_s": limit_minutes * _SECONDS_PER_MINUTE if limit_minutes > 0 else MISSING,
            "memory_bytes": _memory_bytes(job, requested),
            "requested_processors": _first_of(requested.get("cpu"), job.number("required.CPUs", _MAX_COUNT)),
            "allocated_processors": allocated.get("cpu", MISSING),
            "requested_nodes": requested.get("node", MISSING),
            "allocated_nodes": allocated_nodes,
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

    def table(self) -> JobTable:
        numbers: dict[str, NDArray[Any]] = {
            name: np.frombuffer(self.numbers.pop(name), np.int64) if self.numbers[name] else np.empty(0, np.int64)
            for name in _READ
        }
        submit_s, start_s, end_s = numbers["submit_s"], numbers.pop("start_s"), numbers.pop("end_s")
        unknown = np.full(len(submit_s), MISSING, np.int64)
        has_run = (start_s != NO_INSTANT) & (end_s != NO_INSTANT)
        elapsed_s = np.where(has_run, numbers.pop("elapsed_s"), MISSING)
        numbers["wait_s"], numbers["run_s"], backwards = waits_and_runs(submit_s, start_s, end_s, unknown, elapsed_s)
        backwards |= has_run & (end_s < start_s)
        no_id = numbers["job_id"] == MISSING
        dropped: dict[DropReason, Finding] = {}
        reasons: dict[DropReason, NDArray[np.bool_]] = {
            "no_job_id": no_id,
            "times_out_of_order": backwards & ~no_id,
        }
        for reason, holds in reasons.items():
            lines = numbers["line"][holds]
            if len(lines):
                dropped[reason] = Finding(len(lines), int(lines[0]))
        kept = ~(no_id | backwards)
        numbers = {name: _typed(name, column[kept]) for name, column in numbers.items()}
        numbers["job_id"] = _unique(numbers["job_id"])
        labels = {
            name: Labels(
                np.array(self.codes[name], np.int32)[kept],
                JOB_STATES if name == "state" else tuple(self.words[name]),
            )
            for name in self.codes
        }
        return in_queue_order(numbers, labels, dated=True, source=self.path, header=(), dropped=dropped)


def _typed(name: str, column: NDArray[Any]) -> NDArray[Any]:
    return column.astype(np.int32) if name in COUNTS else column


def _unique(job_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """The ids, where one stands again a new one above all others."""
    _, first = np.unique(job_id, return_index=True)
    again = np.ones(len(job_id), np.bool_)
    again[first] = False
    unique = job_id.copy()
    if again.any():
        unique[again] = job_id.max() + 1 + np.arange(np.count_nonzero(again))
    return unique


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
    known = [word.lower() for word in words if word.lower() in JOB_STATES]
    if not known:
        return MISSING
    return JOB_STATES.index("requeued" if "requeued" in known else known[0])
