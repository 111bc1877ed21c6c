"""Pictures as inline SVG, each with the table it was drawn from, and the frame of every page.

A picture is made by ``horizontal_bars``, ``stacked_bars``, ``rising_bars``, ``scatter``, ``step_lines`` or
``heat_map``, put into a page with ``figure``, and the page is written with ``render_page``; ``svg_document`` makes a
file of pictures alone. Numbers follow the language through ``format_number`` and its kin.
"""

from stellwerk.charts.bars import Bar, horizontal_bars, stacked_bars
from stellwerk.charts.document import svg_document
from stellwerk.charts.durations import format_duration
from stellwerk.charts.figure import figure
from stellwerk.charts.formats import (
    format_date,
    format_interval,
    format_number,
    format_significant,
)
from stellwerk.charts.heat import heat_map
from stellwerk.charts.lines import Axis, Line, Panel, step_lines
from stellwerk.charts.model import Chart
from stellwerk.charts.page import Link, render_page, style_sheet
from stellwerk.charts.rises import Rise, rising_bars
from stellwerk.charts.scatter import Point, scatter
from stellwerk.charts.templates import page_template
from stellwerk.charts.words import Language

__all__ = [
    "Axis",
    "Bar",
    "Chart",
    "Language",
    "Line",
    "Link",
    "Panel",
    "Point",
    "Rise",
    "figure",
    "format_date",
    "format_duration",
    "format_interval",
    "format_number",
    "format_significant",
    "heat_map",
    "horizontal_bars",
    "page_template",
    "render_page",
    "rising_bars",
    "scatter",
    "stacked_bars",
    "step_lines",
    "style_sheet",
    "svg_document",
]
