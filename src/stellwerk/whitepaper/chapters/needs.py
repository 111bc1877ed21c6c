"""Chapter: what is needed, as far as somebody said so, beside what each user group can reach."""

from __future__ import annotations

from typing import get_args

from stellwerk.catalog import ApplicantKind, Catalogue, Need, NeedKind
from stellwerk.whitepaper.book import FigureBook, slug
from stellwerk.whitepaper.model import Chapter, Phrase, Row, RowGroup, Table

APPLICANTS: tuple[ApplicantKind, ...] = get_args(ApplicantKind)


def compose_needs(catalogue: Catalogue, book: FigureBook) -> Chapter:
    """The signals of need by kind, and the gap by user group with what is unknown of it.

    Needs the figures of ``compose_access``.
    """
    needs = tuple(catalogue.needs.values())
    return Chapter("needs", tables={"signals": _signals_table(needs, book), "gap": _gap_table(needs, book)})


def _signals_table(needs: tuple[Need, ...], book: FigureBook) -> Table:
    groups = tuple(
        RowGroup(
            Phrase(f"need_kind.{kind}"),
            tuple(
                Row(
                    need.country,
                    ((book.fact(need.id, "statement", need.statement, "text"),),),
                    small=_who(need),
                    anchor=f"need-{need.id}",
                )
                for need in needs
                if need.kind == kind
            ),
        )
        for kind in get_args(NeedKind)
    )
    columns = (Phrase("column.country"), Phrase("column.statement"))
    return Table(
        "table-needs-signals", Phrase("caption.needs_signals"), columns, tuple(group for group in groups if group.rows)
    )


def _gap_table(needs: tuple[Need, ...], book: FigureBook) -> Table:
    rows = tuple(
        Row(
            Phrase(f"applicant.{kind}"),
            (
                (f"fig-reach-{slug(kind)}-yes",),
                (_signals_count(kind, needs, book),),
                (_unknown(f"fig-need-gpu-hours-{slug(kind)}", "figure.need_amount", "method.need_amount", kind, book),),
                (_unknown(f"fig-need-gap-{slug(kind)}", "figure.need_gap", "method.need_gap", kind, book),),
            ),
        )
        for kind in APPLICANTS
    )
    columns = tuple(
        Phrase(f"column.{name}") for name in ("applicant", "need_reach", "need_signals", "need_amount", "need_gap")
    )
    return Table("table-needs-gap", Phrase("caption.needs_gap"), columns, (RowGroup(None, rows),))


def _signals_count(kind: ApplicantKind, needs: tuple[Need, ...], book: FigureBook) -> str:
    counted = [f"val-{need.id}-statement" for need in needs if kind in need.user_groups]
    return book.computed(
        f"fig-need-signals-{slug(kind)}",
        Phrase("figure.need_signals", {"kind": Phrase(f"applicant.{kind}")}),
        len(counted),
        Phrase("method.count"),
        counted,
    )


def _unknown(figure_id: str, label: str, method: str, kind: ApplicantKind, book: FigureBook) -> str:
    """A figure that nobody states yet; its method says what is missing."""
    return book.computed(figure_id, Phrase(label, {"kind": Phrase(f"applicant.{kind}")}), None, Phrase(method), ())


def _who(need: Need) -> Phrase:
    if not need.user_groups:
        return Phrase("needs.group_not_stated")
    first, *others = (Phrase(f"applicant.{kind}") for kind in need.user_groups)
    who = first
    for other in others:
        who = Phrase("needs.and", {"one": who, "other": other})
    return who
