"""Compare the simulation with what was recorded: the tables and pictures of docs/validation.md.

    [STELLWERK_TRACES=DIRECTORY] python scripts/validation.py

The directory, by default tests/data/traces, holds job logs; one that is not there is named, and its tables stay as
they are. Tables go to docs/validation/*.md, pictures to docs/validation/*.svg.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.charts import Axis, Chart, Line, Panel, step_lines, style_sheet
from stellwerk.measures import fit_policy, size_class, sizes_of_class, wait_distance
from stellwerk.records import MISSING, JobTable, read_jobs, replayable
from stellwerk.simulation import Cluster, policy_named, simulate

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the recorded schedules are read as the tests read them
from tests.slurm.recorded import DATA, Recorded, kendall_tau, read_recorded, simulate_recorded  # noqa: E402

OUT = ROOT / "docs" / "validation"
TRACES = Path(os.environ.get("STELLWERK_TRACES", ROOT / "tests/data/traces"))
POLICIES = ("fcfs", "easy", "conservative")
TRIES = 40
CURVE = [float(wait_s) for wait_s in np.geomspace(1, 1e7, 141)]
"""Waits at which the distributions are drawn, in seconds."""
MINUTES = [float(wait_s) for wait_s in range(401)]


class Log(NamedTuple):
    name: str
    file: str
    processors: int
    unit: str
    mapping: Path | None = None


LOGS = (
    Log("KTH", "KTH-SP2-1996.swf.gz", 100, "nodes"),
    Log("Curie", "CEA-Curie-sample30k.swf.gz", 93_312, "cores"),
    Log("Theta", "alcf_theta.parquet", 4_392, "nodes", ROOT / "examples/mappings/alcf-theta.toml"),
)


SCENARIOS = {
    "fcfs": "first come, first served",
    "backfill": "backfill, by age",
    "multifactor": "backfill, fair share, preemption",
}


def main() -> None:
    compare_slurm()
    for log in LOGS:
        path = TRACES / log.file
        if not path.exists():
            print(f"{log.file}: not in {TRACES}, left out", file=sys.stderr)
            continue
        compare_log(log, with_waits(replayable(read_jobs(path, mapping=log.mapping))))
    helios = TRACES / "helios_earth_vc_sequences.parquet"
    if helios.exists():
        compare_helios(helios)
    else:
        print(f"{helios.name}: not in {TRACES}, left out", file=sys.stderr)


def compare_slurm() -> None:
    """The recorded schedules of a real Slurm, the same jobs simulated, and Slurm's second run of them where there is
    one: what of a difference is chance."""
    rows, panels = [], []
    for scenario, title in SCENARIOS.items():
        recorded = read_recorded(DATA / f"{scenario}.sacct")
        schedule = simulate_recorded(recorded, scenario)
        rows.append(
            agreement(f"{title}: Stellwerk", recorded, schedule.start_s, schedule.wait_s, schedule.restarts.sum())
        )
        again = DATA / f"{scenario}-again.sacct"
        if again.exists():
            second = read_recorded(again)
            rows.append(
                agreement(f"{title}: Slurm again", recorded, second.start_s, second.wait_s, second.restarts.sum())
            )
        lines = [("Slurm", recorded.wait_s), ("Stellwerk", schedule.wait_s)]
        panels.append(Panel(title, [Line(name, MINUTES, shares(wait_s, MINUTES)) for name, wait_s in lines]))
    write_table(
        "slurm",
        (
            "300 jobs",
            "Kendall's tau of the starts",
            "median wait",
            "of Slurm",
            "mean wait",
            "of Slurm",
            "restarts",
            "of Slurm",
        ),
        rows,
    )
    write_picture(
        step_lines(
            "validation-slurm",
            "Waits of 300 jobs on a real Slurm and in the simulation",
            "Share of the jobs that waited at most so long, under three configurations.",
            panels,
            language="en",
            x_axis=Axis("wait in seconds"),
            y_axis=Axis("share of the jobs", "share"),
        )
    )


def agreement(
    name: str, recorded: Recorded, start_s: NDArray[np.int64], wait_s: NDArray[np.int64], restarts: int
) -> tuple[str, ...]:
    return (
        name,
        f"{kendall_tau(start_s, recorded.start_s):.3f}",
        f"{np.median(wait_s):.0f} s",
        f"{np.median(recorded.wait_s):.0f} s",
        f"{wait_s.mean():.1f} s",
        f"{recorded.wait_s.mean():.1f} s",
        f"{restarts}",
        f"{recorded.restarts.sum()}",
    )


def with_waits(jobs: JobTable) -> JobTable:
    """The jobs whose wait is recorded. What a log counts in nodes alone runs on a machine of as many pooled ones."""
    jobs = jobs.take(jobs.wait_s != MISSING)
    if (jobs.processors > 0).any():
        return jobs
    return replace(jobs, allocated_processors=jobs.nodes.astype(np.int32))


def compare_log(log: Log, jobs: JobTable) -> None:
    cluster = Cluster.pooled(log.processors)
    classes = size_class(jobs.processors)
    fit = fit_policy(jobs, cluster, tries=TRIES)
    waits = {"recorded": jobs.wait_s}
    distances = {}
    for name in POLICIES:
        waits[name] = simulate(jobs, cluster=cluster, policy=policy_named(name)).wait_s
        distances[name] = wait_distance(waits[name], jobs.wait_s, classes)
    best = fit.best.settings
    machine = best.in_service(cluster)
    fitted = simulate(jobs, cluster=machine, policy=best.policy)
    runs = np.isin(jobs.job_id, fitted.job_id)
    write_table(
        f"{log.name.lower()}-waits",
        ("waits of", "mean", "median", "p90", "p99", "distance"),
        [
            *(row_of(name, wait_s, distances.get(name)) for name, wait_s in waits.items()),
            row_of(
                f"fitted: {best.name}, {best.out_of_service:.0%} out of service",
                fitted.wait_s,
                wait_distance(fitted.wait_s, jobs.wait_s[runs], classes[runs]),
            ),
        ],
    )
    write_table(
        f"{log.name.lower()}-sizes",
        (log.unit, "jobs", *(f"{name}, {what}" for name in ("recorded", "easy") for what in ("median", "mean"))),
        [size_row(number, classes == number, waits) for number in np.unique(classes)],
    )
    shown = [candidate for candidate in fit.candidates if candidate.held_out_distance is not None]
    write_table(
        f"{log.name.lower()}-fit",
        ("policy", "out of service", "distance", "held out"),
        [
            (
                one.settings.name,
                f"{one.settings.out_of_service:.0%}",
                f"{one.distance:.3f}",
                f"{one.held_out_distance:.3f}",
            )
            for one in shown
        ],
    )
    write_picture(distribution(log, classes, waits))


def row_of(name: str, wait_s: NDArray[np.int64], distance: float | None) -> tuple[str, ...]:
    figures = (wait_s.mean(), *np.percentile(wait_s, (50, 90, 99)))
    return (name, *(f"{figure:,.0f} s" for figure in figures), "" if distance is None else f"{distance:.3f}")


def size_row(number: int, members: NDArray[np.bool_], waits: dict[str, NDArray[np.int64]]) -> tuple[str, ...]:
    smallest, largest = sizes_of_class(int(number))
    cells = [
        f"{figure:,.0f} s"
        for name in ("recorded", "easy")
        for figure in (np.median(waits[name][members]), waits[name][members].mean())
    ]
    return (f"{smallest:,} to {largest:,}" if smallest < largest else f"{largest}", f"{members.sum():,}", *cells)


def distribution(log: Log, classes: NDArray[np.int64], waits: dict[str, NDArray[np.int64]]) -> Chart:
    """How many jobs waited at most so long: recorded and simulated, in up to four groups of sizes."""
    bounds = np.unique(np.quantile(classes, (0, 0.5, 0.8, 0.95, 1), method="nearest"))
    panels = []
    for low, high in zip(bounds, [*(bounds[1:-1] - 1), bounds[-1]], strict=False):
        members = (classes >= low) & (classes <= high)
        if not members.any():
            continue
        title = f"{sizes_of_class(int(low))[0]:,} to {sizes_of_class(int(high))[1]:,} {log.unit}"
        panels.append(Panel(title, [Line(name, CURVE, shares(wait_s[members])) for name, wait_s in waits.items()]))
    return step_lines(
        f"validation-{log.name.lower()}",
        f"{log.name}: recorded and simulated waits",
        "Share of the jobs that waited at most so long, by size of the job.",
        panels,
        language="en",
        x_axis=Axis("wait", "duration"),
        y_axis=Axis("share of the jobs", "share"),
    )


def shares(wait_s: NDArray[np.int64], at_s: Sequence[float] = CURVE) -> list[float]:
    return [float(share) for share in np.searchsorted(np.sort(wait_s), at_s, side="right") / len(wait_s)]


def compare_helios(path: Path) -> None:
    """What of the queue is a lack of GPUs: the pending that a machine of divisible jobs would have for the same demand.

    The file counts jobs and GPUs per minute; no job has an identity. In each minute the virtual cluster holds
    ``running + idle`` GPUs and its users want ``running + pending``: were all GPUs usable by all jobs, what is above
    would wait, and nothing else.
    """
    import polars  # the extra [sim]

    frame = polars.read_parquet(path)
    rows = []
    for (name,), cluster in sorted(frame.group_by("vc")):
        running, pending, idle = (
            cluster[column].to_numpy().astype(np.int64)
            for column in ("running_gpu_num", "pending_gpu_num", "idle_gpu_num")
        )
        lacking = np.maximum(pending - idle, 0)
        if pending.sum() == 0:
            continue
        waiting = pending > 0
        rows.append(
            (
                str(name),
                int(np.median(running + idle)),
                float(running.mean() / np.maximum(running + idle, 1).mean()),
                float(pending.mean()),
                float(lacking.mean()),
                float(waiting.mean()),
                float((lacking[waiting] > 0).mean()),
                float(np.corrcoef(pending, lacking)[0, 1]) if lacking.any() else float("nan"),
            )
        )
    rows.sort(key=lambda row: -row[3])
    write_table(
        "helios",
        (
            "virtual cluster",
            "GPUs",
            "in use",
            "pending GPUs, recorded",
            "of which lacking",
            "minutes with a queue",
            "of which GPUs lack",
            "correlation",
        ),
        [
            (name, f"{size}", f"{use:.0%}", f"{mean:.2f}", f"{least:.2f}", f"{queue:.0%}", f"{lack:.0%}", f"{same:.2f}")
            for name, size, use, mean, least, queue, lack, same in rows
        ],
    )


def write_table(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{name}\n" + "\n".join(lines), end="\n\n")


def write_picture(chart: Chart) -> None:
    """The picture as a file of its own, with the style sheet of all pages in it."""
    opening, rest = str(chart.svg).split(">", 1)
    opening = opening.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    styled = f"{opening}><style><![CDATA[{style_sheet()}]]></style>{rest}"
    OUT.mkdir(exist_ok=True)
    (OUT / f"{chart.id}.svg").write_text(styled + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
