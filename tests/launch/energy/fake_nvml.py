"""NVML with two GPUs whose counters a test sets."""

from __future__ import annotations


class FakeNvml:
    class NVMLError(Exception):
        pass

    NVML_TEMPERATURE_GPU = 0
    NVML_CLOCK_SM = 1
    nvmlClocksThrottleReasonSwPowerCap = 4  # noqa: N815
    nvmlClocksThrottleReasonHwSlowdown = 8  # noqa: N815
    nvmlClocksThrottleReasonSwThermalSlowdown = 32  # noqa: N815
    nvmlClocksThrottleReasonHwThermalSlowdown = 64  # noqa: N815
    nvmlClocksThrottleReasonHwPowerBrakeSlowdown = 128  # noqa: N815
    nvmlClocksThrottleReasonApplicationsClocksSetting = 2  # noqa: N815

    def __init__(self, *, driver: bool = True, gpus: int = 2, temperature: bool = True) -> None:
        self._driver, self._gpus, self._temperature = driver, gpus, temperature
        self.energy_mj: dict[int, int | None] = dict.fromkeys(range(gpus), 1_000_000)
        self.throttle = 1  # idle

    def nvmlInit(self) -> None:  # noqa: N802
        if not self._driver:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self._gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        if index not in self.energy_mj:
            raise self.NVMLError("Invalid Argument")
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:  # noqa: N802
        return int(uuid.removeprefix("GPU-"))

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        energy = self.energy_mj[handle]
        if energy is None:
            raise self.NVMLError("Not Supported")
        return energy

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: ARG002, N802
        return 412_500

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:  # noqa: ARG002, N802
        return 700_000

    def nvmlDeviceGetPowerManagementDefaultLimit(self, handle: int) -> int:  # noqa: ARG002, N802
        return 700_000

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: ARG002, N802
        if not self._temperature:
            raise self.NVMLError("Not Supported")
        return 61

    def nvmlDeviceGetClockInfo(self, handle: int, kind: int) -> int:  # noqa: ARG002, N802
        return 1500

    def nvmlDeviceGetMaxClockInfo(self, handle: int, kind: int) -> int:  # noqa: ARG002, N802
        return 1980

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:  # noqa: ARG002, N802
        return self.throttle
