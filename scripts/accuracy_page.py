"""Write what a calibration found into the documentation: the tables and pictures of docs/accuracy.md, and the constants
on the pages under docs/formulas. Called by scripts/calibrate.py."""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from stellwerk.catalog import Accelerator
from stellwerk.files import write_whole
from stellwerk.planner import Constants, machine_from_accelerator, search
from stellwerk.planner.calibration.calibrate import Calibration
from stellwerk.planner.estimate import interval_of_spread
from stellwerk.planner.evaluation import Errors, Evaluation, FamilyTable, Score, ScoredRow
from stellwerk.units import Interval
from stellwerk.workload import Applicant, Limits, Training, Workload, published_models
from stellwerk.workload.model import Precision

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGE = DOCS / "accuracy.md"
PICTURE = DOCS / "accuracy" / "predicted-against-measured.svg"

CONSTANTS_OF_PARTS: Mapping[str, tuple[str, ...]] = {
    "matrix_products": (
        "matmul",
        "power_exponent",
        "matmul_eight",
        "matmul_four",
        "matmul_traffic",
        "misaligned_slowness",
        "expert_slowness",
        "narrowing_bytes",
        "adapter_bytes",
    ),
    "attention": ("attention", "older_attention", "head_half", "score_bytes"),
    "memory_bound": ("memory", "traffic_factor", "dispatch_bytes", "logit_bytes"),
    "recomputation": (),
    "tensor_parallel": ("link", "link_latency", "tensor_exposed"),
    "context_parallel": ("link", "network", "data_overlap", "data_exposed"),
    "expert_parallel": ("expert_exposed", "link", "network"),
    "pipeline_transfer": ("stage_exposed", "network", "network_latency"),
    "pipeline_bubble": (),
    "data_parallel": ("network", "network_latency", "data_overlap", "data_exposed"),
    "optimizer": ("memory",),
    "overhead": ("layer_launch", "expert_launch", "step_overhead"),
}
"""The constants that each part of a step rests on."""

ASSUMED_DEVICES = 1024


class Setting(NamedTuple):
    """How a published model was trained, as far as it changes its GPU-hours."""

    sequence_length: int
    batch: int
    """Sequences of a step, in the longest phase."""
    precision: Precision = "bf16"


ASSUMED = Setting(4096, 1024)
SETTINGS: Mapping[str, Setting] = {
    "llama1": Setting(2048, 2048),  # arXiv:2302.13971, table 2: 4 million tokens
    "llama3.1-405b": Setting(8192, 2048),  # arXiv:2407.21783, section 3.4.1: 16 million tokens for most of the run
    "deepseek-v3": Setting(4096, 15360, "fp8"),  # arXiv:2412.19437, sections 3.3 and 4.2
    "tinyllama": Setting(2048, 1024),  # arXiv:2401.02385, section 2.3: 2 million tokens
    "pythia": Setting(2048, 1024),  # arXiv:2304.01373, section 2.1: 2 million tokens
}
"""By the beginning of a model's name in gpu_hours.csv."""


def write_accuracy(
    left_out: Evaluation, calibration: Calibration, constants: Constants, accelerators: Mapping[str, Accelerator]
) -> None:
    """``left_out`` is the cross-validation by family; ``constants`` are those that were fitted to all runs."""
    tables = {
        "covered_dense": _families(left_out.covered_dense),
        "covered": _families(left_out.covered),
        "extrapolations": _families(left_out.extrapolations),
        "kinds": _breakdowns(left_out),
        "rows": _rows_behind(left_out),
        "spreads": _spreads(constants),
        "constants": _constants(calibration),
        "totals": _totals(constants, accelerators),
        "refused": _refused(left_out),
    }
    fill(PAGE, tables)
    PICTURE.parent.mkdir(exist_ok=True)
    write_whole(PICTURE, _picture(left_out.rows).encode())
    for path in sorted((DOCS / "formulas").glob("*.md")):
        parts = {
            f"{kind}:{part}": text
            for part, names in CONSTANTS_OF_PARTS.items()
            for kind, text in (("constants", _constants_of(names, calibration)), ("error", _error_of_parts()))
        }
        fill(path, parts)


