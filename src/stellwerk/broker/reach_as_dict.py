"""What failures cost, a scan and the largest model as plain data for JSON. Unknown numbers are left out."""

from __future__ import annotations

from typing import Any

from stellwerk import __version__
from stellwerk.broker.reach import Scan
from stellwerk.broker.serialise import plan_as_dict
from stellwerk.messages import Language, render
from stellwerk.planner import Goodput, Largest, Rung, ScalingPoint
from stellwerk.planner.estimate import MODEL_VERSION
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

SCHEMA = 1


def goodput_as_dict(goodput: Goodput) -> dict[str, Any]:
    """Mean time between failures, interval of checkpoints, useful share and expected duration, with the parts."""
    return {
        "checkpoints": goodput.kind,
        "mean_time_between_failures_h": (goodput.failure_interval_s * (1 / SECONDS_PER_HOUR)).as_dict(),
        "checkpoint_bytes": goodput.checkpoint_bytes,
        "checkpoint_write_s": goodput.write_s.as_dict(),
        "restart_s": goodput.restart_s.as_dict(),
        "checkpoint_interval_s": {"daly": goodput.checkpoint_interval_s, "young": goodput.young_interval_s},
        "goodput": goodput.goodput.as_dict(),
        "overhead_parts": dict(goodput.overhead_parts),
        "days": (goodput.duration_s * (1 / SECONDS_PER_DAY)).as_dict(),
        "interruptions": goodput.interruptions.as_dict(),
    }


def scan_as_dict(scan: Scan, language: Language) -> dict[str, Any]:
    """One entry a number of devices, fewest first; without a layout it has a ``reason`` in the place of numbers."""
    return _head() | {
        "workload": scan.scaling.workload.name,
        "machine": scan.scaling.machine.name,
        "scan": [_point(point, place, scan, language) for place, point in enumerate(scan.scaling.points)],
    }


def largest_as_dict(largest: Largest) -> dict[str, Any]:
    """The model, its plan and the interval of its size; ``largest`` is null where not even the smallest is trained."""
    sizes = {"low": largest.low, "best": largest.best, "high": largest.high}
    return _head() | {
        "machine": largest.machine.name,
        "devices": largest.machine.devices,
        "days": largest.duration_s / SECONDS_PER_DAY,
        "bound": largest.bound,
        "parameters": {name: None if rung is None else rung.parameters for name, rung in sizes.items()},
        "largest": None if largest.best is None else _rung(largest.best),
    }


def _head() -> dict[str, Any]:
    return {"schema": SCHEMA, "stellwerk": __version__, "planner_model": MODEL_VERSION}


def _point(point: ScalingPoint, place: int, scan: Scan, language: Language) -> dict[str, Any]:
    if point.plan is None:
        reason = scan.obstacles[point.devices]
        return {"devices": point.devices, "reason": reason.as_dict() | {"text": render(reason, language)}}
    entry = {"devices": point.devices, "speed_up": point.speed_up, "efficiency": point.efficiency}
    entry |= plan_as_dict(point.plan)
    cost = scan.costs[place]
    return entry if cost is None else entry | {"cost": cost.amount.as_dict() | {"currency": cost.currency}}


def _rung(rung: Rung) -> dict[str, Any]:
    architecture, training = rung.workload.architecture, rung.workload.training
    shape = {name: getattr(architecture, name) for name in ("layers", "hidden", "heads", "kv_heads", "ffn_hidden")}
    return {
        "parameters": rung.parameters,
        "tokens": training.tokens,
        "architecture": shape | {"vocab": architecture.vocab},
        "sequence_length": training.sequence_length,
        "global_batch_sequences": training.global_batch_sequences,
    } | ({} if rung.plan is None else {"plan": plan_as_dict(rung.plan)})
