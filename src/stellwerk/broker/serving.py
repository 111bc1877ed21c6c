"""Whether the hardware of an offer can serve a model, and with how many devices."""

from __future__ import annotations

import math

from stellwerk.broker.capability import LARGEST_RENTAL, hardware_notes, hardware_of
from stellwerk.broker.model import CommercialOffer, Finding, Offer
from stellwerk.catalog import Catalogue
from stellwerk.messages import Reason
from stellwerk.planner import ServingCandidates, ServingPlan, machine_from_accelerator, search_serving
from stellwerk.workload import Workload


def serve_on(workload: Workload, offer: Offer, catalogue: Catalogue) -> tuple[ServingPlan | None, list[Finding]]:
    """The plan to serve the workload's model on one offer's hardware, or None, and the findings.

    Replicas stay inside a node and do not talk to each other: the network between nodes is not asked for. Of a pool of
    unknown size one node is planned with. Raises ValueError where the workload is a training.
    """
    hardware = hardware_of(offer, catalogue)
    accelerator = hardware.accelerator
    if accelerator is None:
        return None, [Finding("unknown", Reason("accelerator_unclear", {"text": hardware.accelerator_text or "–"}))]
    if hardware.modules_per_node is None:
        return None, [Finding("unknown", Reason("node_size_unknown"))]
    commercial = isinstance(offer, CommercialOffer)
    modules = hardware.modules or (LARGEST_RENTAL if commercial else hardware.modules_per_node)
    machine = machine_from_accelerator(
        accelerator,
        modules=modules,
        modules_per_node=hardware.modules_per_node,
        module_memory_bytes=hardware.module_memory_bytes,
    )
    if machine is None:
        return None, [Finding("unknown", Reason("accelerator_rates_unknown", {"accelerator": accelerator.name}))]
    candidates = search_serving(workload, machine)
    plan = candidates.choose()
    if plan is None:
        unknown_size = hardware.modules is None and math.isfinite(candidates.least_devices.best)
        return None, [Finding("unknown", Reason("pool_size_unknown")) if unknown_size else why_not_served(candidates)]
    findings = [*slow_end(plan)]
    if hardware.modules is None and commercial and plan.devices > machine.devices_per_node:
        findings.append(Finding("note", Reason("rentable_number_unknown")))
    return plan, [*findings, *hardware_notes(hardware)]


def why_not_served(candidates: ServingCandidates) -> Finding:
    """Why a machine has no plan: memory, speed, or number of devices; open where the interval reaches what is there."""
    machine, least = candidates.machine, candidates.least_devices
    if math.isinf(least.low):
        if candidates.fits_memory:
            return Finding("impossible", Reason("serving_too_slow"))
        params = {"needed_gb": candidates.least_memory_bytes / 1e9, "available_gb": machine.memory_bytes / 1e9}
        return Finding("impossible", Reason("memory_too_small", params))
    if math.isinf(least.best):
        return Finding("unknown", Reason("serving_speed_within_uncertainty"))
    few = {"needed": int(least.best), "devices": machine.devices}
    if least.low > machine.devices:
        return Finding("impossible", Reason("serving_too_few_devices", few))
    return Finding("unknown", Reason("serving_devices_within_uncertainty", few))


def slow_end(plan: ServingPlan) -> list[Finding]:
    """What the slow end of the interval asks for beyond the plan."""
    most = plan.devices_needed.high
    if math.isinf(most):
        return [Finding("note", Reason("serving_speed_tight"))]
    return [Finding("note", Reason("serving_devices_tight", {"devices": int(most)}))] if most > plan.devices else []
