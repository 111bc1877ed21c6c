"""How many devices a service needs, for each tensor-parallel size (docs/formulas/serving.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stellwerk.planner.grid import FloatArray, IntArray
from stellwerk.planner.layouts import tensor_sizes_of
from stellwerk.planner.model import Machine, ServingPlan
from stellwerk.planner.search import USABLE_MEMORY_SHARE
from stellwerk.planner.serving import answer_times, largest_batch, replica_memory_parts
from stellwerk.units import SECONDS_PER_HOUR, Interval
from stellwerk.workload import Architecture, Serving, Workload

SERVING_SPEED_SPREAD = Interval(0.6, 1.0, 1.7)
"""Speed of a service over the predicted one: a judgement, not a fit (docs/formulas/serving.md)."""


@dataclass(frozen=True, slots=True)
class ServingCandidates:
    """Ways to serve one workload on one machine; arrays of shape (n,), one entry a tensor-parallel size.

    Each has the fewest replicas that hold all concurrent requests in memory and keep both times at the best estimate,
    and no more devices than the machine. ``least_devices`` is what the load needs on a machine of any size, at the
    fast end of the interval, at best and at the slow end; infinite where no number is enough. ``least_memory_bytes``
    is what one request alone needs on each device of the widest replica.
    """

    workload: Workload
    machine: Machine
    tensor: IntArray
    replicas: IntArray
    batch: IntArray
    memory_parts_bytes: Mapping[str, FloatArray]
    time_per_token_s: FloatArray
    first_token_s: FloatArray
    duration_s: FloatArray
    device_hours: FloatArray
    least_devices: Interval
    least_memory_bytes: float

    @property
    def devices(self) -> IntArray:
        return self.tensor * self.replicas

    @property
    def most_device_hours(self) -> FloatArray:
        """A service runs on as many devices as it needs; more would idle."""
        return self.device_hours

    @property
    def duration_spread(self) -> Interval:
        """The service runs as long as it is to run."""
        return Interval.exactly(1.0)

    @property
    def devices_spread(self) -> Interval:
        """The interval of the number of devices, in units of the fewest; without end where at the slow end of the speed
        no number of them would do."""
        least = self.least_devices
        return Interval(least.low / least.best, 1.0, max(1.0, least.high / least.best))

    @property
    def fits_memory(self) -> bool:
        """Whether one request alone fits the memory, however fast it is answered."""
        return self.least_memory_bytes <= USABLE_MEMORY_SHARE * self.machine.memory_bytes

    def choose(self) -> ServingPlan | None:
        """The plan with the fewest devices, among equals the one that writes fastest; None where there is none."""
        if not len(self.tensor):
            return None
        return self.plan(int(np.lexsort((self.time_per_token_s, self.devices))[0]))

    def plan(self, index: int) -> ServingPlan:
        """One entry with everything that follows from it."""
        serving, machine = _serving(self.workload), self.machine
        devices = int(self.devices[index])
        needed = Interval(min(self.least_devices.low, devices), float(devices), max(self.least_devices.high, devices))
        time_per_token_s = SERVING_SPEED_SPREAD.reciprocal() * float(self.time_per_token_s[index])
        device_seconds = needed * serving.duration_s
        return ServingPlan(
            machine=machine,
            tensor=int(self.tensor[index]),
            replicas=int(self.replicas[index]),
            batch=int(self.batch[index]),
            memory_parts_bytes={name: float(values[index]) for name, values in self.memory_parts_bytes.items()},
            time_per_token_s=time_per_token_s,
            first_token_s=SERVING_SPEED_SPREAD.reciprocal() * float(self.first_token_s[index]),
            tokens_per_s=time_per_token_s.reciprocal() * serving.concurrent_requests,
            devices_needed=needed,
            duration_s=Interval.exactly(serving.duration_s),
            device_hours=device_seconds * (1 / SECONDS_PER_HOUR),
            energy_j=device_seconds.times(machine.power_w).times(machine.pue) if machine.power_w else None,
        )


def search_serving(workload: Workload, machine: Machine) -> ServingCandidates:
    """The fewest replicas for each tensor-parallel size that the model and a node of the machine admit.

    Replicas do not talk to each other, so the network between nodes is not asked for. Raises ValueError where the
    workload is a training.
    """
    architecture, serving = workload.architecture, _serving(workload)
    sizes = tensor_sizes_of(architecture, machine.devices_per_node)
    sizes = sizes[sizes <= machine.devices]
    fast, best, slow = (
        sizes * _replicas(architecture, serving, machine, sizes, slowness)
        for slowness in (1 / SERVING_SPEED_SPREAD.high, 1.0, 1 / SERVING_SPEED_SPREAD.low)
    )
    one_request = replica_memory_parts(architecture, serving, machine, sizes, np.ones_like(sizes))
    there = best <= machine.devices
    tensor, replicas = sizes[there], (best[there] / sizes[there]).astype(np.int64)
    batch = -(-serving.concurrent_requests // replicas)
    times = answer_times(architecture, serving, machine, tensor, batch)
    duration_s = np.full(len(tensor), serving.duration_s)
    return ServingCandidates(
        workload=workload,
        machine=machine,
        tensor=tensor,
        replicas=replicas,
        batch=batch,
        memory_parts_bytes=replica_memory_parts(architecture, serving, machine, tensor, batch),
        time_per_token_s=times.per_token,
        first_token_s=times.first_token,
        duration_s=duration_s,
        device_hours=tensor * replicas * duration_s / SECONDS_PER_HOUR,
        least_devices=Interval(float(fast.min()), float(best.min()), float(slow.min())),
        least_memory_bytes=float(np.sum(list(one_request.values()), axis=0).min()),
    )


def _serving(workload: Workload) -> Serving:
    if isinstance(workload.task, Serving):
        return workload.task
    raise ValueError(f"{workload.name} is a training; search plans it")


def _replicas(
    architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray, slowness: float
) -> FloatArray:
    """The fewest that hold all concurrent requests, with all times ``slowness`` times as long; infinite where even one
    request alone is too much for a replica."""
    batch = _largest_batch(architecture, serving, machine, tensor, slowness)
    with np.errstate(divide="ignore"):
        return np.ceil(serving.concurrent_requests / batch)


def _largest_batch(
    architecture: Architecture, serving: Serving, machine: Machine, tensor: IntArray, slowness: float
) -> IntArray:
    """How many requests in flight fit a replica's memory and keep both times; both grow with the batch."""
    fitting = largest_batch(architecture, serving, machine, tensor, USABLE_MEMORY_SHARE * machine.memory_bytes)
    kept, most = np.zeros_like(fitting), np.minimum(fitting, serving.concurrent_requests)
    while (kept < most).any():
        middle = (kept + most + 1) // 2
        times = answer_times(architecture, serving, machine, tensor, middle)
        keeps = (slowness * times.per_token * serving.tokens_per_s <= 1.0) & (
            slowness * times.first_token <= serving.first_token_s
        )
        kept, most = np.where(keeps, middle, kept), np.where(keeps, most, middle - 1)
    return kept
