"""Chapter: which publicly funded capacity there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from stellwerk.catalog import Catalogue, Openness, System, accelerator_name, openness_of, phase_of
from stellwerk.whitepaper.book import FigureBook, slug
from stellwerk.whitepaper.model import BarChart, BarRow, Chapter, Phrase, Row, RowGroup, Table

JUPITER = "jsc-jupiter-booster"

OPERATOR_KINDS = (
    "gcs",
    "nhr",
    "ki_service_centre",
    "research_organisation",
    "state",
    "project",
    "eurohpc",
    "comparator",
)
STATUSES = ("operational", "transitional", "building", "planned", "unclear", "decommissioned", "unknown")


def compose_capacities(catalogue: Catalogue, book: FigureBook) -> Chapter:
    """Sums over the operational German rows, their breakdowns, and the table of all systems."""
    german = [system for system in catalogue.systems.values() if is_german(system)]
    operational = [system for system in german if phase_of(system) == "operational"]
    counted = [system for system in operational if system.accelerators.known]
    by_operator = _by_operator_kind(operational, book)
    _count("fig-capacity-rows-de-overlap-unclear", [s for s in counted if s.shares_hardware_with], book)
    return Chapter(
        "capacities",
        _key_figures(german, operational, counted, book),
        charts={"operator": _operator_chart(by_operator)},
        tables={
            "operator": by_operator,
            "accelerator": _by_accelerator(catalogue, operational, book),
            "openness": _by_openness(catalogue, operational, book),
            "status": _by_status(german, book),
            **_systems_tables(catalogue.systems.values(), book),
        },
    )


def is_german(system: System) -> bool:
    """Whether the system stands in Germany and is not listed for comparison only."""
    return system.country.value == "DE" and not system.comparator


def accelerators_figure(system: System, book: FigureBook) -> str:
    return book.fact(system.id, "accelerators", system.accelerators, "number")


def system_name(system: System) -> str:
    """Name and partition as people know them."""
    parts = (system.system.value, system.partition.value)
    return " · ".join(part for part in parts if part) or system.id


def _key_figures(
    german: Sequence[System], operational: Sequence[System], counted: Sequence[System], book: FigureBook
) -> tuple[str, ...]:
    sourced = [system for system in counted if system.accelerators.evidence != "unsourced"]
    coming = [system for system in german if phase_of(system) == "planned"]
    return (
        _sum("fig-capacity-accelerators-de", operational, book),
        _sum("fig-capacity-accelerators-de-without-jupiter", [s for s in operational if s.id != JUPITER], book),
        _sum("fig-capacity-accelerators-de-sourced", sourced, book),
        _count("fig-capacity-rows-de", counted, book),
        _count("fig-capacity-rows-de-without-count", [s for s in operational if not s.accelerators.known], book),
        _sum("fig-capacity-accelerators-de-coming", coming, book),
    )


def _by_operator_kind(operational: Sequence[System], book: FigureBook) -> Table:
    kinds = [kind for kind in OPERATOR_KINDS if any(system.operator_kind == kind for system in operational)]
    rows = [
        _sums_row(
            Phrase(f"operator_kind.{kind}"),
            f"fig-capacity-operator-{slug(kind)}",
            Phrase("figure.of_operator_kind", {"kind": Phrase(f"operator_kind.{kind}")}),
            [system for system in operational if system.operator_kind == kind],
            book,
        )
        for kind in kinds
    ]
    return _sums_table("operator", rows)


def _by_accelerator(catalogue: Catalogue, operational: Sequence[System], book: FigureBook) -> Table:
    named = [system for system in operational if system.accelerator_id is not None]
    names = dict.fromkeys(accelerator_name(system, catalogue) for system in named)
    rows = [
        _sums_row(
            name,
            f"fig-capacity-accelerator-{slug(name)}",
            Phrase("figure.of_accelerator", {"name": name}),
            [system for system in named if accelerator_name(system, catalogue) == name],
            book,
        )
        for name in names
    ]
    unclear = [system for system in operational if system.accelerator_id is None]
    if unclear:
        label = Phrase("figure.of_accelerator_unclear")
        rows.append(
            _sums_row(Phrase("label.accelerator_unclear"), "fig-capacity-accelerator-unclear", label, unclear, book)
        )
    return _sums_table("accelerator", _largest_first(rows, book))


def _by_openness(catalogue: Catalogue, operational: Sequence[System], book: FigureBook) -> Table:
    openness: tuple[Openness, ...] = get_args(Openness)
    rows = [
        _sums_row(
            Phrase(f"openness.{kind}"),
            f"fig-capacity-openness-{kind}",
            Phrase("figure.of_openness", {"kind": Phrase(f"openness.{kind}")}),
            [system for system in operational if openness_of(system, catalogue) == kind],
            book,
        )
        for kind in openness
    ]
    return _sums_table("openness", rows)


def _by_status(german: Sequence[System], book: FigureBook) -> Table:
    def of_status(status: str) -> list[System]:
        return [system for system in german if (system.status.value or "unknown") == status]

    rows = [
        _sums_row(
            Phrase(f"status.{status}"),
            f"fig-capacity-status-{status}",
            Phrase("figure.of_status", {"status": Phrase(f"status.{status}")}),
            of_status(status),
            book,
        )
        for status in STATUSES
        if of_status(status)
    ]
    return _sums_table("status", rows)


def _sums_row(head: str | Phrase, figure_id: str, label: Phrase, systems: Sequence[System], book: FigureBook) -> Row:
    gaps = {"subject": label}
    return Row(
        head,
        (
            (_sum(f"{figure_id}-accelerators", systems, book, Phrase("figure.accelerators_of", gaps)),),
            (_count(f"{figure_id}-rows", systems, book, Phrase("figure.rows_of", gaps)),),
            (
                _count(
                    f"{figure_id}-rows-without-count",
                    [system for system in systems if not system.accelerators.known],
                    book,
                    Phrase("figure.rows_without_count_of", gaps),
                ),
            ),
        ),
    )


def _sums_table(name: str, rows: Iterable[Row]) -> Table:
    columns = (
        Phrase(f"column.{name}"),
        Phrase("column.accelerators"),
        Phrase("column.rows"),
        Phrase("column.rows_without_count"),
    )
    return Table(f"table-capacity-{name}", Phrase(f"caption.capacity_{name}"), columns, (RowGroup(None, tuple(rows)),))


def _operator_chart(table: Table) -> BarChart:
    rows = tuple(BarRow(row.head, row.cells[0]) for row in table.rows if isinstance(row.head, Phrase))
    return BarChart(
        "chart-capacity-operator",
        Phrase("chart.operator_title"),
        Phrase("chart.operator_description"),
        Phrase("unit.accelerators"),
        (Phrase("column.accelerators"),),
        rows,
    )


def _systems_tables(systems: Iterable[System], book: FigureBook) -> dict[str, Table]:
    tables: dict[str, list[System]] = {"systems-de": [], "systems-eurohpc": [], "systems-comparator": []}
    for system in systems:
        abroad = system.operator_kind == "eurohpc" and not is_german(system)
        place = "comparator" if system.comparator else "eurohpc" if abroad else "de"
        tables[f"systems-{place}"].append(system)
    return {name: _systems_table(name, listed, book) for name, listed in tables.items()}


def _systems_table(table_id: str, systems: Sequence[System], book: FigureBook) -> Table:
    kinds = [kind for kind in OPERATOR_KINDS if any(system.operator_kind == kind for system in systems)]
    groups = tuple(
        RowGroup(
            Phrase(f"operator_kind.{kind}"),
            tuple(_system_row(system, book) for system in systems if system.operator_kind == kind),
        )
        for kind in kinds
    )
    columns = tuple(
        Phrase(f"column.{name}")
        for name in ("system", "accelerator", "count", "memory", "interconnect", "status", "access")
    )
    return Table(table_id, Phrase(f"caption.{slug(table_id).replace('-', '_')}"), columns, groups)


def _system_row(system: System, book: FigureBook) -> Row:
    place = ", ".join(part for part in (system.operator.value, system.city.value, system.country.value) if part)
    cells = (
        (_accelerator_figure(system, book),),
        (accelerators_figure(system, book),),
        (book.fact(system.id, "accelerator-memory", system.accelerator_memory_bytes, "gigabytes"),),
        (book.fact(system.id, "interconnect", system.interconnect, "text"),),
        (book.fact(system.id, "status", system.status, "status"),),
        (access_figure(system, book),),
    )
    return Row(system_name(system), cells, small=place, anchor=f"system-{system.id}")


def _accelerator_figure(system: System, book: FigureBook) -> str:
    claims = system.accelerator.claims
    return book.stated(system.id, "accelerator", claims, "text", note=system.accelerator_assumption)


def access_figure(system: System, book: FigureBook) -> str:
    """The programmes that lead to a system; the claims are the sources of each link."""
    return book.stated(
        system.id, "access", system.access, "ids", value=system.programme_ids or None, unit=Phrase("unit.programmes")
    )


def _sum(figure_id: str, systems: Sequence[System], book: FigureBook, label: Phrase | None = None) -> str:
    """Accelerators of the systems that have a count; unknown where there are systems and none has one."""
    counted = [accelerators_figure(system, book) for system in systems if system.accelerators.known]
    total = sum(book.value(figure) for figure in counted) if counted or not systems else None
    return book.computed(figure_id, label or _label(figure_id), total, Phrase("method.sum"), counted)


def _count(figure_id: str, systems: Sequence[System], book: FigureBook, label: Phrase | None = None) -> str:
    counted = [accelerators_figure(system, book) for system in systems]
    return book.computed(figure_id, label or _label(figure_id), len(counted), Phrase("method.count"), counted)


def _label(figure_id: str) -> Phrase:
    return Phrase(f"figure.{figure_id.removeprefix('fig-').replace('-', '_')}")


def _largest_first(rows: Sequence[Row], book: FigureBook) -> list[Row]:
    return sorted(rows, key=lambda row: (-(book.value(row.cells[0][0]) or 0), str(row.head)))
