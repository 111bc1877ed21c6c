"""A chart as part of a page: the picture, its note and, beneath, the table of its numbers."""

from __future__ import annotations

from markupsafe import Markup

from stellwerk.charts.model import Chart
from stellwerk.charts.templates import page_template
from stellwerk.charts.words import Language


def figure(chart: Chart, language: Language) -> Markup:
    """The ``figure`` element of a chart. The table opens on demand and is readable without the picture."""
    return Markup(page_template("stellwerk.charts", "figure.html.j2").render(chart=chart, language=language))  # noqa: S704
