"""The space of layouts as arrays: one row a layout, one column a choice."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stellwerk.planner.grid import (
    COLUMNS,
    FULLY_SHARDED,
    GRADIENTS_SHARDED,
    HYBRID_SHARDED,
    OPTIMIZER_SHARDED,
    RECOMPUTATIONS,
    REPLICATED,
    FloatArray,
    IntArray,
    LayoutGrid,
    flattened,
    joined,
)
from stellwerk.planner.model import Machine
from stellwerk.workload import Architecture, Training

MOST_SEQUENCES = 64
"""Of a micro-batch."""
MOST_TENSOR = 16
"""Devices among which a layer is split, where the link joins more: the most among published runs."""
LEAST_CONTEXT = 4096
"""Tokens of a context-parallel rank: the fewest among published runs (calibration/runs.csv)."""
FULLEST_STAGE_SHARE = 0.75
"""How full the mean pipeline stage has to be, of the fullest."""
BLOCK_LAYOUTS = 65_536
"""Layouts that are worked out together: their arrays stay in a processor's cache."""


EVEN_COLUMNS = COLUMNS[: COLUMNS.index("sequence_parallel")]
"""What must divide evenly: the last axis of a block."""
CHOICES = COLUMNS[len(EVEN_COLUMNS) :]


@dataclass(frozen=True, slots=True)
class Nodes:
    """What decides which layouts there are on a machine: how many devices share a node, and a fast link."""

    devices: int
    domain_devices: int


def nodes_of(machine: Machine) -> Nodes:
    """What decides which layouts there are on the machine."""
    return Nodes(machine.devices_per_node, machine.domain_devices or machine.devices_per_node)


