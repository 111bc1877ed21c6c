"""A diagnosis as plain data."""

from __future__ import annotations

from typing import Any

from stellwerk import __version__
from stellwerk.launch.doctor.model import Diagnosis, RunEvidence

SCHEMA = 1


def diagnosis_as_dict(evidence: RunEvidence, diagnosis: Diagnosis) -> dict[str, Any]:
    """The JSON of ``stellwerk doctor``. ``share`` is of the time of the steps, None where it is not known."""
    expected, typical_s = evidence.expected, evidence.steps.typical_s
    return {
        "schema": SCHEMA,
        "versions": {"stellwerk": __version__},
        "run": {
            "state": evidence.state,
            "attempts": evidence.attempts,
            "steps": evidence.steps.count,
            "failure": evidence.failure,
            "reason": None if evidence.reason is None else evidence.reason.as_dict(),
        },
        "step_time_s": {
            "measured": typical_s,
            "planned": None if expected is None else expected.step_time_s.as_dict(),
        },
        "findings": [
            {"cause": finding.cause.as_dict(), "advice": finding.advice.as_dict(), "share": finding.share}
            for finding in diagnosis.findings
        ],
        "missing": [reason.as_dict() for reason in diagnosis.missing],
    }
