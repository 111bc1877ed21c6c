from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.planner import Layout, Machine, Nodes, nodes_of, usable_device_counts
from stellwerk.planner.grid import RECOMPUTATIONS, SHARDINGS, LayoutGrid, flattened, grid_of, values_at
from stellwerk.planner.layouts import BLOCK_LAYOUTS, divisors, enumerate_layouts, layout_blocks
from stellwerk.planner.neighbours import neighbours
from stellwerk.workload import Architecture, Experts, Training, Workload

LEAST_TOKENS = 4096


def small_training(batch: int = 24, sequence_length: int = 128) -> Training:
    return Training(tokens=10**9, sequence_length=sequence_length, global_batch_sequences=batch, precision="bf16")


def small_model(layers: int = 6, heads: int = 12, kv_heads: int | None = None, experts: int = 0) -> Architecture:
    return Architecture(
        layers=layers,
        hidden=64 * heads,
        heads=heads,
        kv_heads=kv_heads or heads,
        head_dim=64,
        ffn_hidden=768,
        vocab=1000,
        experts=Experts(routed=experts, per_token=2, ffn_hidden=96, dense_layers=1) if experts else None,
    )


def rows_of(grid: LayoutGrid) -> list[Layout]:
    return [grid.row(index) for index in range(len(grid))]


