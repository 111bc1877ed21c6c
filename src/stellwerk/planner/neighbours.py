"""The layouts that differ from a given one in exactly one choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Literal

from stellwerk.planner.grid import RECOMPUTATIONS, SHARDINGS
from stellwerk.planner.layouts import (
    MOST_SEQUENCES,
    context_sizes_of,
    divisors,
    nodes_of,
    pieces_of_stage,
    pipeline_sizes_of,
    tensor_sizes_of,
)
from stellwerk.planner.model import Layout, Machine
from stellwerk.workload import Training, Workload

Choice = Literal[
    "tensor",
    "pipeline",
    "context",
    "expert",
    "sharding",
    "micro_batch",
    "recomputation",
    "interleave",
    "sequence_parallel",
    "offload",
]
"""A field of ``Layout`` that is free where the number of devices and the global batch are given; the data ranks and the
number of micro-batches follow."""


def neighbours(workload: Workload, machine: Machine, layout: Layout) -> Iterator[tuple[Choice, Layout]]:
    """On as many devices and with the same global batch: of each choice the next values below and above that model,
    batch and machine admit, and of those without an order all others. Whether they fit the memory is not asked."""

    def admitted(choice: Choice, values: Iterable[object]) -> Iterator[Layout]:
        for value in values:
            changed = _rebalanced(replace(layout, **{choice: value}), layout.devices, workload.training)  # type: ignore[arg-type]
            if changed is not None and _is_admitted(workload, machine, changed):
                yield changed

    architecture = workload.architecture
    ordered: dict[Choice, Iterable[int]] = {
        "tensor": tensor_sizes_of(architecture, nodes_of(machine).domain_devices).tolist(),
        "pipeline": pipeline_sizes_of(architecture.layers),
        "context": context_sizes_of(workload.training.sequence_length),
        "expert": divisors(architecture.experts.routed if architecture.experts else 1),
        "micro_batch": range(1, MOST_SEQUENCES + 1),
        "interleave": pieces_of_stage(architecture.layers, layout.pipeline),
    }
    for choice, values in ordered.items():
        now = getattr(layout, choice)
        below = sorted((value for value in values if value < now), reverse=True)
        above = [value for value in values if value > now]
        for side in (below, above):
            yield from ((choice, changed) for changed in islice(admitted(choice, side), 1))
    unordered: dict[Choice, Iterable[object]] = {
        "sharding": SHARDINGS,
        "recomputation": RECOMPUTATIONS,
        "sequence_parallel": (False, True),
        "offload": (False, True),
    }
    for choice, others in unordered.items():
        for changed in admitted(choice, (value for value in others if value != getattr(layout, choice))):
            yield choice, changed


def _rebalanced(layout: Layout, devices: int, training: Training) -> Layout | None:
    """The layout with the data ranks and micro-batches that keep devices and global batch; None where none do."""
    data, left_over = divmod(devices, layout.tensor * layout.pipeline * layout.context)
    if left_over or not data:
        return None
    micro_batches, left_over = divmod(training.global_batch_sequences, data * layout.micro_batch)
    if left_over or not micro_batches:
        return None
    return replace(layout, data=data, micro_batches=micro_batches)


def _is_admitted(workload: Workload, machine: Machine, layout: Layout) -> bool:
    rules: tuple[Callable[[Workload, Machine, Layout], bool], ...] = (
        _splits_evenly,
        _splits_the_experts,
        _shards,
        _has_what_it_switches,
    )
    return all(rule(workload, machine, layout) for rule in rules)


def _splits_evenly(workload: Workload, machine: Machine, layout: Layout) -> bool:
    """Whether layers, stages, sequence and batch are split as the space of layouts splits them; 4-bit weights stay
    whole. Interleaving needs micro-batches in multiples of the stages (Narayanan et al. 2021, section 2.2.2)."""
    a, training = workload.architecture, workload.training
    whole = layout.tensor == layout.pipeline == layout.context == 1
    return (
        layout.tensor in tensor_sizes_of(a, nodes_of(machine).domain_devices)
        and layout.pipeline in pipeline_sizes_of(a.layers)
        and layout.context in context_sizes_of(training.sequence_length)
        and layout.micro_batch <= MOST_SEQUENCES
        and layout.interleave in pieces_of_stage(a.layers, layout.pipeline)
        and (layout.interleave == 1 or layout.micro_batches % layout.pipeline == 0)
        and (whole or not training.freezes_in_four_bits)
    )


def _splits_the_experts(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    experts = workload.architecture.experts
    if layout.expert == 1:
        return True
    ranks = layout.tensor * layout.context * layout.data
    return experts is not None and experts.routed % layout.expert == 0 and ranks % layout.expert == 0


def _shards(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    """Whether there are ranks to shard over, with hybrid sharding in several nodes; sharded gradients alone go without
    pipeline stages, which add them up over the micro-batches."""
    ranks, inside = layout.data * layout.context, machine.devices_per_node // layout.tensor
    if layout.sharding == "hybrid":
        return 1 < inside < ranks
    if layout.sharding == "gradients":
        return ranks > 1 and layout.pipeline == 1
    return ranks > 1 or layout.sharding == "none"


def _has_what_it_switches(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    """Sequence parallelism is the usual way beside tensor parallelism and has no meaning without; optimizer states
    go to the host where its memory is another."""
    return (layout.tensor > 1 or layout.sequence_parallel) and not (layout.offload and machine.shared_host_memory)
