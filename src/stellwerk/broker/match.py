"""Judge every offer for one workload, and rank them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from stellwerk.broker.access import judge_admission, judge_state
from stellwerk.broker.bounds import Bound, choose
from stellwerk.broker.costs import (
    Conversions,
    Rental,
    budget_bound,
    conversions_to,
    judge_least_rent,
    judge_price,
    judge_rate,
    public_cost,
    rental_of,
)
from stellwerk.broker.emissions import emissions_kg, kg_per_kwh_by_country
from stellwerk.broker.finish import (
    TimeLimit,
    finish_of,
    judge_finish,
    judge_walltime,
    parts_before_the_run,
    run_bounds,
    time_limit,
)
from stellwerk.broker.grants import grant_bounds, grant_time_bounds, judge_comparability
from stellwerk.broker.hardware import NO_CALIBRATIONS, Ground, ground_of, target_of
from stellwerk.broker.model import (
    CommercialOffer,
    Finding,
    FinishPart,
    JudgedOffer,
    Match,
    Offer,
    deciding_first,
    verdict_of,
)
from stellwerk.broker.offers import offers_of
from stellwerk.broker.pareto import pareto_front
from stellwerk.broker.places import judge_place, judge_storage
from stellwerk.broker.plans import MachineOptions, Options, options_by_machine
from stellwerk.broker.rank import rank
from stellwerk.broker.serving import judge_service, slow_end, why_not_served
from stellwerk.broker.waits import NO_WAITS, Waits
from stellwerk.catalog import Catalogue
from stellwerk.messages import Reason
from stellwerk.planner import Machine, MachineCalibration, Plan, ServingCandidates, ServingPlan
from stellwerk.workload import Serving, Workload

DEFAULT_CURRENCY = "EUR"
"""In which offers are compared when the workload names no budget."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all offers are judged by."""

    workload: Workload
    as_of: datetime.date
    waits: Waits
    limit: TimeLimit
    currency: str
    conversions: Conversions
    kg_per_kwh: Mapping[str, float]
    """What electricity emits, by country."""
    admissions: Mapping[str, tuple[Finding, ...]]
    """What a programme says of who asks, by its id."""


@dataclass(frozen=True, slots=True)
class _Pool:
    """What offers on the same hardware share: they differ in who gets there and on what terms."""

    ground: Ground
    options: MachineOptions | None
    """None where too little is known of the hardware to plan on it."""
    place: tuple[Finding, ...]
    limit: TimeLimit
    _run_bounds: dict[tuple[FinishPart, ...], tuple[Bound, ...]] = field(default_factory=dict)

    def run_bounds(self, before: tuple[FinishPart, ...], options: Options) -> tuple[Bound, ...]:
        """Those on the run, worked out once for the offers that the same passes ``before``."""
        if before not in self._run_bounds:
            self._run_bounds[before] = tuple(run_bounds(self.limit, before, options))
        return self._run_bounds[before]


@dataclass(frozen=True, slots=True)
class _Planned:
    """What planning made of an offer: a plan, or the findings that say why there is none."""

    plan: Plan | ServingPlan | None
    findings: tuple[Finding, ...]
    index: int = 0


def match(
    workload: Workload,
    catalogue: Catalogue,
    as_of: datetime.date,
    *,
    waits: Waits = NO_WAITS,
    calibrations: Mapping[str, MachineCalibration] = NO_CALIBRATIONS,
) -> Match:
    """Judge all offers of the catalogue for the workload on the day ``as_of``; best first.

    An offer is ``impossible`` if one finding rules it out, otherwise ``unknown`` if one leaves it open, otherwise
    ``possible``. The plan on an offer is the one that the fewest things stand against. The order is that of rank.py.
    ``calibrations`` are what runs say of single systems and products, by their ids.

    Raises InputError where the deadline is not after ``as_of``.
    """
    budget = workload.limits.budget
    currency = budget.currency if budget else DEFAULT_CURRENCY
    asked = _Asked(
        workload,
        as_of,
        waits,
        time_limit(workload.limits, as_of),
        currency,
        conversions_to(currency, catalogue, as_of),
        kg_per_kwh_by_country(catalogue, as_of),
        {key: tuple(judge_admission(programme, workload)) for key, programme in catalogue.programmes.items()},
    )
    offers_by_pool = [
        tuple(those) for _, those in groupby(offers_of(catalogue, as_of), key=lambda one: (type(one), target_of(one)))
    ]
    grounds = [ground_of(one, catalogue, workload.task, calibrations=calibrations) for one, *_ in offers_by_pool]
    options = options_by_machine(workload, _machines(grounds))
    judged: list[JudgedOffer] = []
    for offers, ground in zip(offers_by_pool, grounds, strict=True):
        found = None if ground.machine is None else options[ground.machine]
        pool = _Pool(ground, found, tuple(judge_place(offers[0], workload.data)), asked.limit)
        judged += [_judge(offer, pool, asked) for offer in offers]
    return Match(workload, as_of, catalogue, tuple(rank(judged)), currency, pareto_front(judged))


