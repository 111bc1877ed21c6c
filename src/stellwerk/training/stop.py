"""Hears when the program is asked to stop: by a signal, or by a file that appears."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType

from stellwerk.training import contract


class StopRequest:
    """Listens from its making on."""

    def __init__(self) -> None:
        name = os.environ.get(contract.STOP_FILE)
        self._file = Path(name) if name else None
        self._heard = False
        signal.signal(getattr(signal, f"SIG{os.environ.get(contract.STOP_SIGNAL, 'TERM')}"), self._hear)

    def heard(self) -> bool:
        """Whether this process has been asked to stop; others may not know it yet."""
        return self._heard or (self._file is not None and self._file.exists())

    def _hear(self, _signal: int, _frame: FrameType | None) -> None:
        self._heard = True
