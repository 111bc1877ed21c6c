"""The FLOP estimate of a draft, so that a reviewer can check it by hand."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.broker.draft.parts import TERA, DraftGround, Note, Part, Values, count, figures, power_of_ten
from stellwerk.messages import Reason
from stellwerk.planner import Plan
from stellwerk.units import SECONDS_PER_HOUR
from stellwerk.workload import (
    Serving,
    Training,
    Workload,
    count_parameters,
    flops_per_token,
    training_flops_per_token,
)


def flop_estimate(ground: DraftGround) -> Iterator[Part]:
    """The formula's count beside the rule of thumb, and the GPU-hours of both at the predicted MFU."""
    workload, task = ground.workload, ground.workload.task
    if isinstance(task, Serving):
        yield from _of_a_request(workload, task)
        return
    per_token = training_flops_per_token(workload.architecture, task)
    flop = per_token * task.tokens
    said = {"flop": power_of_ten(flop), "per_token": power_of_ten(per_token), "tokens": count(task.tokens)}
    yield Reason("draft_flop", said)
    rule = rule_of_thumb(workload, task)
    yield _cross_check(workload, task, rule, flop)
    if isinstance(ground.plan, Plan):
        yield from _at_the_predicted_rate(ground.plan, flop, rule, ground.gpus_per_device)
    else:
        yield Note(Reason("draft_flop_hours_open"))


def rule_of_thumb(workload: Workload, task: Training) -> float:
    """6·N·D of Kaplan et al. (2020), N being what a token passes through; 4·N·D beside frozen parameters, whose own
    gradients nobody needs."""
    per_parameter = 4.0 if task.trains_adapters else 6.0
    return per_parameter * count_parameters(workload.architecture).active * task.tokens


def _cross_check(workload: Workload, task: Training, rule: float, flop: float) -> Reason:
    active = count_parameters(workload.architecture).active
    said = {
        "parameters": power_of_ten(active),
        "tokens": power_of_ten(task.tokens),
        "flop": power_of_ten(rule),
        "percent": figures(100 * rule / flop),
    }
    if task.trains_adapters:
        return Reason("draft_flop_rule_frozen", said | {"six": power_of_ten(6.0 * active * task.tokens)})
    return Reason("draft_flop_rule", said)


def _at_the_predicted_rate(plan: Plan, flop: float, rule: float, gpus_per_device: float) -> Iterator[Part]:
    peak = plan.machine.peak_flops / gpus_per_device
    rates = {name: figures(peak * mfu / TERA) for name, mfu in plan.mfu.as_dict().items()}
    shares = {f"mfu_{name}": figures(100 * mfu) for name, mfu in plan.mfu.as_dict().items()}
    yield Reason("draft_sustained", rates | shares | {"peak": figures(peak / TERA), "machine": plan.machine.name})
    per_hour = peak * plan.mfu.best * SECONDS_PER_HOUR
    said = {
        "flop": power_of_ten(flop),
        "peak": figures(peak / TERA),
        "mfu": figures(100 * plan.mfu.best),
        "hours": figures(flop / per_hour),
        "rule_hours": figures(rule / per_hour),
    }
    yield Reason("draft_flop_hours", said)


def _of_a_request(workload: Workload, serving: Serving) -> Iterator[Part]:
    tokens = serving.prompt_tokens + serving.output_tokens
    flop = flops_per_token(workload.architecture, tokens).forward * tokens
    said: Values = {
        "prompt": serving.prompt_tokens,
        "output": serving.output_tokens,
        "flop": power_of_ten(flop),
        "rule": power_of_ten(2.0 * count_parameters(workload.architecture).active * tokens),
    }
    yield Reason("draft_flop_request", said)
