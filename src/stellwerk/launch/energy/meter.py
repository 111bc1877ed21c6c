"""The meter beside one attempt of a run: the best source that can be read, written down line by line."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stellwerk.launch.companions import Energy
from stellwerk.launch.energy.model import Counter, CounterError, DeviceReading, EnergySample
from stellwerk.launch.energy.nvml import NvmlCounter, gpus_of_run, load_nvml, start_nvml
from stellwerk.launch.energy.rapl import POWERCAP, RaplCounter
from stellwerk.launch.engine import EnergySource
from stellwerk.messages import Reason

LINE_EVERY_S = 10.0
"""One line takes about 400 bytes per GPU: a month of eight GPUs stays below a gigabyte."""


class EstimateCounter:
    """A stated power of each device, taken as constant."""

    source: EnergySource = "estimate"

    def __init__(self, devices: int, power_w: float) -> None:
        self._devices, self._power_w = devices, power_w

    def read(self, elapsed_s: float) -> tuple[DeviceReading, ...]:
        return tuple(
            DeviceReading(str(index), self._power_w * elapsed_s, self._power_w) for index in range(self._devices)
        )


def choose_counter(
    *,
    on_gpus: bool | None,
    processes: int,
    environment: Mapping[str, str] = os.environ,
    power_w: float | None = None,
    nvml: Any = None,
    powercap: Path = POWERCAP,
) -> tuple[Counter | None, Reason | None]:
    """The best source for a run, and why no better one was read; no source where nothing is known.

    Of a run on GPUs their counters, of one on processors those of the packages, else the stated ``power_w`` of one
    device. ``on_gpus`` None: on those that NVML shows, where it shows any. ``nvml`` is the module pynvml or one that
    behaves like it; None: imported here.
    """
    reason = None
    if on_gpus is not False:
        try:
            return _nvml_counter(nvml, environment, processes), None
        except CounterError as error:
            reason = error.reason
    if not on_gpus:
        try:
            return RaplCounter(powercap), None
        except CounterError as error:
            reason = error.reason
    if power_w is not None:
        return EstimateCounter(processes, power_w), reason
    return None, reason


class EnergyMeter:
    """Writes energy.jsonl, a line every ten seconds. A reading that fails leaves a gap, the next one closes it."""

    def __init__(
        self,
        path: Path,
        counter: Counter | None,
        reason: Reason | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._path, self._counter, self._reason = path, counter, reason
        self._clock, self._now = clock, now
        self._started = self._next_line_s = self._last_elapsed_s = 0.0
        self._source: EnergySource | None = None if counter is None else counter.source
        self._energy_j: float | None = None

    def energy(self) -> Energy:
        """Since ``start``, as far as it was read."""
        return Energy() if self._energy_j is None else Energy(self._energy_j, self._source)

    def start(self) -> None:
        self._started = self._clock()
        self._write(0.0)

    def sample(self) -> None:
        elapsed_s = self._clock() - self._started
        if self._counter is not None and elapsed_s >= self._next_line_s:
            self._write(elapsed_s)

    def stop(self) -> None:
        self._write(self._clock() - self._started)

    def _write(self, elapsed_s: float) -> None:
        self._next_line_s = elapsed_s + LINE_EVERY_S
        devices: tuple[DeviceReading, ...] = ()
        reason, energy_j, power_w = self._reason, None, None
        if self._counter is not None:
            try:
                devices = self._counter.read(elapsed_s)
                energy_j = sum(device.energy_j for device in devices)
                power_w = self._mean_power_w(energy_j, elapsed_s)
            except CounterError as error:
                reason = error.reason
        sample = EnergySample(
            time=self._now().isoformat(timespec="milliseconds"),
            elapsed_s=elapsed_s,
            source=self._source,
            energy_j=energy_j,
            power_w=power_w,
            devices=devices,
            reason=reason,
        )
        if energy_j is not None:
            self._energy_j, self._last_elapsed_s = energy_j, elapsed_s
        # A full disk must not end the watch over the run; the next line counts what this one would have.
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_as_dict(sample)) + "\n")

    def _mean_power_w(self, energy_j: float, elapsed_s: float) -> float | None:
        if self._energy_j is None or elapsed_s <= self._last_elapsed_s:
            return None
        return (energy_j - self._energy_j) / (elapsed_s - self._last_elapsed_s)


def _nvml_counter(nvml: Any, environment: Mapping[str, str], processes: int) -> Counter:
    if nvml is None:
        nvml = load_nvml()
    else:
        start_nvml(nvml)
    gpus = gpus_of_run(nvml, environment, processes)
    if not gpus:
        raise CounterError(Reason("energy_no_gpu"))
    return NvmlCounter(nvml, gpus)


def _as_dict(sample: EnergySample) -> dict[str, Any]:
    reason = None if sample.reason is None else sample.reason.as_dict()
    devices = [asdict(device) for device in sample.devices]
    return {
        "time": sample.time,
        "elapsed_s": sample.elapsed_s,
        "source": sample.source,
        "energy_j": sample.energy_j,
        "power_w": sample.power_w,
        "devices": devices,
        "reason": reason,
    }
