from __future__ import annotations

import datetime
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from stellwerk.launch import key_of, what_decides
from stellwerk.launch.run_key import differences
from stellwerk.units import Money
from stellwerk.workload import Limits, Program, RunSettings, Workload
from tests.launch.local_run_case import WORKLOAD


def decides(
    workload: Workload = WORKLOAD, *, processes: int | None = None, seconds: float | None = None
) -> dict[str, object]:
    return what_decides(workload, processes=processes, seconds=seconds)


def key(workload: Workload = WORKLOAD, *, processes: int | None = None, seconds: float | None = None) -> str:
    return key_of(decides(workload, processes=processes, seconds=seconds))


def test_the_same_run_has_the_same_key() -> None:
    assert key() == key(replace(WORKLOAD))


def test_who_asks_and_until_when_does_not_change_the_run() -> None:
    limits = Limits(duration_s=3600.0, budget=Money(Decimal(5), "EUR"))
    other = replace(WORKLOAD, name="other", limits=limits, as_of=datetime.date(2027, 1, 1))
    assert key(other) == key()


@pytest.mark.parametrize(
    "other",
    [
        replace(WORKLOAD, architecture=replace(WORKLOAD.architecture, layers=5)),
        replace(WORKLOAD, task=replace(WORKLOAD.training, tokens=8_000_000)),
        replace(WORKLOAD, run=RunSettings(seed=2)),
        replace(WORKLOAD, run=RunSettings(dataset=Path("/data"))),
        replace(WORKLOAD, program=Program(command=("train.py",))),
    ],
)
def test_whatever_changes_the_run_changes_the_key(other: Workload) -> None:
    assert key(other) != key()


def test_so_do_the_options_that_do() -> None:
    assert len({key(), key(processes=2), key(seconds=60.0)}) == 3


def test_differences_name_the_values_of_both() -> None:
    open_run = replace(WORKLOAD, run=RunSettings())
    other = replace(open_run, task=replace(WORKLOAD.training, tokens=8_000_000), run=RunSettings(learning_rate=1e-3))
    found = list(differences(decides(open_run), decides(other, seconds=60.0)))
    assert found == [
        "training.tokens: 4000000 there, 8000000 here",
        "run.learning_rate: nothing there, 0.001 here",
        "--seconds: nothing there, 60.0 here",
    ]
    assert not list(differences(decides(), decides()))
