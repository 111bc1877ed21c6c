"""One training on more and more devices: how fast the best layout of each number is, and what the growth is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stellwerk.planner.layouts import usable_device_counts
from stellwerk.planner.model import Machine, Plan
from stellwerk.planner.search import Candidates, search
from stellwerk.workload import Workload

Obstacle = Literal["batch", "memory", "nodes"]
"""Why a number of devices has no layout: the global batch cannot be spread over it; none fits the memory; it is no
whole number of nodes."""


@dataclass(frozen=True, slots=True)
class ScalingPoint:
    """One number of devices: its fastest layout, or what stands in the way of any.

    ``speed_up`` is how many times faster than the smallest number with a layout it is, ``efficiency`` that over the
    growth in devices. The interval of a step time is the same for all numbers, so neither has one.
    """

    devices: int
    plan: Plan | None
    speed_up: float | None = None
    efficiency: float | None = None
    obstacle: Obstacle | None = None
    least_memory_bytes: float | None = None
    """With ``memory``: what the most frugal layout needs on its fullest device."""


@dataclass(frozen=True, slots=True)
class Scaling:
    """A scan over numbers of devices, fewest first.

    ``fastest`` holds the same layouts as the points with a plan, in their order.
    """

    workload: Workload
    machine: Machine
    points: tuple[ScalingPoint, ...]
    fastest: Candidates

    @property
    def planned(self) -> tuple[ScalingPoint, ...]:
        """The points with a layout."""
        return tuple(point for point in self.points if point.plan is not None)


def scan_devices(workload: Workload, machine: Machine, low: int, high: int) -> Scaling:
    """The fastest layout of every usable number of devices and every power of two from ``low`` to ``high``, both
    included, as far as the machine reaches; the global batch stays as it is (strong scaling).

    Raises ValueError where the range is reversed, begins below 1 or holds no number that the machine has.
    """
    if not 1 <= low <= high:
        raise ValueError(f"no range of devices: {low} to {high}")
    counts = scanned_counts(machine, low, high)
    if not counts:
        raise ValueError(f"{machine.name} has no number of devices from {low} to {high} to use")
    whole = [count for count in counts if _whole_nodes(machine, count)]
    fastest = search(workload, machine, whole)
    plans = {int(devices): fastest.plan(row) for row, devices in enumerate(fastest.devices)}
    first = min(plans, default=0)
    points = []
    for count in counts:
        plan = plans.get(count)
        if plan is None:
            points.append(_without_plan(workload, machine, count))
            continue
        speed_up = plans[first].step_time_s.best / plan.step_time_s.best
        points.append(ScalingPoint(count, plan, speed_up, speed_up * first / count))
    return Scaling(workload, machine, tuple(points), fastest)


def scanned_counts(machine: Machine, low: int, high: int) -> tuple[int, ...]:
    """The numbers of devices that a scan looks at, fewest first."""
    most = min(high, _reachable(machine))
    powers = (2**exponent for exponent in range(most.bit_length()))
    return tuple(sorted(count for count in {*usable_device_counts(machine), *powers} if low <= count <= most))


def _reachable(machine: Machine) -> int:
    """The largest number of devices that one job may use; one node where the network between them is unknown."""
    return (
        machine.devices if machine.network_bytes_per_s is not None else min(machine.devices_per_node, machine.devices)
    )


def _whole_nodes(machine: Machine, count: int) -> bool:
    return count < machine.devices_per_node or count % machine.devices_per_node == 0


def _without_plan(workload: Workload, machine: Machine, count: int) -> ScalingPoint:
    if not _whole_nodes(machine, count):
        return ScalingPoint(count, None, obstacle="nodes")
    least = search(workload, machine, [count]).least_memory_bytes
    if least is None:
        return ScalingPoint(count, None, obstacle="batch")
    return ScalingPoint(count, None, obstacle="memory", least_memory_bytes=least)