@settings(max_examples=30)
@given(
    layers=st.integers(2, 96),
    heads=st.sampled_from([1, 6, 12, 32, 40, 128]),
    batch=st.integers(1, 4096),
    experts=st.sampled_from([0, 6, 64]),
    sequence_length=st.sampled_from([128, 12_288, 32_768]),
    counts=st.lists(st.integers(1, 600), min_size=1, max_size=4),
)
def test_every_layout_divides_evenly_and_comes_once(
    layers: int, heads: int, batch: int, experts: int, sequence_length: int, counts: list[int]
) -> None:
    architecture = small_model(layers, heads, experts=experts)
    grid = enumerate_layouts(architecture, small_training(batch, sequence_length), Nodes(8, 16), counts)
    assert np.isin(grid.devices, counts).all()
    assert (grid.data * grid.micro_batch * grid.micro_batches == batch).all()
    assert (grid.micro_batch <= 64).all()
    assert (heads % grid.tensor == 0).all()
    assert (16 % grid.tensor == 0).all()
    assert (grid.pipeline * grid.interleave <= layers + grid.pipeline).all()
    assert (-(-layers // grid.pipeline) % grid.interleave == 0).all()
    assert ((grid.interleave == 1) | ((grid.pipeline > 1) & (grid.micro_batches % grid.pipeline == 0))).all()
    split = grid.context > 1
    assert (sequence_length % (2 * grid.context[split]) == 0).all()
    assert (sequence_length / grid.context[split] >= LEAST_TOKENS).all()
    assert (max(experts, 1) % grid.expert == 0).all()
    assert (grid.tensor * grid.context * grid.data % grid.expert == 0).all()
    assert ((grid.sharding == 0) == (grid.ranks == 1)).all()
    assert ((grid.sharding != SHARDINGS.index("gradients")) | (grid.pipeline == 1)).all()
    hybrid = grid.sharding == SHARDINGS.index("hybrid")
    assert (grid.ranks[hybrid] > 8 // grid.tensor[hybrid]).all()
    assert ((grid.sequence_parallel == 1) | (grid.tensor > 1)).all()
    columns = values_at(grid, np.arange(len(grid)))
    assert len(np.unique(columns, axis=1).T) == len(grid)


def every_choice(architecture: Architecture, training: Training, nodes: Nodes, devices: int) -> Iterator[Layout]:
    """What the rules of docs/formulas/layouts.md admit, one choice after the other."""
    batch, layers = training.global_batch_sequences, architecture.layers
    experts = architecture.experts.routed if architecture.experts else 1
    some = divisors(devices)
    for tensor, pipeline, context, micro_batch in itertools.product(some, some, some, divisors(batch)):
        ranks, rest = divmod(devices, tensor * pipeline)
        stage = -(-layers // pipeline)
        inside = nodes.devices // tensor
        if rest or ranks % context or batch % (ranks // context * micro_batch) or micro_batch > 64:
            continue
        if architecture.heads % tensor or nodes.domain_devices % tensor or tensor > 16:
            continue
        if pipeline > layers or layers / (pipeline * stage) <= 0.75:
            continue
        if context > 1 and (training.sequence_length % (2 * context) or training.sequence_length < 4096 * context):
            continue
        micro_batches = batch // (ranks // context * micro_batch)
        several: tuple[str, ...] = ("optimizer", "gradients", "full") if pipeline == 1 else ("optimizer", "full")
        shardings = (*several, "hybrid") if 1 < inside < ranks else several
        pieces = divisors(stage) if pipeline > 1 and micro_batches % pipeline == 0 else [1]
        for expert, interleave, sharding, recomputation, offload, sequence_parallel in itertools.product(
            [size for size in divisors(experts) if tensor * ranks % size == 0],
            pieces,
            shardings if ranks > 1 else ("none",),
            RECOMPUTATIONS,
            (False, True),
            (False, True) if tensor > 1 else (True,),
        ):
            yield Layout(
                tensor, pipeline, ranks // context, sharding, micro_batch, micro_batches, recomputation,  # type: ignore[arg-type]
                context, expert, interleave, sequence_parallel, offload,
            )  # fmt: skip


@pytest.mark.parametrize("devices", [1, 6, 12, 24, pytest.param(48, marks=pytest.mark.slow)])
@pytest.mark.parametrize("experts", [0, 12])
@pytest.mark.parametrize("sequence_length", [128, 16_384])
def test_the_space_holds_all_that_the_rules_admit(devices: int, experts: int, sequence_length: int) -> None:
    architecture, nodes = small_model(experts=experts), Nodes(4, 12)
    training = small_training(sequence_length=sequence_length)
    listed = rows_of(enumerate_layouts(architecture, training, nodes, [devices]))
    assert set(listed) == set(every_choice(architecture, training, nodes, devices))


@pytest.mark.parametrize("counts", [(1, 4, 24), pytest.param((1, 4, 24, 256), marks=pytest.mark.slow)])
def test_numbers_of_devices_do_not_change_each_others_layouts(
    counts: tuple[int, ...], machine: Machine, workload: Workload
) -> None:
    nodes = nodes_of(machine)
    together = enumerate_layouts(workload.architecture, workload.training, nodes, counts)
    alone = [enumerate_layouts(workload.architecture, workload.training, nodes, [count]) for count in counts]
    assert len(together) == sum(len(grid) for grid in alone)
    assert set(rows_of(together)) == {row for grid in alone for row in rows_of(grid)}


def test_blocks_stay_small_and_hold_the_fewest_devices_first(machine: Machine, workload: Workload) -> None:
    counts = usable_device_counts(machine)
    blocks = list(layout_blocks(workload.architecture, workload.training, nodes_of(machine), counts))
    assert max(len(block) for block in blocks) <= BLOCK_LAYOUTS
    assert all((np.diff(block.devices.ravel()) >= 0).all() for block in blocks)


def test_a_block_is_as_its_layouts_one_by_one(machine: Machine, workload: Workload) -> None:
    for block in layout_blocks(workload.architecture, workload.training, nodes_of(machine), [8]):
        rows, flat = rows_of(block), flattened(block)
        assert rows == rows_of(flat)
        assert rows == rows_of(grid_of(rows))


def test_without_sequence_parallelism_there_are_only_layouts_that_split_tensors(
    machine: Machine, workload: Workload
) -> None:
    of, nodes = (workload.architecture, workload.training), nodes_of(machine)
    both = {row for block in layout_blocks(*of, nodes, [8]) for row in rows_of(block)}
    with_it = {row for block in layout_blocks(*of, nodes, [8], sequence_parallel=(1,)) for row in rows_of(block)}
    without = {row for block in layout_blocks(*of, nodes, [8], sequence_parallel=(0,)) for row in rows_of(block)}
    assert with_it | without == both
    assert without == {replace(row, sequence_parallel=False) for row in with_it if row.tensor > 1}


def test_weights_in_four_bits_go_with_data_parallelism_only(machine: Machine, workload: Workload) -> None:
    training = replace(workload.training, method="qlora", lora_rank=16)
    grid = enumerate_layouts(workload.architecture, training, nodes_of(machine), [1, 8])
    assert len(grid)
    assert (grid.tensor * grid.pipeline * grid.context == 1).all()


def test_the_neighbours_of_a_layout_are_in_the_space(machine: Machine, workload: Workload) -> None:
    """But for replicated states beside several data ranks, which the space leaves out."""
    grid = enumerate_layouts(workload.architecture, workload.training, nodes_of(machine), [64])
    space = set(rows_of(grid))
    for layout in rows_of(grid)[::97]:
        every = [one for _, one in neighbours(workload, machine, layout)]
        found = [one for one in every if one.sharding != "none" or one.data * one.context == 1]
        assert found
        assert set(found) <= space


def test_rows_come_back_as_they_went_in() -> None:
    layouts = [
        Layout(1, 1, 1, "none", 1, 8, "none"),
        Layout(8, 4, 16, "optimizer", 2, 64, "selective", context=2, expert=8, interleave=3),
        Layout(1, 1, 256, "full", 4, 1, "full", sequence_parallel=False, offload=True),
    ]
    grid = grid_of(layouts)
    assert [grid.row(index) for index in range(len(grid))] == layouts


@given(st.integers(1, 10_000))
def test_divisors_divide_and_none_is_missing(number: int) -> None:
    assert divisors(number) == [size for size in range(1, number + 1) if number % size == 0]


def test_an_unknown_network_keeps_every_layout_inside_one_node(machine: Machine) -> None:
    counts = usable_device_counts(replace(machine, network_bytes_per_s=None))
    assert max(counts) == machine.devices_per_node


def test_the_whole_machine_is_among_the_device_counts(machine: Machine) -> None:
    assert max(usable_device_counts(machine)) == machine.devices
