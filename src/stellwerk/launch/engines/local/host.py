"""What this machine knows of its processes: who lives, who started whom, who belongs to a run. Linux only (/proc)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from stellwerk.launch.run_record import ProcessId

_PR_SET_CHILD_SUBREAPER = 36
_LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Process:
    """One line of the process table."""

    id: ProcessId
    parent: int


def boot_id() -> str:
    """Another one after each start of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def machine_name() -> str:
    return os.uname().nodename


def own_id() -> ProcessId:
    process = process_of(os.getpid())
    assert process is not None, "this process lives"  # noqa: S101
    return process.id


def process_of(pid: int) -> Process | None:
    """None where there is none, or where it has ended and only waits to be collected."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes().decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks and brackets itself
    if fields[0] in ("Z", "X"):
        return None
    return Process(ProcessId(pid, int(fields[19])), parent=int(fields[1]))


def lives(process: ProcessId) -> bool:
    found = process_of(process.pid)
    return found is not None and found.id == process


def descendants(pid: int) -> tuple[Process, ...]:
    """Every process that ``pid`` started, and what those started, parents first."""
    children: dict[int, list[Process]] = {}
    for process in _all_processes():
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    reached = [pid]
    while reached:
        started = children.get(reached.pop(), [])
        found += started
        reached += [process.id.pid for process in started]
    return tuple(found)


def children(pid: int) -> tuple[Process, ...]:
    return tuple(process for process in _all_processes() if process.parent == pid)


def processes_with(name: str, value: str) -> tuple[Process, ...]:
    """Those of this user that were started with the environment variable, but for this one and those above it."""
    entry = f"{name}={value}".encode()
    spared = set(_ancestry())
    return tuple(
        process
        for process in _all_processes()
        if process.id.pid not in spared and entry in _environment(process.id.pid).split(b"\0")
    )


def has_variable(pid: int, name: str) -> bool:
    """Whether a process was started with an environment variable of this name."""
    return any(entry.startswith(f"{name}=".encode()) for entry in _environment(pid).split(b"\0"))


def program_of(pid: int) -> str | None:
    """The name of the program file that a process runs: of a script, its interpreter's; None where nobody can tell."""
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return None


def send(process: ProcessId, number: signal.Signals) -> None:
    """Sends the signal to this process and no other; does nothing where it has ended."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(process.pid)
        try:
            if lives(process):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def end(find: Callable[[], Collection[Process]], *, grace_s: float, patience_s: float = 30.0) -> bool:
    """Ends all that ``find`` finds, new ones too: asks first where there is grace, then kills.

    False where some are left after ``patience_s`` of killing: a process that waits for a device cannot be ended.
    """
    started = time.monotonic()
    asked: set[ProcessId] = set()
    while left := find():
        passed = time.monotonic() - started
        if passed > grace_s + patience_s:
            return False
        for process in left:
            if passed >= grace_s:
                send(process.id, signal.SIGKILL)
            elif process.id not in asked:
                asked.add(process.id)
                send(process.id, signal.SIGTERM)
        time.sleep(_LOOK_EVERY_S)
    return True


def adopt_orphans() -> None:
    """From now on, what a descendant leaves behind becomes a child of this process instead of the machine's first."""
    import ctypes  # 10 ms that the list of runs does not have to spend

    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def collect(*, but: int | None = None) -> None:
    """Takes the exit codes of children that have ended, so that they vanish, except that of ``but``."""
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == but:
                return
            os.waitpid(ended.si_pid, 0)


def _all_processes() -> Iterator[Process]:
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names are enough, several times a second
        if entry.isdigit() and (process := process_of(int(entry))):
            yield process


def _environment(pid: int) -> bytes:
    """As it was at the start; nothing where it is not ours to read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _ancestry() -> Iterator[int]:
    process = process_of(os.getpid())
    while process is not None:
        yield process.id.pid
        process = process_of(process.parent)
