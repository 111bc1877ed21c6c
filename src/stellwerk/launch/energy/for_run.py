"""The meter that fits a run: what it computes on, which GPUs it was given, what its plan says of their power."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stellwerk.launch.energy.meter import EnergyMeter, choose_counter
from stellwerk.launch.energy.rapl import POWERCAP
from stellwerk.launch.model import Job
from stellwerk.launch.plain_json import read_values
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.units import SECONDS_PER_HOUR


def meter_for(
    directory: Path,
    job: Job,
    *,
    environment: Mapping[str, str] = os.environ,
    nvml: Any = None,
    powercap: Path = POWERCAP,
) -> EnergyMeter:
    """The meter of a run in ``directory``.

    The reference program says in job.json whether it computes on GPUs; a program of one's own is taken to use those
    that its environment leaves to it.
    """
    files = RunDirectory(directory)
    device = read_values(files.job).get("device")
    counter, reason = choose_counter(
        on_gpus=None if device is None else device == "cuda",
        processes=job.processes,
        environment={**environment, **job.environment},
        power_w=_planned_power_w(read_values(files.plan)),
        nvml=nvml,
        powercap=powercap,
    )
    return EnergyMeter(files.energy, counter, reason)


def _planned_power_w(plan: Mapping[str, Any]) -> float | None:
    """Of one device, as the plan took it from the catalogue; None where it knows none."""
    try:
        return float(plan["energy_j"]["best"] / (plan["device_hours"]["best"] * SECONDS_PER_HOUR))
    except (KeyError, TypeError, ZeroDivisionError):
        return None
