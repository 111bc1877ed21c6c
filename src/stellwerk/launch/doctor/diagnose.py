"""From the evidence of a run to its likely causes, the costliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from stellwerk.launch.doctor import course, device, waiting
from stellwerk.launch.doctor.model import Diagnosis, Finding, RunEvidence
from stellwerk.launch.doctor.steps import known
from stellwerk.launch.energy import energy_use
from stellwerk.messages import Reason

Rule = Callable[[RunEvidence], Finding | None]

RULES: tuple[Rule, ...] = (
    waiting.data_wait,
    waiting.straggler,
    waiting.exposed_communication,
    waiting.checkpoint_stalls,
    device.slow_backend,
    device.heat,
    device.power_brake,
    device.power_limit,
    device.small_micro_batch,
    device.fragmentation,
    device.memory_nearly_full,
    device.compile_off,
    course.lost_work,
    course.skipped_steps,
    course.loss_spikes,
    course.varying_step_times,
)


def diagnose(evidence: RunEvidence) -> Diagnosis:
    """Every rule looks for itself; what none of them explains is said last."""
    if not evidence.steps.count:
        return Diagnosis((), (Reason("doctor_no_steps"),))
    findings = tuple(_bounded(finding) for rule in RULES if (finding := rule(evidence)) is not None)
    unexplained = course.missed_plan(evidence, findings)
    if unexplained is not None:
        findings = (*findings, unexplained)
    return Diagnosis(tuple(sorted(findings, key=_order)), tuple(_missing(evidence)))


def _bounded(finding: Finding) -> Finding:
    """Estimates from different measurements can go beyond the whole: a program of one's own reports what it likes."""
    return finding if finding.share is None else replace(finding, share=min(1.0, max(0.0, finding.share)))


def _order(finding: Finding) -> tuple[bool, bool, float]:
    """Costs that are known come before those that are not, and before risks."""
    return not finding.first, finding.share is None, -(finding.share or 0.0)


def _missing(evidence: RunEvidence) -> Iterator[Reason]:
    steps = evidence.steps
    if not len(known(steps.step_time_s)):
        yield Reason("doctor_no_step_times")
    if not evidence.profiles:
        yield Reason("doctor_no_profile")
    if not len(known(steps.data_s)) and not evidence.profiles:
        yield Reason("doctor_no_data_times")
    if evidence.expected is None:
        yield Reason("doctor_no_plan")
    if evidence.job is None:
        yield Reason("doctor_no_job")
    if not evidence.energy:
        yield Reason("doctor_no_energy")
    elif energy_use(evidence.energy).energy_j is None:
        yield Reason("doctor_energy_unknown")
    if evidence.job is not None and evidence.job.device == "cuda" and not _watches_gpus(evidence):
        yield Reason("doctor_no_clocks")


def _watches_gpus(evidence: RunEvidence) -> bool:
    return any(device.clock_mhz is not None for sample in evidence.energy for device in sample.devices)
