"""A checkpoint as its reader sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint. ``extra`` is what the training wrote beside its tensors; ``processes`` wrote it."""

    step: int
    path: Path
    extra: Mapping[str, Any]
    size_bytes: int
    processes: int
