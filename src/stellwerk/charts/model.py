"""What a chart is."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with the numbers it was drawn from.

    ``id`` names the figure on its page and stays the same for ever. ``header`` and ``rows`` are the table: texts,
    formatted for the reader; the first cell of a row names it. A cell that is ``Markup`` (a link, say) is put
    into the page as it is, every other one is escaped. ``note`` says what the picture leaves out.
    """

    id: str
    title: str
    description: str
    svg: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
