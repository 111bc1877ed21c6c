"""What has to be known of an offer that is to serve a model."""

from __future__ import annotations

import math
from collections.abc import Iterator

from stellwerk.broker.model import CommercialOffer, Finding, Offer
from stellwerk.messages import Reason
from stellwerk.planner import ServingCandidates, ServingPlan


def judge_service(offer: Offer) -> Iterator[Finding]:
    """Whether a service may stand on a public system: jobs of a batch system end, and a service does not."""
    if isinstance(offer, CommercialOffer):
        return
    limit_h = offer.system.max_walltime_h.value
    if limit_h is not None:
        yield Finding("impossible", Reason("service_outlives_jobs", {"system": offer.system.id, "hours": limit_h}))
    else:
        yield Finding("unknown", Reason("service_not_stated", {"system": offer.system.id}))


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
