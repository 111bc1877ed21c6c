"""What may be changed in a replay, as people write it: ``nodes+32``, ``policy=fcfs``, ``reserve=startup:10%``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stellwerk.errors import InputError
from stellwerk.units import SECONDS_PER_HOUR, parse_duration_s

FORMS: Mapping[str, str] = {
    "nodes+N": "N nodes more in each group; nodes-N: fewer; nodes+N%: by a share; nodes:GROUP+N: of one group",
    "processors+N": "N processors more on a machine of pooled processors; -N and N% as for nodes",
    "policy=NAME": "another scheduling policy",
    "policy.KEY=VALUE": "one parameter of the policy",
    "reserve=GROUP:SHARE%": "a share of the machine that only the jobs of this account (or user) may use",
    "limit=HOURS": "a maximum wall time; longer jobs go on from where they were cut",
    "load=FACTOR": "jobs arrive faster by this factor (1.2 or +20%)",
    "checkpoint=HOURS": "how often jobs save their state; checkpoint=never: a stopped job starts anew",
    "failures=HOURS/HOURS": "mean time between two failures of a node, and to repair it; failures=never: none",
}
"""How each kind of change is written, and what it means."""

NEVER = "never"


@dataclass(frozen=True, slots=True)
class Resize:
    """More or fewer ``what`` (nodes, of one ``group`` or of all where it is empty; processors): by a number or,
    with ``relative``, by a share of what is there (0.1: a tenth more)."""

    what: str
    group: str
    by: float
    relative: bool


@dataclass(frozen=True, slots=True)
class PolicyNamed:
    name: str


@dataclass(frozen=True, slots=True)
class PolicySetting:
    """One parameter of the policy, its value as it was written."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Reserve:
    """A share of the machine (0 to 1) for the jobs of one account or user."""

    group: str
    share: float


@dataclass(frozen=True, slots=True)
class WallTimeLimit:
    limit_s: int


@dataclass(frozen=True, slots=True)
class Load:
    """Arrivals ``factor`` times as fast."""

    factor: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Seconds of run time from one to the next; None for no checkpoints."""

    interval_s: int | None


@dataclass(frozen=True, slots=True)
class FailureTimes:
    """Mean times between two failures of a node (None: they never fail) and to repair (None: as it is)."""

    between_s: float | None
    repair_s: float | None = None


Effect = Resize | PolicyNamed | PolicySetting | Reserve | WallTimeLimit | Load | Checkpoint | FailureTimes


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it was written, and what it does."""

    text: str
    effect: Effect


def parse_change(text: str) -> Change:
    """The change that a text like ``nodes+32`` asks for; raises InputError with what is allowed."""
    written = text.strip()
    resize = _RESIZE.fullmatch(written)
    if resize is not None:
        return Change(written, _resize(resize, written))
    key, _, value = (part.strip() for part in written.partition("="))
    setting = key.removeprefix("policy.")
    if setting and setting != key and value:
        return Change(written, PolicySetting(setting, value))
    if key in _VALUES and value:
        return Change(written, _VALUES[key](value, written))
    raise _mistake("is no change that a replay knows", written, tuple(FORMS))


def parse_sweep(text: str) -> tuple[Change, ...]:
    """One dimension of a sweep: ``nodes=+0,+16,+32`` or ``policy=easy,fcfs``, a change per value.

    Raises InputError as ``parse_change`` does, and where there are no values.
    """
    key, sign, values = text.partition("=")
    each = [value.strip() for value in values.split(",")]
    if not sign or not all(each):
        allowed = "KEY=VALUE,VALUE,… such as nodes=+0,+16,+32 or policy=easy,fcfs"
        raise InputError("names no values to go through", key="--sweep", value=text, allowed=allowed)
    key = key.strip()
    joined = "" if key.partition(":")[0] in ("nodes", "processors") else "="
    return tuple(parse_change(f"{key}{joined}{value}") for value in each)


_RESIZE = re.compile(r"(nodes|processors)(?::(.+))?([+-])(\d{1,9}(?:\.\d{1,4})?)(%?)")
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,6})?")


def _resize(found: re.Match[str], written: str) -> Resize:
    what, group, sign, number, percent = found.groups()
    if what == "processors" and group:
        raise _mistake("processors have no groups", written, "processors+N, processors-N, processors+N%")
    if not percent and "." in number:
        raise _mistake("is no whole number", written, f"{what}+N or {what}+N%")
    amount = float(number) / 100 if percent else float(number)
    return Resize(what, group or "", -amount if sign == "-" else amount, bool(percent))


def _reserve(value: str, written: str) -> Reserve:
    group, colon, share = value.rpartition(":")
    number = share.removesuffix("%")
    if not (colon and group and share.endswith("%") and _NUMBER.fullmatch(number) and 0 < float(number) < 100):
        raise _mistake(
            "names no group with its share", written, "reserve=GROUP:SHARE% with a share above 0 and below 100%"
        )
    return Reserve(group, float(number) / 100)


def _limit(value: str, written: str) -> WallTimeLimit:
    limit_s = _duration_s(value, written, "limit")
    if limit_s < 1:
        raise _mistake("is shorter than a second", written, "limit=HOURS above 0")
    return WallTimeLimit(int(limit_s))


def _load(value: str, written: str) -> Load:
    number = value.lstrip("x×")
    percent = re.fullmatch(r"([+-])(\d{1,4}(?:\.\d{1,4})?)%", number)
    factor = 0.0
    if percent is not None:
        factor = 1 + float(percent[1] + percent[2]) / 100
    elif _NUMBER.fullmatch(number):
        factor = float(number)
    if not 0.01 <= factor <= 100:
        raise _mistake("is no factor", written, "load=FACTOR from 0.01 to 100, such as load=1.2 or load=+20%")
    return Load(factor)


def _checkpoint(value: str, written: str) -> Checkpoint:
    if value == NEVER:
        return Checkpoint(None)
    return Checkpoint(max(1, round(_duration_s(value, written, "checkpoint"))))


def _failures(value: str, written: str) -> FailureTimes:
    if value == NEVER:
        return FailureTimes(None)
    between, slash, repair = (part.strip() for part in value.partition("/"))
    repair_s = _duration_s(repair, written, "failures") if slash else None
    return FailureTimes(_duration_s(between, written, "failures"), repair_s)


def _duration_s(value: str, written: str, key: str) -> float:
    """Hours, or a duration with its unit."""
    try:
        duration_s = float(value) * SECONDS_PER_HOUR if _NUMBER.fullmatch(value) else parse_duration_s(value)
    except ValueError:
        duration_s = 0.0
    if not 0 < duration_s < 1e11:
        raise _mistake("is no duration", written, f"{key}=HOURS above 0, or with a unit: {key}=36h, {key}=2d")
    return duration_s


def _mistake(problem: str, written: str, allowed: str | tuple[str, ...]) -> InputError:
    return InputError(problem, key="--change", value=written, allowed=allowed)


_VALUES: Mapping[str, Callable[[str, str], Effect]] = {
    "policy": lambda value, _: PolicyNamed(value),
    "reserve": _reserve,
    "limit": _limit,
    "load": _load,
    "checkpoint": _checkpoint,
    "failures": _failures,
}
