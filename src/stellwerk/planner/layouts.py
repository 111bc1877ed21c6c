"""The space of layouts as arrays: one row a layout, one column a choice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from stellwerk.planner.model import Layout, Machine, Recomputation, Sharding
from stellwerk.planner.shape import Shape
from stellwerk.workload import Architecture, Training

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Columns = TypeVar("Columns")

SHARDINGS: tuple[Sharding, ...] = ("none", "optimizer", "gradients", "full", "hybrid")
RECOMPUTATIONS: tuple[Recomputation, ...] = ("none", "selective", "full")

REPLICATED, OPTIMIZER_SHARDED, GRADIENTS_SHARDED, FULLY_SHARDED, HYBRID_SHARDED = range(len(SHARDINGS))
"""Indices into ``SHARDINGS``."""
NO_RECOMPUTATION, SELECTIVE_RECOMPUTATION, FULL_RECOMPUTATION = range(len(RECOMPUTATIONS))
"""Indices into ``RECOMPUTATIONS``."""


MICRO_BATCHES = (1, 2, 4, 8, 16, 32)
LEAST_CONTEXT = 4096
"""Tokens of a context-parallel rank: shorter pieces are not worth their exchange."""
BLOCK_LAYOUTS = 16_384
"""Layouts that are worked out together: their arrays stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class LayoutGrid:
    """Many layouts, one array per choice; the arrays broadcast to ``shape``.

    All hold whole numbers as floats, which is what the formulas calculate with. ``sharding`` and ``recomputation`` are
    indices into ``SHARDINGS`` and ``RECOMPUTATIONS``, ``sequence_parallel`` and ``offload`` 0 or 1.
    """

    tensor: FloatArray
    pipeline: FloatArray
    context: FloatArray
    data: FloatArray
    expert: FloatArray
    interleave: FloatArray
    micro_batch: FloatArray
    micro_batches: FloatArray
    sequence_parallel: FloatArray
    sharding: FloatArray
    recomputation: FloatArray
    offload: FloatArray

    @property
    def shape(self) -> tuple[int, ...]:
        return np.broadcast_shapes(*(getattr(self, name).shape for name in self.__slots__))

    def __len__(self) -> int:
        return int(np.prod(self.shape))

    @property
    def devices(self) -> IntArray:
        return (self.tensor * self.pipeline * self.context * self.data).astype(np.int64)

    @property
    def ranks(self) -> FloatArray:
        """Which hold the same weights."""
        return self.data * self.context

    @property
    def expert_shards(self) -> FloatArray:
        """Over how many ranks of a stage the routed experts are spread: expert-parallel ones, or the tensor-parallel
        ones where there are none."""
        return np.where(self.expert > 1, self.expert, self.tensor)

    def row(self, index: int) -> Layout:
        """One layout by its place, counted in C order over ``shape``."""
        place = np.unravel_index(index, self.shape)

        def at(column: FloatArray) -> int:
            return int(np.broadcast_to(column, self.shape)[place])

        return Layout(
            tensor=at(self.tensor),
            pipeline=at(self.pipeline),
            data=at(self.data),
            sharding=SHARDINGS[at(self.sharding)],
            micro_batch=at(self.micro_batch),
            micro_batches=at(self.micro_batches),
            recomputation=RECOMPUTATIONS[at(self.recomputation)],
            context=at(self.context),
            expert=at(self.expert),
            interleave=at(self.interleave),
            sequence_parallel=bool(at(self.sequence_parallel)),
            offload=bool(at(self.offload)),
        )


def grid_of(layouts: Iterable[Layout]) -> LayoutGrid:
    """A grid that holds the given layouts in their order."""
    rows = list(layouts)

    def column(values: Iterable[float]) -> FloatArray:
        return np.fromiter(values, dtype=np.float64, count=len(rows))

    return LayoutGrid(
        tensor=column(row.tensor for row in rows),
        pipeline=column(row.pipeline for row in rows),
        context=column(row.context for row in rows),
        data=column(row.data for row in rows),
        expert=column(row.expert for row in rows),
        interleave=column(row.interleave for row in rows),
        micro_batch=column(row.micro_batch for row in rows),
        micro_batches=column(row.micro_batches for row in rows),
        sequence_parallel=column(row.sequence_parallel for row in rows),
        sharding=column(SHARDINGS.index(row.sharding) for row in rows),
        recomputation=column(RECOMPUTATIONS.index(row.recomputation) for row in rows),
        offload=column(row.offload for row in rows),
    )


def stage_layers(shape: Shape, grid: LayoutGrid) -> FloatArray:
    """Layers on the fullest pipeline stage; where they cannot be spread evenly, the first stages take one more."""
    layers: FloatArray = np.ceil(shape.layers / grid.pipeline)
    return layers


def last_stage_layers(shape: Shape, grid: LayoutGrid) -> FloatArray:
    """Layers on the last stage, which works out the logits besides."""
    layers: FloatArray = np.floor(shape.layers / grid.pipeline)
    return layers


