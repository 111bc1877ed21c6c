"""The files of a run as plain JSON, for whatever watches over it: that needs neither planner nor trainer, and must not
end at a file that somebody changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_values(path: Path) -> Mapping[str, Any]:
    """The object in a file; empty where there is none that can be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
