"""The largest compute-optimal model that a machine trains in a given time (docs/formulas/largest.md)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from stellwerk.planner.layouts import usable_device_counts
from stellwerk.planner.model import Machine, Plan
from stellwerk.planner.search import search
from stellwerk.workload import Architecture, Training, Workload, count_parameters, training_flops_per_token

TOKENS_PER_PARAMETER = 20.0
"""Compute-optimal by Hoffmann et al. (2022), arXiv:2203.15556, table 3."""
_WIDTH_STEP = 128
HEAD_DIM = 128
KV_HEADS = 8
ASPECT = (80.0, 160.0)
"""Width over depth of a rung: around the 128 of Llama 3 8B, with the 102 of the 70B and the 130 of the 405B inside
(arXiv:2407.21783, table 3)."""
_WIDTHS = (*range(256, 1024, 128), *range(1024, 2048, 256), *range(2048, 4096, 512), *range(4096, 32_769, 1024))
BATCH_TOKENS = (0.2920, 0.3271)
"""Optimal batch in tokens: a C^b for C training FLOPs (DeepSeek LLM, arXiv:2401.02954, formula 1; fitted on 1e17 to
2e19 FLOPs, so an extrapolation for most trainings, and wide: near-optimal batches span several times)."""

LLAMA_LIKE = Architecture(layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, ffn_hidden=14336, vocab=128_256)
"""Llama 3 8B (arXiv:2407.21783, table 3): the family that is taken where none is named."""

Bound = Literal["time", "memory", "ladder"]
"""What the next larger rung fails at: the time; no layout of it fits; there is none."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One model of a family with its fastest plan; None where no layout fits."""

    workload: Workload
    parameters: int
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest rungs that are trained in ``duration_s`` at the slow end of the interval, by the best estimate and at
    the fast end; None where not even the smallest rung is."""

    machine: Machine
    duration_s: float
    low: Rung | None
    best: Rung | None
    high: Rung | None
    bound: Bound
    """Why the best one is no larger."""


def largest_trainable(
    workload: Workload,
    machine: Machine,
    duration_s: float,
    *,
    tokens_per_parameter: float = TOKENS_PER_PARAMETER,
) -> Largest:
    """The largest model of the family of ``workload.architecture`` that ``machine`` trains in ``duration_s``.

    Every rung of ``architecture_ladder`` sees ``tokens_per_parameter`` times its parameters in tokens with the batch
    of ``batch_sequences``; sequence length, precision and the rest are the workload's. Its fastest layout on any usable
    number of devices counts, and the interval of the size comes from that of its time.
    Bisection over the ladder: time grows with the size, but for what rounding does to a rung.

    Raises ValueError for a family with experts or latent attention, for a fine-tuning, and for a duration or a number
    of tokens that is not above 0.
    """
    if duration_s <= 0 or tokens_per_parameter <= 0:
        raise ValueError("the duration and the tokens per parameter must be above 0")
    if workload.training.method != "pretraining":
        raise ValueError("a compute-optimal model is pre-trained")
    ladder = _Ladder(workload, machine, tokens_per_parameter, architecture_ladder(workload.architecture))
    ends: tuple[Callable[[Plan], float], ...] = (
        lambda plan: plan.duration_s.high,
        lambda plan: plan.duration_s.best,
        lambda plan: plan.duration_s.low,
    )
    found = [ladder.largest(end, duration_s) for end in ends]
    # Where rounding makes a rung slower than the next larger one, the three bisections may cross.
    low, best, high = sorted(found)
    rungs = [ladder.rung(place) if place >= 0 else None for place in (low, best, high)]
    return Largest(machine, duration_s, rungs[0], rungs[1], rungs[2], bound=ladder.bound_after(best))


def architecture_ladder(family: Architecture) -> tuple[Architecture, ...]:
    """Models of one family by size, each larger than the one before: Llama-like shapes.

    Widths are multiples of 128, from 1,024 on of 256, from 2,048 on of 512 and from 4,096 on of 1,024, so that tensor
    parallelism finds heads to split; heads are 128 wide; where the family groups keys and values there are 8 such
    heads, or the most below 8 that divide the heads. Depth is a multiple of 4 from width/160 to width/80. The
    feed-forward width over the width, the share of windowed layers, vocabulary and all other features are the family's.
    Raises ValueError for a family with experts or latent attention, for which no such rule is at hand.
    """
    if family.experts is not None or family.latent_attention is not None:
        raise ValueError("only dense models with grouped or full attention have a ladder")
    rungs: dict[int, Architecture] = {}
    for hidden in _WIDTHS:
        fewest, most = math.ceil(hidden / ASPECT[1]), math.floor(hidden / ASPECT[0])
        for layers in range(max(4, -(-fewest // 4) * 4), max(4, most) + 1, 4):
            rung = _shaped(family, hidden, layers)
            rungs.setdefault(count_parameters(rung).total, rung)
    return tuple(rungs[size] for size in sorted(rungs))


def batch_sequences(architecture: Architecture, training: Training, devices: int) -> int:
    """Sequences per step near the optimal batch for the training's FLOPs: the odd part of ``devices``, so that it
    divides evenly, times the power of two that comes nearest. At least one, at most a thousandth of all tokens."""
    flops = training_flops_per_token(architecture, training) * training.tokens
    tokens = BATCH_TOKENS[0] * flops ** BATCH_TOKENS[1]
    wanted = min(tokens, training.tokens / 1000) / training.sequence_length
    odd = devices // (devices & -devices)
    return odd << max(0, round(math.log2(max(wanted, 1.0) / odd)))


def _shaped(family: Architecture, hidden: int, layers: int) -> Architecture:
    heads = hidden // HEAD_DIM
    ffn = round(family.ffn_hidden / family.hidden * hidden / _WIDTH_STEP) * _WIDTH_STEP
    return replace(
        family,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=math.gcd(KV_HEADS, heads) if family.kv_heads < family.heads else heads,
        head_dim=HEAD_DIM,
        ffn_hidden=ffn,
        windowed_layers=round(family.windowed_layers / family.layers * layers),
    )


@dataclass(slots=True)
class _Ladder:
    """The rungs, each planned once, when it is asked for."""

    workload: Workload
    machine: Machine
    tokens_per_parameter: float
    architectures: Sequence[Architecture]
    _rungs: dict[int, Rung] = field(default_factory=dict)

    def largest(self, end: Callable[[Plan], float], duration_s: float) -> int:
        """The place of the largest rung with a plan that ends in time; -1 where there is none."""

        def too_large(place: int) -> bool:
            plan = self.rung(place).plan
            return plan is None or end(plan) > duration_s

        after: int = bisect_right(range(len(self.architectures)), False, key=too_large)
        return after - 1

    def rung(self, place: int) -> Rung:
        if place not in self._rungs:
            architecture = self.architectures[place]
            parameters = count_parameters(architecture).total
            tokens = max(round(self.tokens_per_parameter * parameters), self.workload.training.sequence_length)
            task = replace(self.workload.training, tokens=tokens)
            planned = [self._fastest(architecture, task, counts) for counts in _counts_by_odd_part(self.machine)]
            self._rungs[place] = min(planned, key=lambda one: one.plan.duration_s.best if one.plan else math.inf)
        return self._rungs[place]

    def bound_after(self, place: int) -> Bound:
        if place + 1 == len(self.architectures):
            return "ladder"
        return "memory" if self.rung(place + 1).plan is None else "time"

    def _fastest(self, architecture: Architecture, task: Training, counts: Sequence[int]) -> Rung:
        sequences = batch_sequences(architecture, task, counts[-1])
        wanted = replace(self.workload, architecture=architecture, task=replace(task, global_batch_sequences=sequences))
        parameters = count_parameters(architecture).total
        return Rung(wanted, parameters, search(wanted, self.machine, counts).fastest())


def _counts_by_odd_part(machine: Machine) -> list[list[int]]:
    """The usable numbers of devices, those together that one batch divides evenly into; each fewest first."""
    groups: dict[int, list[int]] = {}
    for count in usable_device_counts(machine):
        groups.setdefault(count // (count & -count), []).append(count)
    return list(groups.values())
