"""Part of the chapter on access: whose the parts of a machine are, and which user groups they are for."""

from __future__ import annotations

import dataclasses
import datetime

from stellwerk.catalog import ApplicantKind, Catalogue, Contingent, Eligibility
from stellwerk.whitepaper.book import FigureBook, slug
from stellwerk.whitepaper.chapters.access import ANSWERS, APPLICANTS, answer_of, eligibility_figure, programme_name
from stellwerk.whitepaper.chapters.capacities import accelerators_figure, system_name
from stellwerk.whitepaper.model import Chapter, Phrase, Row, RowGroup, Table


def with_contingents(chapter: Chapter, catalogue: Catalogue, as_of: datetime.date, book: FigureBook) -> Chapter:
    """The chapter on access with the contingents of the day beside the capacities, and who they are for."""
    contingents = [entry for entry in catalogue.contingents.values() if entry.valid_on(as_of)]
    tables = {
        "contingents": _shares_table(contingents, catalogue, book),
        "contingent-groups": _groups_table(contingents, catalogue, book),
    }
    return dataclasses.replace(chapter, tables={**chapter.tables, **tables})


def _shares_table(contingents: list[Contingent], catalogue: Catalogue, book: FigureBook) -> Table:
    rows = tuple(
        Row(
            _pools(contingent, catalogue),
            (
                _share(contingent, book),
                tuple(accelerators_figure(catalogue.systems[key], book) for key in contingent.system_ids),
                (book.fact(contingent.id, "funder", contingent.funder, "text"),),
                (book.fact(contingent.id, "statement", contingent.statement, "text"),),
            ),
            small=_programmes(contingent, catalogue),
            anchor=f"contingent-{contingent.id}",
        )
        for contingent in contingents
    )
    names = ("contingent", "share", "pool", "funder", "statement")
    columns = tuple(Phrase(f"column.{name}") for name in names)
    return Table("table-contingents", Phrase("caption.contingents"), columns, (RowGroup(None, rows),))


def _groups_table(contingents: list[Contingent], catalogue: Catalogue, book: FigureBook) -> Table:
    rows = tuple(
        Row(
            _pools(contingent, catalogue),
            tuple((_answer_figure(contingent, kind, catalogue, book),) for kind in APPLICANTS),
            small=_programmes(contingent, catalogue),
            href=f"#contingent-{contingent.id}",
        )
        for contingent in contingents
    )
    columns = (Phrase("column.contingent"), *(Phrase(f"applicant.{kind}") for kind in APPLICANTS))
    return Table("table-contingent-groups", Phrase("caption.contingent_groups"), columns, (RowGroup(None, rows),))


def _pools(contingent: Contingent, catalogue: Catalogue) -> str:
    return ", ".join(system_name(catalogue.systems[key]) for key in contingent.system_ids)


def _programmes(contingent: Contingent, catalogue: Catalogue) -> str | Phrase:
    names = [programme_name(catalogue.programmes[key]) for key in contingent.programme_ids]
    return "; ".join(names) or Phrase("contingent.no_programme")


def _share(contingent: Contingent, book: FigureBook) -> tuple[str, ...]:
    """The share as far as it is stated: exact, else its bounds, else the number of accelerators."""
    if contingent.share.known:
        return (book.fact(contingent.id, "share", contingent.share, "percent"),)
    bounds = (("at-least", contingent.share_at_least), ("at-most", contingent.share_at_most))
    stated = tuple(
        book.fact(contingent.id, f"share-{name}", fact, "percent", unit=Phrase(f"contingent.{name}"))
        for name, fact in bounds
        if fact.known
    )
    if stated:
        return stated
    if contingent.accelerators.known:
        unit = Phrase("contingent.accelerators")
        return (book.fact(contingent.id, "accelerators", contingent.accelerators, "number", unit=unit),)
    return (book.fact(contingent.id, "share", contingent.share, "percent"),)


def _answer_figure(contingent: Contingent, kind: ApplicantKind, catalogue: Catalogue, book: FigureBook) -> str:
    programmes = [catalogue.programmes[key] for key in contingent.programme_ids]
    return book.computed(
        f"fig-contingent-{contingent.id}-{slug(kind)}",
        Phrase("figure.contingent", {"name": _pools(contingent, catalogue), "kind": Phrase(f"applicant.{kind}")}),
        _answer(contingent, kind, catalogue),
        Phrase("method.contingent"),
        [eligibility_figure(programme, kind, book) for programme in programmes],
        form="answer",
    )


def _answer(contingent: Contingent, kind: ApplicantKind, catalogue: Catalogue) -> Eligibility | None:
    """Whether a kind of applicant can reach a contingent: the user groups that are stated, else the best answer of its
    programmes that take applications; None where nothing is known."""
    if contingent.user_groups and kind not in contingent.user_groups:
        return "no"
    programmes = [catalogue.programmes[key] for key in contingent.programme_ids]
    answers = [answer_of(programme, kind) for programme in programmes if programme.closed is not True]
    best = next((answer for answer in ANSWERS if answer in answers), None)
    return "yes" if best is None and contingent.user_groups else best
