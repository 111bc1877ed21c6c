"""What an hour on a system is charged, and how many devices its scheduler sees."""

from __future__ import annotations

from collections.abc import Mapping

from stellwerk.catalog.model import Accelerator, AmountUnit, System
from stellwerk.catalog.model_parts import Charge


def charge_per_node_hour(system: System, unit: AmountUnit) -> float | None:
    """How many units one hour of a whole node costs, as stated or from the charge of a module; None if unknown."""
    stated = _factor(system, unit, "node_h")
    if stated is not None:
        return stated
    per_module, modules = _factor(system, unit, "module_h"), system.accelerators_per_node.value
    return None if per_module is None or modules is None else per_module * modules


def charge_per_module_hour(system: System, unit: AmountUnit) -> float | None:
    """How many units one hour of one accelerator costs, as stated or from the charge of a node; None if unknown."""
    stated = _factor(system, unit, "module_h")
    if stated is not None:
        return stated
    per_node, modules = _factor(system, unit, "node_h"), system.accelerators_per_node.value
    return None if per_node is None or modules is None else per_node / modules


def charges_whole_nodes(system: System) -> bool | None:
    """Whether a whole node is charged however little of it a job uses; None where nobody says."""
    return next((charge.whole_nodes for charge in system.charges if charge.whole_nodes is not None), None)


def schedulable_devices(system: System, accelerators: Mapping[str, Accelerator]) -> int | None:
    """How many devices a scheduler sees in the pool: modules times the devices of the type; None if unknown.

    A module may hold two (MI250X); the count of the pool is one of modules.
    """
    if system.accelerator_id is None or system.accelerators.value is None:
        return None
    return system.accelerators.value * accelerators[system.accelerator_id].devices


def _factor(system: System, unit: AmountUnit, per: str) -> float | None:
    """The leading factor that holds for the nodes of the pool."""
    return next((charge.factor for charge in system.charges if _holds(charge, unit, per, system)), None)


def _holds(charge: Charge, unit: AmountUnit, per: str, system: System) -> bool:
    size = charge.accelerators_per_node
    return (
        (charge.unit, charge.per) == (unit, per)
        and charge.factor is not None
        and size in (None, system.accelerators_per_node.value)
    )
