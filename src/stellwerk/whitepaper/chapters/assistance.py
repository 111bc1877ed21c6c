"""Chapter: support offers and software environments."""

from __future__ import annotations

from stellwerk.catalog import Catalogue
from stellwerk.whitepaper.book import FigureBook
from stellwerk.whitepaper.model import Chapter, Phrase, Row, RowGroup, Table


def compose_assistance(catalogue: Catalogue, book: FigureBook) -> Chapter:
    """Who helps whom with what, and what runs at the centres."""
    return Chapter(
        "assistance", tables={"support": _support_table(catalogue, book), "software": _software_table(catalogue, book)}
    )


def _support_table(catalogue: Catalogue, book: FigureBook) -> Table:
    rows = tuple(
        Row(
            support.organisation.value or support.id,
            (
                (book.fact(support.id, "offer-type", support.offer_type, "text"),),
                (book.fact(support.id, "offer", support.offer, "text"),),
                (book.fact(support.id, "audience", support.audience, "text"),),
                (book.fact(support.id, "cost", support.cost, "text"),),
            ),
            anchor=f"support-{support.id}",
        )
        for support in catalogue.support.values()
    )
    columns = tuple(
        Phrase(f"column.{name}")
        for name in ("organisation", "support_type", "support_offer", "support_audience", "support_cost")
    )
    return Table("table-support", Phrase("caption.support"), columns, (RowGroup(None, rows),))


def _software_table(catalogue: Catalogue, book: FigureBook) -> Table:
    rows = tuple(
        Row(
            software.site_system.value or software.id,
            (
                (book.fact(software.id, "software-stack", software.software_stack, "text"),),
                (book.fact(software.id, "container-runtime", software.container_runtime, "text"),),
                (book.fact(software.id, "launch-pattern", software.launch_pattern, "text"),),
            ),
            anchor=f"software-{software.id}",
        )
        for software in catalogue.software.values()
        if software.is_centre
    )
    columns = tuple(
        Phrase(f"column.{name}") for name in ("centre", "software_stack", "container_runtime", "launch_pattern")
    )
    return Table("table-software", Phrase("caption.software"), columns, (RowGroup(None, rows),))
