"""What a training script says to Stellwerk, and asks it, in three lines::

    reporter = Reporter()
    ...
    reporter.step(step, loss=loss, tokens=tokens)
    if reporter.should_stop: ...

Outside a run of Stellwerk nothing happens, so the lines can stay. The file imports nothing but the standard library: it
may be copied beside a script whose Python has no Stellwerk.
"""

from __future__ import annotations

import datetime
import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, SupportsFloat

_UTC = datetime.timezone.utc  # noqa: UP017, a script's Python may be older than 3.11


class Reporter:
    """One per process; every process of the program makes its own.

    Made in the main thread, it takes over the signal that asks to stop, so that the signal no longer ends the process:
    whoever makes a reporter looks at ``should_stop`` after each step.
    """

    def __init__(self) -> None:
        environment = os.environ
        self._metrics = environment.get("STELLWERK_METRICS") if environment.get("RANK", "0") == "0" else None
        self._stop_file = environment.get("STELLWERK_STOP_FILE")
        self._signalled = False
        self._complained = False
        self._record: dict[str, Any] = {}
        self._then_s = 0.0
        self.active = "STELLWERK_RUN_DIRECTORY" in environment
        """Whether this is a run of Stellwerk."""
        self.resume = environment.get("STELLWERK_RESUME") == "1"
        """Whether there may be checkpoints of an earlier attempt to go on from."""
        self.checkpoints = Path(environment.get("STELLWERK_CHECKPOINTS", "checkpoints"))
        """The folder for checkpoints."""
        if self.active:
            self._listen(environment.get("STELLWERK_STOP_SIGNAL", "TERM"))

    @property
    def plan(self) -> dict[str, Any]:
        """The plan; empty where there is none."""
        path = os.environ.get("STELLWERK_PLAN")
        return dict(json.loads(Path(path).read_text(encoding="utf-8"))) if path else {}

    @property
    def should_stop(self) -> bool:
        """Whether to write a checkpoint and end with exit code 0.

        Where torch.distributed is in use, its processes agree on the answer: all of them ask, after the same step.
        """
        if not self.active:
            return False
        asked = self._signalled or (self._stop_file is not None and Path(self._stop_file).exists())
        return _any_process(asked)

    def step(
        self,
        step: int,
        loss: SupportsFloat | None = None,
        *,
        tokens: int | None = None,
        learning_rate: SupportsFloat | None = None,
        gradient_norm: SupportsFloat | None = None,
        held_out_loss: SupportsFloat | None = None,
        data_s: float | None = None,
        checkpoint_s: float | None = None,
    ) -> None:
        """Writes down an optimizer step that has ended; of all processes the one of rank 0 does.

        ``tokens`` counts from the start of the training, over all processes; ``loss`` is in nats. The time of a step is
        that since the last call, shared out among the steps between. A second call for a step adds to the first.
        """
        if self._metrics is None:
            return
        given = {
            "tokens": tokens,
            "loss": loss,
            "learning_rate": learning_rate,
            "gradient_norm": gradient_norm,
            "held_out_loss": held_out_loss,
            "data_s": data_s,
            "checkpoint_s": checkpoint_s,
        }
        record = {"step": int(step), **{name: float(value) for name, value in given.items() if value is not None}}
        if tokens is not None:
            record["tokens"] = int(tokens)
        now_s = time.perf_counter()
        before, elapsed_s = self._record, now_s - self._then_s
        if before and step > before["step"]:
            record["step_time_s"] = elapsed_s / (step - before["step"])
            if "tokens" in record and "tokens" in before:
                record["tokens_per_s"] = (record["tokens"] - before["tokens"]) / elapsed_s
        elif before and step == before["step"]:
            record = {**before, **record}
        self._record, self._then_s = record, now_s
        instant = datetime.datetime.now(_UTC).isoformat(timespec="milliseconds")
        self._write(Path(self._metrics), json.dumps({**record, "time": instant}))

    def _write(self, path: Path, line: str) -> None:
        """Behind what a killed attempt left of its last line. A full disk ends no training."""
        try:
            with path.open("a+b") as file:
                torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
                file.write((b"\n" if torn else b"") + line.encode() + b"\n")
        except OSError as error:
            if not self._complained:
                print(f"stellwerk: metrics are not written: {error}", file=sys.stderr, flush=True)
            self._complained = True

    def _listen(self, name: str) -> None:
        number = getattr(signal, f"SIG{name}")
        before = signal.getsignal(number)

        def note(signal_number: int, frame: FrameType | None) -> None:
            self._signalled = True
            if callable(before) and before is not signal.default_int_handler:
                before(signal_number, frame)

        try:
            signal.signal(number, note)
        except ValueError:  # not the main thread: the stop file says the same
            return


def _any_process(asked: bool) -> bool:
    """Whether any process of torch.distributed was asked; without it, whether this one was."""
    torch = sys.modules.get("torch")
    if torch is None or not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return asked
    device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
    flag = torch.tensor([asked], dtype=torch.int32, device=device)
    torch.distributed.all_reduce(flag, op=torch.distributed.ReduceOp.MAX)
    return bool(flag.item())