def take_rows(columns: Columns, chosen: npt.NDArray[np.bool_] | IntArray | slice) -> Columns:
    """The rows of a dataclass of columns for which a mask (shape (n,)) is true, or those at the given places.

    It has slots; its fields are arrays of shape (n,), dataclasses like it, and values that hold for all rows.
    """
    names: tuple[str, ...] = columns.__slots__  # type: ignore[attr-defined]
    return type(columns)(*[_taken(getattr(columns, name), chosen) for name in names])


def _taken(column: Any, chosen: npt.NDArray[np.bool_] | IntArray | slice) -> Any:
    if isinstance(column, np.ndarray):
        return column[chosen]
    return take_rows(column, chosen) if is_dataclass(column) else column


@dataclass(frozen=True, slots=True)
class Nodes:
    """What decides which layouts there are on a machine: how many devices share a node, and a fast link."""

    devices: int
    domain_devices: int


def layout_blocks(
    architecture: Architecture, training: Training, nodes: Nodes, device_counts: Iterable[int]
) -> Iterator[LayoutGrid]:
    """Every layout of the given device counts that the model, the batch and the nodes admit, in blocks that fit a
    processor's cache.

    A block has the shape (recomputations, shardings, offloads, n): its last axis holds what must divide evenly, the
    others choices that go with each. Tensor parallelism stays inside the domain of the link and divides the heads, the
    key-value heads and the feed-forward widths; pipeline stages hold whole layers and their pieces are equally large;
    a context-parallel rank has at least ``LEAST_CONTEXT`` tokens; the global batch divides evenly into ranks and
    micro-batches. Weights and gradients are sharded without pipeline stages only. With several ranks the optimizer
    states are always sharded: replicating them needs more memory and is never faster. Weights in 4 bits go with data
    parallelism only: the libraries that train beside them offer nothing else.
    """
    for count in sorted(set(device_counts)):
        even = _even_layouts(architecture, training, nodes, count)
        for shardings, chosen in _shardings_of(even, nodes):
            if not shardings or not chosen.any():
                continue
            columns = [column[chosen] for column in even]
            largest = max(1, BLOCK_LAYOUTS // (len(RECOMPUTATIONS) * len(shardings) * 2))
            for start in range(0, len(columns[0]), largest):
                yield _block([column[start : start + largest] for column in columns], shardings)


def enumerate_layouts(
    architecture: Architecture, training: Training, nodes: Nodes, device_counts: Iterable[int]
) -> LayoutGrid:
    """The layouts of ``layout_blocks`` one after the other, fewest devices first; arrays of shape (n,)."""
    return joined([flattened(block) for block in layout_blocks(architecture, training, nodes, device_counts)])


def joined(grids: Sequence[LayoutGrid]) -> LayoutGrid:
    """Grids of shape (n,) one after the other."""
    if not grids:
        return grid_of(())
    return LayoutGrid(*(np.concatenate([getattr(one, name) for one in grids]) for name in LayoutGrid.__slots__))


def flattened(grid: LayoutGrid) -> LayoutGrid:
    """The same layouts as arrays of shape (n,)."""
    return LayoutGrid(*(np.broadcast_to(getattr(grid, name), grid.shape).ravel() for name in LayoutGrid.__slots__))


def chosen_layouts(grid: LayoutGrid, mask: npt.NDArray[np.bool_]) -> LayoutGrid:
    """Those for which ``mask``, of the grid's shape, is true; arrays of shape (n,)."""
    places = np.nonzero(mask)
    return LayoutGrid(*(_at(getattr(grid, name), places) for name in LayoutGrid.__slots__))


def _at(column: FloatArray, places: tuple[IntArray, ...]) -> FloatArray:
    chosen: FloatArray = column[
        tuple(place if size > 1 else 0 for place, size in zip(places, column.shape, strict=True))
    ]
    return np.broadcast_to(chosen, places[0].shape)


def total(parts: Mapping[str, FloatArray]) -> FloatArray:
    """The sum of all parts."""
    first, *others = parts.values()
    whole = first.copy()
    for one in others:
        whole += one
    return whole


def _even_layouts(architecture: Architecture, training: Training, nodes: Nodes, count: int) -> list[FloatArray]:
    """What divides evenly: tensor, pipeline, context, data, expert, interleave, micro-batch and micro-batches."""
    a = architecture
    four_bit = training.freezes_in_four_bits
    rows = []
    for tensor in [1] if four_bit else tensor_sizes_of(a, nodes.domain_devices).tolist():
        for pipeline in [1] if four_bit else _pipeline_sizes(a):
            for context in [1] if four_bit else _context_sizes(training.sequence_length):
                data, rest = divmod(count, tensor * pipeline * context)
                if rest or training.global_batch_sequences % data:
                    continue
                experts = _expert_sizes(a, tensor * context * data)
                pieces = pieces_of_stage(a.layers, pipeline)
                rows += [
                    (tensor, pipeline, context, data, expert, piece, size, batches)
                    for size in MICRO_BATCHES
                    if (batches := training.global_batch_sequences // data // size)
                    and batches * size * data == training.global_batch_sequences
                    for piece in pieces
                    if piece == 1 or batches % pipeline == 0
                    for expert in experts
                ]
    return list(np.array(rows, dtype=np.float64).reshape(-1, 8).T.copy())


def _shardings_of(even: list[FloatArray], nodes: Nodes) -> Iterator[tuple[tuple[int, ...], npt.NDArray[np.bool_]]]:
    tensor, pipeline, context, data = even[:4]
    several, unsplit = data * context > 1, pipeline == 1
    yield (REPLICATED,), ~several
    yield (OPTIMIZER_SHARDED,), several & ~unsplit
    yield (OPTIMIZER_SHARDED, GRADIENTS_SHARDED, FULLY_SHARDED), several & unsplit
    inside = np.floor(nodes.devices / tensor)
    yield (HYBRID_SHARDED,), unsplit & (inside > 1) & (data * context > inside)


def _block(even: list[FloatArray], shardings: tuple[int, ...]) -> LayoutGrid:
    def along(axis: int, values: Iterable[float]) -> FloatArray:
        shape = [1, 1, 1, 1]
        shape[axis] = -1
        return np.array(list(values), dtype=np.float64).reshape(shape)

    tensor, pipeline, context, data, expert, interleave, micro_batch, micro_batches = (
        column[None, None, None] for column in even
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
        sequence_parallel=np.ones((1, 1, 1, 1)),
        sharding=along(1, shardings),
        recomputation=along(0, range(len(RECOMPUTATIONS))),
        offload=along(2, (0, 1)),
    )


def usable_device_counts(machine: Machine) -> tuple[int, ...]:
    """Device counts worth trying: parts of a node, then 1, 2, 3, 4, 6, 8, 12, ... nodes and the whole machine."""
    within_node = [n for n in (1, 2, 4, 8, 16) if n < machine.devices_per_node and n <= machine.devices]
    if machine.network_bytes_per_s is None:
        return (*within_node, min(machine.devices_per_node, machine.devices))
    largest = machine.devices // machine.devices_per_node
    return (*within_node, *(nodes * machine.devices_per_node for nodes in _round_numbers(largest)))


def tensor_sizes_of(architecture: Architecture, devices: int) -> IntArray:
    """Over how many of the devices that share a link the layers can be split."""
    sizes = [
        size
        for size in (1, 2, 4, 8)
        if devices % size == 0
        and architecture.heads % size == 0
        and (architecture.kv_heads % size == 0 or size % architecture.kv_heads == 0)
        and all(width % size == 0 for width in _feed_forward_widths(architecture))
    ]
    return np.asarray(sizes, dtype=np.int64)


def _feed_forward_widths(architecture: Architecture) -> list[int]:
    experts = architecture.experts
    dense = [architecture.ffn_hidden] if architecture.expert_layers < architecture.layers else []
    return [*dense, experts.ffn_hidden, experts.shared_ffn_hidden] if experts else dense


def _pipeline_sizes(architecture: Architecture) -> list[int]:
    """Stage counts that leave no stage more than a quarter emptier than the fullest."""
    return [
        size
        for size in (*range(1, 17), 20, 24, 32, 40, 48, 64)
        if size <= architecture.layers and architecture.layers / (size * -(-architecture.layers // size)) > 0.75
    ]


def _context_sizes(sequence_length: int) -> list[int]:
    return [1, *(size for size in (2, 4, 8, 16, 32, 64) if sequence_length // size >= LEAST_CONTEXT)]


def _expert_sizes(architecture: Architecture, stage_devices: int) -> list[int]:
    """Powers of two that share the routed experts out evenly over devices of one stage."""
    routed = architecture.experts.routed if architecture.experts else 1
    sizes = [2**power for power in range(routed.bit_length()) if routed % 2**power == 0]
    return [size for size in sizes if stage_devices % size == 0]


def pieces_of_stage(layers: int, pipeline: int) -> list[int]:
    """Into how many pieces the layers of a stage can be cut evenly; no stage more than one piece emptier."""
    if pipeline == 1:
        return [1]
    of_stage = -(-layers // pipeline)
    return [1, *(piece for piece in range(2, of_stage + 1) if of_stage % piece == 0)]


def _round_numbers(largest: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, 16, ... up to and including ``largest``: powers of two and one and a half times them."""
    numbers = {largest} if largest > 0 else set()
    power = 1
    while power <= largest:
        numbers.add(power)
        if power > 1 and power * 3 // 2 <= largest:
            numbers.add(power * 3 // 2)
        power *= 2
    return sorted(numbers)
