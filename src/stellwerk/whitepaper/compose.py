"""From the catalogue and the comments to an edition."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence

from stellwerk.catalog import (
    Accelerator,
    Catalogue,
    Contingent,
    Need,
    Product,
    Programme,
    Software,
    Source,
    Support,
    System,
)
from stellwerk.whitepaper.book import FigureBook
from stellwerk.whitepaper.chapters.access import compose_access, programme_name
from stellwerk.whitepaper.chapters.assistance import compose_assistance
from stellwerk.whitepaper.chapters.capacities import compose_capacities, system_name
from stellwerk.whitepaper.chapters.contingents import with_contingents
from stellwerk.whitepaper.chapters.contradictions import register_rivals, reported_entries
from stellwerk.whitepaper.chapters.needs import compose_needs
from stellwerk.whitepaper.chapters.offers import compose_offers, product_name
from stellwerk.whitepaper.chapters.unknowns import compose_unknowns
from stellwerk.whitepaper.model import Comment, Edition, Entry, Figure


def compose_edition(
    catalogue: Catalogue,
    *,
    as_of: datetime.date,
    version: str,
    comments: Sequence[Comment] = (),
    feedback_hash: str | None = None,
) -> Edition:
    """The edition that follows from a catalogue on a day: the same input gives the same edition.

    ``version`` is that of the program, ``feedback_hash`` the SHA-256 of the file that the comments come from.
    """
    book = FigureBook()
    chapters = (
        compose_capacities(catalogue, book),
        with_contingents(compose_access(catalogue, as_of, book), catalogue, as_of, book),
        compose_offers(catalogue, as_of, book),
        compose_assistance(catalogue, book),
        compose_needs(catalogue, book),
        compose_unknowns(catalogue, as_of, book),
    )
    register_rivals(catalogue, book)
    return Edition(
        as_of=as_of,
        version=version,
        catalogue_hash=catalogue.hash,
        feedback_hash=feedback_hash,
        figures=dict(book.figures),
        chapters={chapter.key: chapter for chapter in chapters},
        entries={entry_id: _entry(entry) for entry_id, entry in reported_entries(catalogue)},
        sources=_sources(book.figures),
        comments=tuple(comments),
    )


def source_id(source: Source) -> str:
    """The permanent id of a source: it follows from its addresses, its as-of date, its evidence and its note."""
    text = "\n".join((*source.urls, source.as_of, source.evidence, source.note))
    return f"src-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _sources(figures: Mapping[str, Figure]) -> dict[str, Source]:
    """All sources that claims name, in the order of their first address."""
    found = {source_id(claim.source): claim.source for figure in figures.values() for claim in figure.claims}
    return dict(sorted(found.items(), key=lambda item: (item[1].urls, item[1].as_of, item[1].evidence, item[1].note)))


def _entry(entry: object) -> Entry:
    match entry:
        case System():
            name = system_name(entry)
            return Entry(name, entry.system.value or name, "system")
        case Programme():
            name, kind = programme_name(entry), "programme"
        case Product():
            name, kind = product_name(entry), "product"
        case Support():
            name, kind = entry.organisation.value or entry.id, "support"
        case Software():
            name, kind = entry.site_system.value or entry.id, "software"
        case Need():
            name, kind = entry.id, "need"
        case Contingent():
            name, kind = entry.id, "contingent"
        case Accelerator():
            name, kind = entry.name, "accelerator"
        case _:
            raise TypeError(f"{type(entry).__name__} is no entry of the report")
    return Entry(name, name, kind)
