"""An application draft as Markdown, to be read, corrected and pasted into a form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stellwerk.broker.basis import basis_of
from stellwerk.broker.draft import ApplicationDraft, DraftField
from stellwerk.broker.model import Match
from stellwerk.catalog import Source
from stellwerk.messages import Language, render, text


def draft_as_markdown(draft: ApplicationDraft, match: Match, language: Language) -> str:
    """Heading, what is to be cleared first, the fields in the order of the programme, and what is open."""
    return "\n".join(_lines(draft, match, language)) + "\n"


def _lines(draft: ApplicationDraft, match: Match, language: Language) -> Iterator[str]:
    programme, system = draft.programme, draft.system
    names = {"programme": programme.programme.value or programme.id, "system": system.system.value or system.id}
    yield f"# {text('draft.heading', language, **names)}"
    yield ""
    yield text("draft.about", language, as_of=match.as_of.isoformat(), name=match.workload.name)
    yield from (render(reason, language) for reason in basis_of(match.workload))
    if programme.page_limit.value is not None:
        yield text("draft.page_limit", language, quote=programme.page_limit.value)
    if draft.to_clear:
        yield from ("", f"## {text('draft.to_clear', language)}", "")
        yield from (f"- {render(finding.reason, language)}" for finding in draft.to_clear)
    if draft.asked is None:
        yield ""
        yield text("draft.fields_unknown", language)
    else:
        yield ""
        yield text("draft.fields_known", language, quote=programme.application_contents.value or "–")
        yield from _fields(draft.asked, language)
    if draft.further:
        yield from ("", f"## {text('draft.technical' if draft.asked is None else 'draft.further', language)}")
        yield from _fields(draft.further, language, level="###")
    yield from ("", f"## {text('draft.open', language)}", "")
    yield from (f"- {text(f'application_field.{field}', language)}" for field in draft.open_fields)
    yield from (f"- {text(f'draft.{point}', language)}" for point in ("check_numbers", "check_form"))
    yield from _sources(draft, language)


def _fields(fields: Iterable[DraftField], language: Language, level: str = "##") -> Iterator[str]:
    for one in fields:
        yield from ("", f"{level} {text(f'application_field.{one.field}', language)}", "")
        if one.sentences:
            yield from (render(sentence, language) for sentence in one.sentences)
        else:
            yield text("draft.left_open", language)


def _sources(draft: ApplicationDraft, language: Language) -> Iterator[str]:
    """Address, date and evidence of every fact that the draft rests on, and which of them have none."""
    claimed = [(name, fact.claims[0].source) for name, fact in draft.facts.items()]
    claimed += [(f"limit {limit.unit}", limit.source) for limit in draft.limits]
    yield from ("", f"## {text('draft.sources', language)}", "")
    names_by_source: dict[Source, list[str]] = {}
    for name, source in claimed:
        if source.evidence != "unsourced":
            names_by_source.setdefault(source, []).append(name)
    for source, names in names_by_source.items():
        yield f"- {', '.join(names)}: {', '.join(source.urls)} ({source.as_of}, {source.evidence})"
    unsourced = [name for name, source in claimed if source.evidence == "unsourced"]
    if unsourced:
        yield f"- {text('draft.no_source', language, fields=', '.join(unsourced))}"
