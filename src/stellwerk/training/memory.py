"""How much memory there is and how much a process took, from the operating system."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


def peak_memory_bytes() -> int:
    """Peak resident set of this process so far; getrusage counts in KiB on Linux, in bytes on macOS."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def machine_memory_bytes() -> int:
    """Physical memory, or the limit of the container (control groups, version 2) where that is lower."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if not CONTAINER_LIMIT.exists():
        return physical
    limit = CONTAINER_LIMIT.read_text(encoding="ascii").strip()
    return physical if limit == "max" else min(physical, int(limit))
