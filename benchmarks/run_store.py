"""What it costs to list ten thousand runs, to ask for a hundred, to start one, and to keep watch over one."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import median_s, row

from stellwerk.launch import Job
from stellwerk.launch.engines.local import LocalEngine
from stellwerk.launch.engines.local.lock import is_taken
from stellwerk.launch.run_record import Attempt, RunRecord, read_record, write_record
from stellwerk.launch.runs import Description, RunStore
from stellwerk.launch.runs.describe import write_description

RUNS = 10_000
ASKED_AT_ONCE = 100
WATCHED_S = 20.0
START = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)
STELLWERK = str(Path(sys.executable).parent / "stellwerk")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main() -> None:
    for one in runs_rows():
        print(f"{one['name']:34} {one['value']:12.4g} {one['unit']:10} {one['limit'] or '–':>8}")


def runs_rows() -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_runs(root / "runs")
        return [*listing(root / "runs"), asking(root / "runs"), *watching(root / "watched")]


def make_runs(root: Path) -> None:
    """Finished runs: one as the engine writes it, the others copies of it with another start."""
    first = root / "run"
    first.mkdir(parents=True)
    write_description(first, Description("run", "german-7b", START, steps=100, tokens=6_400, duration_s=60.0))
    attempt = Attempt("finished", START, START, wall_s=60.0, exit_code=0)
    write_record(first / "state.json", RunRecord("key", "local", 2, (attempt,), steps=100, tokens=6_400))
    description, state = (first / "run.json").read_text("utf-8"), (first / "state.json").read_text("utf-8")
    day = START.isoformat(timespec="milliseconds")[:10]
    for number in range(RUNS - 1):
        run = root / f"{number:05d}-german-7b"
        run.mkdir()
        (run / "run.json").write_text(description, "utf-8")
        started = START + datetime.timedelta(minutes=number)
        (run / "state.json").write_text(state.replace(day, started.isoformat()[:10]), "utf-8")


def listing(root: Path) -> list[dict[str, object]]:
    """`stellwerk runs list` as a whole command, when it made its index before, and as a call, when it did not.

    The command's time on the wall is the promise; its processor time is what others on the machine do not lengthen.
    """
    started_s = time.process_time()
    RunStore(root).entries()
    first_s = time.process_time() - started_s
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["STELLWERK_RUNS"] = str(root)
    command = [STELLWERK, "runs", "list"]

    def list_runs() -> None:
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        if f"of {RUNS:,} runs" not in done.stdout:
            raise SystemExit(f"not all runs were listed: {done.stdout[-200:]}")

    return [
        row(f"runs.list.{RUNS}.command", median_s(list_runs), "s", limit=0.5),
        row(f"runs.list.{RUNS}.command.processor", median_s(list_runs, clock=processor_s_of_children), "s", limit=0.5),
        row(f"runs.list.{RUNS}.no_index.processor", first_s, "s"),
    ]


def asking(root: Path) -> dict[str, object]:
    directories = sorted(path for path in root.iterdir() if path.is_dir())[:ASKED_AT_ONCE]
    engine = LocalEngine()
    return row(f"engine.local.status.{ASKED_AT_ONCE}", median_s(lambda: engine.status(directories)), "s")


def watching(root: Path) -> list[dict[str, object]]:
    """From submit to the program's first breath; then what the supervisor takes of one core while the program sleeps.

    The share is the supervisor's own processor time, so it also holds on a machine that others use.
    """
    root.mkdir()
    code = f"import pathlib, time; pathlib.Path('up').touch(); time.sleep({10 * WATCHED_S})"
    job = Job((sys.executable, "-c", code), 1, root / "run.log", launcher="none", directory=root)
    engine = LocalEngine()
    started = time.perf_counter()
    engine.submit(job, root, key="watched")
    while not (root / "up").exists():
        time.sleep(0.001)
    start_s = time.perf_counter() - started
    record = read_record(root / "state.json")
    if record is None or record.supervisor is None:
        raise SystemExit("the run has no supervisor")
    pid = record.supervisor.pid
    before_s, before = processor_s(pid), time.perf_counter()
    time.sleep(WATCHED_S)
    share = (processor_s(pid) - before_s) / (time.perf_counter() - before)
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    resident_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    engine.cancel(root, at_once=True)
    while is_taken(root / "run.lock"):  # until the supervisor is gone as well, and the folder may go
        time.sleep(0.01)
    return [
        row("engine.local.start", start_s, "s"),
        row("supervisor.processor_share", 100 * share, "% of core", limit=1.0),
        row("supervisor.memory", resident_kb / 1e3, "MB"),
    ]


def processor_s_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


if __name__ == "__main__":
    main()
