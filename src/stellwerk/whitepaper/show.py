"""How figures, claims and sources look on a page of one language."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

from stellwerk.catalog import Claim, Evidence, Source
from stellwerk.charts import Language, format_date, format_number, format_significant
from stellwerk.whitepaper.compose import source_id
from stellwerk.whitepaper.model import WORDED, Comment, Edition, Figure, Phrase
from stellwerk.whitepaper.words import Words, fill

_LONGEST_IN_CELL = 160
_LARGEST_WRITTEN_OUT = 1e15
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_SCALES: Mapping[str, tuple[float, str]] = {
    "gigabytes": (1e-9, "GB"),
    "gigabits_per_s": (8e-9, "Gbit/s"),
    "gigabytes_per_s": (1e-9, "GB/s"),
    "teraflops": (1e-12, "TFLOP/s"),
}
_DATE = re.compile(r"[\d/.-]+")
_MARKS: Mapping[Evidence, str] = {"primary": "●", "secondary": "◐", "unsourced": "○"}
_ANSWERS = {"yes": "✓", "conditional": "◇", "no": "✗"}


class Shower:
    """Writes the figures of one edition in one language."""

    def __init__(self, edition: Edition, words: Words) -> None:
        self._edition = edition
        self._words = words
        self._comments: dict[str, list[Comment]] = {}
        for comment in edition.comments:
            self._comments.setdefault(comment.figure_id, []).append(comment)

    def figure(self, figure_id: str, *, bare: bool = False) -> Markup:
        """A figure where it is read: its value as a link to its claims, its evidence, a hint at comments.

        ``bare`` leaves out the unit, which a heading names.
        """
        figure = self._edition.figures[figure_id]
        shown = dataclasses.replace(figure, unit=None) if bare else figure
        link = fill('<a class="figure" href="#{}">{}</a>', figure.id, self.value(shown, brief=True))
        return self._rivals(figure) + link + self._evidence(figure) + self.comment_links(figure_id)

    def amount(self, figure_id: str) -> Markup:
        """A figure within a sentence, without marks."""
        figure = self._edition.figures[figure_id]
        return fill('<a class="figure" href="#{}">{}</a>', figure.id, self.value(figure))

    def value(self, figure: Figure, *, brief: bool = False) -> Markup:
        """The value in words and digits, with its unit."""
        return self._written(figure.value, figure, brief=brief)

    def claim_value(self, claim: Claim[Any], figure: Figure) -> Markup:
        """What one source states."""
        if figure.form == "cost":
            return self._catalogue_text(str(claim.value))
        if figure.form == "ids" and isinstance(claim.value, str):
            return self._entry_link(claim.value)
        return self._written(claim.value, figure)

    def source(self, source: Source) -> Markup:
        """A link to the source's entry in the list of sources, with as-of and evidence."""
        text = self._words.text
        if not source.urls:
            return fill('<a href="#{}">{}</a>', source_id(source), text("evidence.unsourced"))
        return fill(
            '<a href="#{}">{}</a> ({}, {})',
            source_id(source),
            hosts(source),
            self.as_of(source),
            text(f"evidence.{source.evidence}"),
        )

    def as_of(self, source: Source) -> Markup:
        """The wording of the facts, which is a date or a remark in English."""
        if source.as_of == "undated":
            return self._words.text("label.undated")
        return escape(source.as_of) if _DATE.fullmatch(source.as_of) else self._catalogue_text(source.as_of)

    def mark(self, evidence: Evidence) -> Markup:
        """The sign of an evidence class with its name for screen readers and as a hint."""
        name = self._words.text(f"evidence.{evidence}")
        return fill(
            '<span class="mark {}" title="{}">{}<span class="aside"> {}</span></span>',
            evidence,
            name,
            _MARKS[evidence],
            name,
        )

    def name(self, entry_id: str) -> Markup:
        return escape(self._edition.entries[entry_id].name)

    def catalogue_text(self, text: str | Phrase) -> Markup:
        """Small print of a row: a phrase of ours or words of the catalogue."""
        return self._words.phrase(text) if isinstance(text, Phrase) else self._catalogue_text(text)

    def comment_links(self, figure_id: str) -> Markup:
        """Links to the comments on a figure."""
        return Markup("").join(
            fill(
                ' <a class="comment-link" href="#comment-{}">{}</a>',
                comment.id,
                self._words.text("label.comment", id=comment.id),
            )
            for comment in self._comments.get(figure_id, [])
        )

    def _evidence(self, figure: Figure) -> Markup:
        return Markup("") if figure.evidence is None else Markup("&nbsp;") + self.mark(figure.evidence)

    def _rivals(self, figure: Figure) -> Markup:
        if not figure.rivals or figure.form in WORDED:
            return Markup("")
        name = self._words.text("label.rivals")
        return fill('<span class="rivals" title="{}">≠<span class="aside"> {}</span></span>&nbsp;', name, name)

    def _written(self, value: Any, figure: Figure, *, brief: bool = False) -> Markup:
        if value is None:
            word = self._words.text("label.unknown")
            return fill('<span class="unknown">{}{}</span>', "? " if figure.form == "answer" else "", word)
        match figure.form:
            case "text":
                return self._catalogue_text(str(value), brief=brief)
            case "answer":
                word = self._words.text(f"answer.{value}")
                return fill('<span class="{}">{} {}</span>', value, _ANSWERS[value], word)
            case "status" | "cost":
                return self._words.text(f"{figure.form}.{value}")
            case "ids":
                return self._ids(value, figure, brief=brief)
            case "names":
                return escape(", ".join(value) if isinstance(value, tuple) else value)
            case "dates":
                return Markup(", ").join(format_date(day, self._words.language) for day in value)
            case _:
                return self._with_unit(self._number(value, figure, brief=brief), figure)

    def _number(self, value: Any, figure: Figure, *, brief: bool) -> str:
        language = self._words.language
        if figure.form == "percent":
            return format_significant(value * 100, language) + "\N{NO-BREAK SPACE}%"
        if figure.form in _SCALES:
            return format_significant(value * _SCALES[figure.form][0], language, 4)
        if figure.form == "price":
            return format_number(value, language, 2 if brief else _price_decimals(Decimal(value)))
        if abs(value) >= _LARGEST_WRITTEN_OUT:
            return _with_power(value, language)
        return format_number(value, language) if float(value).is_integer() else format_significant(value, language, 5)

    def _with_unit(self, number: str, figure: Figure) -> Markup:
        if figure.form in _SCALES:
            return fill("{}&nbsp;{}", number, _SCALES[figure.form][1])
        if figure.unit is None:
            return escape(number)
        return self._words.phrase(Phrase(figure.unit.key, {**figure.unit.gaps, "number": number}))

    def _ids(self, ids: tuple[str, ...], figure: Figure, *, brief: bool) -> Markup:
        if not brief:
            return Markup(", ").join(self._entry_link(entry_id) for entry_id in ids)
        if figure.unit is not None:
            return self._words.text(f"{figure.unit.key}_{'one' if len(ids) == 1 else 'many'}", number=len(ids))
        return Markup(", ").join(dict.fromkeys(self._edition.entries[entry_id].short for entry_id in ids))

    def _entry_link(self, entry_id: str) -> Markup:
        entry = self._edition.entries[entry_id]
        return fill('<a href="#{}-{}">{}</a>', entry.kind, entry_id, entry.name)

    def _catalogue_text(self, text: str, *, brief: bool = False) -> Markup:
        shown, language = self._words.catalogue_text(text)
        if brief:
            shown = _brief(shown)
        if language == self._words.language:
            return fill('<span class="fact">{}</span>', shown)
        return fill('<span class="fact" lang="{}">{}</span>', language, shown)


def hosts(source: Source) -> str:
    """The hosts of a source's addresses, each once."""
    names = (urlsplit(url).hostname or url for url in source.urls)
    return ", ".join(dict.fromkeys(name.removeprefix("www.") for name in names))


def _brief(text: str) -> str:
    """The beginning of a long text, up to a whole word; the claims show all of it."""
    if len(text) <= _LONGEST_IN_CELL:
        return text
    return text[:_LONGEST_IN_CELL].rsplit(" ", 1)[0].rstrip(" ,;(") + " …"


def _with_power(value: float, language: Language) -> str:
    """5.25e21 → ``5.25 · 10²¹``."""
    mantissa, exponent = f"{value:.10e}".split("e")
    return f"{format_significant(float(mantissa), language)} · 10{str(int(exponent)).translate(_SUPERSCRIPT)}"


def _price_decimals(amount: Decimal) -> int:
    """Two decimals, up to four where the price has them."""
    exponent = amount.normalize().as_tuple().exponent
    return min(4, max(2, -exponent)) if isinstance(exponent, int) else 2
