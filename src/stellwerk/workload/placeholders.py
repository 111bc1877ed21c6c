"""What stands for the plan's values in the command of a program of one's own: ``{micro_batch}``, ``{checkpoints}`` …"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

PLACEHOLDERS = (
    "micro_batch",
    "accumulation",
    "global_batch",
    "sequence_length",
    "steps",
    "tokens",
    "learning_rate",
    "seed",
    "dataset",
    "base",
    "processes",
    "tensor",
    "pipeline",
    "data",
    "run_directory",
    "checkpoints",
    "metrics",
    "plan",
)
"""docs/own-program.md says what each is replaced by."""

_DOUBLED_OR_NAMED = re.compile(r"\{\{([A-Za-z_]\w*)\}\}|\{([A-Za-z_]\w*)\}", re.ASCII)
"""A name in braces. Other braces, those of JSON for one, are let be."""


def placeholders_in(text: str) -> Iterator[str]:
    """The names that stand in single braces."""
    return (found[2] for found in _DOUBLED_OR_NAMED.finditer(text) if found[2])


def fill_placeholders(text: str, value_of: Callable[[str], str]) -> str:
    """``text`` with each ``{name}`` replaced by ``value_of(name)``, and ``{{name}}`` by ``{name}``."""
    return _DOUBLED_OR_NAMED.sub(lambda found: value_of(found[2]) if found[2] else f"{{{found[1]}}}", text)
