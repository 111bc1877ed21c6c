"""What a meter reads and writes down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stellwerk.launch.engine import EnergySource
from stellwerk.messages import Reason


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """One GPU or one processor package. What it does not tell is None."""

    device: str
    """UUID of a GPU; zone of a package (``intel-rapl:0``)."""
    energy_j: float
    """Since the meter was started."""
    power_w: float | None = None
    power_limit_w: float | None = None
    full_power_limit_w: float | None = None
    """The one it was built with."""
    temperature_c: float | None = None
    clock_mhz: float | None = None
    """Of the streaming multiprocessors."""
    full_clock_mhz: float | None = None
    """The highest that the device can take."""
    throttled: tuple[str, ...] = ()
    """Why the clock is lower than it could be (``power_cap``, ``thermal``, …); empty where nothing holds it down."""


@dataclass(frozen=True, slots=True)
class EnergySample:
    """One line of energy.jsonl.

    ``elapsed_s`` and ``energy_j`` count from the start of the meter; a line with ``elapsed_s`` 0 begins an attempt.
    ``power_w`` is the mean since the line before. ``source`` is None, and ``energy_j`` too, where nothing is known.
    """

    time: str
    """UTC, ISO 8601. Durations are never taken from it, clocks jump."""
    elapsed_s: float
    source: EnergySource | None
    energy_j: float | None
    power_w: float | None = None
    devices: tuple[DeviceReading, ...] = ()
    reason: Reason | None = None
    """Why no better source was read."""


class CounterError(Exception):
    """A source of energy cannot be read; ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


class Counter(Protocol):
    """One source of energy, counting from its first reading."""

    @property
    def source(self) -> EnergySource:
        """Its kind."""

    def read(self, elapsed_s: float) -> tuple[DeviceReading, ...]:
        """What each device took so far, ``elapsed_s`` after the start; raises CounterError."""
