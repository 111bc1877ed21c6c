"""The energy counters of Intel and AMD processors, as Linux shows them (kernel.org: power/powercap/powercap)."""

from __future__ import annotations

from pathlib import Path

from stellwerk.launch.energy.model import CounterError, DeviceReading
from stellwerk.launch.engine import EnergySource
from stellwerk.messages import Reason

POWERCAP = Path("/sys/class/powercap")
ZONES = "intel-rapl:*"
"""AMD's packages have the same name. Zones of intel-rapl-mmio are the same packages once more."""
PACKAGE_PREFIX = "package-"
"""Cores and graphics are parts of a package, ``psys`` contains it. Memory stands beside it and is left out."""


class RaplCounter:
    """All processor packages of the machine, with whatever else runs on them."""

    source: EnergySource = "rapl"

    def __init__(self, powercap: Path = POWERCAP) -> None:
        """Raises CounterError where there is no package or the system does not let it be read."""
        zones = sorted(zone for zone in powercap.glob(ZONES) if _is_package(zone))
        if not zones:
            raise CounterError(Reason("energy_no_rapl", {"folder": str(powercap)}))
        self._packages = [_Package(zone) for zone in zones]

    def read(self, elapsed_s: float) -> tuple[DeviceReading, ...]:  # noqa: ARG002
        return tuple(package.read() for package in self._packages)


class _Package:
    def __init__(self, zone: Path) -> None:
        self._zone = zone
        self._range_uj = _number(zone / "max_energy_range_uj")
        self._last_uj = _number(zone / "energy_uj")
        self._taken_uj = 0

    def read(self) -> DeviceReading:
        """Right as long as the counter goes round at most once between two readings: minutes at the least."""
        now_uj = _number(self._zone / "energy_uj")
        self._taken_uj += now_uj - self._last_uj
        if now_uj < self._last_uj:
            self._taken_uj += self._range_uj
        self._last_uj = now_uj
        return DeviceReading(device=self._zone.name, energy_j=self._taken_uj / 1e6)


def _is_package(zone: Path) -> bool:
    try:
        return (zone / "name").read_text(encoding="ascii").startswith(PACKAGE_PREFIX)
    except OSError:
        return False


def _number(file: Path) -> int:
    try:
        return int(file.read_text(encoding="ascii"))
    except PermissionError:
        raise CounterError(Reason("energy_rapl_not_allowed", {"file": str(file)})) from None
    except (OSError, ValueError) as error:
        raise CounterError(Reason("energy_rapl_unreadable", {"file": str(file), "error": str(error)})) from None
