"""What became of a run: planned against measured, loss, usage, a sample."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from stellwerk.launch import Comparison, Expectation, RunDirectory, RunRecord, read_name
from stellwerk.messages import render
from stellwerk.units import JOULES_PER_KWH

BITS_PER_NAT = 1 / math.log(2)


def show_comparison(console: Console, rows: Sequence[Comparison], expected: Expectation) -> None:
    """Planned against measured."""
    table = Table(title="Planned and measured", title_justify="left")
    for heading in ("", "planned", "80% interval", "measured", "within"):
        table.add_column(heading, justify="left" if heading in ("", "within") else "right")
    for row in rows:
        interval = (
            "–" if row.interval is None else f"{_shown(row.interval.low, row)} to {_shown(row.interval.high, row)}"
        )
        within = {True: "yes", False: "no", None: "–"}[row.within]
        name = f"{row.quantity} [{row.unit}]" if row.unit else row.quantity
        table.add_row(name.replace("[", r"\["), _shown(row.planned, row), interval, _shown(row.measured, row), within)
    console.print(table)
    memory = "peak resident set of the fullest process, interpreter and libraries included"
    if expected.device == "cuda":
        memory = "peak that the allocator of the fullest process held"
    reference = "best matrix product that one process was measured at"
    if expected.machine != "this machine":
        reference = f"data sheet of {expected.machine}, {expected.peak_flops / 1e12:,.0f} TFLOP/s"
    console.print(
        f"MFU refers to the {reference}. Step time is the median without the first steps. Memory is the {memory}."
    )


def show_result(console: Console, result: Mapping[str, Any]) -> None:
    """Loss, usage and sample of a run, from its result file."""
    measured, usage = result["measured"], result["usage"]
    if measured["first_loss"] is not None:
        console.print(f"\nLoss {measured['first_loss']:.3f} → {measured['last_loss']:.3f}", end="")
        if measured["held_out_loss"] is not None:
            console.print(
                f"; on {measured['held_out_tokens']:,} tokens that were kept aside: {measured['held_out_loss']:.3f} "
                f"nats per token ({measured['held_out_loss'] * BITS_PER_NAT:.2f} bits)",
                end="",
            )
        console.print(".")
    attempts = len(result["attempts"])
    took = f"{show_duration(usage['wall_s'])} in {attempts} attempt{'s' if attempts != 1 else ''}"
    if usage["energy_j"] is not None:
        took += f", {usage['energy_j'] / JOULES_PER_KWH:.3g} kWh ({usage['energy_source']})"
    if emissions := result["emissions"]:
        per_kwh = f"{emissions['co2_g_per_kwh']:,.0f} g/kWh in {emissions['country']}, {emissions['intensity_note']}"
        took += f", {emissions['co2_kg']:.3g} kg CO2 ({per_kwh})"
    console.print(f"It took {took}.")
    if result["sample"] is not None:
        console.print("\nA sample of what it writes now:")
        console.print(result["sample"], markup=False)


def show_attempts(console: Console, directory: RunDirectory, run: RunRecord, known: Mapping[str, Any]) -> None:
    """Where the run stands, attempt by attempt."""
    plan, steps = known["plan"], known["measured"]["steps"]
    far = f"step {steps:,}" if plan is None else f"step {steps:,} of {plan['steps']:,}"
    console.print(f"{read_name(directory)}: {run.latest.state}, {far}", style="bold", markup=False)
    console.print(f"Folder: {directory.path}", soft_wrap=True, markup=False)
    table = Table("attempt", "started (UTC)", "took", "state", "why", box=None, pad_edge=False)
    for number, attempt in enumerate(run.attempts, start=1):
        why = render(attempt.reason, "en") if attempt.reason else ""
        started = attempt.started.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(str(number), started, show_duration(attempt.wall_s), attempt.state, why)
    console.print(table)


def show_duration(seconds: float) -> str:
    return str(datetime.timedelta(seconds=round(seconds)))


def show_bytes(count: float) -> str:
    return f"{count / 1e6:,.0f} MB" if count < 1e10 else f"{count / 1e9:.1f} GB"


def _shown(value: float | None, row: Comparison) -> str:
    """A figure with three digits or as a whole number, bytes as MB."""
    if value is None:
        return "unknown"
    if row.unit == "bytes":
        return show_bytes(value)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
