"""What Slurm's accounting writes into its fields, as numbers; None where it says nothing.

Every function takes one text as `sacct --parsable2` prints it and raises ValueError for one that it cannot read.
"""

from __future__ import annotations

import re

from stellwerk.records.model import JOB_STATES

NOTHING = frozenset({"", "unknown", "none", "n/a", "none assigned", "invalid", "(null)"})
NO_LIMIT = frozenset({"unlimited", "partition_limit", "infinite"})
MAX_BYTES = 2**60
_CLOCK = re.compile(r"(?:(\d{1,6})-)?(\d{1,9})(?::(\d{1,9}))?(?::(\d{1,9}))?(?:\.\d+)?")
_MEMORY = re.compile(r"([\d.]{1,20})([KMGTP]?)(?:i?B)?([nc]?)", re.IGNORECASE)
_COUNT = re.compile(r"(\d{1,9})(?:\.\d+)?([KMG]?)")
_GPUS = re.compile(r"(?:gres[:/])?gpu(?::[^:=]*[^\d:=][^:=]*)?(?:[:=](\d{1,9}))?")
_TASKS = re.compile(r"\d{1,12}_\[([\d,:-]*)(?:,?\.\.\.)?(?:%\d+)?\]?")
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
    return round(float(text.strip().rstrip("KMG")) * _THOUSANDS[number[2]])


def memory_bytes(text: str) -> tuple[int, str] | None:
    """Bytes, and of what: ``n`` of each node, ``c`` of each processor, an empty text of the whole job."""
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
    return found, amount[3].lower()


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
        found = _GPUS.fullmatch(entry.strip())
        if found is None:
            continue
        count = int(found[1] or 1)
        if entry.strip().startswith(("gres/gpu=", "gpu=")):
            return count
        total += count
    return total


def state(text: str) -> str | None:
    """The state in Stellwerk's words: ``CANCELLED by 1000`` is cancelled; None for one without a word here."""
    words = text.split()
    return _STATES.get(words[0].lower().rstrip("+")) if words else None


def pending_tasks(job_id: str) -> int:
    """For how many tasks of an array one line stands: 1, or those listed in ``123_[1-5,7,10-20:2%3]``."""
    listed = _TASKS.fullmatch(job_id)
    if listed is None:
        return 1
    return max(1, min(sum(_tasks_in(part) for part in listed[1].split(",") if part), 10**7))


def _tasks_in(part: str) -> int:
    ends, _, step = part.partition(":")
    first, _, last = ends.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return 1
    return max(0, (int(last or first) - int(first)) // max(1, int(step) if step.isdigit() else 1) + 1)
