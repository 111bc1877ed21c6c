"""This machine: processes started through torchrun, watched by a supervisor each run has for itself."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stellwerk.launch.engines.local.command import render_command, render_environment, render_script
    from stellwerk.launch.engines.local.engine import LocalEngine
    from stellwerk.launch.engines.local.files import read_submitted
    from stellwerk.launch.engines.local.process import LocalProcess, start

__all__ = [
    "LocalEngine",
    "LocalProcess",
    "read_submitted",
    "render_command",
    "render_environment",
    "render_script",
    "start",
]

_MODULES = {
    "command": ("render_command", "render_environment", "render_script"),
    "engine": ("LocalEngine",),
    "files": ("read_submitted",),
    "process": ("LocalProcess", "start"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Imported when asked for: the supervisor lies in this folder too, and is to stay small beside the training."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
