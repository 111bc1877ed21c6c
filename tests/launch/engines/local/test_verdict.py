from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stellwerk.launch.engines.local.verdict import Ending, judge

TORCHRUN_LOG = (Path(__file__).parent / "recorded" / "torchrun-2.13-two-ranks.log").read_text(encoding="utf-8")
"""The end of the log of torch 2.13 after rank 0 ended with 41; ranks changed over, the code left open."""


@pytest.mark.parametrize(
    ("ending", "state", "code"),
    [
        (Ending(0), "finished", None),
        (Ending(0, asked="request"), "stopped", "run_stopped_on_request"),
        (Ending(0, asked="limit"), "stopped", "run_stopped_at_limit"),
        (Ending(0, asked="system"), "stopped", "run_stopped_by_system"),
        (Ending(0, asked="request", outcome=True), "finished", None),
        (Ending(-9, asked="request", killed=True), "cancelled", "run_killed_on_request"),
        (Ending(-9, asked="at once", killed=True), "cancelled", "run_killed_at_once"),
        (Ending(-9, asked="limit", killed=True), "cancelled", "run_killed_at_limit"),
        (Ending(0, asked="request", killed=True), "stopped", "run_stopped_on_request"),
        (Ending(-15, asked="request"), "cancelled", "run_ended_badly_when_asked"),
        (Ending(1), "failed", "run_program_failed"),
        (Ending(-11), "failed", "run_program_killed"),
        (Ending(1, failure="loss is NaN"), "failed", "run_failure_told"),
    ],
)
def test_an_ending_is_judged(ending: Ending, state: str, code: str | None) -> None:
    found, reason = judge(replace(ending, limit_s=60.0, stop_before_s=5.0))
    assert found == state
    assert (reason.code if reason else None) == code


@pytest.mark.parametrize(
    ("exit_code", "code", "params"),
    [
        (-9, "run_rank_killed", {"rank": "1", "signal": "SIGKILL"}),
        (137, "run_rank_failed", {"rank": "1", "exit_code": "137"}),
    ],
)
def test_the_first_rank_that_failed_is_read_from_the_log(exit_code: int, code: str, params: dict[str, Any]) -> None:
    _, reason = judge(Ending(1, log_end=TORCHRUN_LOG.replace("{code}", str(exit_code))))
    assert reason is not None
    assert (reason.code, reason.params) == (code, params)


def test_what_an_earlier_attempt_said_of_its_ranks_is_not_blamed_on_a_program_that_was_killed() -> None:
    _, reason = judge(Ending(-9, log_end=TORCHRUN_LOG.replace("{code}", "1")))
    assert reason is not None
    assert reason.code == "run_program_killed"
