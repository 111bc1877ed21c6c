"""What planning needs to know of an offer's hardware, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stellwerk.broker.model import CommercialOffer, Finding, Offer
from stellwerk.catalog import Accelerator, Catalogue, Fact, Product, System
from stellwerk.messages import Reason
from stellwerk.planner import (
    BITS,
    Machine,
    MachineCalibration,
    machine_from_accelerator,
    packaged_constants,
    product_bits,
)
from stellwerk.workload import Serving, Training

LARGEST_RENTAL = 4096
"""Modules of one product that a plan may use where its provider names no limit; the open limit is noted."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """What planning needs to know of an offer, None where unknown. Modules are accelerators as they are sold."""

    accelerator: Accelerator | None
    accelerator_text: str
    assumption: str
    """What the catalogue assumed to name the accelerator type, in words; empty where a source names it."""
    modules: int | None
    modules_per_node: int | None
    module_memory_bytes: float | None
    network_bytes_per_s: float | None
    """One node's injection bandwidth, one direction; a lower bound where ``network_at_least``."""
    network_at_least: bool
    network_adapters: int | None
    blocking_factor: float | None
    link_domain: int | None
    """How many modules the link joins, as stated of the offer itself."""
    unsourced: tuple[str, ...]
    """The catalogue's names of those of these values that no source backs."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plan on an offer rests on. ``machine`` is None where ``in_the_way`` says what is not known.

    Where the size of a pool or the network between its nodes is unknown, the machine is one node, and where the link
    inside the node is, one device: nothing is assumed about the rest, and ``beyond`` says why the answer is open if
    that is not enough.
    """

    machine: Machine | None
    in_the_way: tuple[Finding, ...] = ()
    beyond: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    """That have to be known of every plan."""
    notes_on_several_nodes: tuple[Finding, ...] = ()
    notes_on_network: tuple[Finding, ...] = ()
    """That have to be known of a training beyond the devices that the link joins."""
    copy_over_several_nodes: tuple[Finding, ...] = ()
    """For a service on more than one node: why a copy of the model that fits no single one leaves the answer open."""


NO_CALIBRATIONS: Mapping[str, MachineCalibration] = {}


def ground_of(
    offer: Offer,
    catalogue: Catalogue,
    task: Training | Serving | None,
    *,
    calibrations: Mapping[str, MachineCalibration] = NO_CALIBRATIONS,
) -> Ground:
    """The machine to plan the task on, as far as the catalogue knows it, with what runs on it say (``calibrations``, by
    the id of a system or product). Without a task, it is that of any training.

    Replicas that serve stay inside a node and do not talk to each other: the network between nodes is not asked for.
    """
    hardware, serving = hardware_of(offer, catalogue), isinstance(task, Serving)
    accelerator = hardware.accelerator
    if accelerator is None:
        return _no_ground(Reason("accelerator_unclear", {"text": hardware.accelerator_text or "–"}))
    if hardware.modules_per_node is None:
        return _no_ground(Reason("node_size_unknown"))
    forbidding = _forbidding_more_nodes(offer, hardware, with_network=not serving)
    machine = machine_from_accelerator(
        accelerator,
        modules=hardware.modules_per_node if forbidding else (hardware.modules or LARGEST_RENTAL),
        modules_per_node=hardware.modules_per_node,
        module_memory_bytes=hardware.module_memory_bytes,
        network_bytes_per_s_per_node=None if forbidding else hardware.network_bytes_per_s,
        network_adapters=hardware.network_adapters,
        blocking_factor=hardware.blocking_factor,
        link_domain=hardware.link_domain,
    )
    if machine is None:
        return _no_ground(Reason("accelerator_rates_unknown", {"accelerator": accelerator.name}))
    calibration = calibrations.get(target_of(offer))
    if calibration is not None:
        machine = replace(machine, calibration=calibration)
    if machine.devices == 1 < machine.devices_per_node:
        forbidding = [Finding("unknown", Reason("link_unknown", {"accelerator": accelerator.name}))]
    return Ground(
        machine,
        beyond=tuple(forbidding),
        notes=tuple(_notes(hardware, accelerator, machine, task)),
        notes_on_several_nodes=tuple(_notes_on_several_nodes(hardware, accelerator, machine, serving=serving)),
        notes_on_network=() if serving else tuple(_notes_on_network(hardware)),
        copy_over_several_nodes=_copy_over_several_nodes(hardware) if serving else (),
    )


def target_of(offer: Offer) -> str:
    """The id of the system or product that is offered."""
    return offer.product.id if isinstance(offer, CommercialOffer) else offer.system.id


