"""The layouts that differ from a given one in exactly one choice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Literal

from stellwerk.planner.layouts import RECOMPUTATIONS, SHARDINGS
from stellwerk.planner.model import Layout, Machine
from stellwerk.workload import Architecture, Training, Workload

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

FULLEST_STAGE_SHARE = 0.75
"""How full the mean pipeline stage has to be, of the fullest."""


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
        "tensor": _powers_of_two(machine.domain_devices or machine.devices_per_node),
        "pipeline": range(1, architecture.layers + 1),
        "context": _powers_of_two(layout.devices),
        "expert": _powers_of_two(architecture.experts.routed if architecture.experts else 1),
        "micro_batch": _powers_of_two(workload.training.global_batch_sequences),
        "interleave": range(1, architecture.layers // layout.pipeline + 1),
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
        _splits_the_layers,
        _fills_the_stages,
        _splits_the_sequence,
        _splits_the_experts,
        _shards,
        _has_what_it_switches,
    )
    return all(rule(workload, machine, layout) for rule in rules)


def _splits_the_layers(workload: Workload, machine: Machine, layout: Layout) -> bool:
    """Whether heads and feed-forward widths divide, and 4-bit weights stay whole."""
    a, tensor = workload.architecture, layout.tensor
    whole = tensor == layout.pipeline == layout.context == 1
    return (
        tensor <= (machine.domain_devices or machine.devices_per_node)
        and a.heads % tensor == 0
        and (a.kv_heads % tensor == 0 or tensor % a.kv_heads == 0)
        and all(width % tensor == 0 for width in _feed_forward_widths(a))
        and (whole or not workload.training.freezes_in_four_bits)
    )


def _fills_the_stages(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    """Whether no stage is much emptier than the fullest; interleaving needs micro-batches in multiples of the stages
    (Narayanan et al. 2021, section 2.2.2)."""
    layers, stages = workload.architecture.layers, layout.pipeline * layout.interleave
    even = layers / (stages * -(-layers // stages)) > FULLEST_STAGE_SHARE
    interleaves = layout.pipeline > 1 and layout.micro_batches % layout.pipeline == 0
    return stages <= layers and even and (layout.interleave == 1 or interleaves)


def _splits_the_sequence(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    """Causal attention is shared out evenly in twice as many pieces as there are ranks (Llama 3, arXiv:2407.21783,
    section 3.3.2)."""
    return layout.context == 1 or workload.training.sequence_length % (2 * layout.context) == 0


def _splits_the_experts(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    experts = workload.architecture.experts
    if layout.expert == 1:
        return True
    ranks = layout.tensor * layout.context * layout.data
    return experts is not None and experts.routed % layout.expert == 0 and ranks % layout.expert == 0


def _shards(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    """Whether there are ranks to shard over; sharded gradients and weights go without pipeline stages."""
    if layout.sharding == "none":
        return True
    sharded = layout.data * layout.context > 1 and (layout.pipeline == 1 or layout.sharding == "optimizer")
    return sharded and (layout.sharding != "hybrid" or layout.devices > machine.devices_per_node)


def _has_what_it_switches(workload: Workload, machine: Machine, layout: Layout) -> bool:  # noqa: ARG001
    """Sequence parallelism is the usual way beside tensor parallelism and has no meaning without; optimizer states
    go to the host only over a link whose rate is known."""
    return (layout.tensor > 1 or layout.sequence_parallel) and (
        not layout.offload or machine.host_link_bytes_per_s is not None
    )


def _feed_forward_widths(a: Architecture) -> list[int]:
    dense = [a.ffn_hidden] if a.expert_layers < a.layers else []
    return [*dense, a.experts.ffn_hidden, a.experts.shared_ffn_hidden] if a.experts else dense


def _powers_of_two(largest: int) -> list[int]:
    return [1 << power for power in range(largest.bit_length())]
