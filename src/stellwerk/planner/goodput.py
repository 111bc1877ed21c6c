"""What failures and checkpoints cost a training: the share of the wall time that is useful (docs/formulas/goodput.md).

Nothing here changes a plan's ``duration_s``: that is the time without failures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from stellwerk.planner.model import Plan
from stellwerk.units import SECONDS_PER_DAY, Interval
from stellwerk.workload import Architecture, Training, adapter_parameters, count_parameters

OVERHEAD_PARTS = ("checkpoints", "lost_work", "restarts")


@dataclass(frozen=True, slots=True)
class Interruptions:
    """How often jobs were interrupted unexpectedly, as one source reports it."""

    source: str
    per_device_day: float


# A node has eight devices in every source that counts nodes.
INTERRUPTIONS = (
    Interruptions("Llama 3 405B: arXiv:2407.21783, section 3.3.4", 419 / (16_384 * 54)),
    Interruptions("Meta RSC-1 (A100): arXiv:2410.21680", 6.50e-3 / 8),
    Interruptions("Meta RSC-2 (A100): arXiv:2410.21680", 2.34e-3 / 8),
    Interruptions("BLOOM, 1 to 2 a week on about 400 A100: arXiv:2211.05100", 1.5 / (7 * 400)),
    Interruptions("OPT-175B, 35 by hand and about 70 others in two months: arXiv:2205.01068", 105 / (61 * 992)),
)


def _of_sources(values: Sequence[float]) -> Interval:
    """The middle one of what independent sources report, with the extremes."""
    return Interval(min(values), median(values), max(values))


INTERRUPTIONS_PER_DEVICE_S = _of_sources([one.per_device_day for one in INTERRUPTIONS]) * (1 / SECONDS_PER_DAY)
"""Unexpected interruptions of a job per second and device."""
WRITE_BYTES_PER_S = _of_sources(
    (
        405e9 * 14 / 51.06 / 8960,  # ByteCheckpoint, arXiv:2407.20143, table 8: 405B on 8,960 devices in 51.06 s
        250e9 * 0.16 / 504,  # 504 B200: 16% of the 250 GB/s that the storage can write; arXiv:2605.09370
        2e12 / 16_384,  # Llama 3: the storage sustains 2 TB/s; arXiv:2407.21783, section 3.3.1
    )
)
"""Share of one device in the rate at which a job writes checkpoints; three sources, where a system's own is unknown."""
ASYNCHRONOUS_SHARE = 0.59 / 51.06
"""Part of the writing time for which an asynchronous checkpoint holds the training up (ByteCheckpoint, as above)."""
RESTART_S = Interval(10 * 60.0, 11 * 60.0, 15 * 60.0)
"""From an interruption to the training's going on where that happens by itself and spare nodes are ready. Best and low:
median and lower quartile of the automatic restarts on 504 B200 (arXiv:2605.09370); high: within 15 minutes, MegaScale
(arXiv:2402.15627, section 6.3)."""

# Weights in 16 bits; their copy in 32 bits and AdamW's two moments. Adapters are kept in 32 bits.
STATE_BYTES = 2.0 + 12.0
ADAPTER_STATE_BYTES = 4.0 + 8.0

CheckpointKind = Literal["blocking", "asynchronous"]


@dataclass(frozen=True, slots=True)
class Goodput:
    """What a training of some duration without failures takes with them.

    ``goodput`` is the useful share of the wall time; the best estimates of it and of ``overhead_parts`` (shares of the
    wall time, keys ``OVERHEAD_PARTS``) sum to 1. The interval between checkpoints is Daly's for the best estimates.
    """

    kind: CheckpointKind
    failure_interval_s: Interval
    """Mean time between unexpected interruptions of the job."""
    checkpoint_bytes: float
    write_s: Interval
    restart_s: Interval
    checkpoint_interval_s: float
    """Useful work from one checkpoint to the next."""
    young_interval_s: float
    goodput: Interval
    overhead_parts: Mapping[str, float]
    duration_s: Interval
    """Expected wall time of the whole training."""
    interruptions: Interval
    """Expected number over that time."""


def goodput_of(
    plan: Plan,
    architecture: Architecture,
    training: Training,
    *,
    kind: CheckpointKind = "blocking",
    rate_per_device_s: Interval = INTERRUPTIONS_PER_DEVICE_S,
    write_bytes_per_s: Interval | None = None,
    restart_s: Interval = RESTART_S,
) -> Goodput:
    """What failures and checkpoints make of a plan.

    ``write_bytes_per_s`` is what the storage takes from the whole job; None: every device has its share of what was
    measured elsewhere (``WRITE_BYTES_PER_S``). Reading a checkpoint after a failure takes as long as writing one.
    Inputs count as independent: what each alone changes adds up in quadrature. Raises ValueError for a rate, a
    bandwidth or a restart that is not above 0.
    """
    written = write_bytes_per_s or WRITE_BYTES_PER_S * plan.devices
    for name, value in (("rate", rate_per_device_s), ("bandwidth", written), ("restart", restart_s)):
        if value.low <= 0:
            raise ValueError(f"the {name} must be above 0: {value}")
    size = checkpoint_bytes(architecture, training)
    between_s = mean_time_between_failures_s(plan.devices, rate_per_device_s)
    write_s = written.reciprocal() * size
    share = 1.0 if kind == "blocking" else ASYNCHRONOUS_SHARE
    interval_s = checkpoint_interval_s(write_s.best, between_s.best, blocking_share=share)

    def shares(failure_s: float, writing_s: float, again_s: float) -> dict[str, float]:
        return wall_time_shares(interval_s, writing_s, failure_s, restart_s=again_s + writing_s, blocking_share=share)

    best = shares(between_s.best, write_s.best, restart_s.best)
    useful = _spread(
        lambda values: shares(*values)["useful"],
        (between_s, write_s, restart_s),
    )
    duration_s = plan.duration_s.times(useful.reciprocal())
    return Goodput(
        kind=kind,
        failure_interval_s=between_s,
        checkpoint_bytes=size,
        write_s=write_s,
        restart_s=restart_s,
        checkpoint_interval_s=interval_s,
        young_interval_s=young_interval_s(share * write_s.best, between_s.best),
        goodput=useful,
        overhead_parts={name: best[name] for name in OVERHEAD_PARTS},
        duration_s=duration_s,
        interruptions=duration_s.times(between_s.reciprocal()),
    )


