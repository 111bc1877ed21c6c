"""An engine that starts nothing, and a plan that measures nothing."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import ClassVar

from stellwerk.launch import Attempt, Job, RunDirectory, RunRecord, RunState, RunStatus, Usage
from stellwerk.launch.engines.local.command import render_command, render_environment
from stellwerk.launch.engines.local.files import LocalFiles, Submission, write_submission
from stellwerk.launch.run_record import read_record, write_record
from stellwerk.messages import Reason
from stellwerk.training import StepMetrics, write_json
from tests.launch.test_comparison import OUTCOME

START = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
STEP = StepMetrics(step=1, tokens=2048, loss=5.5, step_time_s=0.2, tokens_per_s=10_240.0)


class FakeEngine:
    """Each submission goes to the next state of ``ends``, at once."""

    ends: ClassVar[list[RunState]] = []
    submitted: ClassVar[list[Job]] = []
    name = "local"

    def submit(self, job: Job, directory: Path, *, key: str) -> RunStatus:
        self.submitted.append(job)
        before = read_record(RunDirectory(directory).state)
        state = self.ends.pop(0)
        reason = Reason("run_failure_told", {"text": "the loss is nan"}) if state == "failed" else None
        attempt = Attempt(
            state, since=START, started=START, wall_s=60.0, reason=reason, energy_j=3.6e5, energy_source="rapl"
        )
        attempts = (*(before.attempts if before else ()), attempt)
        record = RunRecord(key=key, engine="local", processes=2, attempts=attempts)
        write_submission(
            LocalFiles(directory).submission,
            Submission(
                key=key,
                job=job,
                command=render_command(job, "python"),
                environment=render_environment(job, directory),
                outset=directory,
            ),
        )
        with RunDirectory(directory).metrics.open("a", encoding="utf-8") as file:
            for step in range(1, 11):
                file.write(json.dumps(asdict(replace(STEP, step=step, tokens=2048 * step, loss=5.5 / step))) + "\n")
        if state == "finished":
            write_json(RunDirectory(directory).outcome, OUTCOME)
        write_record(RunDirectory(directory).state, record, lasting=False)
        return record.status()

    def record(self, directory: Path) -> RunRecord | None:
        return read_record(RunDirectory(directory).state)

    def status(self, directories: Sequence[Path]) -> Mapping[Path, RunStatus]:
        records = {directory: self.record(directory) for directory in directories}
        return {directory: record.status() for directory, record in records.items() if record}

    def cancel(self, directory: Path, *, at_once: bool = False) -> None:
        (directory / "cancelled").write_text("now" if at_once else "asked", encoding="utf-8")

    def logs(self, directory: Path, *, follow: bool = False) -> Iterator[str]:  # noqa: ARG002
        yield from ("first", "second", "third")

    def usage(self, directory: Path) -> Usage:
        record = read_record(RunDirectory(directory).state)
        assert record is not None
        return record.usage()
