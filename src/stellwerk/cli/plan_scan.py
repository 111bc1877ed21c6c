"""``stellwerk plan --scan-gpus``: one training on more and more GPUs, as a table, JSON and a picture."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from stellwerk.broker import CommercialOffer, Finding, PublicOffer, Scan, basis_of, scan_as_dict, scan_on
from stellwerk.catalog import Catalogue
from stellwerk.charts import Chart, Point, format_significant, scatter, svg_document
from stellwerk.cli.output import console, print_json, show_interval, today
from stellwerk.errors import InputError
from stellwerk.files import write_whole
from stellwerk.messages import render
from stellwerk.planner import MachineCalibration, Plan, ScalingPoint, layout_in_short
from stellwerk.units import JOULES_PER_MWH, SECONDS_PER_DAY, Interval
from stellwerk.workload import Workload

_SPEED = ("Layout", "Step, s", "MFU, %", "Speed-up", "Scaling, %")
_TOTAL = ("Days", "GPU-hours", "MWh")
_PREDICTED, _PERFECT = "predicted (bar: 80% interval)", "perfect scaling"


def print_scan(
    workload: Workload,
    offer: PublicOffer | CommercialOffer,
    catalogue: Catalogue,
    asked: tuple[int, int],
    picture: Path | None,
    calibrations: Mapping[str, MachineCalibration],
    *,
    as_json: bool,
) -> None:
    """Raises InputError for a service, for hardware that cannot be planned and where no number has a layout."""
    workload.training  # noqa: B018 - a service has no step to scan
    if picture is not None and picture.exists():
        raise InputError("exists", key="--picture", value=str(picture), allowed="a new file")
    as_of = workload.as_of or today()
    if isinstance(offer, CommercialOffer):
        offer = replace(offer, price=offer.product.price_at(as_of))
    scan, findings = _scanned(workload, offer, catalogue, as_of, asked, calibrations)
    if picture is not None:
        write_whole(picture, svg_document(_charts(scan), "en").encode())
    if as_json:
        print_json(scan_as_dict(scan, "en") | {"as_of": as_of.isoformat(), "catalogue_sha256": catalogue.hash})
        return
    console.print(f"{scan.scaling.machine.name}: {workload.name} on {asked[0]} to {asked[1]} GPUs", style="bold")
    for table in _tables(scan):
        console.print(table)
    for note in _notes(scan, findings):
        console.print(f"- {note}")
    if picture is not None:
        console.print(f"Written: {picture}")


def _scanned(
    workload: Workload,
    offer: PublicOffer | CommercialOffer,
    catalogue: Catalogue,
    as_of: datetime.date,
    asked: tuple[int, int],
    calibrations: Mapping[str, MachineCalibration],
) -> tuple[Scan, list[Finding]]:
    scan, findings = scan_on(workload, offer, catalogue, as_of, *asked, calibrations=calibrations)
    shown = f"{asked[0]}..{asked[1]}"
    if scan is None:
        why = " ".join(render(finding.reason, "en") for finding in findings)
        raise InputError(why, key="--scan-gpus", value=shown)
    if not scan.scaling.planned:
        why = " ".join(dict.fromkeys(render(reason, "en") for reason in scan.obstacles.values()))
        raise InputError(f"no number of GPUs has a layout. {why}", key="--scan-gpus", value=shown)
    return scan, findings


def _notes(scan: Scan, findings: Iterable[Finding]) -> Iterator[str]:
    """The numbers without a layout, what the cost is, and what has to be known of all of it."""
    for devices, reason in scan.obstacles.items():
        yield f"{devices} GPUs: {render(reason, 'en')}"
    for cost in [cost for cost in scan.costs if cost is not None][:1]:
        tax = "whether tax is in it is not stated" if cost.net is None else "before tax" if cost.net else "with tax"
        yield f"Cost on demand; {tax}."
    for reason in (*basis_of(scan.scaling.workload), *(finding.reason for finding in findings)):
        yield render(reason, "en")


def _tables(scan: Scan) -> tuple[Table, Table]:
    """How fast each number of GPUs is, and what it takes; both fit a terminal of 80 columns."""
    currency = next((cost.currency for cost in scan.costs if cost is not None), None)
    speed, total = (
        _blank("GPUs", *_SPEED),
        _blank("GPUs", *_TOTAL, *([] if currency is None else [f"Cost, {currency}"])),
    )
    for point, cost in zip(scan.scaling.points, scan.costs, strict=True):
        if point.plan is None:
            continue
        gpus, *row = _row(point, point.plan)
        shown = [] if currency is None else ["unknown" if cost is None else _shown(cost.amount)]
        speed.add_row(gpus, *row[: len(_SPEED)])
        total.add_row(gpus, *row[len(_SPEED) :], *shown)
    return speed, total


def _blank(*names: str) -> Table:
    columns = (
        Column(name, justify="left" if name == "Layout" else "right", no_wrap=name not in ("Layout", "Scaling, %"))
        for name in names
    )
    return Table(*columns, box=SIMPLE_HEAD, pad_edge=False)


def _row(point: ScalingPoint, plan: Plan) -> list[str]:
    return [
        f"{point.devices:,}",
        layout_in_short(plan.layout),
        _shown(plan.step_time_s),
        _best(plan.mfu * 100),
        f"{point.speed_up:.3g}",
        f"{100 * (point.efficiency or 0):.0f}",
        _shown(plan.duration_s * (1 / SECONDS_PER_DAY)),
        _best(plan.device_hours),
        "unknown" if plan.energy_j is None else _best(plan.energy_j * (1 / JOULES_PER_MWH)),
    ]


def _shown(interval: Interval) -> str:
    return show_interval(interval, "en")


def _best(interval: Interval) -> str:
    return format_significant(float(f"{interval.best:.3g}"), "en")


def _charts(scan: Scan) -> tuple[Chart, Chart]:
    """Strong scaling and time to train, both over the number of GPUs; they share one table."""
    planned = [(point, point.plan) for point in scan.scaling.planned if point.plan is not None]
    first_point, first = planned[0]
    gpus = [Interval.exactly(float(point.devices)) for point, _ in planned]
    growth = [point.devices / first_point.devices for point, _ in planned]
    name = f"{scan.scaling.workload.name} on {scan.scaling.machine.name}"
    days = [plan.duration_s * (1 / SECONDS_PER_DAY) for _, plan in planned]
    speed_ups = [Interval.exactly(point.speed_up or 0.0) for point, _ in planned]
    curves = (
        ("scaling", f"Strong scaling: {name}", f"Times faster than {first_point.devices} GPUs", speed_ups, growth),
        ("time", f"Time to train: {name}", "Days", days, [days[0].best / more for more in growth]),
    )
    header = ("GPUs", "Layout", "Step, s", "MFU, %", "Speed-up", "Scaling, %", "Days")
    rows = tuple(tuple(_row(point, plan)[: len(header)]) for point, plan in planned)
    charts = []
    for chart_id, title, label, values, perfect in curves:
        group = _PREDICTED if chart_id == "time" else "predicted"
        points = [Point(str(one.best), one, value, group) for one, value in zip(gpus, values, strict=True)]
        points += [
            Point(str(one.best), one, Interval.exactly(value), _PERFECT)
            for one, value in zip(gpus, perfect, strict=True)
        ]
        chart = scatter(
            f"scan-{chart_id}",
            title,
            f"{label} over the number of GPUs, both axes logarithmic; {len(planned)} numbers of GPUs from "
            f"{first.devices} to {planned[-1][0].devices}, beside perfect scaling.",
            points,
            (group, _PERFECT),
            language="en",
            x_label="GPUs",
            y_label=label,
            joined=True,
        )
        charts.append(replace(chart, header=header, rows=rows))
    return charts[0], charts[1]