def fill(path: Path, tables: Mapping[str, str]) -> None:
    """Puts each table between ``<!-- name -->`` and the next ``<!-- end -->``; raises ValueError where a name of the
    page has no table."""
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"<!-- ([a-z_:]+) -->\n", text):
        if name == "end":
            continue
        block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = block.sub(lambda found, name=name: f"{found[1]}{tables[name]}\n{found[2]}", text)
    if text != path.read_text(encoding="utf-8"):
        write_whole(path, text.encode())


def _families(table: FamilyTable) -> str:
    rows = [_row(name, score) for name, score in table.families.items()]
    rows.append([f"**{cell}**" if cell else "" for cell in _row("mean of the families", table.overall)])
    return markdown(_HEADINGS, rows)


_HEADINGS = (
    "",
    "rows",
    "step time: mean",
    "median",
    "bias",
    "in the interval",
    "constant MFU",
    "6ND at 40%",
    "memory: mean",
    "median",
    "rows",
)


def _row(name: str, score: Score) -> list[str]:
    time, memory = score.step_time, score.memory
    return [
        name,
        f"{score.n:,}",
        *(_percent(time, field) for field in ("mape", "median_ape")),
        "" if time is None else f"{time.bias:+.1%}",
        "" if time is None or time.coverage is None else f"{time.coverage:.0%}",
        *(_percent(score.baselines[name], "mape") for name in ("constant_mfu", "six_nd_at_40_percent")),
        *(_percent(memory, field) for field in ("mape", "median_ape")),
        "" if memory is None else f"{memory.n:,}",
    ]


def _percent(errors: Errors | None, field: str) -> str:
    return "" if errors is None else f"{getattr(errors, field):.1%}"


def _breakdowns(evaluation: Evaluation) -> str:
    texts = []
    for by, scores in evaluation.breakdowns.items():
        rows = [_row(name, score) for name, score in scores.items()]
        texts.append(markdown((f"by {by}", *_HEADINGS[1:]), rows))
    return "\n\n".join(texts)


def _rows_behind(evaluation: Evaluation) -> str:
    counts = evaluation.measured_rows
    measured = [[name, f"{count:,}"] for name, count in counts.items() if count]
    nothing = ", ".join(name for name, count in counts.items() if not count)
    return f"{markdown(('accelerator', 'measured rows'), measured)}\n\nNo measured row: {nothing}."


def _spreads(constants: Constants) -> str:
    words = {
        "base": "every step time",
        "accelerator": "no measured run on the accelerator",
        "experts": "a mixture of experts",
        "adapters": "adapters beside frozen weights",
        "calibrated": "calibrated with a run of the same system (in the place of the first two)",
        "memory": "peak memory of a dense model",
        "memory_experts": "peak memory of a mixture of experts",
    }
    rows = []
    for name, sd in constants.spreads.items():
        factors = interval_of_spread(sd)
        rows.append([words[name], f"{sd:.3f}", f"−{1 - factors.low:.0%} to +{factors.high - 1:.0%}"])
    return markdown(("what it stands for", "standard deviation of the logarithm", "alone, in 80% of cases"), rows)


def _constants(calibration: Calibration) -> str:
    return _constant_rows(calibration, None)


def _constants_of(names: Sequence[str], calibration: Calibration) -> str:
    if not names:
        return "None of its own."
    return _constant_rows(calibration, names)


def _constant_rows(calibration: Calibration, names: Sequence[str] | None) -> str:
    found = calibration.fit
    rows = []
    for parameter, logarithm, sd, identified in zip(
        calibration.parameters, found.vector.tolist(), found.sd.tolist(), found.identified.tolist(), strict=True
    ):
        if names is not None and parameter.constant not in names:
            continue
        owner = parameter.software or parameter.accelerator
        rows.append(
            [
                parameter.constant.replace("_", " "),
                f"× for {owner}" if owner else "value",
                f"{parameter.prior:.3g} ± {parameter.sd:.0%}",
                f"{math.exp(logarithm):.3g} ± {sd:.0%}" if identified else "the runs do not tell: as assumed",
            ]
        )
    return markdown(("constant", "", "assumed", "fitted"), rows)


