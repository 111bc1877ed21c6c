"""The metrics file: one JSON object per step and line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from stellwerk.training.model import StepMetrics


def open_metrics(path: Path) -> TextIO:
    """For lines to be added; a last line that an earlier attempt did not finish is ended first."""
    file = path.open("a", encoding="utf-8")
    if path.is_file() and not _ends_with_a_line(path):
        file.write("\n")
    return file


def write_metrics(file: TextIO, metrics: StepMetrics) -> None:
    """Appends one line and hands it to the system at once, so that whoever follows the file sees it."""
    content = {name: None if _is_no_number(value) else value for name, value in asdict(metrics).items()}
    file.write(json.dumps(content, allow_nan=False) + "\n")
    file.flush()


def _ends_with_a_line(path: Path) -> bool:
    """Whether nothing has to be ended; looks at the last byte only, files of long runs are large."""
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return True
        file.seek(-1, 2)
        return file.read() == b"\n"


def _is_no_number(value: object) -> bool:
    """Infinite or not a number: JSON cannot say it."""
    return isinstance(value, float) and not math.isfinite(value)


class MetricsReader:
    """Reads a metrics file while it grows; each call of ``new`` yields the steps written since the last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> Iterator[StepMetrics]:
        """Yields nothing while the file does not exist; leaves a line without its end for the next call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                with suppress(ValueError, TypeError):  # what an attempt that was killed left of its last line
                    yield StepMetrics(**json.loads(line))


def read_metrics(path: Path) -> tuple[StepMetrics, ...]:
    """The steps of a metrics file in order. A line that was cut off is left out; of a step that a later attempt took
    again, the later line counts."""
    return tuple(step for _, step in sorted({step.step: step for step in MetricsReader(path).new()}.items()))
