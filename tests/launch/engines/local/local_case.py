"""Small programs to run under the local engine, and waiting for what they do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stellwerk.launch import Job, RunStatus
from stellwerk.launch.engines.local import LocalEngine, host

CEILING_S = 60.0
LOOK_EVERY_S = 0.02
SOON_S = 30.0
"""To stop in, for a program that does it at once: never waited for."""

_BEGIN = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(os.environ["STELLWERK_RUN_DIRECTORY"])
rank = os.environ.get("RANK", "0")
stop_file = pathlib.Path(os.environ["STELLWERK_STOP_FILE"])
asked = []
"""
_READY = """
(folder / f"part{rank}").write_text(str(os.getpid()))
(folder / f"part{rank}").rename(folder / f"ready{rank}")
"""
OBEDIENT = (
    _BEGIN
    + """
signal.signal(signal.SIGTERM, lambda *_: asked.append("signal"))
print("resume", os.environ["STELLWERK_RESUME"], *sys.argv[1:], flush=True)
"""
    + _READY
    + """
while not (asked and stop_file.exists()):
    time.sleep(0.01)
print("stopped well", flush=True)
"""
)
"""Ends with 0 when it got the signal and sees the file."""
STUBBORN = (
    _BEGIN
    + "signal.signal(signal.SIGTERM, lambda *_: asked.append(1))"
    + _READY
    + """
while True:
    time.sleep(0.01)
"""
)


def job(run: Path, code: str, *arguments: str, **settings: Any) -> Job:
    return Job(
        program=(sys.executable, "-c", code, *arguments),
        processes=1,
        log=run / "run.log",
        launcher="none",
        **{"stop_before_s": SOON_S, **settings},
    )


def until(condition: Callable[[], object], what: str = "it") -> None:
    """Looks again and again until the condition holds."""
    give_up_s = time.monotonic() + CEILING_S
    while not condition():
        assert time.monotonic() < give_up_s, f"{what} did not happen in {CEILING_S} s"
        time.sleep(LOOK_EVERY_S)


def until_ready(directory: Path, rank: int = 0) -> int:
    """The pid of the rank, as soon as it is where it can be told to stop."""
    file = directory / f"ready{rank}"
    until(file.exists, f"rank {rank} ready")
    return int(file.read_text(encoding="utf-8"))


def until_over(engine: LocalEngine, directory: Path) -> RunStatus:
    until(lambda: not _record(engine, directory).active, "the end of the run")
    return _record(engine, directory).status()


def gone(pid: int) -> bool:
    return host.process_of(pid) is None


def _record(engine: LocalEngine, directory: Path) -> Any:
    record = engine.record(directory)
    assert record is not None
    return record
