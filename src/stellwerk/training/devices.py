"""Which accelerators the training program would see."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))
"""Of NVIDIA, of NVIDIA under Windows' Linux, of AMD; without one of them nobody needs to ask torch, which takes
seconds."""
QUESTION = """
import json, torch
count = torch.cuda.device_count()
first = torch.cuda.get_device_properties(0) if count else None
print(json.dumps({"count": count, "name": first and first.name, "memory_bytes": first and first.total_memory}))
"""
SECONDS_TO_ANSWER = 120.0


@dataclass(frozen=True, slots=True)
class Accelerators:
    """The accelerators of this machine that are free to be used, taken to be alike."""

    count: int
    name: str
    memory_bytes: int
    """Of one."""


def find_accelerators() -> Accelerators | None:
    """What torch sees through CUDA (or ROCm); None where there is none, or torch cannot say.

    Asked in a process of its own, so that nobody here holds memory of a device.
    """
    if not any(driver.exists() for driver in DRIVERS):
        return None
    try:
        answer = subprocess.run(
            [sys.executable, "-c", QUESTION], capture_output=True, text=True, check=True, timeout=SECONDS_TO_ANSWER
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = json.loads(answer.stdout.splitlines()[-1])
    return Accelerators(**found) if found["count"] else None
