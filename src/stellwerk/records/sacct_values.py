"""What Slurm's accounting writes into its fields, as numbers; None where it says nothing.

Every function takes one text as `sacct --parsable2` prints it and raises ValueError for one that it cannot read.
"""

from __future__ import annotations

import re

from stellwerk.records.model import JOB_STATES

NOTHING = frozenset({"", "unknown", "none", "n/a", "none assigned", "invalid", "(null)"})
NO_LIMIT = frozenset({"unlimited", "partition_limit", "infinite"})
MAX_BYTES = 2**60
MAX_COUNT = 2**31 - 1
PER_JOB, PER_NODE, PER_PROCESSOR = 0, 1, 2
_PER_PROCESSOR_FLAG_BYTES = 2**31 * 2**20
"""Some dumps mark memory per processor so: 2147486448Mn stands beside mem=22400M for 8 processors."""
_CLOCK = re.compile(r"(?:([0-9]{1,6})-)?([0-9]{1,9})(?::([0-9]{1,9}))?(?::([0-9]{1,9}))?(?:\.[0-9]+)?")
_MEMORY = re.compile(r"([0-9.]{1,20})([KMGTP]?)(?:i?B)?([nc]?)", re.IGNORECASE)
_COUNT = re.compile(r"([0-9]{1,9})(?:\.[0-9]+)?([KMG]?)")
_TASKS = re.compile(r"\[([0-9,:-]*)(?:,?\.\.\.)?(?:%[0-9]+)?\]?")
_POWERS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50}
_THOUSANDS = {"": 1, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_STATES = {state: state for state in JOB_STATES} | {"completing": "running", "configuring": "running"}
_MAX_S = 10**11


def is_nothing(text: str) -> bool:
    return text.strip().lower() in NOTHING


def duration_s(text: str) -> int | None:
    """``[days-]hours:minutes:seconds``, ``minutes:seconds``; a number alone is minutes, or hours behind days."""
    if is_nothing(text):
        return None
    parts = _CLOCK.fullmatch(text.strip())
    if parts is None:
        raise ValueError(text)
    days, *clock = (int(part) if part is not None else None for part in parts.groups())
    first, second, third = clock
    if first is None:
        raise ValueError(text)
    if days is not None:
        seconds = days * 86_400 + first * 3_600 + (second or 0) * 60 + (third or 0)
    elif third is not None:
        seconds = first * 3_600 + (second or 0) * 60 + third
    else:
        seconds = first * 60 + (second or 0)
    if seconds > _MAX_S:
        raise ValueError(text)
    return seconds


def limit_s(text: str) -> int | None:
    """A time limit; UNLIMITED and Partition_Limit say nothing about the job."""
    return None if text.strip().lower() in NO_LIMIT else duration_s(text)


def whole_number(text: str) -> int | None:
    """A count, such as ``12`` or ``1.50K``, in which Slurm writes thousands."""
    if is_nothing(text):
        return None
    number = _COUNT.fullmatch(text.strip())
    if number is None:
        raise ValueError(text)
    count = round(float(text.strip().rstrip("KMG")) * _THOUSANDS[number[2]])
    if count > MAX_COUNT:
        raise ValueError(text)
    return count


def memory_bytes(text: str) -> tuple[int, int] | None:
    """Bytes, and whether ``PER_JOB``, ``PER_NODE`` (``4Gn``) or ``PER_PROCESSOR`` (``4Gc``)."""
    if is_nothing(text) or text.strip() in ("0", "0n", "0c", "?"):
        return None
    amount = _MEMORY.fullmatch(text.strip())
    if amount is None:
        raise ValueError(text)
    # A number without a unit is megabytes, as in Slurm's own options.
    unit = amount[2].upper() or "M"
    found = round(float(amount[1]) * _POWERS[unit])
    if found > MAX_BYTES:
        raise ValueError(text)
    per = {"": PER_JOB, "n": PER_NODE, "c": PER_PROCESSOR}[amount[3].lower()]
    if per == PER_NODE and unit == "M" and found >= _PER_PROCESSOR_FLAG_BYTES:
        return found - _PER_PROCESSOR_FLAG_BYTES, PER_PROCESSOR
    return found, per


def memory_is_per(text: str) -> int | None:
    """What the memory is of: job, node or processor."""
    found = memory_bytes(text)
    return None if found is None else found[1]


def memory_in(text: str) -> int | None:
    """Bytes of the whole job in a list of trackable resources."""
    for entry in text.split(","):
        key, _, value = entry.partition("=")
        if key.strip().lower() == "mem":
            found = memory_bytes(value)
            return None if found is None else found[0]
    return None


def resource(text: str, name: str) -> int | None:
    """How many of ``name`` (cpu, node) a list of trackable resources holds: ``cpu=12,mem=48000M,node=1``."""
    for entry in text.split(","):
        key, _, value = entry.partition("=")
        if key.strip().lower() == name:
            return whole_number(value)
    return None


def accelerators(text: str) -> int | None:
    """How many GPUs a list of resources holds, 0 where it holds none; None for an empty list.

    Understands ``gres/gpu=8``, ``gres/gpu:h100=4``, ``gpu:a100:4(S:0-1)``, ``gpu:4``, ``gres:gpu:2``. Where a total
    stands beside the types, it alone counts.
    """
    if is_nothing(text):
        return None
    total = 0
    for entry in re.sub(r"\([^)]*\)", "", text.lower()).split(","):
        kind, *words = re.split("[:=]", entry.strip().removeprefix("gres/").removeprefix("gres:"))
        if kind != "gpu":
            continue
        count = whole_number(words[-1]) if words and words[-1].isdecimal() else 1
        if count is None or ("=" in entry and not words[-1].isdecimal()):
            raise ValueError(text)
        if "=" in entry and len(words) == 1:
            return count
        total += count
    if total > MAX_COUNT:
        raise ValueError(text)
    return total


def state(text: str) -> str | None:
    """The state in Stellwerk's words: ``CANCELLED by 1000`` is cancelled, and ``OUT_OF_ME+``, cut by a narrow column,
    out of memory; None for one without a word here."""
    words = text.lower().split()
    if not words:
        return None
    if words[0].endswith("+"):
        begun = [state for state in JOB_STATES if state.startswith(words[0][:-1])]
        return begun[0] if len(begun) == 1 else None
    return _STATES.get(words[0])


def pending_tasks(listed: str) -> int:
    """How many tasks of an array a list such as ``[1-5,7,10-20:2%3]`` names, at least 1; Slurm cuts long lists."""
    tasks = _TASKS.fullmatch(listed.strip())
    if tasks is None:
        return 1
    return max(1, min(sum(_tasks_in(part) for part in tasks[1].split(",") if part), 10**7))


def _tasks_in(part: str) -> int:
    ends, _, step = part.partition(":")
    first, _, last = ends.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return 1
    return max(0, (int(last or first) - int(first)) // max(1, int(step) if step.isdigit() else 1) + 1)
