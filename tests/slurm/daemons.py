"""Programs that run in the background until they are stopped, each with a pid file and a log in one folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PATIENCE_S = 60.0


class DaemonError(RuntimeError):
    """A daemon did not come up; the message ends with what its log says."""


class Daemons:
    """The daemons of a folder; another process with the same folder may stop them, too."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, program: str, *arguments: str, name: str | None = None) -> None:
        """Run it in a session of its own, as ``name`` where there is more than one of a program."""
        name = name or program
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(
                (program, *arguments),
                env=self._environment,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._started[name] = process
        self._pid_file(name).write_text(str(process.pid), encoding="ascii")

    def wait_for(self, name: str, ready: Callable[[], bool]) -> None:
        """Raises DaemonError where it is not ready in time."""
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            if time.monotonic() > deadline:
                said = self._log(name).read_text(encoding="utf-8", errors="replace")
                raise DaemonError(f"{name} is not up after {PATIENCE_S:.0f} s: {said[-2000:]}")
            time.sleep(0.1)

    def stop(self, *names: str) -> None:
        """End them, all at once, and wait until they are gone; one that does not run is none the worse."""
        files = [file for name in names if (file := self._pid_file(name)).exists()]
        pids = [int(file.read_text(encoding="ascii")) for file in files]
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for pid in filter(_leads_its_session, pids):
                os.kill(pid, sign)
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline and any(map(_leads_its_session, pids)):
                time.sleep(0.05)
        for name in names:
            if name in self._started:
                self._started.pop(name).wait()
        for file in files:
            file.unlink()

    def _log(self, name: str) -> Path:
        return self._folder / "log" / f"{name}.out"

    def _pid_file(self, name: str) -> Path:
        return self._folder / "pids" / name


def free_ports(count: int) -> list[int]:
    """So many consecutive ports of this machine that nobody listens on."""
    for first in range(16_800, 32_000, count):
        ports = list(range(first, first + count))
        if all(_is_free(port) for port in ports):
            return ports
    raise DaemonError(f"no {count} consecutive free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _leads_its_session(pid: int) -> bool:
    """Whether a daemon that was started here still runs, and its number has not gone to another process."""
    try:
        state, _, _, session = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[:4]
    except OSError:
        return False
    return state != "Z" and int(session) == pid
