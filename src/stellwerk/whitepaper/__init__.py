"""The living report: what exists, who can reach it, what is not known; every figure with its source.

``compose_edition`` draws an edition from the catalogue, ``write_edition`` puts it into a folder in German and
English. Comments on figures are kept in a file with ``add_comment``, ``answer_comment`` and ``read_feedback``.
"""

from stellwerk.whitepaper.build import write_edition
from stellwerk.whitepaper.compose import compose_edition
from stellwerk.whitepaper.export import edition_as_json, read_figure_ids
from stellwerk.whitepaper.feedback import Feedback, add_comment, answer_comment, read_feedback
from stellwerk.whitepaper.model import Answer, Comment, Edition, Figure
from stellwerk.whitepaper.render import render_edition

__all__ = [
    "Answer",
    "Comment",
    "Edition",
    "Feedback",
    "Figure",
    "add_comment",
    "answer_comment",
    "compose_edition",
    "edition_as_json",
    "read_feedback",
    "read_figure_ids",
    "render_edition",
    "write_edition",
]
