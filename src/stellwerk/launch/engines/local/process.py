"""Starting a job on this machine, following and stopping it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

from stellwerk.errors import RunError
from stellwerk.launch.engines.local.command import render_command
from stellwerk.launch.model import Job

TIME_TO_END_S = 20.0
"""What torchrun may take to end its processes when asked to, before it is killed."""
LOG_LINES_SHOWN = 5


class LocalProcess:
    """A started job."""

    def __init__(self, job: Job, popen: subprocess.Popen[bytes]) -> None:
        self._job = job
        self._popen = popen

    def follow(self, every_s: float) -> Iterator[None]:
        """Yields every ``every_s`` seconds while the job runs and once after its end.

        Raises RunError, with the end of the log, where the job ended badly.
        """
        while True:
            try:
                exit_code = self._popen.wait(timeout=every_s)
                break
            except subprocess.TimeoutExpired:
                yield
        yield
        if exit_code != 0:
            raise RunError(f"the program ended with exit code {exit_code}; log: {self._job.log}\n{self._log_end()}")

    def stop(self) -> None:
        """Ends the job and waits for it; does nothing where it has ended."""
        if self._popen.poll() is not None:
            return
        os.killpg(self._popen.pid, signal.SIGTERM)
        try:
            self._popen.wait(timeout=TIME_TO_END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def _log_end(self) -> str:
        lines = self._job.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-LOG_LINES_SHOWN:])


def start(job: Job) -> LocalProcess:
    """Starts the job with this interpreter, in a process group of its own, its output in the job's log."""
    with job.log.open("wb") as log:
        popen = subprocess.Popen(
            render_command(job, sys.executable),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **job.environment},
            start_new_session=True,
        )
    return LocalProcess(job, popen)
