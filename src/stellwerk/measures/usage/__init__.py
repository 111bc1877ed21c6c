"""What a job log says about the use of its cluster: as numbers, as tables of texts, and as a page."""

from stellwerk.measures.usage.model import Capacity, Device, GroupBy, Usage
from stellwerk.measures.usage.page import render_usage_page, summary_of
from stellwerk.measures.usage.report import usage_of
from stellwerk.measures.usage.serialise import usage_as_dict
from stellwerk.measures.usage.tables import KeyFigure, UsageTable, key_figures, log_sentences, usage_tables

__all__ = [
    "Capacity",
    "Device",
    "GroupBy",
    "KeyFigure",
    "Usage",
    "UsageTable",
    "key_figures",
    "log_sentences",
    "render_usage_page",
    "summary_of",
    "usage_as_dict",
    "usage_of",
    "usage_tables",
]
