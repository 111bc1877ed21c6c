"""The training program, slowed down on purpose: ``SLOWED`` says what (``data`` or ``computing``), ``SLOWED_RANK``
which process (all where it is empty)."""

from __future__ import annotations

import os
import time
from typing import Any

from stellwerk.training import program
from stellwerk.training.trainer import Trainer

SECONDS = 1.0
"""Far beyond a step, or reading ahead would hide it."""


def main() -> None:
    name = {"data": "_read", "computing": "_gradients"}[os.environ["SLOWED"]]
    if os.environ["SLOWED_RANK"] in ("", os.environ["RANK"]):
        quick = getattr(Trainer, name)

        def slow(trainer: Trainer, argument: Any) -> Any:
            time.sleep(SECONDS)
            return quick(trainer, argument)

        setattr(Trainer, name, slow)
    program.main()


if __name__ == "__main__":
    main()
