"""What failures and checkpoints cost a plan, on the terminal."""

from __future__ import annotations

from rich.table import Column, Table

from stellwerk.cli.output import console, show_interval
from stellwerk.planner import Goodput
from stellwerk.units import SECONDS_PER_DAY, SECONDS_PER_HOUR, Interval

_MINUTE_S = 60.0


def print_goodput(goodput: Goodput) -> None:
    table = Table("With failures", Column("Estimate (80% interval)", justify="right"))
    table.add_row(*_time("Mean time between failures", goodput.failure_interval_s))
    table.add_row("Failures over the run", show_interval(goodput.interruptions, "en"))
    table.add_row(f"Checkpoint of {goodput.checkpoint_bytes / 1e9:,.0f} GB, s", show_interval(goodput.write_s, "en"))
    daly, young = (
        f"{seconds / _MINUTE_S:.3g}" for seconds in (goodput.checkpoint_interval_s, goodput.young_interval_s)
    )
    table.add_row("Minutes between checkpoints, Daly (Young)", f"{daly} ({young})")
    table.add_row("Goodput, %", show_interval(goodput.goodput * 100, "en"))
    for name, share in goodput.overhead_parts.items():
        table.add_row(f"  {name.replace('_', ' ')}, %", f"{100 * share:.2g}")
    table.add_row(*_time("Expected duration with failures", goodput.duration_s))
    console.print(table)


def _time(label: str, seconds: Interval) -> tuple[str, str]:
    unit, length_s = ("hours", SECONDS_PER_HOUR) if seconds.best < 2 * SECONDS_PER_DAY else ("days", SECONDS_PER_DAY)
    return f"{label}, {unit}", show_interval(seconds * (1 / length_s), "en")
