"""Promises of the engine, held by real programs. Nothing waits for a time to pass but where a limit is the matter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.errors import InputError, RunError
from stellwerk.launch.engines.local import LocalEngine, host
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import read_record
from tests.launch.engines.local.local_case import (
    OBEDIENT,
    STUBBORN,
    gone,
    job,
    until,
    until_over,
    until_ready,
)

pytestmark = pytest.mark.slow

KEY = "a run"


@pytest.fixture
def engine() -> LocalEngine:
    return LocalEngine(look_every_s=0.02)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run directory; whatever a failed test leaves running is ended."""
    directory = tmp_path / "my run"
    yield directory
    for process in host.processes_with("STELLWERK_RUN_DIRECTORY", str(directory)):
        host.send(process.id, signal.SIGKILL)


def supervisor_of(directory: Path) -> int:
    record = read_record(RunDirectory(directory).state)
    assert record is not None
    assert record.supervisor is not None
    return record.supervisor.pid


def test_a_program_runs_to_its_end_with_its_environment_log_and_usage(engine: LocalEngine, run: Path) -> None:
    code = "import os; print(os.environ['WORD'], os.getcwd()); open(os.environ['STELLWERK_METRICS'], 'w').write"
    code += '(\'{"step": 7, "tokens": 700}\\n\')'
    status = engine.submit(job(run, code, environment={"WORD": "hear"}, directory=Path("/")), run, key=KEY)
    assert (status.state, status.attempt) in {("waiting", 1), ("running", 1), ("finished", 1)}
    assert list(engine.logs(run, follow=True)) == ["hear /"]
    record = engine.record(run)
    assert record is not None
    assert (record.latest.state, record.latest.exit_code, record.latest.reason) == ("finished", 0, None)
    assert (record.steps, record.tokens) == (7, 700)
    usage = engine.usage(run)
    assert 0 < usage.wall_s == usage.device_s
    assert usage.energy_j is None


def test_a_program_that_fails_says_why(engine: LocalEngine, run: Path) -> None:
    code = "import os; open(os.environ['STELLWERK_RUN_DIRECTORY'] + '/failure.txt', 'w').write('loss is NaN'); exit(3)"
    engine.submit(job(run, code), run, key=KEY)
    status = until_over(engine, run)
    assert (status.state, status.exit_code) == ("failed", 3)
    assert status.reason is not None
    assert (status.reason.code, status.reason.params) == ("run_failure_told", {"text": "loss is NaN"})


def test_a_command_that_does_not_exist_is_named(engine: LocalEngine, run: Path) -> None:
    engine.submit(replace(job(run, ""), program=("no-such-command",)), run, key=KEY)
    status = until_over(engine, run)
    assert status.state == "failed"
    assert status.reason is not None
    assert "no-such-command" in str(status.reason.params["text"])


def test_the_run_survives_the_death_of_whoever_started_it(engine: LocalEngine, run: Path) -> None:
    """The starter's whole session gets SIGHUP and SIGKILL, as when a terminal is closed."""
    script = (
        "import os, pathlib, signal\n"
        "from stellwerk.launch.engines.local import LocalEngine\n"
        "from tests.launch.engines.local.local_case import OBEDIENT, job\n"
        f"run = pathlib.Path({str(run)!r})\n"
        f"LocalEngine().submit(job(run, OBEDIENT), run, key={KEY!r})\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # under nohup it would be ignored
        "for number in (signal.SIGHUP, signal.SIGKILL):\n"
        "    os.killpg(0, number)\n"
    )
    starter = subprocess.run([sys.executable, "-c", script], start_new_session=True, check=False)
    assert starter.returncode == -signal.SIGHUP
    pid = until_ready(run)
    assert os.getsid(pid) != os.getsid(0)
    assert engine.status([run])[run].state == "running"
    engine.cancel(run)
    assert until_over(engine, run).state == "stopped"


def test_a_program_that_obeys_is_stopped_and_goes_on_later(engine: LocalEngine, run: Path) -> None:
    wanted = job(run, OBEDIENT, resume_arguments=("--resume",))
    engine.submit(wanted, run, key=KEY)
    until_ready(run)
    engine.cancel(run)
    status = until_over(engine, run)
    assert (status.state, status.exit_code) == ("stopped", 0)
    assert status.reason is not None
    assert status.reason.code == "run_stopped_on_request"

    (run / "ready0").unlink()
    assert engine.submit(wanted, run, key=KEY).attempt == 2
    until_ready(run)
    engine.cancel(run)
    assert until_over(engine, run).state == "stopped"
    assert list(engine.logs(run)) == ["resume 0", "stopped well", "resume 1 --resume", "stopped well"]


def test_a_program_that_does_not_obey_is_killed(engine: LocalEngine, run: Path) -> None:
    engine.submit(job(run, STUBBORN, stop_before_s=0.1), run, key=KEY)
    pid = until_ready(run)
    engine.cancel(run)
    status = until_over(engine, run)
    assert (status.state, status.exit_code) == ("cancelled", -signal.SIGKILL)
    assert status.reason is not None
    assert status.reason.code == "run_killed_on_request"
    assert gone(pid)