def hardware_of(offer: Offer, catalogue: Catalogue) -> Hardware:
    """The hardware behind an offer, as far as the catalogue knows it."""
    if isinstance(offer, CommercialOffer):
        product = offer.product
        return Hardware(
            accelerator=catalogue.accelerators[product.accelerator_id] if product.accelerator_id else None,
            accelerator_text=product.accelerator.value or "",
            assumption=product.accelerator_assumption,
            modules=product.max_coupled_accelerators.value,
            modules_per_node=product.accelerators.value,
            module_memory_bytes=product.accelerator_memory_bytes.value,
            network_bytes_per_s=_known_network(product),
            network_at_least=not product.interconnect_bytes_per_s.known,
            network_adapters=product.network_adapters.value,
            blocking_factor=product.blocking_factor.value,
            link_domain=product.link_domain.value,
            unsourced=_unsourced(
                gpu_model=product.accelerator,
                gpu_count=product.accelerators,
                gpu_mem_gb=product.accelerator_memory_bytes,
                interconnect=product.interconnect,
            ),
        )
    system = offer.system
    return Hardware(
        accelerator=catalogue.accelerators[system.accelerator_id] if system.accelerator_id else None,
        accelerator_text=system.accelerator.value or "",
        assumption=system.accelerator_assumption,
        modules=system.accelerators.value,
        modules_per_node=system.accelerators_per_node.value,
        module_memory_bytes=system.accelerator_memory_bytes.value,
        network_bytes_per_s=_known_network(system),
        network_at_least=not system.interconnect_bytes_per_s.known,
        network_adapters=system.network_adapters.value,
        blocking_factor=system.blocking_factor.value,
        link_domain=None,
        unsourced=_unsourced(
            accelerator=system.accelerator,
            accel_per_node=system.accelerators_per_node,
            accel_total=system.accelerators,
            accel_mem_gb=system.accelerator_memory_bytes,
            interconnect=system.interconnect,
        ),
    )


def _no_ground(reason: Reason) -> Ground:
    return Ground(None, in_the_way=(Finding("unknown", reason),))


def _forbidding_more_nodes(offer: Offer, hardware: Hardware, *, with_network: bool) -> list[Finding]:
    """Why to plan with one node only."""
    forbidding = []
    if with_network and hardware.network_bytes_per_s is None:
        forbidding.append(Finding("unknown", Reason("interconnect_unknown")))
    if hardware.modules is None and not isinstance(offer, CommercialOffer):
        forbidding.append(Finding("unknown", Reason("pool_size_unknown")))
    return forbidding


def _notes_on_several_nodes(
    hardware: Hardware, accelerator: Accelerator, machine: Machine, *, serving: bool
) -> Iterator[Finding]:
    if hardware.modules is None:
        yield Finding("note", Reason("rentable_number_unknown"))
    if hardware.link_domain is None and machine.domain_devices > machine.devices_per_node and not serving:
        number = machine.domain_devices // accelerator.devices
        yield Finding("note", Reason("link_domain_assumed", {"accelerator": accelerator.name, "number": number}))


def _notes_on_network(hardware: Hardware) -> Iterator[Finding]:
    if hardware.network_bytes_per_s is not None and hardware.network_at_least:
        gbit_per_s = hardware.network_bytes_per_s * 8 / 1e9
        yield Finding("note", Reason("interconnect_at_least", {"gbit_per_s": gbit_per_s}))
    if hardware.blocking_factor is None:
        yield Finding("note", Reason("blocking_factor_unknown"))


def _copy_over_several_nodes(hardware: Hardware) -> tuple[Finding, ...]:
    if hardware.modules is not None and hardware.modules <= (hardware.modules_per_node or 0):
        return ()
    if hardware.network_bytes_per_s is None:
        return (Finding("unknown", Reason("interconnect_unknown")),)
    return (Finding("unknown", Reason("serving_across_nodes")),)


def _notes_on_training(accelerator: Accelerator, machine: Machine, training: Training) -> Iterator[Finding]:
    calibration = machine.calibration
    if calibration is not None:
        params = {"runs": calibration.runs}
        yield Finding(
            "note", Reason("calibrated", params) if calibration.narrows else Reason("calibrated_otherwise", params)
        )
    elif not packaged_constants().measured_rows.get(machine.accelerator):
        yield Finding("note", Reason("no_measured_run", {"accelerator": accelerator.name}))
    bits = product_bits(machine, training.precision)
    if bits > BITS[training.precision]:
        said: dict[str, str | int] = {"accelerator": accelerator.name, "precision": training.precision, "bits": bits}
        yield Finding("note", Reason("products_in_wider_format", said))


def _notes(
    hardware: Hardware, accelerator: Accelerator, machine: Machine, task: Training | Serving | None
) -> Iterator[Finding]:
    if isinstance(task, Training):
        yield from _notes_on_training(accelerator, machine, task)
    if hardware.assumption:
        yield Finding("note", Reason("accelerator_assumed", {"assumption": hardware.assumption}))
    if hardware.unsourced:
        yield Finding("note", Reason("hardware_unsourced", {"fields": ", ".join(hardware.unsourced)}))


def _known_network(entry: System | Product) -> float | None:
    """The full rate, else what at least is there: a plan on less than there is stays true."""
    return entry.interconnect_bytes_per_s.value or entry.interconnect_at_least_bytes_per_s.value


def _unsourced(**facts: Fact[Any]) -> tuple[str, ...]:
    return tuple(name for name, fact in facts.items() if fact.evidence == "unsourced")
