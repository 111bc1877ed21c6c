"""How far an offer's hardware reaches: one training on more and more devices, and the largest model in a given time."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stellwerk.broker.costs import conversions_to, rental_of
from stellwerk.broker.hardware import NO_CALIBRATIONS, Ground, ground_of
from stellwerk.broker.model import CommercialOffer, Cost, Finding, Offer
from stellwerk.catalog import Catalogue
from stellwerk.messages import Reason
from stellwerk.planner import (
    Largest,
    Machine,
    MachineCalibration,
    Scaling,
    ScalingPoint,
    largest_trainable,
    scan_devices,
)
from stellwerk.planner.scaling import scanned_counts
from stellwerk.workload import Workload


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan of one offer's hardware. ``costs`` holds what each point costs, None where no price is known or no layout
    is; ``obstacles`` why a number of devices has none, by number."""

    scaling: Scaling
    costs: tuple[Cost | None, ...]
    obstacles: dict[int, Reason]


def scan_on(
    workload: Workload,
    offer: Offer,
    catalogue: Catalogue,
    as_of: datetime.date,
    low: int,
    high: int,
    *,
    calibrations: Mapping[str, MachineCalibration] = NO_CALIBRATIONS,
) -> tuple[Scan | None, list[Finding]]:
    """The fastest layout of every number of devices from ``low`` to ``high`` on one offer's hardware, or None, and
    what has to be known of it; who may use it is not asked. Prices are those of the offer's term."""
    ground = ground_of(offer, catalogue, workload.training, calibrations=calibrations)
    machine = ground.machine
    if machine is None:
        return None, list(ground.in_the_way)
    if not scanned_counts(machine, low, high):
        params = {"low": low, "high": high, "devices": machine.devices}
        return None, [Finding("impossible", Reason("scan_outside_machine", params)), *ground.beyond]
    scaling = scan_devices(workload, machine, low, high)
    costs = _costs(scaling, offer, catalogue, as_of)
    obstacles = {point.devices: _obstacle(point, scaling) for point in scaling.points if point.obstacle is not None}
    findings = list(_findings(ground, scaling.points[-1].devices))
    if high > machine.devices:
        ends = Reason("scan_ends_at_machine", {"devices": machine.devices, "high": high})
        findings = [Finding("note", ends), *ground.beyond, *findings]
    return Scan(scaling, costs, obstacles), findings


def largest_on(
    family: Workload,
    offer: Offer,
    catalogue: Catalogue,
    duration_s: float,
    share: float,
    tokens_per_parameter: float,
    *,
    calibrations: Mapping[str, MachineCalibration] = NO_CALIBRATIONS,
) -> tuple[Largest | None, list[Finding]]:
    """The largest compute-optimal model that a share (above 0, at most 1) of one offer's hardware trains in a time, or
    None, and what has to be known of it; who may use it is not asked.

    Whole nodes count. Raises ValueError for a family that ``largest_trainable`` refuses.
    """
    ground = ground_of(offer, catalogue, family.training, calibrations=calibrations)
    if ground.machine is None:
        return None, list(ground.in_the_way)
    machine = share_of(ground.machine, share)
    if machine is None:
        params = {"percent": 100 * share, "devices": ground.machine.devices}
        return None, [Finding("impossible", Reason("share_too_small", params)), *ground.beyond]
    largest = largest_trainable(family, machine, duration_s, tokens_per_parameter=tokens_per_parameter)
    return largest, [*ground.beyond, *_findings(ground, machine.devices)]


def share_of(machine: Machine, share: float) -> Machine | None:
    """The machine with so much of its devices, in whole nodes where it has several; None where that is nothing."""
    step = machine.devices_per_node if machine.devices > machine.devices_per_node else 1
    # A share like 0.29 of 100 is 28.999… in binary.
    devices = math.floor(share * machine.devices / step + 1e-9) * step
    return replace(machine, devices=devices) if devices else None


def _findings(ground: Ground, devices: int) -> tuple[Finding, ...]:
    several = ground.machine is not None and devices > ground.machine.devices_per_node
    return (*(ground.notes_on_several_nodes if several else ()), *ground.notes)


def _obstacle(point: ScalingPoint, scaling: Scaling) -> Reason:
    machine = scaling.machine
    if point.obstacle == "nodes":
        return Reason("no_whole_nodes", {"devices": point.devices, "per_node": machine.devices_per_node})
    if point.least_memory_bytes is not None:
        needed, available = point.least_memory_bytes / 1e9, machine.memory_bytes / 1e9
        return Reason("memory_too_small", {"needed_gb": needed, "available_gb": available})
    sequences = scaling.workload.training.global_batch_sequences
    return Reason("batch_does_not_divide", {"devices": point.devices, "sequences": sequences})


def _costs(scaling: Scaling, offer: Offer, catalogue: Catalogue, as_of: datetime.date) -> tuple[Cost | None, ...]:
    rental = None
    if isinstance(offer, CommercialOffer) and offer.price is not None and scaling.planned:
        currency = offer.price.currency or ""
        rental = rental_of(offer, scaling.fastest, conversions_to(currency, catalogue, as_of), as_of)
    if rental is None:
        return (None,) * len(scaling.points)
    rows = {point.devices: row for row, point in enumerate(scaling.planned)}
    return tuple(rental.cost(rows[point.devices]) if point.plan else None for point in scaling.points)