def _error_of_parts() -> str:
    return (
        "Published runs state the time of whole steps, not of this part: [accuracy](../accuracy.md) has the error of "
        "whole steps. The uncertainty of the constants is in the table above."
    )


def _refused(evaluation: Evaluation) -> str:
    unscored = [[reason, f"{len(ids):,}"] for reason, ids in evaluation.unscored.items()]
    return (
        f"{len(evaluation.rows):,} rows are scored, {len(evaluation.refused):,} cannot be true and are refused, "
        f"{len(evaluation.contradictions):,} groups of rows contradict each other and are scored one by one; the "
        f"others are left out by reason:\n\n{markdown(('reason', 'rows'), unscored)}"
    )


def _totals(constants: Constants, accelerators: Mapping[str, Accelerator]) -> str:
    """Published GPU-hours with a source beside predicted ones."""
    with (ROOT / "calibration" / "gpu_hours.csv").open(encoding="utf-8") as file:
        published = [row for row in csv.DictReader(file) if row["provenance"] in ("primary", "excerpt")]
    rows = []
    for row in published:
        predicted, assumed = _predicted_hours(row, constants, accelerators)
        hours = float(row["gpu_hours"]) if row["gpu_hours"] else None
        rows.append(
            [
                row["model"],
                row["gpu"],
                row["tokens_b"],
                "" if hours is None else f"{hours:,.0f}",
                assumed if predicted is None else f"{predicted.best:,.0f} ({predicted.low:,.0f}–{predicted.high:,.0f})",
                "" if hours is None or predicted is None else f"{predicted.best / hours:.2f}",
                "" if predicted is None else assumed,
            ]
        )
    headings = (
        "model",
        "GPU",
        "tokens, 10⁹",
        "published GPU-hours",
        "predicted (80%)",
        "predicted / published",
        "assumed",
    )
    return markdown(headings, rows)


def _predicted_hours(
    row: Mapping[str, str], constants: Constants, accelerators: Mapping[str, Accelerator]
) -> tuple[Interval | None, str]:
    """GPU-hours of the fastest layout without any failure, or None and why not."""
    name = re.sub(r"^(fms-)?llama(\d)", r"llama-\2", row["model"]).replace("llama-1-", "llama-")
    model = published_models().get(name)
    if model is None:
        return None, "architecture not in the table of published models"
    accelerator = accelerators.get(row["gpu"].casefold())
    if accelerator is None:
        return None, "accelerator not in the catalogue"
    devices = int(row["n_gpus"]) if row["n_gpus"] else ASSUMED_DEVICES
    machine = machine_from_accelerator(
        accelerator, modules=devices, modules_per_node=8, network_bytes_per_s_per_node=8 * 25e9
    )
    if machine is None:
        return None, "rates of the accelerator unknown"
    known = [setting for beginning, setting in SETTINGS.items() if row["model"].startswith(beginning)]
    setting = known[0] if known else ASSUMED
    training = Training(
        tokens=round(float(row["tokens_b"]) * 1e9),
        sequence_length=setting.sequence_length,
        global_batch_sequences=setting.batch,
        precision=setting.precision,
    )
    workload = Workload(name, model.architecture, training, Limits(), Applicant(kind="academia", country="DE"))
    plan = search(workload, machine, [devices], constants).fastest()
    if plan is None and row["n_gpus"]:
        return None, f"no layout of {devices:,} GPUs divides a batch of {setting.batch:,} sequences"
    if plan is None:
        return None, "no layout fits"
    assumed = ([] if row["n_gpus"] else [f"{devices:,} GPUs"]) + ([] if known else ["batch and sequence length"])
    return plan.device_hours, ", ".join(assumed)


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


