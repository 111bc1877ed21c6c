"""What an edition is made of: figures with their claims, tables of figures, comments."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from stellwerk.catalog import Claim, Evidence, Source

Value = int | float | Decimal | str | tuple[str, ...] | tuple[datetime.date, ...]

Form = Literal[
    "number",  # a count or an amount
    "price",  # with two to four decimals
    "percent",  # a share of 1
    "gigabytes",  # bytes, shown in GB
    "gigabits_per_s",  # bytes per second, shown in Gbit/s
    "gigabytes_per_s",  # bytes per second, shown in GB/s
    "teraflops",  # FLOP/s, shown in TFLOP/s
    "text",  # words of the catalogue, in its own language
    "ids",  # ids of entries, shown by name; with a unit, a table shows how many
    "names",  # proper names and codes
    "dates",
    "answer",  # yes, conditional, no
    "status",
    "cost",  # free, paid
]
"""How a value is written."""

WORDED: tuple[Form, ...] = ("text", "cost")
"""Forms whose claims are words: two wordings may still say the same."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text of ``texts/*.toml`` by its key, with what stands in its gaps (proper names or further phrases)."""

    key: str
    gaps: Mapping[str, str | int | Phrase] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the edition. Its ``id`` is permanent.

    A stated figure carries the ``claims`` of its sources, the leading one first; a computed one the ``method`` and
    the ids of the figures that were ``counted``. ``value`` is None where nothing is known. ``entry_id`` is the
    entry of the catalogue that a stated figure belongs to. ``note`` is a remark in the catalogue's own words.
    """

    id: str
    label: Phrase
    value: Value | None
    form: Form
    unit: Phrase | None = None
    claims: tuple[Claim[Any], ...] = ()
    method: Phrase | None = None
    counted: tuple[str, ...] = ()
    entry_id: str = ""
    note: str = ""

    @property
    def evidence(self) -> Evidence | None:
        """Of the leading claim; None for a computed figure and where nothing is known."""
        return self.claims[0].source.evidence if self.claims else None

    @property
    def rivals(self) -> tuple[Claim[Any], ...]:
        """Claims that state another value than the leading one; links to several entries do not contradict."""
        if self.form == "ids":
            return ()
        return tuple(claim for claim in self.claims[1:] if claim.value != self.claims[0].value)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its head (a proper name or a phrase), a second line in small print, and figure ids by
    column; a cell may hold several."""

    head: str | Phrase
    cells: tuple[tuple[str, ...], ...]
    small: str | Phrase = ""
    anchor: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows under a common heading; one group with an empty heading is a plain table."""

    heading: Phrase | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of figures. ``columns`` names all columns, that of the row heads included. In a ``bare`` table the
    headings name the units, the cells hold the numbers alone."""

    id: str
    caption: Phrase
    columns: tuple[Phrase, ...]
    groups: tuple[RowGroup, ...]
    bare: bool = False

    @property
    def rows(self) -> tuple[Row, ...]:
        return tuple(row for group in self.groups for row in group.rows)


@dataclass(frozen=True, slots=True)
class BarRow:
    """One row of a chart: figure ids by series."""

    label: Phrase
    figure_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars of figures; more than one series are stacked. ``looks`` are numbers of colours and hatchings."""

    id: str
    title: Phrase
    description: Phrase
    unit: Phrase
    series: tuple[Phrase, ...]
    rows: tuple[BarRow, ...]
    looks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the editors answered to a comment."""

    text: str
    date: datetime.date


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on one figure. Name and e-mail address are shown only where the person consented to each."""

    id: str
    figure_id: str
    date: datetime.date
    name: str
    email: str
    consent_name: bool
    consent_email: bool
    text: str
    answers: tuple[Answer, ...] = ()

    def with_answer(self, answer: Answer) -> Comment:
        return dataclasses.replace(self, answers=(*self.answers, answer))


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of the report: its parts in the order of reading.

    ``key`` names its texts and its anchor. The template says what stands between the parts.
    """

    key: str
    key_figures: tuple[str, ...] = ()
    charts: Mapping[str, BarChart] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)


class Entry(NamedTuple):
    """What the report calls an entry of the catalogue, in full and in short (a machine without its partition);
    ``kind`` is system, programme, product, support, software, need, contingent or accelerator."""

    name: str
    short: str
    kind: str


@dataclass(frozen=True, slots=True)
class Edition:
    """Everything that a page shows, in no language yet.

    ``sources`` holds each source that a claim names once, by its permanent id. ``entries`` names
    every entry of the catalogue by its id.
    """

    as_of: datetime.date
    version: str
    catalogue_hash: str
    feedback_hash: str | None
    figures: Mapping[str, Figure]
    chapters: Mapping[str, Chapter]
    entries: Mapping[str, Entry]
    sources: Mapping[str, Source]
    comments: tuple[Comment, ...]
