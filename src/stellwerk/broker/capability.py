"""Whether the hardware of an offer can do it, and with which plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stellwerk.broker.model import CommercialOffer, Finding, Offer
from stellwerk.catalog import Accelerator, Catalogue, Fact, Product, System
from stellwerk.messages import Reason
from stellwerk.planner import Candidates, Machine, Plan, machine_from_accelerator
from stellwerk.units import SECONDS_PER_DAY

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
    unsourced: tuple[str, ...]
    """The catalogue's names of those of these values that no source backs."""


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
        unsourced=_unsourced(
            accelerator=system.accelerator,
            accel_per_node=system.accelerators_per_node,
            accel_total=system.accelerators,
            accel_mem_gb=system.accelerator_memory_bytes,
            interconnect=system.interconnect,
        ),
    )


def judge_hardware(
    offer: Offer, hardware: Hardware, duration_limit_s: float | None, search: Callable[[Machine], Candidates]
) -> tuple[Plan | None, list[Finding]]:
    """The plan to propose on an offer, or None, and the findings on its hardware.

    Where the size of a pool or the network between its nodes is unknown, one node is planned with; if that is not
    enough the answer is unknown, since nothing is assumed about the rest.
    """
    accelerator = hardware.accelerator
    if accelerator is None:
        return None, [Finding("unknown", Reason("accelerator_unclear", {"text": hardware.accelerator_text or "–"}))]
    if hardware.modules_per_node is None:
        return None, [Finding("unknown", Reason("node_size_unknown"))]
    beyond_one_node, notes = _beyond_one_node(offer, hardware)
    modules = hardware.modules_per_node if beyond_one_node else (hardware.modules or LARGEST_RENTAL)
    machine = machine_from_accelerator(
        accelerator,
        modules=modules,
        modules_per_node=hardware.modules_per_node,
        module_memory_bytes=hardware.module_memory_bytes,
        network_bytes_per_s_per_node=None if beyond_one_node else hardware.network_bytes_per_s,
    )
    if machine is None:
        return None, [Finding("unknown", Reason("accelerator_rates_unknown", {"accelerator": accelerator.name}))]
    candidates = search(machine)
    plan = _choose(candidates, duration_limit_s)
    if plan is None:
        return None, beyond_one_node or [_why_not(candidates, duration_limit_s)]
    findings = []
    if duration_limit_s is not None and plan.duration_s.high > duration_limit_s:
        findings.append(Finding("note", Reason("time_limit_tight", {"days": plan.duration_s.high / SECONDS_PER_DAY})))
    if plan.devices > machine.devices_per_node:
        findings += notes
    if not machine.measured:
        findings.append(Finding("note", Reason("no_measured_run", {"accelerator": accelerator.name})))
    return plan, [*findings, *hardware_notes(hardware)]


def hardware_notes(hardware: Hardware) -> list[Finding]:
    """What is assumed of the hardware, and what no source backs."""
    findings = []
    if hardware.assumption:
        findings.append(Finding("note", Reason("accelerator_assumed", {"assumption": hardware.assumption})))
    if hardware.unsourced:
        findings.append(Finding("note", Reason("hardware_unsourced", {"fields": ", ".join(hardware.unsourced)})))
    return findings


def _known_network(entry: System | Product) -> float | None:
    """The full rate, else what at least is there: a plan on less than there is stays true."""
    return entry.interconnect_bytes_per_s.value or entry.interconnect_at_least_bytes_per_s.value


def _unsourced(**facts: Fact[Any]) -> tuple[str, ...]:
    return tuple(name for name, fact in facts.items() if fact.evidence == "unsourced")


def _beyond_one_node(offer: Offer, hardware: Hardware) -> tuple[list[Finding], list[Finding]]:
    """(What forbids to plan with more than one node, what has to be known if more than one is used)."""
    forbidding, notes = [], []
    if hardware.network_bytes_per_s is None:
        forbidding.append(Finding("unknown", Reason("interconnect_unknown")))
    elif hardware.network_at_least:
        gbit_per_s = hardware.network_bytes_per_s * 8 / 1e9
        notes.append(Finding("note", Reason("interconnect_at_least", {"gbit_per_s": gbit_per_s})))
    if hardware.modules is None:
        if isinstance(offer, CommercialOffer):
            notes.append(Finding("note", Reason("rentable_number_unknown")))
        else:
            forbidding.append(Finding("unknown", Reason("pool_size_unknown")))
    return forbidding, notes


def _choose(candidates: Candidates, duration_limit_s: float | None) -> Plan | None:
    """A plan that holds the time limit at the upper end of its interval, else one that holds it at best."""
    if duration_limit_s is None:
        return candidates.choose()
    any_plan = candidates.fastest()
    if any_plan is None:
        return None
    margin = any_plan.duration_s.high / any_plan.duration_s.best
    return candidates.choose(max_duration_s=duration_limit_s / margin) or candidates.choose(
        max_duration_s=duration_limit_s
    )


def _why_not(candidates: Candidates, duration_limit_s: float | None) -> Finding:
    machine, fastest = candidates.machine, candidates.fastest()
    if fastest is None or duration_limit_s is None:
        if candidates.least_memory_bytes is None:
            return Finding("impossible", Reason("no_layout", {"devices": machine.devices}))
        params = {"needed_gb": candidates.least_memory_bytes / 1e9, "available_gb": machine.memory_bytes / 1e9}
        return Finding("impossible", Reason("memory_too_small", params))
    params = {
        "days": fastest.duration_s.best / SECONDS_PER_DAY,
        "limit_days": duration_limit_s / SECONDS_PER_DAY,
        "devices": fastest.layout.devices,
    }
    if fastest.duration_s.low > duration_limit_s:
        return Finding("impossible", Reason("too_slow", params))
    return Finding("unknown", Reason("time_limit_within_uncertainty", params))
