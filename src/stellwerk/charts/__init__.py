"""Pictures as inline SVG, each with the table it was drawn from, and the frame of every page.

A picture is made by ``horizontal_bars``, ``stacked_bars`` or ``scatter``, put into a page with ``figure``, and the
page is written with ``render_page``. Numbers follow the language through ``format_number`` and its kin.
"""

from stellwerk.charts.bars import Bar, horizontal_bars, stacked_bars
from stellwerk.charts.figure import figure
from stellwerk.charts.formats import (
    format_date,
    format_interval,
    format_number,
    format_significant,
)
from stellwerk.charts.model import Chart
from stellwerk.charts.page import Link, render_page, style_sheet
from stellwerk.charts.scatter import Point, scatter
from stellwerk.charts.templates import page_template
from stellwerk.charts.words import Language

__all__ = [
    "Bar",
    "Chart",
    "Language",
    "Link",
    "Point",
    "figure",
    "format_date",
    "format_interval",
    "format_number",
    "format_significant",
    "horizontal_bars",
    "page_template",
    "render_page",
    "scatter",
    "stacked_bars",
    "style_sheet",
]
