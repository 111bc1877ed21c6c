"""Measured training runs as rows: one published or own measurement each, ready to hold a plan against.

The columns are those of the table of published runs; what is not known stays empty.
"""

from __future__ import annotations

import csv
import io
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from stellwerk.errors import InputError, InputErrors
from stellwerk.files import read_text, write_whole

LIMIT_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """One row; the fields are the columns, in their order. Yes and no are 1 and 0."""

    id: str
    source_title: str | None = None
    source_ref: str | None = None
    model: str | None = None
    params_b: float | None = None
    layers: int | None = None
    hidden: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_dim: int | None = None
    ffn_hidden: int | None = None
    """Of one expert in a mixture of experts."""
    gated_mlp: int | None = None
    vocab: int | None = None
    seq_len: int | None = None
    experts: int | None = None
    experts_active: int | None = None
    gpu: str | None = None
    gpus_per_node: int | None = None
    n_gpus: int | None = None
    tp: int | None = None
    pp: int | None = None
    vpp: int | None = None
    cp: int | None = None
    ep: int | None = None
    dp: int | None = None
    zero_or_fsdp_stage: int | None = None
    micro_batch: int | None = None
    global_batch_sequences: int | None = None
    recompute: str | None = None
    sequence_parallel: int | None = None
    precision: str | None = None
    framework: str | None = None
    tflops_per_gpu_reported: float | None = None
    mfu_reported: float | None = None
    hfu_reported: float | None = None
    tokens_per_s_per_gpu: float | None = None
    step_time_s: float | None = None
    peak_memory_gb: float | None = None
    notes: str | None = None
    task: str | None = None
    flops_convention: str | None = None
    """Whether TFLOP/s count those of the model or of the hardware, recomputation included."""
    provenance: str | None = None
    source_family: str | None = None
    """Rows of one family are not independent."""
    attention_kind: str | None = None
    flash_attention: int | None = None
    shared_experts: int | None = None
    dense_layers: int | None = None
    dense_ffn_hidden: int | None = None
    memory_measure: str | None = None
    """``allocated`` or ``reserved`` by the framework, ``device`` as the driver shows it, ``unknown``."""


COLUMNS = tuple(field.name for field in fields(TrainingRun))


def read_training_runs(path: Path) -> tuple[TrainingRun, ...]:
    """All rows of a table; columns may be missing and may stand in any order.

    Raises InputErrors that name row, column, value and what is allowed.
    """
    runs: list[TrainingRun] = []
    mistakes: list[InputError] = []
    for row in parsed_rows(path):
        mistakes += [
            InputError(
                f"row {row.id} (line {row.line}) has a value that is none",
                file=path,
                key=name,
                value=text,
                allowed=KINDS[name].__name__,
            )
            for name, text in row.unreadable
        ]
        if not row.unreadable:
            runs.append(row.run())
    if mistakes:
        raise InputErrors(mistakes)
    return tuple(runs)


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """One row of a table: its values, and the cells that hold none of their column's kind."""

    line: int
    """Its last one, where a cell goes over several."""
    id: str
    values: dict[str, object]
    unreadable: tuple[tuple[str, str], ...]
    """(column, text)."""

    def run(self) -> TrainingRun:
        """Only where nothing is unreadable."""
        return TrainingRun(**self.values)  # type: ignore[arg-type]


def parsed_rows(path: Path) -> Iterator[ParsedRow]:
    """The rows of a table, readable or not; columns may be missing and may stand in any order.

    Raises InputError where the header is none of such a table.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, limit_bytes=LIMIT_BYTES)))
    columns = reader.fieldnames or []
    if "id" not in columns:
        raise InputError("this is no table of training runs: it has no column id", file=path)
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise InputError("unknown column", file=path, key=unknown[0], allowed=", ".join(COLUMNS))
    for row in reader:
        values: dict[str, object] = {}
        unreadable: list[tuple[str, str]] = []
        for name in columns:
            try:
                values[name] = _value(name, row[name])
            except ValueError:
                unreadable.append((name, row[name] or ""))
        yield ParsedRow(reader.line_num, row["id"] or "", values, tuple(unreadable))


def write_training_runs(path: Path, runs: Sequence[TrainingRun]) -> None:
    """Writes a table with all columns, whole or not at all."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(run, name) for name in COLUMNS] for run in runs)
    write_whole(path, text.getvalue().encode())


def append_training_run(path: Path, run: TrainingRun) -> None:
    """Adds a row to a table, which is made where there is none; takes the place of a row with the same id."""
    before = read_training_runs(path) if path.exists() else ()
    write_training_runs(path, [*(one for one in before if one.id != run.id), run])


KINDS: dict[str, type] = {
    name: next(kind for kind in (*typing.get_args(hint), hint) if kind is not type(None))
    for name, hint in typing.get_type_hints(TrainingRun).items()
}
"""What each column holds, where it is known."""


def _value(name: str, text: str | None) -> object:
    """Raises ValueError for what the column does not hold."""
    if text is None or not text.strip():
        if name == "id":
            raise ValueError("a row needs an id")
        return None
    kind = KINDS[name]
    return text if kind is str else _whole(text) if kind is int else float(text)


def _whole(text: str) -> int:
    """Also from ``8.0``, which programs write for 8 in a column that has gaps."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if not number.is_integer():
            raise
        return int(number)
