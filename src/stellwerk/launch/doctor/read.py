"""What a run directory holds, as evidence; also while the run goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from stellwerk.errors import InputError
from stellwerk.launch.doctor.model import RunEvidence
from stellwerk.launch.doctor.steps import step_table
from stellwerk.launch.energy import read_energy
from stellwerk.launch.expectation import read_expectation
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import read_record
from stellwerk.training import MetricsReader, read_job, read_outcome, read_profiles, read_rates

T = TypeVar("T")

ACCELERATORS_LINE = re.compile(r"^# accelerators (?:none|(\d+) x .*)$", re.MULTILINE)
"""Of environment.lock."""
LIMIT_OF_FAILURE = 2000
"""Characters of a failure that are worth repeating."""


def read_evidence(path: Path) -> RunEvidence:
    """Raises InputError where the folder is none of a run, or a file in it is not what its name says."""
    directory = RunDirectory(path)
    record = None if not path.is_dir() else read_record(directory.state)
    if record is None and not directory.metrics.exists():
        raise InputError("this is no run directory: neither state.json nor metrics.jsonl is in it", file=path)
    outcome = _if_there(directory.outcome, read_outcome)
    reason = None if record is None else record.latest.reason
    return RunEvidence(
        steps=step_table(MetricsReader(directory.metrics).new()),
        profiles=_checked(directory.profile, read_profiles),
        energy=_checked(directory.energy, read_energy),
        job=_if_there(directory.job, read_job),
        expected=_if_there(directory.plan, read_expectation),
        rates=_if_there(directory.rates, read_rates),
        state=None if record is None else record.latest.state,
        attempts=1 if record is None else len(record.attempts),
        failure=_if_there(directory.failure, _failure),
        reason=reason,
        gpus=_if_there(directory.environment, _gpus),
        peak_memory_bytes=None if outcome is None else outcome.peak_memory_bytes,
    )


def _if_there(path: Path, read: Callable[[Path], T]) -> T | None:
    """None for a file that is missing or empty: a run of a program of one's own has no job."""
    try:
        if path.stat().st_size == 0:
            return None
    except FileNotFoundError:
        return None
    return _checked(path, read)


def _checked(path: Path, read: Callable[[Path], T]) -> T:
    with _naming(path):
        return read(path)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Inside, whatever a file says that it should not is a mistake in that file."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"cannot be read: {type(error).__name__}: {error}", file=path) from None
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path) from None


def _failure(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()[:LIMIT_OF_FAILURE]


def _gpus(path: Path) -> int | None:
    found = ACCELERATORS_LINE.search(path.read_text(encoding="utf-8", errors="replace"))
    return None if found is None else int(found[1] or 0)