def test_whoever_cannot_wait_cancels_at_once(engine: LocalEngine, run: Path) -> None:
    """Also after having asked for a stop that would take long."""
    engine.submit(job(run, STUBBORN), run, key=KEY)
    pid = until_ready(run)
    engine.cancel(run)
    until(lambda: engine.status([run])[run].state == "stopping")
    engine.cancel(run, at_once=True)
    status = until_over(engine, run)
    assert status.state == "cancelled"
    assert status.reason is not None
    assert status.reason.code == "run_killed_at_once"
    assert gone(pid)


def test_cancelling_what_has_ended_does_nothing(engine: LocalEngine, run: Path) -> None:
    engine.submit(job(run, "pass"), run, key=KEY)
    before = until_over(engine, run)
    engine.cancel(run)
    assert engine.status([run])[run] == before


def test_before_the_limit_the_program_is_asked_to_stop(engine: LocalEngine, run: Path) -> None:
    """Half of the limit before it at the most; a program that is not up by then for the signal finds the file."""
    program = ("sh", "-c", 'trap \'\' TERM; exec "$0" -c "$1"', sys.executable, OBEDIENT.replace("asked and ", ""))
    engine.submit(replace(job(run, "", limit_s=10.0, stop_before_s=9.0), program=program), run, key=KEY)
    status = until_over(engine, run)
    assert status.state == "stopped"
    assert status.reason is not None
    assert (status.reason.code, status.reason.params) == ("run_stopped_at_limit", {"limit_s": 10.0})
    assert 5.0 <= engine.usage(run).wall_s < 10.0


def test_at_the_limit_a_program_that_did_not_stop_is_killed(engine: LocalEngine, run: Path) -> None:
    deaf = ("sh", "-c", "trap '' TERM; exec sleep 600")  # from its first moment on, however slow the machine is
    engine.submit(replace(job(run, "", limit_s=1.0, stop_before_s=0.5), program=deaf), run, key=KEY)
    status = until_over(engine, run)
    assert status.state == "cancelled"
    assert status.reason is not None
    assert status.reason.code == "run_killed_at_limit"
    assert engine.usage(run).wall_s >= 1.0


def test_the_signal_is_the_one_that_the_job_names_and_passes_a_shell(engine: LocalEngine, run: Path) -> None:
    code = OBEDIENT.replace("signal.SIGTERM", "signal.SIGUSR1")
    script = f'{sys.executable} -c "$CODE"; echo and the shell with $?'
    wanted = replace(job(run, "", stop_signal="USR1", environment={"CODE": code}), program=("sh", "-c", script, "sh"))
    engine.submit(wanted, run, key=KEY)
    until_ready(run)
    engine.cancel(run)
    assert until_over(engine, run).state == "stopped"
    assert list(engine.logs(run))[-2:] == ["stopped well", "and the shell with 0"]


def test_a_launcher_of_ones_own_is_not_signalled_but_its_ranks_are(engine: LocalEngine, run: Path) -> None:
    """Behind a script, as people write them; each rank has a child of its own that is none of the signal's business."""
    launcher = (
        "import os, signal, subprocess, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(9))\n"
        "start = lambda rank: subprocess.Popen([sys.executable, '-c', os.environ['CODE']], env=os.environ | rank)\n"
        "ranks = [start({'RANK': str(rank), 'LOCAL_RANK': str(rank)}) for rank in range(2)]\n"
        "sys.exit(sum(rank.wait() for rank in ranks))\n"
    )
    helper = "import subprocess\nhelper = subprocess.Popen(['sleep', '600'])\n"
    end = "print('helper', helper.poll())\nhelper.kill()\n"
    run.mkdir()
    script = run / "train.sh"
    script.write_text('#!/bin/sh\n"$PYTHON" -c "$LAUNCHER"\n', encoding="utf-8")
    script.chmod(0o755)
    environment = {"PYTHON": sys.executable, "LAUNCHER": launcher, "CODE": helper + OBEDIENT + end}
    engine.submit(replace(job(run, "", environment=environment), program=(str(script),)), run, key=KEY)
    for rank in range(2):
        until_ready(run, rank)
    engine.cancel(run)
    assert until_over(engine, run).state == "stopped"
    assert sorted(engine.logs(run)) == sorted(["resume 0", "stopped well", "helper None"] * 2)


def test_a_supervisor_that_is_asked_to_end_stops_its_program(engine: LocalEngine, run: Path) -> None:
    """As at the shutdown of a machine."""
    engine.submit(job(run, OBEDIENT), run, key=KEY)
    until_ready(run)
    os.kill(supervisor_of(run), signal.SIGTERM)
    status = until_over(engine, run)
    assert status.state == "stopped"
    assert status.reason is not None
    assert status.reason.code == "run_stopped_by_system"


