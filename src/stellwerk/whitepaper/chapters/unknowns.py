"""Chapter: what is not known, counted from the catalogue."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable

from stellwerk.catalog import Catalogue, Product, Programme, Software, System, phase_of
from stellwerk.whitepaper.book import FigureBook
from stellwerk.whitepaper.chapters.access import APPLICANTS, eligibility_figure, largest_amount
from stellwerk.whitepaper.chapters.capacities import accelerators_figure, access_figure, is_german
from stellwerk.whitepaper.chapters.offers import prices_cell
from stellwerk.whitepaper.model import Chapter, Phrase, Row, RowGroup, Table


def compose_unknowns(catalogue: Catalogue, as_of: datetime.date, book: FigureBook) -> Chapter:
    """For each important field: of how many entries it is unknown."""
    groups = (
        RowGroup(Phrase("unknown_group.systems"), tuple(_system_rows(catalogue, book))),
        RowGroup(Phrase("unknown_group.programmes"), tuple(_programme_rows(catalogue, book))),
        RowGroup(Phrase("unknown_group.offers"), tuple(_offer_rows(catalogue, as_of, book))),
        RowGroup(Phrase("unknown_group.software"), tuple(_software_rows(catalogue, book))),
    )
    columns = tuple(Phrase(f"column.{name}") for name in ("field", "unknown", "of"))
    return Chapter(
        "unknowns", tables={"unknowns": Table("table-unknowns", Phrase("caption.unknowns"), columns, groups)}
    )


def _system_rows(catalogue: Catalogue, book: FigureBook) -> Iterable[Row]:
    systems = [system for system in catalogue.systems.values() if not system.comparator]
    german = [system for system in systems if is_german(system) and phase_of(system) == "operational"]

    def fact(field: str, attribute: str, form: str = "text") -> Callable[[System], str]:
        return lambda system: book.fact(system.id, field, getattr(system, attribute), form)  # type: ignore[arg-type]

    yield _row("system-access", [access_figure(system, book) for system in systems], book)
    yield _row("system-accelerators", [accelerators_figure(system, book) for system in german], book)
    for name, figure in {
        "interconnect": fact("interconnect", "interconnect"),
        "until": fact("until", "until"),
        "max-walltime": fact("max-walltime", "max_walltime_h", "number"),
        "power": fact("power", "power_mw", "number"),
    }.items():
        yield _row(f"system-{name}", [figure(system) for system in systems], book)
    yield _row("system-waiting-time", [_waiting_time(system, book) for system in systems], book)


def _programme_rows(catalogue: Catalogue, book: FigureBook) -> Iterable[Row]:
    programmes = [programme for programme in catalogue.programmes.values() if programme.kind in ("access", "frame")]
    for kind in APPLICANTS:
        yield _row(
            f"programme-eligibility-{kind.replace('_', '-')}",
            [eligibility_figure(programme, kind, book) for programme in programmes],
            book,
            Phrase("field.eligibility", {"kind": Phrase(f"applicant.{kind}")}),
        )
    facts: dict[str, Callable[[Programme], str]] = {
        "amount-max": lambda programme: largest_amount(programme, book),
        "cutoff": lambda programme: book.fact(programme.id, "cutoff", programme.cutoff, "text"),
        "turnaround": lambda programme: book.fact(programme.id, "turnaround", programme.turnaround, "text"),
        "duration": lambda programme: book.fact(programme.id, "duration", programme.duration, "text"),
        "review": lambda programme: book.fact(programme.id, "review", programme.review, "text"),
    }
    for name, figure in facts.items():
        yield _row(f"programme-{name}", [figure(programme) for programme in programmes], book)


def _offer_rows(catalogue: Catalogue, as_of: datetime.date, book: FigureBook) -> Iterable[Row]:
    products = [product for product in catalogue.products.values() if product.kind == "product"]
    prices = [prices_cell(product, as_of, book)[0] for product in products]
    yield _row("offer-price", prices, book, Phrase("field.price_none"))
    facts: dict[str, Callable[[Product], str]] = {
        "interconnect": lambda product: book.fact(product.id, "interconnect", product.interconnect, "text"),
        "max-coupled": lambda product: book.fact(product.id, "max-coupled", product.max_coupled_accelerators, "number"),
        "countries-of-data": lambda product: book.fact(
            product.id, "countries-of-data", product.countries_of_data, "names"
        ),
        "certifications": lambda product: book.fact(product.id, "certifications", product.certifications, "names"),
    }
    for name, figure in facts.items():
        yield _row(f"offer-{name}", [figure(product) for product in products], book)


def _software_rows(catalogue: Catalogue, book: FigureBook) -> Iterable[Row]:
    centres = [software for software in catalogue.software.values() if software.is_centre]
    facts: dict[str, Callable[[Software], str]] = {
        "launch-pattern": lambda software: book.fact(software.id, "launch-pattern", software.launch_pattern, "text"),
        "container-runtime": lambda software: book.fact(
            software.id, "container-runtime", software.container_runtime, "text"
        ),
    }
    for name, figure in facts.items():
        yield _row(f"software-{name}", [figure(software) for software in centres], book)


def _waiting_time(system: System, book: FigureBook) -> str:
    """No field of the catalogue holds a waiting time yet: unknown for every system."""
    return book.stated(system.id, "waiting-time", (), "text")


def _row(name: str, figures: list[str], book: FigureBook, label: Phrase | None = None) -> Row:
    unknown = [figure for figure in figures if book.value(figure) is None]
    field = label or Phrase(f"field.{name.partition('-')[2]}")
    gaps: dict[str, str | int | Phrase] = {"field": field, "group": Phrase(f"unknown_of.{name.partition('-')[0]}")}
    return Row(
        field,
        (
            (
                book.computed(
                    f"fig-unknown-{name}",
                    Phrase("figure.unknown", gaps),
                    len(unknown),
                    Phrase("method.count_unknown"),
                    unknown,
                ),
            ),
            (
                book.computed(
                    f"fig-unknown-{name}-of",
                    Phrase("figure.unknown_of", gaps),
                    len(figures),
                    Phrase("method.count_all"),
                    figures,
                ),
            ),
        ),
    )
