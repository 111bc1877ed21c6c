"""From one version of the workload file to the next; docs/workload.md says what changed."""

from __future__ import annotations

import datetime
from typing import Any

SCHEMA = 2


def upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """The parsed TOML of a workload as the current version has it."""
    return _from_1(values) if values.get("schema") == 1 else values


def _from_1(values: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had deadlines without hour and zone: the day began it, wherever the applicant was."""
    limits = values.get("limits")
    upgraded = values | {"schema": 2}
    if isinstance(limits, dict) and type(limits.get("deadline")) is datetime.date:
        upgraded["limits"] = limits | {"deadline": f"{limits['deadline'].isoformat()} 00:00 UTC"}
    return upgraded
