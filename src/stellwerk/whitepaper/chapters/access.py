"""Chapter: who can reach the capacities through which programme."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import get_args

from stellwerk.catalog import AmountLimit, ApplicantKind, Catalogue, Claim, Eligibility, Programme, System, phase_of
from stellwerk.whitepaper.book import FigureBook, slug
from stellwerk.whitepaper.chapters.capacities import accelerators_figure, access_figure, is_german
from stellwerk.whitepaper.model import BarChart, BarRow, Chapter, Phrase, Row, RowGroup, Table

APPLICANTS: tuple[ApplicantKind, ...] = get_args(ApplicantKind)
ANSWERS: tuple[Eligibility | None, ...] = ("yes", "conditional", None, "no")


def compose_access(catalogue: Catalogue, as_of: datetime.date, book: FigureBook) -> Chapter:
    """Eligibility, terms and systems of each programme, and what follows for each kind of applicant."""
    programmes = {
        kind: [programme for programme in catalogue.programmes.values() if programme.kind == kind]
        for kind in ("access", "frame", "no_compute", "comparator")
    }
    eligibility = _eligibility_table(programmes, book)
    reach = _reach_table(catalogue, book)
    leading_here = [*programmes["access"], *programmes["frame"]]
    return Chapter(
        "access",
        charts={"reach": _reach_chart(reach)},
        tables={
            "reach": reach,
            "eligibility": eligibility,
            "terms": _terms_table(leading_here, as_of, book),
            "amounts": _amounts_table(leading_here, book),
            "leads-to": _systems_table(leading_here, catalogue, book),
        },
    )


def reach(system: System, kind: ApplicantKind, catalogue: Catalogue) -> Eligibility | None:
    """The best answer that any open programme of a system gives a kind of applicant.

    A programme for one federal state alone, or for one purpose alone (tests, say), is open under that condition.
    None where no programme is known, and where none says yes and one does not say.
    """
    answers = [answer_of(programme, kind) for programme in _open_programmes(system, catalogue)]
    if not answers:
        return None
    return next(answer for answer in ANSWERS if answer in answers)


def answer_of(programme: Programme, kind: ApplicantKind) -> Eligibility | None:
    """What a programme answers a kind of applicant; one for a single federal state or purpose is conditional."""
    answer = programme.eligibility[kind].value
    limited = bool(programme.region) or programme.purpose.known
    return "conditional" if answer == "yes" and limited else answer


def _open_programmes(system: System, catalogue: Catalogue) -> list[Programme]:
    programmes = [catalogue.programmes[key] for key in system.programme_ids]
    return [
        programme
        for programme in programmes
        if programme.kind == "access" and programme.closed is not True and system.id not in programme.closed_system_ids
    ]


def _reach_table(catalogue: Catalogue, book: FigureBook) -> Table:
    systems = [
        system
        for system in catalogue.systems.values()
        if is_german(system) and phase_of(system) == "operational" and system.accelerators.known
    ]
    rows = tuple(
        Row(
            Phrase(f"applicant.{kind}"),
            tuple((_reach_sum(kind, answer, systems, catalogue, book),) for answer in ANSWERS),
        )
        for kind in APPLICANTS
    )
    columns = (Phrase("column.applicant"), *(Phrase(f"reach.{answer or 'unknown'}") for answer in ANSWERS))
    return Table("table-reach", Phrase("caption.reach"), columns, (RowGroup(None, rows),))


def _reach_sum(
    kind: ApplicantKind,
    answer: Eligibility | None,
    systems: Sequence[System],
    catalogue: Catalogue,
    book: FigureBook,
) -> str:
    counted = [accelerators_figure(system, book) for system in systems if reach(system, kind, catalogue) == answer]
    name = answer or "unknown"
    gaps = {"kind": Phrase(f"applicant.{kind}"), "answer": Phrase(f"reach.{name}")}
    return book.computed(
        f"fig-reach-{slug(kind)}-{name}",
        Phrase("figure.reach", gaps),
        sum(book.value(figure) for figure in counted),
        Phrase("method.reach"),
        counted,
    )


def _reach_chart(table: Table) -> BarChart:
    rows = tuple(
        BarRow(row.head, tuple(cell[0] for cell in row.cells)) for row in table.rows if isinstance(row.head, Phrase)
    )
    return BarChart(
        "chart-reach",
        Phrase("chart.reach_title"),
        Phrase("chart.reach_description"),
        Phrase("unit.accelerators"),
        table.columns[1:],
        rows,
        looks=(0, 7, 5, 6),  # what is unknown stays grey
    )


def _eligibility_table(programmes: dict[str, list[Programme]], book: FigureBook) -> Table:
    groups = tuple(
        RowGroup(
            Phrase(f"programme_kind.{kind}"),
            tuple(
                Row(
                    programme_name(programme),
                    tuple((eligibility_figure(programme, applicant, book),) for applicant in APPLICANTS),
                    small=programme.authority.value or "",
                    anchor=f"programme-{programme.id}",
                )
                for programme in listed
            ),
        )
        for kind, listed in programmes.items()
        if listed
    )
    columns = (Phrase("column.programme"), *(Phrase(f"applicant.{kind}") for kind in APPLICANTS))
    return Table("table-eligibility", Phrase("caption.eligibility"), columns, groups)


def programme_name(programme: Programme) -> str:
    return programme.programme.value or programme.id


def eligibility_figure(programme: Programme, applicant: ApplicantKind, book: FigureBook) -> str:
    return book.stated(
        programme.id,
        f"eligibility-{slug(applicant)}",
        programme.eligibility[applicant].claims,
        "answer",
        label=Phrase("field.eligibility", {"kind": Phrase(f"applicant.{applicant}")}),
        note=programme.eligibility_conditions.get(applicant, ""),
    )


def _terms_table(programmes: Sequence[Programme], as_of: datetime.date, book: FigureBook) -> Table:
    rows = tuple(
        Row(
            programme_name(programme),
            (
                (_cost(programme, book),),
                (book.fact(programme.id, "purpose", programme.purpose, "text"),),
                (book.fact(programme.id, "duration", programme.duration, "text"),),
                _cutoff(programme, as_of, book),
                (book.fact(programme.id, "turnaround", programme.turnaround, "text"),),
            ),
            small=Phrase(f"closed.{'unclear' if programme.closed is None else 'yes'}")
            if programme.closed is not False
            else "",
            href=f"#programme-{programme.id}",
        )
        for programme in programmes
    )
    columns = tuple(
        Phrase(f"column.{name}") for name in ("programme", "cost", "purpose", "duration", "cutoff", "turnaround")
    )
    return Table("table-terms", Phrase("caption.terms"), columns, (RowGroup(None, rows),))


def _cost(programme: Programme, book: FigureBook) -> str:
    if programme.free is None:
        return book.fact(programme.id, "cost", programme.cost, "text")
    return book.stated(programme.id, "cost", programme.cost.claims, "cost", value="free" if programme.free else "paid")


def largest_amount(programme: Programme, book: FigureBook) -> str:
    """The figure that says how much may be asked for at most; unknown where no fact states it."""
    bounded = [limit for limit in programme.limits if limit.maximum is not None]
    if bounded:
        return _bound(programme, bounded[0], "max", book)
    return book.fact(programme.id, "amount-max", programme.amount_max, "text")


def _amounts_table(programmes: Sequence[Programme], book: FigureBook) -> Table:
    """Limits as numbers where the facts give them, else their words; programmes that state none are left out."""
    groups = tuple(
        RowGroup(Phrase("unit.name", {"name": programme_name(programme)}), _amount_rows(programme, book))
        for programme in programmes
        if _has_amounts(programme)
    )
    columns = tuple(Phrase(f"column.{name}") for name in ("amount_scope", "amount_min", "amount_max"))
    return Table("table-amounts", Phrase("caption.amounts"), columns, groups, bare=True)


def _has_amounts(programme: Programme) -> bool:
    return bool(programme.limits) or programme.amount_min.known or programme.amount_max.known


def _amount_rows(programme: Programme, book: FigureBook) -> tuple[Row, ...]:
    if not programme.limits:
        texts = (("amount-min", programme.amount_min), ("amount-max", programme.amount_max))
        cells = tuple((book.fact(programme.id, field, fact, "text"),) if fact.known else () for field, fact in texts)
        return (Row(Phrase("limit.in_words"), cells, small=programme.amount_unit.value or ""),)
    return tuple(
        Row(
            Phrase("limit.of", _limit_gaps(limit)),
            tuple(
                (_bound(programme, limit, bound, book),) if amount is not None else ()
                for bound, amount in (("min", limit.minimum), ("max", limit.maximum))
            ),
            small=limit.note,
        )
        for limit in programme.limits
    )


def _bound(programme: Programme, limit: AmountLimit, bound: str, book: FigureBook) -> str:
    place = "-".join(part for part in (slug(limit.unit), slug(limit.per), slug(limit.scope)) if part)
    return book.stated(
        programme.id,
        f"amount-{bound}-{place}",
        (Claim(limit.minimum if bound == "min" else limit.maximum, limit.source, limit.unit, limit.note),),
        "percent" if limit.unit == "share" else "number",
        unit=Phrase(f"limit.{bound}", _limit_gaps(limit)),
        label=Phrase(f"field.amount-{bound}"),
    )


def _limit_gaps(limit: AmountLimit) -> dict[str, str | int | Phrase]:
    return {
        "unit": Phrase(f"amount_unit.{limit.unit}"),
        "per": Phrase(f"limit.per_{limit.per or 'none'}"),
        "scope": Phrase("limit.scope", {"scope": limit.scope}) if limit.scope else "",
    }


def _cutoff(programme: Programme, as_of: datetime.date, book: FigureBook) -> tuple[str, ...]:
    """The next date where one is known, beside the rule in words."""
    stated = book.fact(programme.id, "cutoff", programme.cutoff, "text")
    coming = programme.next_cutoff(as_of)
    if coming is None:
        return (stated,)
    following = book.computed(
        f"fig-cutoff-{programme.id}-next",
        Phrase("figure.next_cutoff", {"name": programme_name(programme)}),
        (coming.day,),
        Phrase("method.next_cutoff"),
        [stated],
        form="dates",
    )
    return following, stated


def _systems_table(programmes: Sequence[Programme], catalogue: Catalogue, book: FigureBook) -> Table:
    by_programme: dict[str, list[System]] = {}
    for system in catalogue.systems.values():
        for key in system.programme_ids:
            by_programme.setdefault(key, []).append(system)
    rows = tuple(
        Row(programme_name(programme), ((_leads_to(programme, by_programme.get(programme.id, []), book),),))
        for programme in programmes
    )
    columns = (Phrase("column.programme"), Phrase("column.systems"))
    return Table("table-leads-to", Phrase("caption.leads_to"), columns, (RowGroup(None, rows),))


def _leads_to(programme: Programme, systems: Sequence[System], book: FigureBook) -> str:
    return book.computed(
        f"fig-programme-{programme.id}-systems",
        Phrase("figure.leads_to", {"name": programme_name(programme)}),
        tuple(system.id for system in systems) or None,
        Phrase("method.leads_to"),
        [access_figure(system, book) for system in systems],
        form="ids",
    )
