"""What a run ran on, written down so that it can be built again: versions and hardware, nothing that is secret."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from stellwerk.training import Accelerators, machine_memory_bytes

CPU_INFO = Path("/proc/cpuinfo")


def environment_lock(accelerators: Accelerators | None) -> str:
    """A requirements file of the packages that are installed, headed by comments that name Python, system and hardware.

    Names and versions only: where a package came from may hold a password, and so may the environment's variables.
    """
    return "\n".join([*(f"# {line}" for line in _machine(accelerators)), *_packages(), ""])


def _machine(accelerators: Accelerators | None) -> Iterator[str]:
    yield f"python {platform.python_version()} ({platform.python_implementation()})"
    yield f"system {platform.system()} {platform.release()} {platform.machine()}"
    yield f"distribution {_distribution()}"
    yield f"processor {_processor()}, {os.cpu_count()} cores"
    yield f"memory {machine_memory_bytes()} bytes"
    if accelerators is None:
        yield "accelerators none"
    else:
        yield f"accelerators {accelerators.count} x {accelerators.name}, {accelerators.memory_bytes} bytes each"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return "unknown"


def _processor() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown"


def _packages() -> list[str]:
    """``name==version``, each once, in the order of their names; torch among them."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        about = distribution.metadata  # read from the disk each time
        if about["Name"]:
            found.setdefault(str(about["Name"]).casefold(), f"{about['Name']}=={about['Version']}")
    return [found[name] for name in sorted(found)]
