"""The jobs of a log as a report counts them: when they ran, what they held, and which belong to the period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.measures.usage.model import Device
from stellwerk.records import MISSING, JobTable

LOST_STATES = (
    "failed",
    "timeout",
    "node_fail",
    "out_of_memory",
    "cancelled",
    "preempted",
    "requeued",
    "deadline",
    "boot_fail",
)
"""Ends after which a job's hours bought no completed run; what it saved at a checkpoint no log says."""

LEAST_SHARE = 0.1

UNFINISHED_STATES = ("running", "suspended", "pending")

_MOST_DEVICE_S = 2.0**62

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """One element per job of the log.

    ``start_s`` and ``end_s`` hold ``MISSING`` where the log does not say when a job ran; ``devices`` is 0 where it
    does not say how many. Waits are those of jobs that started in the period, otherwise ``MISSING``. ``held_s``,
    ``processor_s`` and ``accelerator_s`` are what a job holds times seconds inside the period. ``belongs`` marks the
    jobs to count.
    """

    device: Device
    devices: Ints
    start_s: Ints
    end_s: Ints
    placed: Bools
    ran: Bools
    belongs: Bools
    held_s: Ints
    processor_s: Ints
    accelerator_s: Ints
    wait_s: Ints
    eligible_wait_s: Ints
    lost: Bools
    unfinished: Bools
    by_wait: Ints
    by_eligible_wait: Ints
    """The numbers of the jobs that have such a wait, the shortest first."""


def choose_device(jobs: JobTable) -> Device:
    """What hours of a log are best counted of.

    Accelerators, unless the jobs that hold any have less than ``LEAST_SHARE`` of all processor-hours: then
    processors; nodes where the log knows neither.
    """
    held_s = np.maximum(jobs.processors, 0).astype(np.float64) * np.maximum(jobs.run_s, 0)
    with_accelerators = jobs.accelerators > 0
    if with_accelerators.any() and held_s[with_accelerators].sum() >= LEAST_SHARE * held_s.sum():
        return "accelerator"
    return "processor" if (jobs.processors > 0).any() or not (jobs.nodes > 0).any() else "node"


def count_jobs(jobs: JobTable, device: Device, period_s: tuple[int, int] | None) -> Counted:
    """The columns that every part of a report starts from; all jobs belong to a report without a period."""
    processors = np.maximum(jobs.processors, 0)
    accelerators = np.maximum(jobs.accelerators, 0)
    devices = {"accelerator": accelerators, "processor": processors, "node": np.maximum(jobs.nodes, 0)}[device]
    cancelled = _in_states(jobs, ("cancelled", "pending"))
    ran = (jobs.run_s > 0) | ((jobs.run_s == 0) & (jobs.wait_s != MISSING) & ~cancelled)
    started = ran | ((jobs.wait_s != MISSING) & _in_states(jobs, ("running", "suspended")))
    placed = started & (jobs.wait_s != MISSING) & (jobs.submit_s != MISSING)
    start_s = np.where(placed, jobs.submit_s + jobs.wait_s, MISSING)
    end_s = np.where(placed, start_s + np.maximum(jobs.run_s, 0), MISSING)
    first, beyond = period_s if period_s is not None else (np.iinfo(np.int64).min, np.iinfo(np.int64).max)
    submitted = (jobs.submit_s >= first) & (jobs.submit_s < beyond)
    began = placed & (start_s >= first) & (start_s < beyond)
    overlaps = began | (placed & (start_s < beyond) & (end_s > first))
    belongs = np.where(placed, overlaps, submitted)
    inside_s = np.maximum(np.minimum(end_s, beyond) - np.maximum(start_s, first), 0)
    seconds = np.where(placed, inside_s, np.where(submitted & ran, jobs.run_s, 0)) * belongs
    unfinished = _in_states(jobs, UNFINISHED_STATES)
    until_s = jobs.submit_s - jobs.submit_s.min() + jobs.wait_s + jobs.run_s
    until_s[unfinished] = until_s.max()
    _refuse_overflow(jobs, np.maximum(np.maximum(devices, processors), accelerators), until_s)
    eligible_known = began & (jobs.eligible_s != MISSING) & (jobs.eligible_s <= start_s)
    wait_s = np.where(began, jobs.wait_s, MISSING)
    eligible_wait_s = np.where(eligible_known, start_s - jobs.eligible_s, MISSING)
    return Counted(
        device=device,
        devices=devices,
        start_s=start_s,
        end_s=end_s,
        placed=placed,
        ran=started,
        belongs=belongs,
        held_s=devices * seconds,
        processor_s=processors * seconds,
        accelerator_s=accelerators * seconds,
        wait_s=wait_s,
        eligible_wait_s=eligible_wait_s,
        lost=_in_states(jobs, LOST_STATES),
        unfinished=unfinished,
        by_wait=_ascending(wait_s),
        by_eligible_wait=_ascending(eligible_wait_s),
    )


def _ascending(wait_s: Ints) -> Ints:
    known = np.flatnonzero(wait_s != MISSING)
    ordered: Ints = known[np.argsort(wait_s[known], kind="stable")]
    return ordered


def _refuse_overflow(jobs: JobTable, devices: Ints, seconds: Ints) -> None:
    """Raises InputError where sums of devices times seconds would leave the range of whole numbers."""
    if float(devices.astype(np.float64) @ np.maximum(seconds, 0)) > _MOST_DEVICE_S:
        raise InputError("more devices times seconds than can be added up", file=jobs.source)


def _in_states(jobs: JobTable, states: tuple[str, ...]) -> Bools:
    codes = [code for code, name in enumerate(jobs.state.names) if name in states]
    return np.isin(jobs.state.code, codes)
