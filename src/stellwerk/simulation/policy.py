"""Scheduling policies: what decides who starts next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stellwerk.errors import InputError

Order = Literal["ends_first", "arrivals_first"]
"""What happens within one second: all ends, all arrivals and one pass over the queue, or all arrivals and a pass, then
all ends and another."""

FairShare = Literal["fair_tree", "classic"]


@dataclass(frozen=True, slots=True)
class Fcfs:
    """First come, first served (docs/algorithms/fcfs.md)."""

    order: Order = "ends_first"


@dataclass(frozen=True, slots=True)
class Easy:
    """EASY backfilling (docs/algorithms/easy.md)."""

    order: Order = "ends_first"


@dataclass(frozen=True, slots=True)
class Conservative:
    """Conservative backfilling: every job has a reservation, kept or, with ``replan``, made anew in each pass
    (docs/algorithms/conservative.md)."""

    replan: bool = False
    order: Order = "arrivals_first"


@dataclass(frozen=True, slots=True)
class Multifactor:
    """Slurm's multifactor priority with its main and its backfill pass (docs/algorithms/multifactor.md).

    The defaults are those of Slurm 22.05; the weights are zero there, too, so that jobs start in order of arrival.
    """

    weight_age: int = 0
    max_age_s: int = 7 * 86_400
    weight_fair_share: int = 0
    fair_share: FairShare = "fair_tree"
    half_life_s: int = 7 * 86_400
    weight_size: int = 0
    favour_small: bool = False
    weight_qos: int = 0
    weight_partition: int = 0
    calc_interval_s: int = 300
    """Priorities and usage are worked out anew so often."""
    sched_interval_s: int = 60
    """So often a main pass looks at the whole queue; those at arrivals and ends look at ``queue_depth`` jobs."""
    queue_depth: int = 100
    bf_interval_s: int = 30
    bf_window_s: int = 86_400
    bf_resolution_s: int = 60
    bf_max_job_test: int = 500
    bf_max_job_user: int = 0
    """Jobs of one user that a backfill pass looks at; 0: as many as there are."""
    bf_grouped_ends: bool = False
    """A backfill pass lets running jobs end in groups, as Slurm's does without bf_window_linear: the first 30 s long,
    each further one twice as long. Off, each is expected to end at its own limit, which is faster and plans closer."""
    preempt_youngest_first: bool = False
    order: Order = "ends_first"


Policy = Fcfs | Easy | Conservative | Multifactor

SLURM_DEFAULTS = Multifactor()
_NAMED: dict[str, Policy] = {
    "fcfs": Fcfs(),
    "easy": Easy(),
    "conservative": Conservative(),
    "conservative_replan": Conservative(replan=True),
    "multifactor": SLURM_DEFAULTS,
}
POLICIES = tuple(_NAMED)


def policy_named(name: str, *, multifactor: Multifactor = SLURM_DEFAULTS) -> Policy:
    """The policy of a name with its defaults, ``multifactor`` as given; raises InputError for another name."""
    if name not in _NAMED:
        raise InputError("unknown policy", key="policy", value=name, allowed=POLICIES)
    return multifactor if name == "multifactor" else _NAMED[name]
