"""An application draft as Markdown, to be read, corrected and pasted into a form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from stellwerk.broker.basis import basis_of
from stellwerk.broker.draft.application import ApplicationDraft, DraftField
from stellwerk.broker.draft.parts import Note, Open, Part, Table
from stellwerk.broker.model import Finding, JudgedOffer, Match
from stellwerk.catalog import Source
from stellwerk.messages import Language, render, text

MOST_OTHERS = 4
"""Other systems of the programme that are named."""

TEXT_COLUMNS = ("part", "layout")
"""Columns of words, aligned to the left."""


def draft_as_markdown(draft: ApplicationDraft, match: Match, language: Language) -> str:
    """Heading, what stands against it and what is to be cleared first, the fields in the order of the programme, what
    is open, and the sources."""
    return "\n".join(_lines(draft, match, language)) + "\n"


def _lines(draft: ApplicationDraft, match: Match, language: Language) -> Iterator[str]:
    yield from _heading(draft, match, language)
    yield from ("", _what_it_asks_for(draft, language))
    yield from _findings("ruled_out", draft.ruled_out, language)
    if draft.ruled_out:
        yield from ("", _instead(draft.instead, language))
    yield from _findings("to_clear", draft.to_clear, language)
    if draft.asked is not None:
        yield from _fields(draft.asked, language)
    if draft.further:
        yield from (
            "",
            f"## {text('draft.technical' if draft.asked is None else 'draft.further', language)}",
        )
        yield from _fields(draft.further, language, level="###")
    yield from _open_points(draft, language)
    yield from _sources(draft, language)


def _heading(draft: ApplicationDraft, match: Match, language: Language) -> Iterator[str]:
    programme, system = draft.programme, draft.system
    name = programme.programme.value or programme.id
    if system is None:
        yield f"# {text('draft.heading_without_system', language, programme=name)}"
    else:
        yield f"# {text('draft.heading', language, programme=name, system=system.system.value or system.id)}"
    yield ""
    yield text("draft.about", language, as_of=match.as_of.isoformat(), name=match.workload.name)
    yield text("draft.about_notes", language)
    yield from (render(reason, language) for reason in basis_of(match.workload))
    if programme.page_limit.value is not None:
        yield text("draft.page_limit", language, quote=programme.page_limit.value)
    if programme.free is not True and programme.cost.value is not None:
        yield text("draft.cost", language, quote=programme.cost.value)
    if draft.other_offers:
        named = [_named(judged, language) for judged in draft.other_offers[:MOST_OTHERS]]
        yield ""
        yield f"> {text('draft.other_systems', language, offers=', '.join(named))}"


def _what_it_asks_for(draft: ApplicationDraft, language: Language) -> str:
    if draft.asked is None:
        return text("draft.fields_unknown", language)
    quote = draft.programme.application_contents.value
    if quote is None:
        return text("draft.fields_known_without_words", language)
    return text("draft.fields_known", language, quote=quote)


def _named(judged: JudgedOffer, language: Language) -> str:
    return f"`{judged.offer.id}` ({text(f'verdict.{judged.verdict}', language)})"


def _instead(offers: Iterable[JudgedOffer], language: Language) -> str:
    named = ", ".join(f"`{judged.offer.id}`" for judged in offers)
    return f"> {text('draft.instead', language, offers=named) if named else text('draft.nothing_instead', language)}"


def _findings(heading: str, findings: Iterable[Finding], language: Language) -> Iterator[str]:
    shown = [f"- {render(finding.reason, language)}" for finding in findings]
    if shown:
        yield from ("", f"## {text(f'draft.{heading}', language)}", "", *shown)


def _fields(fields: Iterable[DraftField], language: Language, level: str = "##") -> Iterator[str]:
    for one in fields:
        yield from ("", f"{level} {text(f'application_field.{one.field}', language)}")
        for _, block in groupby(one.parts, _block):
            yield ""
            for part in block:
                yield from _part(part, language)


def _block(part: Part) -> str:
    """Parts of one block stand together; Markdown asks for an empty line before and after tables and notes."""
    return "text" if not isinstance(part, Note | Table) else type(part).__name__


def _part(part: Part, language: Language) -> Iterator[str]:
    if isinstance(part, Table):
        yield from _table(part, language)
    elif isinstance(part, Note):
        yield f"> {render(part.reason, language)}"
    elif isinstance(part, Open):
        yield text("draft.left_open", language, what=render(part.reason, language))
    else:
        yield render(part, language)


def _table(table: Table, language: Language) -> Iterator[str]:
    """Columns of even width, numbers to the right, so that it can be read in a terminal as well."""
    heads = [text(f"draft_column.{column}", language) for column in table.columns]
    rows = [[cell[language] for cell in row] for row in table.rows]
    left = [column in TEXT_COLUMNS for column in table.columns]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    dashes = ["-" * (width - 1) for width in widths]
    rule = [f":{dash}" if worded else f"{dash}:" for dash, worded in zip(dashes, left, strict=True)]
    for row in (heads, rule, *rows):
        cells = zip(row, widths, left, strict=True)
        yield f"| {' | '.join(cell.ljust(width) if worded else cell.rjust(width) for cell, width, worded in cells)} |"


def _open_points(draft: ApplicationDraft, language: Language) -> Iterator[str]:
    yield from ("", f"## {text('draft.open', language)}", "")
    if draft.system is None:
        yield f"- {text('draft.system_open', language)}"
    fields_by_points: dict[str, list[str]] = {}
    for one in draft.fields:
        points = "; ".join(render(point, language) for point in one.open_points)
        fields_by_points.setdefault(points, []).append(text(f"application_field.{one.field}", language))
    yield from (f"- {', '.join(fields)}: {points}" for points, fields in fields_by_points.items() if points)
    yield from (f"- {text(f'draft.{point}', language)}" for point in ("check_numbers", "check_form"))


def _sources(draft: ApplicationDraft, language: Language) -> Iterator[str]:
    """Address, date and evidence of every fact that the draft rests on, and which of them have none."""
    claimed = [(text(f"draft_fact.{name}", language), fact.claims[0].source) for name, fact in draft.facts.items()]
    claimed += [
        (text("draft_fact.limit", language, unit=text(f"amount_unit.{limit.unit}", language)), limit.source)
        for limit in draft.limits
    ]
    names_by_source: dict[Source, list[str]] = {}
    for name, source in claimed:
        if source.evidence != "unsourced":
            names_by_source.setdefault(source, []).append(name)
    unsourced = [name for name, source in claimed if source.evidence == "unsourced"]
    if claimed:
        yield from ("", f"## {text('draft.sources', language)}", "")
    for source, names in names_by_source.items():
        evidence = text(f"draft_evidence.{source.evidence}", language)
        as_of = text("draft.undated", language) if source.as_of == "undated" else source.as_of
        yield f"- {', '.join(names)}: {', '.join(source.urls)} ({as_of}, {evidence})"
    if unsourced:
        yield f"- {text('draft.no_source', language, fields=', '.join(unsourced))}"