def layout_blocks(
    architecture: Architecture,
    training: Training,
    nodes: Nodes,
    device_counts: Iterable[int],
    sequence_parallel: tuple[int, ...] = (1, 0),
) -> Iterator[LayoutGrid]:
    """Every layout of the given device counts that the model, the batch and the nodes admit, each once, in blocks that
    fit a processor's cache (docs/formulas/layouts.md lists the rules).

    A block has the shape (recomputations, shardings, offloads, sequence parallelism, n): its last axis holds what must
    divide evenly, fewest devices first, the others choices that go with each. ``sequence_parallel`` says whether
    layouts with it (1), without it (0) or both are wanted; without tensor parallelism there is no difference, and only
    the former are listed.
    """
    even = _even_layouts(architecture, training, nodes, sorted(set(device_counts)))
    for shardings, shared in _shardings_of(even, nodes):
        for chosen, choices in _sequence_parallelism_of(even, sequence_parallel):
            rows = np.flatnonzero(shared & chosen)
            largest = max(1, BLOCK_LAYOUTS // (len(RECOMPUTATIONS) * len(shardings) * 2 * len(choices)))
            for start in range(0, len(rows), largest):
                yield _block([column[rows[start : start + largest]] for column in even], shardings, choices)


def enumerate_layouts(
    architecture: Architecture, training: Training, nodes: Nodes, device_counts: Iterable[int]
) -> LayoutGrid:
    """The layouts of ``layout_blocks`` one after the other; arrays of shape (n,)."""
    return joined([flattened(block) for block in layout_blocks(architecture, training, nodes, device_counts)])


def columns_and_choices(blocks: Sequence[LayoutGrid]) -> tuple[FloatArray, FloatArray, IntArray]:
    """What divides evenly in each column (place of the last axis) of the blocks, shape (8, n); the choices that go with
    each column of a block, shape (5, k); both one block after the other. Last, the block of each column, shape (n,)."""
    divided = [np.array([getattr(block, name).ravel() for name in EVEN_COLUMNS]) for block in blocks]
    choices = [
        np.array([np.broadcast_to(getattr(block, name), (*block.shape[:-1], 1)).ravel() for name in CHOICES])
        for block in blocks
    ]
    return (
        np.concatenate([np.zeros((len(EVEN_COLUMNS), 0)), *divided], axis=1),
        np.concatenate([np.zeros((len(CHOICES), 0)), *choices], axis=1),
        np.repeat(np.arange(len(blocks)), [block.shape[-1] for block in blocks]),
    )


def _even_layouts(
    architecture: Architecture, training: Training, nodes: Nodes, counts: Sequence[int]
) -> list[FloatArray]:
    """What divides evenly: tensor, pipeline, context, data, expert, interleave, micro-batch and micro-batches."""
    a, batch = architecture, training.global_batch_sequences
    four_bit = training.freezes_in_four_bits
    count, tensor, pipeline, context = _combined(
        np.array(counts, dtype=np.int64),
        np.ones(1, dtype=np.int64) if four_bit else tensor_sizes_of(a, nodes.domain_devices),
        np.array([1] if four_bit else pipeline_sizes_of(a.layers)),
        np.array([1] if four_bit else context_sizes_of(training.sequence_length)),
    )
    data, rest = np.divmod(count, tensor * pipeline * context)
    even = np.flatnonzero((rest == 0) & (data > 0) & (batch % np.maximum(data, 1) == 0))
    meshes = [column[even] for column in (tensor, pipeline, context, data)]
    sizes = np.array([size for size in divisors(batch) if size <= MOST_SEQUENCES])
    sized = _with_each(meshes, sizes, batch // meshes[3][:, None] % sizes == 0)
    tensor, pipeline, context, data, micro_batch = sized
    micro_batches = batch // (data * micro_batch)
    pieces = np.arange(1, a.layers // 2 + 2)
    cut = -(-a.layers // pipeline)[:, None] % pieces == 0
    cut &= ((pipeline > 1) & (micro_batches % pipeline == 0))[:, None]
    cut[:, 0] = True
    columns = _with_each([*sized, micro_batches], pieces, cut)
    experts = np.array(divisors(a.experts.routed if a.experts else 1))
    stage_devices = columns[0] * columns[2] * columns[3]
    columns = _with_each(columns, experts, stage_devices[:, None] % experts == 0)
    tensor, pipeline, context, data, micro_batch, micro_batches, piece, expert = columns
    ordered = (tensor, pipeline, context, data, expert, piece, micro_batch, micro_batches)
    return [column.astype(np.float64) for column in ordered]


def _combined(*choices: IntArray) -> list[IntArray]:
    """Every combination of them, as columns of shape (n,)."""
    return [column.ravel() for column in np.meshgrid(*choices, indexing="ij")]


def _with_each(columns: list[IntArray], values: IntArray, admitted: npt.NDArray[np.bool_]) -> list[IntArray]:
    """Every row of the columns, shape (n,), with each value that ``admitted``, shape (n, values), has for it."""
    rows, places = np.nonzero(admitted)
    return [*(column[rows] for column in columns), values[places]]


def _shardings_of(even: list[FloatArray], nodes: Nodes) -> Iterator[tuple[tuple[int, ...], npt.NDArray[np.bool_]]]:
    tensor, pipeline, context, data = even[:4]
    several, unsplit = data * context > 1, pipeline == 1
    inside = np.floor(nodes.devices / tensor)
    across = (inside > 1) & (data * context > inside)
    yield (REPLICATED,), ~several
    for whole, middle in ((unsplit, (GRADIENTS_SHARDED,)), (~unsplit, ())):
        yield (OPTIMIZER_SHARDED, *middle, FULLY_SHARDED), several & whole & ~across
        yield (OPTIMIZER_SHARDED, *middle, FULLY_SHARDED, HYBRID_SHARDED), several & whole & across


def _sequence_parallelism_of(
    even: list[FloatArray], wanted: tuple[int, ...]
) -> Iterator[tuple[npt.NDArray[np.bool_], tuple[int, ...]]]:
    split = even[0] > 1
    if wanted == (1,):
        yield np.ones_like(split), (1,)
        return
    yield split, wanted
    if 1 in wanted:
        yield ~split, (1,)


def _block(even: list[FloatArray], shardings: tuple[int, ...], sequence_parallel: tuple[int, ...]) -> LayoutGrid:
    def along(axis: int, values: Iterable[float]) -> FloatArray:
        shape = [1, 1, 1, 1, 1]
        shape[axis] = -1
        return np.array(list(values), dtype=np.float64).reshape(shape)

    tensor, pipeline, context, data, expert, interleave, micro_batch, micro_batches = (
        column[None, None, None, None] for column in even
    )
    return LayoutGrid(
        tensor=tensor,
        pipeline=pipeline,
        context=context,
        data=data,
        expert=expert,
        interleave=interleave,
        micro_batch=micro_batch,
        micro_batches=micro_batches,
        sequence_parallel=along(3, sequence_parallel),
        sharding=along(1, shardings),
        recomputation=along(0, range(len(RECOMPUTATIONS))),
        offload=along(2, (0, 1)),
        balanced=along(4, (0,)),
    )


def usable_device_counts(machine: Machine) -> tuple[int, ...]:
    """Device counts worth trying: parts of a node, then 1, 2, 3, 4, 6, 8, 12, ... nodes and the whole machine."""
    within_node = [n for n in (1, 2, 4, 8, 16) if n < machine.devices_per_node and n <= machine.devices]
    if machine.network_bytes_per_s is None:
        return (*within_node, min(machine.devices_per_node, machine.devices))
    largest = machine.devices // machine.devices_per_node
    return (*within_node, *(nodes * machine.devices_per_node for nodes in _round_numbers(largest)))


def tensor_sizes_of(architecture: Architecture, devices: int) -> IntArray:
    """Over how many of the ``devices`` that share a link the layers can be split: groups that fill the link's domain,
    and divide the heads, the key-value heads (or are divided by them) and the feed-forward widths."""
    return np.array(
        [
            size
            for size in range(1, min(devices, MOST_TENSOR) + 1)
            if devices % size == 0
            and architecture.heads % size == 0
            and (architecture.kv_heads % size == 0 or size % architecture.kv_heads == 0)
            and all(width % size == 0 for width in _feed_forward_widths(architecture))
        ],
        dtype=np.int64,
    )


def pipeline_sizes_of(layers: int) -> list[int]:
    """Stage counts that keep the mean stage more than ``FULLEST_STAGE_SHARE`` as full as the fullest."""
    return [size for size in range(1, layers + 1) if layers / (size * -(-layers // size)) > FULLEST_STAGE_SHARE]


def context_sizes_of(sequence_length: int) -> list[int]:
    """Causal attention is shared out evenly in twice as many pieces as there are ranks (Llama 3, arXiv:2407.21783,
    section 3.3.2); no rank has fewer than ``LEAST_CONTEXT`` tokens."""
    largest = sequence_length // LEAST_CONTEXT
    return [1, *(size for size in range(2, largest + 1) if sequence_length % (2 * size) == 0)]


def divisors(number: int) -> list[int]:
    """Of a whole number above 0, smallest first."""
    small = [size for size in range(1, math.isqrt(number) + 1) if number % size == 0]
    return [*small, *(number // size for size in reversed(small) if size * size != number)]


def pieces_of_stage(layers: int, pipeline: int) -> list[int]:
    """Into how many pieces the layers of the fullest stage can be cut evenly."""
    return divisors(-(-layers // pipeline)) if pipeline > 1 else [1]


def _feed_forward_widths(architecture: Architecture) -> list[int]:
    experts = architecture.experts
    dense = [architecture.ffn_hidden] if architecture.expert_layers < architecture.layers else []
    return [*dense, experts.ffn_hidden, experts.shared_ffn_hidden] if experts else dense


@functools.cache
def _round_numbers(largest: int) -> tuple[int, ...]:
    """1, 2, 3, 4, 6, 8, 12, 16, ... up to and including ``largest``: powers of two and one and a half times them."""
    numbers = {largest} if largest > 0 else set()
    power = 1
    while power <= largest:
        numbers.add(power)
        if power > 1 and power * 3 // 2 <= largest:
            numbers.add(power * 3 // 2)
        power *= 2
    return tuple(sorted(numbers))
