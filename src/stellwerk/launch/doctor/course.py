"""Rules for the course of a run: steps that were lost or not taken, the loss, how much step times vary, the plan."""

from __future__ import annotations

import numpy as np

from stellwerk.launch.doctor.model import Finding, RunEvidence
from stellwerk.launch.doctor.steps import Column, known
from stellwerk.messages import Reason

LOST_SHARE = 0.01
"""Work that is done twice is pure loss; a hundredth of a long run is hours."""
SPIKE_WINDOW = 32
"""Steps before a step that say what loss is usual."""
SPIKE_DEVIATIONS = 12.0
"""Median absolute deviations above the median: in normal noise one step in 600,000 goes beyond it by chance (simulated;
the deviation is that of only 32 steps)."""
SPIKE_LEAST = 0.05
"""And at least so much of the loss itself, because a flat curve has tiny deviations."""
VARIATION = 0.25
"""Of the typical step, between the fast steps (tenth percentile) and the slow ones (ninetieth). On an idle machine it
is a few percent."""
MIN_STEPS = 10
"""Below that, percentiles say nothing."""
UNEXPLAINED = 0.5
"""Where the findings explain less than half of what the plan missed by, something else is behind it."""


def lost_work(evidence: RunEvidence) -> Finding | None:
    """Steps that were taken twice, because an attempt ended after its last checkpoint."""
    steps = evidence.steps
    whole_s = float(np.nansum(steps.step_time_s)) + steps.lost_s
    if not steps.lost_steps or not whole_s or steps.lost_s < LOST_SHARE * whole_s:
        return None
    figures = {"attempts": evidence.attempts, "steps": steps.lost_steps, "seconds": steps.lost_s}
    every = None if evidence.job is None else evidence.job.checkpoint_every
    advice = (
        Reason("doctor_try_checkpoints") if every is None else Reason("doctor_try_more_checkpoints", {"every": every})
    )
    return Finding(Reason("doctor_lost_work", figures), advice, steps.lost_s / whole_s)


def skipped_steps(evidence: RunEvidence) -> Finding | None:
    """Steps that the guard left out: their time is lost, and their data."""
    steps = evidence.steps
    if not steps.skipped.any():
        return None
    time_s = float(np.nansum(steps.step_time_s[steps.skipped]))
    figures = {
        "count": int(steps.skipped.sum()),
        "step": int(steps.step[steps.skipped][0]),
        "percent": float(steps.skipped.mean()) * 100,
    }
    whole_s = float(np.nansum(steps.step_time_s))
    share = time_s / whole_s if whole_s else None
    return Finding(Reason("doctor_skipped_steps", figures), Reason("doctor_try_lower_rate"), share)


def loss_spikes(evidence: RunEvidence) -> Finding | None:
    """Steps whose loss jumps far above that of the steps before."""
    steps = evidence.steps
    taken = ~steps.skipped & np.isfinite(steps.loss)
    spikes = steps.step[taken][_spikes(steps.loss[taken])]
    if not len(spikes):
        return None
    figures = {"count": len(spikes), "step": int(spikes[0])}
    return Finding(Reason("doctor_loss_spikes", figures), Reason("doctor_try_lower_rate"), 0.0)


def varying_step_times(evidence: RunEvidence) -> Finding | None:
    """The same work takes now longer and now less, beyond waiting for data or for memory: something else uses the
    machine."""
    steps = evidence.steps
    own_s = np.where(steps.retried, np.nan, steps.step_time_s - np.nan_to_num(steps.data_s))
    own_s = known(own_s[steps.steady])
    if len(own_s) < MIN_STEPS:
        return None
    fast, typical, slow = (float(value) for value in np.quantile(own_s, [0.1, 0.5, 0.9]))
    if fast <= 0 or slow - fast < VARIATION * typical:
        return None
    figures = {"fast_ms": fast * 1e3, "typical_ms": typical * 1e3, "slow_ms": slow * 1e3}
    share = float(np.mean(np.maximum(own_s - fast, 0.0))) / float(np.mean(own_s))
    return Finding(Reason("doctor_varying_step_times", figures), Reason("doctor_try_alone"), share)


def missed_plan(evidence: RunEvidence, findings: tuple[Finding, ...]) -> Finding | None:
    """The typical step is slower than the plan's interval allows, and what was found does not explain it."""
    expected, typical_s = evidence.expected, evidence.steps.typical_s
    if expected is None or typical_s is None or typical_s <= expected.step_time_s.high:
        return None
    missed = 1 - expected.step_time_s.best / typical_s
    if sum(finding.share or 0.0 for finding in findings) >= UNEXPLAINED * missed:
        return None
    figures = {
        "measured_ms": typical_s * 1e3,
        "planned_ms": expected.step_time_s.best * 1e3,
        "most_ms": expected.step_time_s.high * 1e3,
    }
    return Finding(Reason("doctor_missed_plan", figures), Reason("doctor_try_measure_again"), missed)


def _spikes(loss: Column) -> Column:
    """Which losses are spikes; the first ``SPIKE_WINDOW`` are not judged."""
    found = np.zeros(len(loss), dtype=bool)
    if len(loss) <= SPIKE_WINDOW:
        return found
    before = np.lib.stride_tricks.sliding_window_view(loss[:-1], SPIKE_WINDOW)
    usual = np.median(before, axis=1)
    deviation = np.median(np.abs(before - usual[:, None]), axis=1)
    bound = usual + np.maximum(SPIKE_DEVIATIONS * deviation, SPIKE_LEAST * np.abs(usual))
    found[SPIKE_WINDOW:] = loss[SPIKE_WINDOW:] > bound
    return found