def checkpoint_bytes(architecture: Architecture, training: Training) -> float:
    """What a checkpoint holds that the training can go on from: what is trained and its optimizer states.

    14 bytes a parameter with AdamW in 32 bits, an upper end for narrower states; of adapters only they themselves.
    """
    if training.trains_adapters:
        return ADAPTER_STATE_BYTES * adapter_parameters(architecture, training.lora_rank)
    return STATE_BYTES * count_parameters(architecture).total


def mean_time_between_failures_s(devices: int, rate_per_device_s: Interval = INTERRUPTIONS_PER_DEVICE_S) -> Interval:
    """Mean time between interruptions of a job on so many devices (>= 1), any of which stops all, in seconds."""
    return (rate_per_device_s * devices).reciprocal()


def young_interval_s(checkpoint_s: float, failure_interval_s: float) -> float:
    """Work between checkpoints of ``checkpoint_s`` by the first-order formula of Young (1974): sqrt(2 d M), in seconds.

    ``failure_interval_s`` is the mean time M between failures. Young, Communications of the ACM 17(9), 530-531.
    """
    return math.sqrt(2 * checkpoint_s * failure_interval_s)


def daly_interval_s(checkpoint_s: float, failure_interval_s: float) -> float:
    """The same by the higher-order formula of Daly (2006), which holds for d < 2M; M where a checkpoint takes longer.

    Daly, Future Generation Computer Systems 22(3), 303-312, equation 37:
    sqrt(2 d M) [1 + sqrt(d / 2M) / 3 + (d / 2M) / 9] - d.
    """
    if checkpoint_s >= 2 * failure_interval_s:
        return failure_interval_s
    ratio = checkpoint_s / (2 * failure_interval_s)
    first_order = young_interval_s(checkpoint_s, failure_interval_s)
    return first_order * (1 + math.sqrt(ratio) / 3 + ratio / 9) - checkpoint_s


def checkpoint_interval_s(write_s: float, failure_interval_s: float, *, blocking_share: float = 1.0) -> float:
    """Daly's interval for the time that a checkpoint holds the training up; never so short that the one before is
    still being written."""
    blocked_s = blocking_share * write_s
    return max(daly_interval_s(blocked_s, failure_interval_s), write_s - blocked_s)


def wall_time_shares(
    interval_s: float, write_s: float, failure_interval_s: float, *, restart_s: float, blocking_share: float = 1.0
) -> dict[str, float]:
    """Shares of the expected wall time, keys ``useful`` and ``OVERHEAD_PARTS``; they sum to 1.

    Failures come at exponentially distributed times with mean M = ``failure_interval_s``, during checkpoints and
    restarts too. A segment of work t and a blocking checkpoint d then takes M e^(R/M) (e^((t+d)/M) - 1) (Daly 2006,
    equation 20), in which M (1 - e^(-R/M)) of each restart passes before it ends or fails itself. What is written in
    the background is not yet safe: a failure then loses that much more work, which counts as part of R.
    """
    blocked_s = blocking_share * write_s
    redone_s = write_s - blocked_s
    after_s = restart_s + redone_s
    mean = failure_interval_s
    exponent = (interval_s + blocked_s) / mean
    if exponent > _NEVER:
        return {"useful": 0.0, "checkpoints": 0.0, "lost_work": 1.0, "restarts": 0.0}
    forward = mean * math.expm1(exponent) * math.exp(min(after_s / mean, _NEVER))
    recovering = -math.expm1(-after_s / mean)
    useful, checkpoints = interval_s / forward, blocked_s / forward
    restarts = recovering * restart_s / after_s
    return {
        "useful": useful,
        "checkpoints": checkpoints,
        "lost_work": max(1 - useful - checkpoints - restarts, 0.0),
        "restarts": restarts,
    }


_NEVER = 600.0
"""Above this exponent nothing is ever finished, and a float ends."""


def _spread(share: Callable[[tuple[float, ...]], float], inputs: Sequence[Interval]) -> Interval:
    """The share for the best inputs with bounds: what each input alone changes adds up in quadrature."""
    best = tuple(one.best for one in inputs)
    middle = share(best)
    down = up = 0.0
    for place, one in enumerate(inputs):
        changes = [share((*best[:place], bound, *best[place + 1 :])) - middle for bound in (one.low, one.high)]
        down += min(0.0, *changes) ** 2
        up += max(0.0, *changes) ** 2
    return Interval(max(middle - math.sqrt(down), _LEAST), max(middle, _LEAST), min(middle + math.sqrt(up), 1.0))


_LEAST = 1e-9
"""Of goodput; a training that never ends keeps a duration that can be written."""
