"""The space of layouts as arrays: one row a layout, one column a choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from stellwerk.planner.model import Layout, Machine, Recomputation, Sharding
from stellwerk.workload import Architecture, Training, count_parameters

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Columns = TypeVar("Columns")

SHARDINGS: tuple[Sharding, ...] = ("none", "optimizer", "full")
RECOMPUTATIONS: tuple[Recomputation, ...] = ("none", "selective", "full")

REPLICATED, OPTIMIZER_SHARDED, FULLY_SHARDED = range(len(SHARDINGS))
"""Indices into ``SHARDINGS``."""
_, SELECTIVE_RECOMPUTATION, FULL_RECOMPUTATION = range(len(RECOMPUTATIONS))
"""Indices into ``RECOMPUTATIONS``."""

_MICRO_BATCHES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class LayoutGrid:
    """Many layouts, one array of shape (n,) per choice.

    ``sharding`` and ``recomputation`` hold indices into ``SHARDINGS`` and ``RECOMPUTATIONS``.
    """

    tensor: IntArray
    pipeline: IntArray
    data: IntArray
    sharding: IntArray
    micro_batch: IntArray
    micro_batches: IntArray
    recomputation: IntArray

    def __len__(self) -> int:
        return len(self.tensor)

    @property
    def devices(self) -> IntArray:
        return self.tensor * self.pipeline * self.data

    def row(self, index: int) -> Layout:
        return Layout(
            tensor=int(self.tensor[index]),
            pipeline=int(self.pipeline[index]),
            data=int(self.data[index]),
            sharding=SHARDINGS[self.sharding[index]],
            micro_batch=int(self.micro_batch[index]),
            micro_batches=int(self.micro_batches[index]),
            recomputation=RECOMPUTATIONS[self.recomputation[index]],
        )


def grid_of(layouts: Iterable[Layout]) -> LayoutGrid:
    """A grid that holds the given layouts in their order."""
    rows = list(layouts)

    def column(values: Iterable[int]) -> IntArray:
        return np.fromiter(values, dtype=np.int64, count=len(rows))

    return LayoutGrid(
        tensor=column(row.tensor for row in rows),
        pipeline=column(row.pipeline for row in rows),
        data=column(row.data for row in rows),
        sharding=column(SHARDINGS.index(row.sharding) for row in rows),
        micro_batch=column(row.micro_batch for row in rows),
        micro_batches=column(row.micro_batches for row in rows),
        recomputation=column(RECOMPUTATIONS.index(row.recomputation) for row in rows),
    )


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


def stage_layers(architecture: Architecture, grid: LayoutGrid) -> IntArray:
    """Layers on the fullest pipeline stage."""
    return -(-architecture.layers // grid.pipeline)


def stage_layer_parameters(architecture: Architecture, grid: LayoutGrid) -> FloatArray:
    """Parameters of the layers on the fullest pipeline stage, before tensor parallelism.

    Where only some layers have experts, a stage may hold as many of these as it has room for: the upper end, met
    where the dense layers stand together at the beginning, as DeepSeek's do.
    """
    dense, with_experts = layer_parameters(architecture)
    layers, expert_layers = stage_layers(architecture, grid), architecture.expert_layers
    most = np.minimum(layers, expert_layers) * (with_experts - dense)
    fewest = np.maximum(layers - (architecture.layers - expert_layers), 0) * (with_experts - dense)
    return (layers * dense + np.maximum(most, fewest)).astype(np.float64)


def layer_parameters(architecture: Architecture) -> tuple[float, float]:
    """Parameters of a dense layer and of one with experts, the norm at the end shared out; equal in a dense model."""
    whole = count_parameters(architecture).non_embedding
    if not architecture.expert_layers:
        return whole / architecture.layers, whole / architecture.layers
    dense = count_parameters(replace(architecture, experts=None)).non_embedding
    return dense / architecture.layers, dense / architecture.layers + (whole - dense) / architecture.expert_layers


def enumerate_layouts(
    architecture: Architecture, training: Training, devices_per_node: int, device_counts: Iterable[int]
) -> LayoutGrid:
    """Every layout of the given device counts that the model, the batch and the nodes admit; fewest devices first.

    Tensor parallelism stays inside a node and divides the heads, the key-value heads and the feed-forward widths;
    pipeline stages hold whole layers, the largest stage decides; the global batch divides evenly into data-parallel
    ranks and micro-batches. Full sharding goes without pipeline stages. With several data ranks the optimizer states
    are always sharded: replicating them needs more memory and is never faster. Weights in 4 bits go with data
    parallelism only: the libraries that train beside them offer nothing else.
    """
    counts = np.array(sorted(set(device_counts)), dtype=np.int64)
    # First what must divide evenly; sharding and recomputation, which always may be chosen, only for what is left.
    tensor_sizes, pipeline_sizes = tensor_sizes_of(architecture, devices_per_node), _pipeline_sizes(architecture)
    if training.freezes_in_four_bits:
        tensor_sizes = pipeline_sizes = np.ones(1, dtype=np.int64)
    devices, tensor, pipeline, micro_batch = _product(counts, tensor_sizes, pipeline_sizes, np.asarray(_MICRO_BATCHES))
    data = devices // (tensor * pipeline)
    batch = training.global_batch_sequences
    micro_batches = batch // np.maximum(data * micro_batch, 1)
    divides = (
        (data * tensor * pipeline == devices) & (micro_batches >= 1) & (micro_batches * data * micro_batch == batch)
    )
    even, sharding, recomputation = _product(
        np.flatnonzero(divides), np.arange(len(SHARDINGS)), np.arange(len(RECOMPUTATIONS))
    )
    sensible = ((data[even] > 1) == (sharding != REPLICATED)) & ((pipeline[even] == 1) | (sharding != FULLY_SHARDED))
    chosen = even[sensible]
    return LayoutGrid(
        tensor=tensor[chosen],
        pipeline=pipeline[chosen],
        data=data[chosen],
        sharding=sharding[sensible],
        micro_batch=micro_batch[chosen],
        micro_batches=micro_batches[chosen],
        recomputation=recomputation[sensible],
    )


def usable_device_counts(machine: Machine) -> tuple[int, ...]:
    """Device counts worth trying: parts of a node, then 1, 2, 3, 4, 6, 8, 12, ... nodes and the whole machine."""
    within_node = [n for n in (1, 2, 4, 8, 16) if n < machine.devices_per_node and n <= machine.devices]
    if machine.network_bytes_per_s is None:
        return (*within_node, min(machine.devices_per_node, machine.devices))
    largest = machine.devices // machine.devices_per_node
    return (*within_node, *(nodes * machine.devices_per_node for nodes in _round_numbers(largest)))


def _product(*axes: IntArray) -> list[IntArray]:
    """All combinations of the axes' values, one array per axis."""
    return [axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")]


def tensor_sizes_of(architecture: Architecture, devices_per_node: int) -> IntArray:
    """Over how many devices of a node the layers can be split."""
    sizes = [
        size
        for size in (1, 2, 4, 8)
        if devices_per_node % size == 0
        and architecture.heads % size == 0
        and (architecture.kv_heads % size == 0 or size % architecture.kv_heads == 0)
        and all(width % size == 0 for width in _feed_forward_widths(architecture))
    ]
    return np.asarray(sizes, dtype=np.int64)


def _feed_forward_widths(architecture: Architecture) -> list[int]:
    experts = architecture.experts
    dense = [architecture.ffn_hidden] if architecture.expert_layers < architecture.layers else []
    return [*dense, experts.ffn_hidden, experts.shared_ffn_hidden] if experts else dense


def _pipeline_sizes(architecture: Architecture) -> IntArray:
    """Stage counts that leave no stage more than a quarter emptier than the fullest."""
    sizes = [
        size
        for size in (*range(1, 17), 20, 24, 32, 40, 48, 64)
        if size <= architecture.layers and architecture.layers / (size * -(-architecture.layers // size)) > 0.75
    ]
    return np.asarray(sizes, dtype=np.int64)


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
