"""The technical part of an application for computing time, in the fields that a programme asks for."""

from stellwerk.broker.draft.application import ApplicationDraft, draft_application
from stellwerk.broker.draft.text import draft_as_markdown

__all__ = ["ApplicationDraft", "draft_application", "draft_as_markdown"]
