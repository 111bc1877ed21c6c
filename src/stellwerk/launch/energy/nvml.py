"""The energy counters of NVIDIA GPUs, and what holds their clocks down, through NVML."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stellwerk.launch.energy.model import CounterError, DeviceReading
from stellwerk.launch.engine import EnergySource
from stellwerk.messages import Reason

VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"

THROTTLE_REASONS = {
    "nvmlClocksThrottleReasonSwPowerCap": "power_cap",
    "nvmlClocksThrottleReasonHwSlowdown": "hardware_slowdown",
    "nvmlClocksThrottleReasonSwThermalSlowdown": "thermal",
    "nvmlClocksThrottleReasonHwThermalSlowdown": "thermal",
    "nvmlClocksThrottleReasonHwPowerBrakeSlowdown": "power_brake",
    "nvmlClocksThrottleReasonApplicationsClocksSetting": "clock_setting",
}
"""Bits that NVML sets while something holds a clock down. That a GPU is idle is no such thing."""


def load_nvml() -> Any:
    """The module ``pynvml``, started; raises CounterError where it or the driver is missing."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        raise CounterError(Reason("energy_nvml_not_installed")) from None
    start_nvml(nvml)
    return nvml


def start_nvml(nvml: Any) -> None:
    """Raises CounterError where there is no driver."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise CounterError(Reason("energy_nvml_failed", {"error": str(error)})) from None


def gpus_of_run(nvml: Any, environment: Mapping[str, str], processes: int) -> tuple[str, ...]:
    """The GPUs that the processes of a run take, one each: indices, or UUIDs where the environment names them so."""
    visible = environment.get(VISIBLE_DEVICES)
    if visible is None:
        return tuple(str(index) for index in range(min(processes, int(nvml.nvmlDeviceGetCount()))))
    return tuple(name.strip() for name in visible.split(",") if name.strip())[:processes]


class NvmlCounter:
    """The GPUs of a run, by index or UUID. The counters run since the driver was loaded."""

    source: EnergySource = "nvml"

    def __init__(self, nvml: Any, gpus: Sequence[str]) -> None:
        """Raises CounterError where a GPU is not there or does not count its energy (a MIG part)."""
        self._nvml = nvml
        self._gpus = [_Gpu(nvml, name) for name in gpus]

    def read(self, elapsed_s: float) -> tuple[DeviceReading, ...]:  # noqa: ARG002
        return tuple(gpu.read() for gpu in self._gpus)


class _Gpu:
    def __init__(self, nvml: Any, name: str) -> None:
        self._nvml = nvml
        try:
            self._handle = (
                nvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdigit() else nvml.nvmlDeviceGetHandleByUUID(name)
            )
            self._uuid = str(nvml.nvmlDeviceGetUUID(self._handle))
            self._last_mj = int(nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except nvml.NVMLError as error:
            raise CounterError(Reason("energy_gpu_unreadable", {"gpu": name, "error": str(error)})) from None
        self._taken_mj = 0

    def read(self) -> DeviceReading:
        nvml, handle = self._nvml, self._handle
        try:
            now_mj = int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))
        except nvml.NVMLError as error:
            raise CounterError(Reason("energy_gpu_unreadable", {"gpu": self._uuid, "error": str(error)})) from None
        # A counter that fell began again from nothing with its driver.
        self._taken_mj += now_mj - self._last_mj if now_mj >= self._last_mj else now_mj
        self._last_mj = now_mj
        return DeviceReading(
            device=self._uuid,
            energy_j=self._taken_mj / 1e3,
            power_w=self._known(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1e3),
            power_limit_w=self._known(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3),
            full_power_limit_w=self._known(lambda: nvml.nvmlDeviceGetPowerManagementDefaultLimit(handle) / 1e3),
            temperature_c=self._known(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
            clock_mhz=self._known(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
            full_clock_mhz=self._known(lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM)),
            throttled=self._throttled(),
        )

    def _known(self, ask: Callable[[], float]) -> float | None:
        """The answer, None where this GPU has none."""
        try:
            return float(ask())
        except self._nvml.NVMLError:
            return None

    def _throttled(self) -> tuple[str, ...]:
        try:
            bits = int(self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons(self._handle))
        except self._nvml.NVMLError:
            return ()
        found = [word for name, word in THROTTLE_REASONS.items() if bits & getattr(self._nvml, name)]
        return tuple(dict.fromkeys(found))
