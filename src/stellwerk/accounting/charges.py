"""The rules that turn the use of devices into the units of a centre, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stellwerk.units import SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class ChargeRule:
    """How a centre charges one pool of devices.

    ``unit`` names what is charged ("core-h", "GPU-h", "node-h"); an hour of one device costs
    ``units_per_device_hour``. Where only whole nodes are given out, ``devices_per_node`` says how many devices
    are paid for together; None where a job pays for the devices it asks for.
    """

    unit: str
    units_per_device_hour: float
    devices_per_node: int | None = None

    def __post_init__(self) -> None:
        if not self.units_per_device_hour >= 0:
            raise ValueError(f"units per device-hour must not be negative: {self.units_per_device_hour}")
        if self.devices_per_node is not None and self.devices_per_node < 1:
            raise ValueError(f"a node has at least one device: {self.devices_per_node}")


def charge(rule: ChargeRule, *, devices: ArrayLike, duration_s: ArrayLike) -> NDArray[np.float64]:
    """What jobs cost, in ``rule.unit``, elementwise for jobs of ``devices`` over ``duration_s`` seconds each."""
    hours = np.asarray(duration_s) / SECONDS_PER_HOUR
    return np.asarray(charged_devices(rule, devices) * hours * rule.units_per_device_hour)


def units_for(rule: ChargeRule, *, device_hours: float, devices: int) -> float:
    """The units to apply for, to use ``device_hours`` in jobs of ``devices`` each.

    Devices that a job leaves idle on its nodes are paid for, so the size of the jobs matters.
    """
    return float(charge(rule, devices=devices, duration_s=device_hours / devices * SECONDS_PER_HOUR))


def charged_devices(rule: ChargeRule, devices: ArrayLike) -> NDArray[np.int64]:
    """The devices that jobs pay for, elementwise: those of all the nodes they touch where nodes are given whole."""
    asked = np.asarray(devices, np.int64)
    if rule.devices_per_node is None:
        return asked
    return np.asarray(-(-asked // rule.devices_per_node) * rule.devices_per_node)
