"""``stellwerk plan --largest-in``: the largest compute-optimal model that is trained in a time."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Column, Table

from stellwerk.broker import CommercialOffer, PublicOffer, largest_as_dict, largest_on
from stellwerk.catalog import Catalogue
from stellwerk.cli.output import console, print_json, show_interval
from stellwerk.errors import InputError
from stellwerk.messages import Reason, render
from stellwerk.planner import LLAMA_LIKE, Largest, MachineCalibration, Plan, Rung, layout_in_short
from stellwerk.units import JOULES_PER_MWH, SECONDS_PER_DAY, format_count
from stellwerk.workload import Applicant, Limits, Training, Workload

_SEQUENCE_LENGTH = 4096
_BOUNDS = {
    "time": "the next larger one takes longer",
    "memory": "no layout of the next larger one fits the memory",
    "ladder": "there is no larger one on the ladder of shapes",
}


def print_largest(
    family: Workload | None,
    offer: PublicOffer | CommercialOffer,
    catalogue: Catalogue,
    duration_s: float,
    share: float,
    tokens_per_parameter: float,
    calibrations: Mapping[str, MachineCalibration],
    *,
    as_json: bool,
) -> None:
    """Raises InputError for a family without a rule for its sizes and for hardware that cannot be planned."""
    try:
        largest, findings = largest_on(
            family or _llama_like(),
            offer,
            catalogue,
            duration_s,
            share,
            tokens_per_parameter,
            calibrations=calibrations,
        )
    except ValueError as error:
        named = family.model_name or family.name if family else None
        allowed = "the pre-training of a dense model with grouped or full attention"
        raise InputError(str(error), key="model", value=named, allowed=allowed) from None
    if largest is None:
        why = " ".join(render(finding.reason, "en") for finding in findings)
        raise InputError(why, key="--share", value=share, allowed="above 0 to 1, and at least one node")
    if as_json:
        print_json(largest_as_dict(largest) | {"share": share, "catalogue_sha256": catalogue.hash})
        return
    days = duration_s / SECONDS_PER_DAY
    devices = largest.machine.devices
    console.print(
        f"{largest.machine.name}: {devices:,} GPUs ({share:.3g} of what is there) for {days:g} days", style="bold"
    )
    if largest.best is None or largest.best.plan is None:
        console.print("Not even the smallest model of the family is trained in this time.")
    else:
        console.print(_table(largest, largest.best, largest.best.plan))
        console.print(f"- The model is no larger because {_BOUNDS[largest.bound]}.")
    for reason in (*(finding.reason for finding in findings), Reason("batch_extrapolated")):
        console.print(f"- {render(reason, 'en')}")


def _table(largest: Largest, best: Rung, plan: Plan) -> Table:
    architecture, training = best.workload.architecture, best.workload.training
    low, high = (format_count(rung.parameters) if rung else "none" for rung in (largest.low, largest.high))
    energy = "unknown" if plan.energy_j is None else show_interval(plan.energy_j * (1 / JOULES_PER_MWH), "en")
    shape = (
        f"{architecture.layers} layers, width {architecture.hidden:,}, {architecture.heads} heads "
        f"({architecture.kv_heads} for keys and values), feed-forward {architecture.ffn_hidden:,}, "
        f"vocabulary {architecture.vocab:,}"
    )
    rows = (
        ("Parameters", f"{format_count(best.parameters)} ({low}–{high})"),
        ("Shape", shape),
        ("Tokens", f"{format_count(training.tokens)} in sequences of {training.sequence_length:,}"),
        (
            "Global batch",
            f"{training.global_batch_sequences:,} sequences, {format_count(training.tokens_per_step)} tokens",
        ),
        ("Layout", f"{plan.devices:,} GPUs: {layout_in_short(plan.layout)}"),
        ("MFU, %", show_interval(plan.mfu * 100, "en")),
        ("Days", show_interval(plan.duration_s * (1 / SECONDS_PER_DAY), "en")),
        ("GPU-hours", show_interval(plan.device_hours, "en")),
        ("Energy, MWh", energy),
    )
    table = Table("Largest model", Column("Estimate (80% interval)", overflow="fold"))
    for row in rows:
        table.add_row(*row)
    return table


def _llama_like() -> Workload:
    """The family where no file names one; tokens and batch follow from the size."""
    task = Training(
        tokens=_SEQUENCE_LENGTH, sequence_length=_SEQUENCE_LENGTH, global_batch_sequences=1, precision="bf16"
    )
    return Workload("largest", LLAMA_LIKE, task, Limits(), Applicant(kind="academia", country="DE"))
