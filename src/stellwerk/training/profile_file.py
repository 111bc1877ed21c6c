"""profile.jsonl: one JSON object per step that was looked at closely."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from stellwerk.training.model import StepProfile


def append_profile(path: Path, profile: StepProfile) -> None:
    """Adds one line; the file is made where there is none."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(profile)) + "\n")


def read_profiles(path: Path) -> tuple[StepProfile, ...]:
    """All whole lines, the last one of each step, in order of steps; nothing where there is no file."""
    if not path.exists():
        return ()
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    profiles = (_profile(json.loads(line)) for line in lines)
    return tuple(profile for _, profile in sorted({profile.step: profile for profile in profiles}.items()))


def _profile(values: dict[str, object]) -> StepProfile:
    return StepProfile(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})  # type: ignore[arg-type]
