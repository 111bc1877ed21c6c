"""A table of training runs without the rows that cannot be true: each is named with what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stellwerk.errors import InputError
from stellwerk.records.training_runs import COLUMNS, KINDS, TrainingRun, parsed_rows

DO_NOT_SCORE = "LAYOUT x DP != n_gpus"
"""What the notes of a row say whose source published a layout that does not multiply to its GPUs."""

MAY_BE_ZERO = ("experts", "experts_active", "shared_experts", "dense_layers", "dense_ffn_hidden")
"""Where zero says that there are none, beside the columns of a choice; all other numbers are above zero."""
LARGEST = 10**12
SHARES = ("mfu_reported", "hfu_reported")
YES_OR_NO = ("gated_mlp", "sequence_parallel", "flash_attention")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one value of a row, in words."""

    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that cannot be true; ``line`` counts from one, the header's."""

    id: str
    line: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class UsableRuns:
    """The rows of a table that can be true, and the others."""

    runs: tuple[TrainingRun, ...]
    refused: tuple[RefusedRow, ...]


def read_usable_runs(path: Path) -> UsableRuns:
    """All rows of a table that can be true.

    Raises InputError where the file cannot be read, its header is not that of such a table, or it has no row.
    """
    runs: list[TrainingRun] = []
    refused: list[RefusedRow] = []
    for row in parsed_rows(path):
        faults = tuple(_unreadable(name, text) for name, text in row.unreadable) or tuple(faults_of(row.run()))
        if faults:
            refused.append(RefusedRow(row.id, row.line, faults))
        else:
            runs.append(row.run())
    if not runs and not refused:
        raise InputError("this table of training runs has no row", file=path)
    return UsableRuns(tuple(runs), tuple(refused))


def faults_of(run: TrainingRun) -> Iterator[Fault]:
    """What cannot be true of a run; nothing where all of it can."""
    out_of_range = [
        Fault(column, _text(value), problem)
        for column in COLUMNS
        if isinstance(value := getattr(run, column), int | float) and (problem := _out_of_range(column, value))
    ]
    yield from out_of_range or _contradicting_itself(run)


def _unreadable(column: str, text: str) -> Fault:
    if column == "id":
        return Fault(column, text, "a row needs an id")
    return Fault(column, text, "is no whole number" if KINDS[column] is int else "is no number")


def _out_of_range(column: str, value: float) -> str | None:
    if not math.isfinite(value):
        return "is no finite number"
    if value > LARGEST:
        return f"is above {LARGEST:.0e}, more than any of these columns can hold"
    if column in YES_OR_NO:
        return None if value in (0, 1) else "is 1 for yes or 0 for no"
    if column == "zero_or_fsdp_stage":
        return None if 0 <= value <= 3 else "is a stage from 0 to 3"
    if column in MAY_BE_ZERO:
        return "must not be negative" if value < 0 else None
    if value <= 0:
        return "must be above zero"
    if column in SHARES and value > 1:
        return "is a share of the peak and cannot be above 1"
    return None


def _contradicting_itself(run: TrainingRun) -> Iterator[Fault]:
    layout = list(_layout(run))
    yield from layout
    if run.heads and run.kv_heads and run.heads % run.kv_heads:
        yield Fault("kv_heads", str(run.kv_heads), f"does not divide the {run.heads} heads")
    for column in ("pp", "dense_layers"):
        part = getattr(run, column)
        if run.layers is not None and part is not None and part > run.layers:
            yield Fault(column, str(part), f"is more than the {run.layers} layers")
    if run.experts is not None and run.experts_active is not None and run.experts_active > run.experts:
        yield Fault("experts_active", str(run.experts_active), f"is more than the {run.experts} experts")
    if not layout and run.notes and DO_NOT_SCORE in run.notes:
        yield Fault("notes", run.notes, "says that the layout does not multiply to the GPUs")


def _layout(run: TrainingRun) -> Iterator[Fault]:
    if run.n_gpus is None or run.tp is None or run.pp is None:
        return
    model_parallel = run.tp * run.pp * (run.cp or 1)
    shown = f"tp {run.tp} x pp {run.pp} x cp {run.cp or 1}"
    if run.dp is not None and model_parallel * run.dp != run.n_gpus:
        product = model_parallel * run.dp
        yield Fault("n_gpus", str(run.n_gpus), f"the layout {shown} x dp {run.dp} multiplies to {product} GPUs")
        return
    if run.n_gpus % model_parallel:
        yield Fault("n_gpus", str(run.n_gpus), f"the layout {shown} does not divide it")
        return
    data_parallel, batch = run.n_gpus // model_parallel, run.global_batch_sequences
    if batch is not None and run.micro_batch is not None and batch % (data_parallel * run.micro_batch):
        reason = f"dp {data_parallel} x micro-batch {run.micro_batch} does not divide it"
        yield Fault("global_batch_sequences", str(batch), reason)


def _text(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
