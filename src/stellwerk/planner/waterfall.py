"""Where the time of a step goes: from the ideal to what is predicted, term by term."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from stellwerk.planner.model import Plan
from stellwerk.workload import Workload, flops_per_token, training_flops_per_token
from stellwerk.workload.architecture import TRAINING_PASSES

TERM_PAGES = {
    "ideal": "flops",
    "matrix_products": "matrix-products",
    "attention": "attention",
    "memory_bound": "memory-bound",
    "recomputation": "recomputation",
    "tensor_parallel": "tensor-parallel",
    "context_parallel": "context-parallel",
    "expert_parallel": "expert-parallel",
    "pipeline_transfer": "pipeline",
    "data_parallel": "data-parallel",
    "pipeline_bubble": "pipeline",
    "optimizer": "optimizer",
    "overhead": "overhead",
}
"""The terms in their order, each with its page in docs/formulas (without ``.md``)."""


@dataclass(frozen=True, slots=True)
class WaterfallTerm:
    """One term on the way from the ideal step to the predicted one."""

    name: str
    """``ideal``, or one of ``STEP_PARTS``."""
    added_s: float
    """What the term adds to the step. Of matrix products and attention: what they take beyond their ideal; negative
    where they run in a format that is faster than the peak rate that MFU refers to."""
    reached_s: float
    """The step with this term and all before it."""
    mfu: float
    """The model FLOPs over what the peak rate would do in ``reached_s``."""

    @property
    def page(self) -> str:
        """The page that explains it."""
        return f"docs/formulas/{TERM_PAGES[self.name]}.md"


def waterfall(workload: Workload, plan: Plan) -> tuple[WaterfallTerm, ...]:
    """The step of a plan from the ideal (model FLOPs at the data sheet's peak of all devices) to the predicted time.

    The terms stand in the order of ``TERM_PAGES``, those that take no time among them; ``added_s`` sum to the best
    estimate of the step time, and the MFU of the last term is the plan's.
    """
    ideal = ideal_parts_s(workload, plan)
    ideal_s = sum(ideal.values())
    added = {name: plan.step_parts_s[name] - ideal.get(name, 0.0) for name in TERM_PAGES if name != "ideal"}
    return tuple(_terms(ideal_s, {"ideal": ideal_s, **added}.items()))


def ideal_parts_s(workload: Workload, plan: Plan) -> dict[str, float]:
    """Seconds of a step whose model FLOPs run at the peak rate on all devices: ``matrix_products`` and ``attention``.

    Attention's share are the products of scores and values, three passes of them: they have no weights, and so no
    weights that could be frozen. What its backward pass computes again is no model FLOP.
    """
    training = workload.training
    flops = flops_per_token(workload.architecture, training.sequence_length)
    attention = TRAINING_PASSES * (flops.attention_scores + flops.attention_values)
    matrix_products = training_flops_per_token(workload.architecture, training) - attention
    seconds_per_flop = training.tokens_per_step / (plan.devices * plan.machine.peak_flops)
    return {"matrix_products": matrix_products * seconds_per_flop, "attention": attention * seconds_per_flop}


def _terms(ideal_s: float, added: Iterable[tuple[str, float]]) -> Iterable[WaterfallTerm]:
    rows = list(added)
    for (name, added_s), reached_s in zip(rows, accumulate(value for _, value in rows), strict=True):
        yield WaterfallTerm(name, added_s, reached_s, ideal_s / reached_s)
