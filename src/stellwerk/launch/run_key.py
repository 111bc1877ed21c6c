"""What decides a run: two submissions with the same key ask for the same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stellwerk.workload import Workload


def what_decides(workload: Workload, *, processes: int | None, seconds: float | None) -> dict[str, Any]:
    """Model, task, ``[run]``, ``[program]`` and the two options that change the course of a run, as plain data.

    Who asks, until when and for how much money does not change it, and no version of anything does.
    """
    decides = {
        "model": asdict(workload.architecture),
        "training": asdict(workload.training),
        "run": asdict(workload.run),
        "program": None if workload.program is None else asdict(workload.program),
        "--processes": processes,
        "--seconds": seconds,
    }
    plain: dict[str, Any] = json.loads(json.dumps(decides, default=_plain))
    return plain


def key_of(decides: Mapping[str, Any]) -> str:
    """A hash of ``what_decides``."""
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Each value in which two runs differ, as ``training.tokens: 4000000 there, 8000000 here``."""
    before, after = dict(_flat(old, "")), dict(_flat(new, ""))
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield f"{key}: {_shown(before.get(key))} there, {_shown(after.get(key))} here"


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value


def _shown(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{value!r} is no plain data")
