"""A job log without the names of people, projects and places, on the same schedule."""

from __future__ import annotations

import datetime
import hashlib
import hmac
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records.model import MISSING, Int64s, JobTable, Labels

NamedColumn = Literal["user", "account", "partition", "qos"]
"""Columns whose names may tell who or where."""

KEY_BYTES = 32
SHIFT_WEEKS = 520
"""Times are moved back by 1 to this many weeks, about ten years, and never to before 1970."""

_FIRST_INSTANT = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_WEEK = datetime.timedelta(weeks=1)
_DIGITS = 12


def anonymise(
    jobs: JobTable, *, key: bytes, shift_weeks: int | None = None, keep: Collection[NamedColumn] = ()
) -> tuple[JobTable, int]:
    """The same schedule under pseudonyms, and by how many weeks its clock was moved back.

    Names become the first hexadecimal digits of an HMAC-SHA256 under ``key`` (at least ``KEY_BYTES`` random bytes),
    each column for itself: equal names stay equal within it, and without the key no guess of a name can be tried.
    Columns in ``keep`` stay as they are. Jobs are numbered from 1 in queue order. Where ``shift_weeks`` is None,
    ``key`` decides. Comment lines are dropped. A log without a clock has nothing to move: 0 weeks.

    Raises InputError for a negative number of weeks and one that leads to before 1970, which no log can date.
    """
    if len(key) < KEY_BYTES:
        raise ValueError(f"a key has at least {KEY_BYTES} bytes, this one {len(key)}")
    if shift_weeks is not None and shift_weeks < 0:
        raise InputError("the clock is moved back by weeks", key="shift_weeks", value=shift_weeks, allowed="0 or more")
    jobs = _from_first_instant(jobs)
    weeks = 0
    if jobs.zero is not None:
        weeks = _weeks(key, jobs.zero) if shift_weeks is None else shift_weeks
    numbers = np.arange(1, len(jobs) + 1, dtype=np.int64)

    def renamed(column: NamedColumn, labels: Labels) -> Labels:
        return labels if column in keep else _renamed(labels, column, key)

    anonymous = replace(
        jobs,
        user=renamed("user", jobs.user),
        account=renamed("account", jobs.account),
        partition=renamed("partition", jobs.partition),
        qos=renamed("qos", jobs.qos),
        job_id=numbers,
        line=numbers,
        zero=_moved_back(jobs.zero, weeks),
        source=Path(),
        header=(),
        dropped={},
        remarks={},
        out_of_order=None,
    )
    return anonymous, weeks


@dataclass(frozen=True, slots=True)
class Rarity:
    """How well a job hides among others by size and account, the two that outsiders know best.

    A combination of a size (accelerators, or processors) and an account is rare when fewer than ``few`` users have
    it (jobs, where the log knows no users). ``smallest`` is the k of k-anonymity. ``sizes`` are those of fewer than
    ``few`` jobs in all, each with its jobs, the largest first.
    """

    few: int
    of_users: bool
    combinations: int
    rare: int
    rare_jobs: int
    smallest: int
    sizes: tuple[tuple[int, int], ...]


def rarity_of(jobs: JobTable, few: int = 5) -> Rarity:
    """What stands out in a log of at least one job, however its names read."""
    size = np.where(jobs.accelerators > 0, jobs.accelerators, jobs.processors)
    combination = _combined(size, jobs.account.code)
    count = np.bincount(combination)
    of_users = bool((jobs.user.code != MISSING).any())
    hiding = count
    if of_users:
        _, first = np.unique(_combined(combination, jobs.user.code), return_index=True)
        hiding = np.bincount(combination[first])
    sizes, jobs_of_size = np.unique(size, return_counts=True)
    seldom = (jobs_of_size < few) & (sizes > 0)
    return Rarity(
        few=few,
        of_users=of_users,
        combinations=len(count),
        rare=int((hiding < few).sum()),
        rare_jobs=int(count[hiding < few].sum()),
        smallest=int(hiding.min()),
        sizes=tuple(zip(sizes[seldom][::-1].tolist(), jobs_of_size[seldom][::-1].tolist(), strict=True)),
    )


def _from_first_instant(jobs: JobTable) -> JobTable:
    """The same instants counted from the first of them, where the log dates them."""
    if jobs.zero is None:
        return jobs
    known = np.concatenate([column[column != MISSING] for column in (jobs.submit_s, jobs.eligible_s)])
    first_s = int(known.min(initial=2**62)) if len(known) else 0

    def moved(seconds: Int64s) -> Int64s:
        return np.where(seconds == MISSING, MISSING, seconds - first_s)

    zero = jobs.zero + datetime.timedelta(seconds=first_s)
    return replace(jobs, submit_s=moved(jobs.submit_s), eligible_s=moved(jobs.eligible_s), zero=zero)


def _renamed(labels: Labels, column: str, key: bytes) -> Labels:
    """Pseudonyms in their own order, so that no code tells which name came first."""
    digests = [hmac.new(key, f"{column}\0{name}".encode(), hashlib.sha256).hexdigest() for name in labels.names]
    digits = _DIGITS
    while len({digest[:digits] for digest in digests}) < len(digests):
        digits += 1
    order = sorted(range(len(digests)), key=digests.__getitem__)
    place = np.empty(len(digests) + 1, labels.code.dtype)
    place[order] = np.arange(len(digests))
    place[-1] = MISSING  # what the code MISSING finds from the end
    names = tuple(f"{column}-{digests[number][:digits]}" for number in order)
    return Labels(place[labels.code], names)


def _weeks(key: bytes, zero: datetime.datetime) -> int:
    most = min(SHIFT_WEEKS, (zero - _FIRST_INSTANT) // _WEEK)
    if most < 1:
        return 0
    return 1 + int.from_bytes(hmac.new(key, b"weeks", hashlib.sha256).digest()[:8]) % most


def _moved_back(zero: datetime.datetime | None, weeks: int) -> datetime.datetime | None:
    if zero is None:
        return None
    most = (zero - _FIRST_INSTANT) // _WEEK
    if weeks > most:
        raise InputError(
            "moves the log to before 1970", key="shift_weeks", value=weeks, allowed=f"at most {max(most, 0):,}"
        )
    return zero - weeks * _WEEK


def _combined(values: NDArray[np.int64], code: NDArray[np.int32]) -> NDArray[np.int64]:
    """One number, from 0 without gaps, for each pair of a value and a code that occurs."""
    place = np.unique(values, return_inverse=True)[1]
    pair = place * (int(code.max()) + 2) + code + 1
    numbers: NDArray[np.int64] = np.unique(pair, return_inverse=True)[1].astype(np.int64)
    return numbers
