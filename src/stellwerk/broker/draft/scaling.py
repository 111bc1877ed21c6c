"""What a draft says about scalability: a table of sizes, or what applies instead."""

from __future__ import annotations

import math
from collections.abc import Iterator

from stellwerk.broker.draft.parts import DraftGround, Note, Open, Part, Table, Values, count, figures, spans, whole
from stellwerk.broker.pictures import STEP_GROUPS
from stellwerk.messages import Reason, Words
from stellwerk.planner import WORTH_FOR_SPEED, Plan, ServingPlan, search, usable_device_counts
from stellwerk.workload import Serving, Workload

COLUMNS = ("gpus", "layout", "step_s", "speed_up", "efficiency", "gpu_hours", "communication")
DOUBLINGS = (-2, -1, 0, 1, 2)
"""Of the planned number of devices, for each line of the table."""
FARTHEST = 0.42
"""In doublings: how far a size may lie from the one that a line is for, less than from there to the next line."""


def plans_around(workload: Workload, plan: Plan | ServingPlan | None) -> tuple[Plan, ...]:
    """The plan among the fastest on about a quarter to four times its devices, as far as machine, memory and batch
    allow; fewest devices first. Empty for a service."""
    if plan is None or isinstance(plan, ServingPlan):
        return ()
    aims = [plan.devices * 2.0**doublings for doublings in DOUBLINGS]
    counts = [number for number in usable_device_counts(plan.machine) if aims[0] / 2 < number < aims[-1] * 2]
    found = search(workload, plan.machine, counts)
    sizes = {int(devices): index for index, devices in enumerate(found.devices)}
    near = {min(sizes, key=lambda size: _doublings(size, aim)) for aim in aims} if sizes else set()
    near = {size for size in near if min(_doublings(size, aim) for aim in aims) < FARTHEST} | {plan.devices}
    return tuple(plan if size == plan.devices else found.plan(sizes[size]) for size in sorted(near))


def scalability(ground: DraftGround) -> Iterator[Part]:
    plan = ground.plan
    if isinstance(plan, ServingPlan) and isinstance(ground.workload.task, Serving):
        yield from _of_a_service(plan, ground.workload.task, ground.gpus_per_device)
    elif isinstance(plan, Plan) and plan.devices == 1:
        yield Reason("draft_scaling_single", {"mfu": figures(100 * plan.mfu.best)})
        yield Reason("draft_scaling_single_runs")
        yield Note(Reason("draft_scaling_single_measure"))
    elif isinstance(plan, Plan) and len(ground.scaling) > 1:
        yield from _of_a_training(plan, ground)
    elif plan is not None:
        yield Open(Reason("draft_open_scaling"))


def _of_a_training(plan: Plan, ground: DraftGround) -> Iterator[Part]:
    gpus = plan.devices * ground.gpus_per_device
    yield Reason("draft_scaling", {"batch": count(ground.workload.training.tokens_per_step), "gpus": gpus})
    yield Table(COLUMNS, tuple(_row(one, ground.scaling[0], ground.gpus_per_device) for one in ground.scaling))
    yield Note(Reason("draft_scaling_measure"))
    cheapest = min(ground.scaling, key=lambda one: one.device_hours.best)
    if cheapest.devices < plan.devices and plan.device_hours.best > WORTH_FOR_SPEED * cheapest.device_hours.best:
        said: Values = {
            "gpus": cheapest.devices * ground.gpus_per_device,
            "hours": figures(cheapest.device_hours.best * ground.gpus_per_device),
        }
        yield Note(Reason("draft_scaling_cheaper", said | spans(cheapest.duration_s)))


def _row(plan: Plan, first: Plan, gpus_per_device: float) -> tuple[Words, ...]:
    speed_up = first.step_time_s.best / plan.step_time_s.best
    communication_s = sum(plan.step_parts_s[part] for part in STEP_GROUPS["communication"])
    layout = f"{plan.layout.tensor} × {plan.layout.pipeline} × {plan.layout.data}"
    return (
        whole(plan.devices * gpus_per_device),
        Words(layout, layout),
        figures(plan.step_time_s.best),
        figures(speed_up),
        _percent(speed_up * first.devices / plan.devices),
        figures(plan.device_hours.best * gpus_per_device),
        _percent(communication_s / plan.step_time_s.best),
    )


def _of_a_service(plan: ServingPlan, serving: Serving, gpus_per_device: float) -> Iterator[Part]:
    gpus = plan.tensor * gpus_per_device
    yield Reason("draft_scaling_service", {"replicas": plan.replicas, "batch": plan.batch, "gpus": gpus})
    said = {
        "tokens": figures(plan.tokens_per_s.best),
        "speed": figures(plan.time_per_token_s.reciprocal().best),
        "asked_speed": figures(serving.tokens_per_s),
        "first": figures(plan.first_token_s.best),
        "asked_first": figures(serving.first_token_s),
    }
    yield Reason("draft_scaling_service_load", said)
    yield Note(Reason("draft_scaling_service_measure"))


def _doublings(size: float, aim: float) -> float:
    return abs(math.log2(size / aim))


def _percent(share: float) -> Words:
    return Words(f"{100 * share:.0f}%", f"{100 * share:.0f} %")
