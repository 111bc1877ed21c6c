"""Programs that know nothing, or little, of Stellwerk, run by the local engine: stopped, gone on with, measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.launch import Job, RunDirectory, RunState
from stellwerk.launch.engines.local import LocalEngine
from stellwerk.launch.programs.job import program_job
from stellwerk.training import StepMetrics, read_metrics
from stellwerk.workload import read_workload
from tests.launch.local_run_case import planned

EXAMPLES = Path(__file__).parents[3] / "examples" / "programs"
PATIENCE_S = 300.0
"""Two processes that import torch and transformers beside a whole test run."""

pytestmark = pytest.mark.slow


class Run:
    """One run of an example in a folder of its own."""

    def __init__(self, example: str, steps: int, folder: Path) -> None:
        file = EXAMPLES / example
        workload = read_workload(file)
        tokens = steps * workload.training.tokens_per_step
        workload = replace(workload, task=replace(workload.training, tokens=tokens))
        self.directory = RunDirectory(folder)
        self.engine = LocalEngine()
        self.job: Job = program_job(workload, planned(workload, seconds=1e6).plan, folder, file=file)

    def submit(self) -> None:
        self.engine.submit(self.job, self.directory.path, key=str(self.directory.path))

    def ends(self) -> RunState:
        self.wait(lambda: self.state() not in ("waiting", "running", "stopping"))
        return self.state()

    def state(self) -> RunState:
        return self.engine.status([self.directory.path])[self.directory.path].state

    def stop_after(self, step: int) -> RunState:
        """Asks it to stop once it has reported ``step``."""
        self.wait(lambda: max(self.losses(), default=0) >= step or self.state() == "failed")
        self.engine.cancel(self.directory.path)
        return self.ends()

    def losses(self) -> dict[int, float | None]:
        return {step.step: step.loss for step in self.metrics()}

    def metrics(self) -> tuple[StepMetrics, ...]:
        return read_metrics(self.directory.metrics)

    def wait(self, condition: Callable[[], bool]) -> None:
        give_up_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < give_up_s, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return self.directory.log.read_text(errors="replace") if self.directory.log.exists() else "nothing"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str, int, str], Run]]:
    started: list[Run] = []

    def start(example: str, steps: int, name: str) -> Run:
        started.append(Run(example, steps, tmp_path / name))
        started[-1].submit()
        return started[-1]

    yield start
    for each in started:
        each.engine.cancel(each.directory.path, at_once=True)
        each.ends()


@pytest.mark.parametrize(("example", "steps"), [("transformers.toml", 40), ("plain.toml", 200)])
def test_a_stopped_program_goes_on_with_the_losses_of_one_that_was_not(
    example: str, steps: int, run: Callable[[str, int, str], Run]
) -> None:
    """The log of the plain one is looked at once a second: it needs steps enough to be stopped between them."""
    whole = run(example, steps, "whole")
    assert whole.ends() == "finished", whole.said()
    stopped = run(example, steps, "stopped")
    assert stopped.stop_after(3) in ("stopped", "cancelled"), stopped.said()
    steps_before = max(stopped.losses())
    assert 3 <= steps_before < steps
    stopped.submit()
    assert stopped.ends() == "finished", stopped.said()
    assert stopped.losses() == whole.losses()
    assert sorted(whole.losses()) == list(range(1, steps + 1))
    assert [step.step for step in stopped.metrics()][steps_before:][0] == steps_before + 1
    assert whole.metrics()[-1].tokens == steps * 8 * 64
