"""Why a layout won: what no other layout beats, and what its nearest alternatives lose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stellwerk.planner.model import Plan
from stellwerk.planner.neighbours import Choice, neighbours
from stellwerk.planner.pareto import unbeaten
from stellwerk.planner.search import USABLE_MEMORY_SHARE, Candidates, plan_layout
from stellwerk.workload import Workload

SHOWN = 3


@dataclass(frozen=True, slots=True)
class Alternative:
    """A layout that differs from the chosen one in exactly one choice, and what it loses."""

    choice: Choice
    plan: Plan
    time_loss: float
    """Its step time over the chosen one's, less one; negative where it is faster."""
    memory_over_bytes: float
    """What a device lacks to hold it; 0 where it fits."""
    grown_part: str | None
    """The part of ``STEP_PARTS`` that grows most; None where none does."""
    grown_s: float

    @property
    def fits(self) -> bool:
        return self.memory_over_bytes == 0.0

    @property
    def loss(self) -> float:
        """How far it is from being chosen: time in units of the chosen step's, plus lacking memory in units of a
        device's. Time that a layout would gain does not pay for memory that it lacks."""
        return max(self.time_loss, 0.0) + self.memory_over_bytes / usable_memory_bytes(self.plan)


def pareto_front(candidates: Candidates) -> tuple[Plan, ...]:
    """The plans that none beats in duration, devices, device-hours, energy and cost; fewest devices first."""
    return tuple(candidates.plan(int(row)) for row in unbeaten(candidates.duration_s, candidates.devices))


def nearest_alternatives(workload: Workload, plan: Plan, count: int = SHOWN) -> tuple[Alternative, ...]:
    """The ``count`` alternatives to a plan that lose least, on as many devices; of each choice the one that loses
    least, whether it fits the memory or not."""
    best: dict[Choice, Alternative] = {}
    for one in _alternatives(workload, plan):
        if one.choice not in best or one.loss < best[one.choice].loss:
            best[one.choice] = one
    return tuple(sorted(best.values(), key=lambda one: one.loss)[:count])


def usable_memory_bytes(plan: Plan) -> float:
    """Of one device."""
    return USABLE_MEMORY_SHARE * plan.machine.memory_bytes


def _alternatives(workload: Workload, plan: Plan) -> Iterator[Alternative]:
    for choice, layout in neighbours(workload, plan.machine, plan.layout):
        other = plan_layout(workload, plan.machine, layout)
        if _is_modelled(other) and _differs(other, plan):
            yield _compared(choice, other, plan)


def _is_modelled(plan: Plan) -> bool:
    """Ranks that share a sequence or the experts out exchange something. Where that takes no time, the plan knows
    nothing of it."""
    exchanges: Iterable[tuple[int, str]] = (
        (plan.layout.context, "context_parallel"),
        (plan.layout.expert, "expert_parallel"),
    )
    return all(degree == 1 or plan.step_parts_s[part] > 0 for degree, part in exchanges)


def _differs(one: Plan, other: Plan) -> bool:
    return one.step_parts_s != other.step_parts_s or one.memory_parts_bytes != other.memory_parts_bytes


def _compared(choice: Choice, other: Plan, chosen: Plan) -> Alternative:
    growth = {name: value - chosen.step_parts_s[name] for name, value in other.step_parts_s.items()}
    grown_part = max(growth, key=lambda name: growth[name])
    grows = growth[grown_part] > 0
    return Alternative(
        choice=choice,
        plan=other,
        time_loss=other.step_time_s.best / chosen.step_time_s.best - 1,
        memory_over_bytes=max(other.memory_bytes - usable_memory_bytes(chosen), 0.0),
        grown_part=grown_part if grows else None,
        grown_s=growth[grown_part] if grows else 0.0,
    )
