"""Rules for time in which nothing is computed: data, other processes, communication, checkpoints."""

from __future__ import annotations

import math
from statistics import median

import numpy as np

from stellwerk.launch.doctor.model import Finding, RunEvidence
from stellwerk.messages import Reason

DATA_SHARE = 0.05
"""A loader that works ahead costs nothing; a tenth of that is noise, and below five percent nobody would act."""
UNEVEN_DATA = 2.0
"""One process waits so many times longer than the median of the others: its storage, not the loader, is slow."""
STRAGGLER_SHARE = 0.05
"""Ranks of one machine differ by one to three percent through noise alone."""
LUCK = 0.1
"""Ranks that are late by chance make one of them the last as often as this seldom; above it they take turns."""
EXPOSED_SHARE = 0.10
"""Fully sharded training on a good network hides all but a few percent; above a tenth another layout pays."""
CHECKPOINT_SHARE = 0.02
"""An asynchronous checkpoint blocks for the copy only. Beyond two percent it costs more than most failures do."""


def data_wait(evidence: RunEvidence) -> Finding | None:
    """Processes wait for their next batch."""
    found = _data_wait(evidence)
    if found is None:
        return None
    wait_s, step_s = found
    if not step_s or wait_s < DATA_SHARE * step_s:
        return None
    figures = {"data_ms": wait_s * 1e3, "step_ms": step_s * 1e3}
    rank = _uneven_data_rank(evidence)
    if rank is not None:
        cause = Reason("doctor_data_wait_one", {**figures, "rank": rank})
        return Finding(cause, Reason("doctor_try_faster_storage"), wait_s / step_s)
    prepared = evidence.job is not None and evidence.job.dataset is not None
    advice = Reason("doctor_try_faster_storage") if prepared else Reason("doctor_try_prepared_data")
    return Finding(Reason("doctor_data_wait", figures), advice, wait_s / step_s)


def straggler(evidence: RunEvidence) -> Finding | None:
    """All processes wait for one, or for each other in turns. Who arrives last in a collective waits least in it.

    What the late rank waits for its data is counted there, not here.
    """
    profiles = evidence.comparable_profiles
    if not profiles:
        return None
    last = [int(np.argmin(profile.exposed_communication_s)) for profile in profiles]
    shares = []
    for profile, rank in zip(profiles, last, strict=True):
        late_s = max(profile.exposed_communication_s) - profile.exposed_communication_s[rank]
        data_s = max(0.0, profile.data_s[rank] - min(profile.data_s))
        shares.append(max(0.0, late_s - data_s) / profile.step_time_s)
    share = median(shares)
    if share < STRAGGLER_SHARE:
        return None
    rank = max(set(last), key=last.count)
    figures = {"percent": share * 100, "profiles": len(profiles)}
    if _by_chance(last.count(rank), len(profiles), len(profiles[-1].data_s)) > LUCK:
        return Finding(Reason("doctor_uneven_ranks", figures), Reason("doctor_try_even_ranks"), share)
    return Finding(
        Reason("doctor_straggler", {**figures, "rank": rank, "times": last.count(rank)}),
        Reason("doctor_try_other_device", {"rank": rank}),
        share,
    )


def exposed_communication(evidence: RunEvidence) -> Finding | None:
    """Communication that no computation hides, without the waiting for a late process: the last to arrive waits for
    none, so the smallest value of all ranks is what the transfer itself takes."""
    share = exposed_share(evidence)
    if share is None or share < EXPOSED_SHARE:
        return None
    step_s = median(profile.step_time_s for profile in evidence.profiles)
    cause = Reason(
        "doctor_exposed_communication",
        {"exposed_ms": share * step_s * 1e3, "step_ms": step_s * 1e3, "backend": evidence.profiles[-1].backend},
    )
    return Finding(cause, _advice_on_communication(evidence), share)


def exposed_share(evidence: RunEvidence) -> float | None:
    """Of a step; None where no profile was taken."""
    if not evidence.profiles:
        return None
    return median(min(profile.exposed_communication_s) / profile.step_time_s for profile in evidence.profiles)


def checkpoint_stalls(evidence: RunEvidence) -> Finding | None:
    """Steps that begin late because a checkpoint is written."""
    steps = evidence.steps
    held_up = steps.checkpoint_s[steps.steady]
    held_up = held_up[held_up > 0]
    if not len(held_up) or held_up.sum() < CHECKPOINT_SHARE * steps.steady_s:
        return None
    figures = {"count": len(held_up), "mean_ms": float(held_up.mean()) * 1e3, "total_s": float(held_up.sum())}
    every = None if evidence.job is None else evidence.job.checkpoint_every
    advice = (
        Reason("doctor_try_faster_checkpoints")
        if every is None
        else Reason("doctor_try_fewer_checkpoints", {"every": every})
    )
    return Finding(Reason("doctor_checkpoint_stalls", figures), advice, float(held_up.sum()) / steps.steady_s)


def _by_chance(times: int, profiles: int, ranks: int) -> float:
    """How likely some rank is the last so often, or more often, where all are equally slow (at most, by Boole)."""
    chance = 1 / ranks
    tail = sum(
        math.comb(profiles, count) * chance**count * (1 - chance) ** (profiles - count)
        for count in range(times, profiles + 1)
    )
    return ranks * tail


def _data_wait(evidence: RunEvidence) -> tuple[float, float] | None:
    """Mean seconds per step (waiting for data, all): of all steps, or of the profiled ones where only those tell."""
    steps = evidence.steps
    both = np.stack([steps.data_s[steps.steady], steps.step_time_s[steps.steady]])
    both = both[:, ~np.isnan(both).any(axis=0)]
    if both.shape[1]:
        return float(both[0].mean()), float(both[1].mean())
    if not evidence.profiles:
        return None
    waits = [max(profile.data_s) for profile in evidence.profiles]
    return float(np.mean(waits)), float(np.mean([profile.step_time_s for profile in evidence.profiles]))


def _uneven_data_rank(evidence: RunEvidence) -> int | None:
    """The rank that alone waits for its data, where the profiles show one."""
    profiles = evidence.comparable_profiles
    if not profiles:
        return None
    waits = np.mean([profile.data_s for profile in profiles], axis=0)
    rank = int(np.argmax(waits))
    return rank if waits[rank] > UNEVEN_DATA * float(np.median(np.delete(waits, rank))) else None


def _advice_on_communication(evidence: RunEvidence) -> Reason:
    job = evidence.job
    if job is not None and job.tensor > 1:
        return Reason("doctor_try_less_tensor", {"tensor": job.tensor})
    if job is not None and job.micro_batches > 1:
        return Reason("doctor_try_fewer_micro_batches", {"micro_batches": job.micro_batches})
    return Reason("doctor_try_more_per_step")
