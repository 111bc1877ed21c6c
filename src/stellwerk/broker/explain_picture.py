"""The waterfall of a step as a picture."""

from __future__ import annotations

import math
from dataclasses import replace

from stellwerk.broker.explain import Explanation
from stellwerk.charts import Chart, Language, Rise, format_interval, format_number, rising_bars
from stellwerk.messages import text

GROUPS = ("whole", "computation", "communication", "waiting", "once")
_GROUP_OF = {
    "ideal": "whole",
    "matrix_products": "computation",
    "attention": "computation",
    "memory_bound": "computation",
    "recomputation": "computation",
    "tensor_parallel": "communication",
    "context_parallel": "communication",
    "expert_parallel": "communication",
    "pipeline_transfer": "communication",
    "data_parallel": "communication",
    "pipeline_bubble": "waiting",
    "optimizer": "once",
    "overhead": "once",
}


def waterfall_picture(explanation: Explanation, language: Language) -> Chart:
    """One bar for each term that takes time, the predicted step last; the table names each term's page."""
    plan, terms = explanation.plan, explanation.terms
    rises = [
        Rise(
            text(f"step.{term.name}", language),
            term.added_s,
            GROUPS.index(_GROUP_OF[term.name]),
            percent(term.mfu, language),
        )
        for term in terms
    ]
    step_s = plan.step_time_s.best
    chart = rising_bars(
        "step-waterfall",
        text(
            "explain.picture_title",
            language,
            name=explanation.workload.name,
            machine=plan.machine.name,
            gpus=plan.devices,
        ),
        text(
            "explain.picture_description",
            language,
            seconds=format_interval(plan.step_time_s, language),
            mfu=percent(plan.mfu.best, language),
        ),
        rises,
        [text(f"explain.group_{group}", language) for group in GROUPS],
        language=language,
        unit=text("explain.axis", language),
        decimals=seconds_decimals(step_s),
        total=Rise(text("step.predicted", language), step_s, 0, percent(plan.mfu.best, language)),
        columns=(text("explain.added", language), text("explain.reached", language), text("explain.mfu", language)),
    )
    pages = (*(term.page for term in terms), "docs/formulas/step-time.md")
    return replace(
        chart,
        header=(*chart.header, text("explain.page", language)),
        rows=tuple((*row, page) for row, page in zip(chart.rows, pages, strict=True)),
    )


def percent(share: float, language: Language) -> str:
    """A share with one decimal, as the language writes it."""
    return f"{format_number(100 * share, language, 1)}{' ' if language == 'de' else ''}%"


def seconds_decimals(step_s: float) -> int:
    """Decimals of the seconds of a step's parts: a step is shown with four figures, and no part with more decimals."""
    return max(0, 3 - math.floor(math.log10(step_s)))
