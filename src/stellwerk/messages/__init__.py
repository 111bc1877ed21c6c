"""Reasons as codes, rendered in German and English.

A reason is a stable code with parameters; the sentences live in ``de.toml`` and ``en.toml``.
"""

from stellwerk.messages.reasons import LANGUAGES, Language, Reason, Words, count_text, outline, render, text

__all__ = ["LANGUAGES", "Language", "Reason", "Words", "count_text", "outline", "render", "text"]
