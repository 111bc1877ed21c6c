"""What a plan expects of a run: written down before the start, held against what happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stellwerk.errors import InputError
from stellwerk.planner import Layout, Plan
from stellwerk.training import ComputeType, Device, write_json
from stellwerk.units import Interval
from stellwerk.workload import Workload, count_parameters, training_flops_per_token

SCHEMA = 1
_INTERVALS = ("step_time_s", "mfu", "tokens_per_s", "duration_s", "device_hours")


@dataclass(frozen=True, slots=True)
class Expectation:
    """The plan of one run as far as anything can be held against it.

    Rates and memory are per device. ``peak_flops`` is what MFU refers to, ``flops_per_token`` the model FLOPs that it
    counts. ``steps_asked`` are those of the workload; the run takes ``steps``.
    """

    machine: str
    device: Device
    compute_type: ComputeType
    parameters: int
    layout: Layout
    tokens_per_step: int
    steps: int
    steps_asked: int
    flops_per_token: float
    peak_flops: float
    device_memory_bytes: float
    memory_parts_bytes: Mapping[str, float]
    step_parts_s: Mapping[str, float]
    step_time_s: Interval
    mfu: Interval
    tokens_per_s: Interval
    duration_s: Interval
    device_hours: Interval
    energy_j: Interval | None

    @property
    def memory_bytes(self) -> float:
        return sum(self.memory_parts_bytes.values())

    @property
    def tokens(self) -> int:
        return self.steps * self.tokens_per_step

    def mfu_at(self, tokens_per_s: float) -> float:
        """The MFU of a run that is so fast."""
        return self.flops_per_token * tokens_per_s / (self.layout.devices * self.peak_flops)

    def as_dict(self) -> dict[str, Any]:
        intervals = {name: getattr(self, name).as_dict() for name in _INTERVALS}
        energy_j = None if self.energy_j is None else self.energy_j.as_dict()
        return {"schema": SCHEMA, **asdict(self), **intervals, "energy_j": energy_j}


def expectation_of(
    plan: Plan, workload: Workload, *, steps_asked: int, device: Device, compute_type: ComputeType
) -> Expectation:
    """What ``plan`` expects of a run of ``workload``, whose tokens are those that the run will take."""
    return Expectation(
        machine=plan.machine.name,
        device=device,
        compute_type=compute_type,
        parameters=count_parameters(workload.architecture).total,
        layout=plan.layout,
        tokens_per_step=workload.training.tokens_per_step,
        steps=workload.training.steps,
        steps_asked=steps_asked,
        flops_per_token=training_flops_per_token(workload.architecture, workload.training),
        peak_flops=plan.machine.peak_flops,
        device_memory_bytes=plan.machine.memory_bytes,
        memory_parts_bytes=plan.memory_parts_bytes,
        step_parts_s=plan.step_parts_s,
        step_time_s=plan.step_time_s,
        mfu=plan.mfu,
        tokens_per_s=plan.tokens_per_s,
        duration_s=plan.duration_s,
        device_hours=plan.device_hours,
        energy_j=plan.energy_j,
    )


def write_expectation(path: Path, expected: Expectation) -> None:
    write_json(path, expected.as_dict())


def read_expectation(path: Path) -> Expectation:
    """The expectation in ``plan.json``; raises InputError where the file is none of this version."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        schema = values.pop("schema")
        if schema != SCHEMA:
            raise InputError("this version cannot be read", file=path, key="schema", value=schema, allowed=str(SCHEMA))
        intervals = {name: Interval(**values[name]) for name in _INTERVALS}
        energy_j = Interval(**values["energy_j"]) if values["energy_j"] else None
        return Expectation(
            **{**values, "layout": Layout(**values["layout"]), **intervals, "energy_j": energy_j},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"is no plan of a run: {error}", file=path) from None
