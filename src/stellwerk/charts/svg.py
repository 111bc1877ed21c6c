"""Pieces of SVG: escaped elements, text that fits, and an estimate of how wide a text will be."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

FONT_SIZE = 13.0
SMALL_FONT_SIZE = 11.5

# Widths in units of the font size, after the wider of the usual system fonts (DejaVu Sans, Verdana).
_NARROW = frozenset("ijlI.,:;'|!()[]ft /-·")
_WIDE = frozenset("mwMW@%—…")


def element(name: str, *children: str, **attributes: str | float) -> Markup:
    """One SVG element. Children that are plain text are escaped; ``class_`` is written ``class``, ``_`` as ``-``."""
    names = (key.rstrip("_").replace("_", "-") for key in attributes)
    written = "".join(f' {key}="{_attribute(value)}"' for key, value in zip(names, attributes.values(), strict=True))
    inner = "".join(str(escape(child)) for child in children)
    return Markup(f"<{name}{written}>{inner}</{name}>" if children else f"<{name}{written}/>")  # noqa: S704


def drawing(
    chart_id: str, title: str, description: str, *, width: float, height: float, body: Iterable[Markup]
) -> Markup:
    """The outer ``svg``: one image with a name and a description for those who do not see it."""
    return element(
        "svg",
        element("title", title, id=f"{chart_id}-title"),
        element("desc", description, id=f"{chart_id}-desc"),
        *body,
        viewBox=f"0 0 {_attribute(width)} {_attribute(height)}",
        role="img",
        aria_labelledby=f"{chart_id}-title",
        aria_describedby=f"{chart_id}-desc",
        class_="chart-drawing",
    )


def text(content: str, x: float, y: float, class_: str, anchor: str = "start") -> Markup:
    """A line of text whose middle height is at ``y``; ``anchor`` is start, middle or end."""
    return element("text", content, x=x, y=y + 0.35 * FONT_SIZE, class_=class_, text_anchor=anchor)


def text_width(content: str, size: float = FONT_SIZE) -> float:
    """An upper estimate of a text's width in the drawing's units."""
    return size * sum(_character_width(character) for character in content)


def wrap(content: str, width: float, size: float = FONT_SIZE, lines: int = 2) -> tuple[str, ...]:
    """The text in at most ``lines`` lines that fit into ``width``; where it does not fit, a line ends in ``…``."""
    rows: list[str] = []
    rest = content.split() or [""]
    while rest and len(rows) < lines:
        row = rest.pop(0)
        while rest and text_width(f"{row} {rest[0]}", size) <= width:
            row += " " + rest.pop(0)
        rows.append(row)
    if rest:
        rows[-1] += "…"
    return tuple(shorten(row, width, size) for row in rows)


def shorten(content: str, width: float, size: float = FONT_SIZE) -> str:
    """The text, cut and ended with ``…`` where it is wider than ``width``."""
    if text_width(content, size) <= width:
        return content
    kept = content.rstrip("…")
    while kept and text_width(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def _character_width(character: str) -> float:
    if character in _NARROW:
        return 0.4
    if character in _WIDE:
        return 1.0
    return 0.78 if character.isupper() else 0.65


def _attribute(value: str | float) -> str:
    if isinstance(value, str):
        return str(escape(value))
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