def plan_on(
    workload: Workload,
    offer: Offer,
    catalogue: Catalogue,
    as_of: datetime.date,
    *,
    calibrations: Mapping[str, MachineCalibration] = NO_CALIBRATIONS,
) -> tuple[Plan | ServingPlan | None, list[Finding]]:
    """The plan for the workload on one offer's hardware, or None, and the findings; who may use it is not asked.

    Raises InputError where the deadline is not after ``as_of``.
    """
    ground = ground_of(offer, catalogue, workload.task, calibrations=calibrations)
    options = options_by_machine(workload, _machines([ground]))
    limit = time_limit(workload.limits, as_of)
    if ground.machine is None:
        return None, list(ground.in_the_way)
    found = options[ground.machine]
    planned = _plan(ground, found, tuple(run_bounds(limit, (), found.candidates)), ())
    return planned.plan, list(planned.findings)


def _machines(grounds: Iterable[Ground]) -> Iterator[Machine]:
    return (ground.machine for ground in grounds if ground.machine is not None)


def _judge(offer: Offer, pool: _Pool, asked: _Asked) -> JudgedOffer:
    before = parts_before_the_run(offer, asked.as_of)
    findings = [*_judge_access(offer, asked), *pool.place, *judge_storage(offer, asked.workload.data)]
    planned, rental = _plan_for(offer, pool, before, asked)
    plan = planned.plan
    findings += planned.findings
    if isinstance(offer, CommercialOffer):
        cost = None if plan is None or rental is None else rental.cost(planned.index)
        budget = asked.workload.limits.budget
        findings += judge_price(offer, asked.as_of)
        if rental is None:
            findings += judge_least_rent(offer, budget, asked.conversions, asked.as_of)
        else:
            findings += judge_rate(rental, budget, asked.currency, asked.as_of)
    else:
        cost, cost_findings = public_cost(offer.programme, asked.workload.limits.budget)
        findings += cost_findings
        if offer.programme is not None:
            findings += judge_comparability(offer.programme, offer.system)
        if isinstance(asked.workload.task, Serving):
            findings += judge_service(offer)
        elif plan is not None:
            findings += judge_walltime(offer, plan)
    finish = None if plan is None else finish_of(offer, before, plan, asked.waits, asked.as_of)
    if finish is not None:
        findings += judge_finish(finish, asked.limit)
    co2_kg = None if plan is None else emissions_kg(plan, offer, asked.kg_per_kwh)
    return JudgedOffer(offer, verdict_of(findings), deciding_first(findings), plan, cost, finish, co2_kg)


def _judge_access(offer: Offer, asked: _Asked) -> Iterator[Finding]:
    if not isinstance(offer, CommercialOffer):
        yield from judge_state(offer, asked.as_of)
        if offer.programme is not None:
            yield from asked.admissions[offer.programme.id]


def _plan_for(
    offer: Offer, pool: _Pool, before: tuple[FinishPart, ...], asked: _Asked
) -> tuple[_Planned, Rental | None]:
    """What planning makes of an offer, and what renting its options costs where a price is known."""
    if pool.options is None:
        return _Planned(None, pool.ground.in_the_way), None
    candidates = pool.options.candidates
    if not len(candidates.duration_s):
        return _plan(pool.ground, pool.options, (), ()), None
    rental: Rental | None = None
    time_bounds = pool.run_bounds(before, candidates)
    other_bounds: tuple[Bound, ...] = ()
    if isinstance(offer, CommercialOffer):
        rental = rental_of(offer, candidates, asked.conversions, asked.as_of)
        if rental is not None:
            other_bounds = tuple(budget_bound(rental, asked.workload.limits.budget))
    elif offer.programme is not None:
        time_bounds = (*time_bounds, *grant_time_bounds(offer.programme, candidates))
        other_bounds = tuple(grant_bounds(offer.programme, offer.system, candidates))
    return _plan(pool.ground, pool.options, time_bounds, other_bounds), rental


def _plan(
    ground: Ground, options: MachineOptions, time_bounds: Sequence[Bound], other_bounds: Sequence[Bound]
) -> _Planned:
    index = choose(options.candidates, time_bounds, other_bounds)
    if index is None:
        return _Planned(None, _why_nothing(options.candidates, ground))
    findings = _findings(time_bounds, index)
    if ground.beyond and any(finding.effect == "impossible" for finding in findings):
        return _Planned(None, ground.beyond)
    plan = options.plan(index)
    findings += _findings(other_bounds, index)
    if isinstance(plan, ServingPlan):
        findings += slow_end(plan)
    if plan.devices > plan.machine.devices_per_node:
        findings += ground.notes_on_several_nodes
    if plan.devices > max(plan.machine.devices_per_node, plan.machine.domain_devices):
        findings += ground.notes_on_network
    return _Planned(plan, (*findings, *ground.notes), index)


def _findings(bounds: Sequence[Bound], index: int) -> list[Finding]:
    return [finding for bound in bounds if (finding := bound.finding(index))]


def _why_nothing(options: Options, ground: Ground) -> tuple[Finding, ...]:
    """Why a machine has no plan; where it is only a part of what is there, what is not known about the rest."""
    if isinstance(options, ServingCandidates):
        larger_would_do = math.isfinite(options.least_devices.best)
        if ground.beyond and larger_would_do:
            return ground.beyond
        return (not options.fits_memory and ground.copy_over_several_nodes) or (why_not_served(options),)
    if ground.beyond:
        return ground.beyond
    machine = options.machine
    if options.least_memory_bytes is None:
        return (Finding("impossible", Reason("no_layout", {"devices": machine.devices})),)
    params = {"needed_gb": options.least_memory_bytes / 1e9, "available_gb": machine.memory_bytes / 1e9}
    return (Finding("impossible", Reason("memory_too_small", params)),)
