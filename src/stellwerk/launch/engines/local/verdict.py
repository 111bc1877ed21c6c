"""How an attempt ended, judged from what is left of it. Pure."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import Literal

from stellwerk.launch.engine import RunState
from stellwerk.messages import Reason

Asked = Literal["request", "at once", "limit", "system"]
"""What the program has to stop for: a person (who may not want to wait), the time limit, or the machine going down."""

FAILURE_SHOWN = 500

# torchrun's account of the first rank that failed
_RANK = re.compile(r"^\s*rank\s*:\s*(\d+)", re.MULTILINE)
_EXIT_CODE = re.compile(r"^\s*exitcode\s*:\s*(-?\d+)", re.MULTILINE)
_ROOT_CAUSE = "Root Cause (first observed failure)"


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known when the last process of an attempt is gone."""

    exit_code: int
    """Of the launcher or command; below zero: the signal that ended it."""
    asked: Asked | None = None
    killed: bool = False
    """Its time to stop was over, or was never given."""
    outcome: bool = False
    """The program reported its outcome."""
    failure: str = ""
    """What the program says of its own failure."""
    log_end: str = ""
    limit_s: float | None = None
    stop_before_s: float = 0.0


def judge(ending: Ending) -> tuple[RunState, Reason | None]:
    """The state of the run now, and why."""
    if ending.killed and ending.exit_code != 0:  # it may have ended by itself just then
        return "cancelled", _why_killed(ending)
    if ending.exit_code == 0:
        if ending.asked is None or ending.outcome:
            return "finished", None
        return "stopped", _why_stopped(ending)
    if ending.asked is not None:
        return "cancelled", Reason("run_ended_badly_when_asked", {"exit_code": str(ending.exit_code)})
    return "failed", _why_failed(ending)


def _why_killed(ending: Ending) -> Reason:
    if ending.asked == "limit":
        limit_s, stop_before_s = ending.limit_s or 0.0, ending.stop_before_s
        return Reason("run_killed_at_limit", {"limit_s": limit_s, "seconds": stop_before_s})
    if ending.asked == "at once":
        return Reason("run_killed_at_once")
    return Reason("run_killed_on_request", {"seconds": ending.stop_before_s})


def _why_stopped(ending: Ending) -> Reason:
    if ending.asked == "limit":
        return Reason("run_stopped_at_limit", {"limit_s": ending.limit_s or 0.0})
    if ending.asked == "system":
        return Reason("run_stopped_by_system")
    return Reason("run_stopped_on_request")


def _why_failed(ending: Ending) -> Reason:
    if ending.failure:
        return Reason("run_failure_told", {"text": ending.failure[:FAILURE_SHOWN]})
    if ending.exit_code < 0:
        return Reason("run_program_killed", {"signal": signal_name(-ending.exit_code)})
    account = ending.log_end.rpartition(_ROOT_CAUSE)[2] if _ROOT_CAUSE in ending.log_end else ""
    rank, exit_code = _RANK.search(account), _EXIT_CODE.search(account)
    if rank is None or exit_code is None:
        return Reason("run_program_failed", {"exit_code": str(ending.exit_code)})
    code = int(exit_code[1])
    if code < 0:
        return Reason("run_rank_killed", {"rank": rank[1], "signal": signal_name(-code)})
    return Reason("run_rank_failed", {"rank": rank[1], "exit_code": str(code)})


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; the number for one without a name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