def test_after_the_death_of_the_supervisor_the_run_is_interrupted_and_its_orphans_end(
    engine: LocalEngine, run: Path
) -> None:
    engine.submit(job(run, STUBBORN), run, key=KEY)
    orphan = until_ready(run)
    supervisor = supervisor_of(run)
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: gone(supervisor))
    status = engine.status([run])[run]
    assert (status.state, status.attempt) == ("interrupted", 1)
    assert status.reason is not None
    assert status.reason.code == "run_vanished"
    assert not gone(orphan)

    (run / "ready0").unlink()
    assert engine.submit(job(run, OBEDIENT), run, key=KEY).attempt == 2
    until_ready(run)
    assert gone(orphan)
    record = engine.record(run)
    assert record is not None
    assert [attempt.state for attempt in record.attempts] == ["interrupted", "running"]
    engine.cancel(run)
    assert until_over(engine, run).state == "stopped"
    assert "resume 1" in list(engine.logs(run))


def test_a_run_is_found_after_the_machine_was_restarted(engine: LocalEngine, run: Path) -> None:
    """The pid of its supervisor may belong to another process by then: here to this one, even with the same start."""
    engine.submit(job(run, STUBBORN), run, key=KEY)
    until_ready(run)
    supervisor = supervisor_of(run)
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: gone(supervisor))
    me = host.own_id()
    state = RunDirectory(run).state
    values = json.loads(state.read_text(encoding="utf-8"))
    values["supervisor"] = {"pid": me.pid, "start_ticks": me.start_ticks}
    state.write_text(json.dumps(values), encoding="utf-8")
    assert engine.status([run])[run].state == "running", "as long as it is the same start of the machine"
    state.write_text(json.dumps({**values, "boot_id": "before"}), encoding="utf-8")
    status = engine.status([run])[run]
    assert status.state == "interrupted"
    assert status.reason is not None
    assert status.reason.code == "run_machine_restarted"

    (run / "ready0").unlink()
    engine.submit(job(run, OBEDIENT), run, key=KEY)
    until_ready(run)
    engine.cancel(run)
    assert until_over(engine, run).state == "stopped"


def test_what_the_program_leaves_running_is_ended(engine: LocalEngine, run: Path) -> None:
    """A grandchild in a session of its own, that forgot its environment and is nobody's child any more."""
    left = (
        "import os, pathlib, subprocess, sys\n"
        "folder = os.environ['STELLWERK_RUN_DIRECTORY']\n"
        'code = f\'import os, time; open({folder!r} + "/left", "w").write(str(os.getpid())); time.sleep(600)\'\n'
        "subprocess.Popen([sys.executable, '-c', code], env={}, start_new_session=True)\n"
        "while not (pathlib.Path(folder, 'left').exists() and pathlib.Path(folder, 'left').read_text()): pass\n"
        "os._exit(0)\n"
    )
    engine.submit(job(run, left), run, key=KEY)
    assert until_over(engine, run).state == "finished"
    assert gone(int((run / "left").read_text(encoding="utf-8")))


def test_a_repeated_submit_starts_nothing(engine: LocalEngine, run: Path) -> None:
    wanted = job(run, OBEDIENT.replace("stopped well", "done") + "open(folder / 'outcome.json', 'w').write('{}')")
    engine.submit(wanted, run, key=KEY)
    pid = until_ready(run)
    assert engine.submit(wanted, run, key=KEY).state == "running"
    assert until_ready(run) == pid
    engine.cancel(run)
    assert until_over(engine, run).state == "finished", "it was asked to stop, but was through"
    assert engine.submit(wanted, run, key=KEY).state == "finished"
    assert list(engine.logs(run)) == ["resume 0", "done"]


def test_simultaneous_submits_start_one(engine: LocalEngine, run: Path) -> None:
    wanted = job(run, OBEDIENT)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: engine.submit(wanted, run, key=KEY), range(4)))
    assert {status.attempt for status in found} == {1}
    until_ready(run)
    engine.cancel(run)
    assert until_over(engine, run).state == "stopped"
    assert list(engine.logs(run)) == ["resume 0", "stopped well"]


def test_a_directory_belongs_to_one_key(engine: LocalEngine, run: Path) -> None:
    engine.submit(job(run, "pass"), run, key=KEY)
    until_over(engine, run)
    with pytest.raises(InputError, match="my run: key: the directory belongs to another run"):
        engine.submit(job(run, "pass"), run, key="another")


def test_logs_are_followed_from_the_first_line_to_the_last(engine: LocalEngine, run: Path) -> None:
    code = OBEDIENT.replace('print("stopped well", flush=True)', "sys.stdout.write('a\\nhalf a line')")
    engine.submit(job(run, code), run, key=KEY)
    lines = engine.logs(run, follow=True)
    assert next(lines) == "resume 0"
    until_ready(run)
    engine.cancel(run)
    assert list(lines) == ["a", "half a line"]


def test_a_supervisor_that_cannot_start_is_an_error_with_its_complaint(
    engine: LocalEngine, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stellwerk.launch.engines.local.engine.SUPERVISOR", "stellwerk.no_such_module")
    with pytest.raises(RunError, match="no_such_module"):
        engine.submit(job(run, "pass"), run, key=KEY)
    monkeypatch.undo()
    engine.submit(job(run, "pass"), run, key=KEY)
    assert until_over(engine, run).state == "finished"
