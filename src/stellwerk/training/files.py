"""The JSON files through which the training processes and whoever started them speak to each other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stellwerk.files import write_whole
from stellwerk.training.model import Outcome, Rates, TrainingJob
from stellwerk.workload.model import architecture_from_values


def write_json(path: Path, record: Any) -> None:
    """Writes a dataclass or a JSON object as a whole or not at all."""
    content = record if isinstance(record, dict) else asdict(record)
    write_whole(path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_job(path: Path) -> TrainingJob:
    record = _read(path)
    return TrainingJob(**{**record, "architecture": architecture_from_values(record["architecture"])})


def read_rates(path: Path) -> Rates:
    return Rates(**_read(path))


def read_outcome(path: Path) -> Outcome:
    return Outcome(**_read(path))


def _read(path: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record