LABELLED = 'aria-labelledby="title description"'
DESCRIPTION = (
    "One panel for each source family, predicted while it was left out of the fit. The tables of the page hold the "
    "same errors in figures."
)
STYLE = (
    "text{font:11px sans-serif;fill:#222}.frame{fill:none;stroke:#888}.line{stroke:#444}.band{fill:#dde6f0}"
    ".dense{fill:#1f5fa8;fill-opacity:.55}.experts{fill:#c2571a;fill-opacity:.75}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.band{fill:#26384d}.line{stroke:#bbb}"
    ".dense{fill:#7db4ee}.experts{fill:#f0a06a}}"
)
PANEL = 220.0
GAP = 46.0
COLUMNS = 3


def _picture(rows: Sequence[ScoredRow]) -> str:
    """A panel for each family: predicted against measured step time, both logarithmic; on the line they agree, in the
    band they differ by less than a fifth."""
    families: dict[str, list[ScoredRow]] = defaultdict(list)
    for row in rows:
        if row.measured_step_time_s and row.prediction.step_time_s:
            families[row.family].append(row)
    count = len(families)
    height = math.ceil(count / COLUMNS) * (PANEL + GAP) + 30
    width = COLUMNS * (PANEL + GAP) + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" {LABELLED}>',
        '<title id="title">Predicted against measured step time, by source</title>',
        f'<desc id="description">{DESCRIPTION}</desc>',
        f"<style>{STYLE}</style>",
    ]
    for place, name in enumerate(sorted(families)):
        left = (place % COLUMNS) * (PANEL + GAP) + 36
        top = (place // COLUMNS) * (PANEL + GAP) + 24
        parts += _panel(name, families[name], left, top)
    parts.append(
        f'<text x="36" y="{height - 8:.0f}">Horizontal: measured, vertical: predicted, seconds of a step. '
        "With the number of runs. Blue: dense models; orange: mixtures of experts. Band: within 20%.</text>"
    )
    return "".join([*parts, "</svg>\n"])


def _panel(name: str, rows: Sequence[ScoredRow], left: float, top: float) -> list[str]:
    pairs = [
        (row.measured_step_time_s or 0.0, row.prediction.step_time_s.best if row.prediction.step_time_s else 0.0)
        for row in rows
    ]
    low = math.floor(min(min(pair) for pair in pairs) and math.log10(min(min(pair) for pair in pairs)))
    high = math.ceil(math.log10(max(max(pair) for pair in pairs)))
    high = max(high, low + 1)

    def at(value: float) -> float:
        return (math.log10(value) - low) / (high - low) * PANEL

    shift = math.log10(1.2) / (high - low) * PANEL
    x, y, right, bottom = left, top, left + PANEL, top + PANEL
    band = f"{x},{bottom} {x},{bottom - shift} {right - shift},{y} {right},{y} {right},{y + shift} {x + shift},{bottom}"
    parts = [
        f'<polygon class="band" points="{band}"/>',
        f'<line class="line" x1="{x}" y1="{bottom}" x2="{right}" y2="{y}"/>',
        f'<rect class="frame" x="{x}" y="{y}" width="{PANEL}" height="{PANEL}"/>',
        f'<text x="{x}" y="{y - 6}">{escape(name)}: {len(rows):,}</text>',
    ]
    for exponent in range(low, high + 1):
        label = f"{10.0**exponent:g}"
        offset = (exponent - low) / (high - low) * PANEL
        parts.append(f'<text x="{x + offset:.1f}" y="{bottom + 14}" text-anchor="middle">{label}</text>')
        parts.append(f'<text x="{x - 4}" y="{bottom - offset + 4:.1f}" text-anchor="end">{label}</text>')
    seen = set()
    for row, (measured, predicted) in zip(rows, pairs, strict=True):
        dot = (round(x + at(measured), 1), round(bottom - at(predicted), 1))
        if dot not in seen:  # points that cover each other are drawn once
            seen.add(dot)
            kind = "experts" if row.run.experts else "dense"
            parts.append(f'<circle class="{kind}" cx="{dot[0]}" cy="{dot[1]}" r="2.2"/>')
    return parts
