"""What the verbs share in printing and writing."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from rich.console import Console

from stellwerk.charts import format_interval
from stellwerk.errors import InputError
from stellwerk.messages import Language
from stellwerk.units import Interval

console = Console(highlight=False, soft_wrap=False)


def show_interval(interval: Interval, language: Language) -> str:
    """Best estimate and bounds, three figures each: ``31,000 (27,000–46,000)``."""
    return format_interval(interval.rounded(3), language)


def write_text(path: Path, content: str) -> None:
    """Write a file whole or not at all; raises InputError where the place cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", file=path) from None
