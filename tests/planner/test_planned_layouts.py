"""What holds of any layout of any model on any machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stellwerk.planner import MEMORY_PARTS, STEP_PARTS, Layout, Machine, Nodes, packaged_constants, plan_layout, search
from stellwerk.planner.constants import Rates, rates_of
from stellwerk.planner.estimate import software_for
from stellwerk.planner.evaluation.cases import stacked
from stellwerk.planner.grid import RECOMPUTATIONS, SHARDINGS, LayoutGrid, grid_of, total
from stellwerk.planner.layouts import enumerate_layouts, layout_blocks, nodes_of
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.search import USABLE_MEMORY_SHARE, kept_by_definition
from stellwerk.planner.shape import Shape, shape_of
from stellwerk.planner.step import step_parts
from stellwerk.workload import Architecture, Experts, LatentAttention, Training, Workload
from tests.planner import examples

RATES = (
    "matmul_flops",
    "memory_bandwidth_bytes_per_s",
    "link_bytes_per_s",
    "network_bytes_per_s",
    "host_link_bytes_per_s",
    "fp8_flops",
    "fp4_flops",
)
SEQUENCES = st.sampled_from([512, 4096, 32768])


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Dense or with experts, with grouped queries or latent attention."""
    layers, heads = draw(st.integers(1, 100)), draw(st.sampled_from([4, 16, 48]))
    experts = latent = None
    if draw(st.booleans()):
        dense_layers = draw(st.integers(0, min(3, layers - 1)))
        experts = Experts(
            routed=draw(st.sampled_from([8, 64])), per_token=2, ffn_hidden=512,
            shared_ffn_hidden=draw(st.sampled_from([0, 512])), dense_layers=dense_layers,
        )  # fmt: skip
    if draw(st.booleans()):
        latent = LatentAttention(key_value_rank=512, rope_head_dim=64, value_head_dim=64, query_rank=1024)
    return Architecture(
        layers=layers, hidden=128 * heads, heads=heads, kv_heads=heads if latent else draw(st.sampled_from([1, heads])),
        head_dim=draw(st.sampled_from([64, 128])), ffn_hidden=512 * heads, vocab=draw(st.sampled_from([256, 128_256])),
        gated_mlp=draw(st.booleans()), experts=experts, latent_attention=latent,
        tied_embeddings=draw(st.booleans()),
    )  # fmt: skip


@st.composite
def trainings(draw: st.DrawFn, batch: int) -> Training:
    return Training(
        tokens=10**9,
        sequence_length=draw(SEQUENCES),
        global_batch_sequences=batch,
        precision=draw(st.sampled_from(["bf16", "fp16", "fp8", "mxfp8", "nvfp4"])),
        method=draw(st.sampled_from(["pretraining", "full", "lora", "qlora"])),
        optimizer=draw(st.sampled_from(["adamw", "adamw_bf16", "adamw_8bit", "muon"])),
    )


def layouts(architecture: Architecture) -> st.SearchStrategy[Layout]:
    """Not all of them sensible: formulas have to hold for whatever a table of runs says."""
    powers = st.sampled_from([1, 2, 4, 8])
    return st.builds(
        Layout,
        tensor=powers,
        pipeline=st.sampled_from([one for one in (1, 2, 3, 8) if one <= architecture.layers]),
        data=st.sampled_from([1, 2, 4, 64]),
        sharding=st.sampled_from(SHARDINGS),
        micro_batch=powers,
        micro_batches=st.sampled_from([1, 2, 8, 24]),
        recomputation=st.sampled_from(RECOMPUTATIONS),
        context=st.sampled_from([1, 2, 4]),
        expert=st.sampled_from([1, 2, 8]) if architecture.experts else st.just(1),
        interleave=st.sampled_from([1, 2, 4]),
        sequence_parallel=st.booleans(),
        offload=st.booleans(),
    ).filter(lambda layout: layout.tensor * layout.context * layout.data % layout.expert == 0)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Workload, Layout]:
    architecture = draw(architectures())
    layout = draw(layouts(architecture))
    training = draw(trainings(layout.data * layout.micro_batch * layout.micro_batches))
    return replace(examples.workload(), architecture=architecture, task=training), layout


def able_machine() -> Machine:
    """Whose every rate is known."""
    base = examples.machine()
    narrow = {"fp8_flops": 2 * base.matmul_flops, "fp4_flops": 4 * base.matmul_flops}
    return replace(base, host_link_bytes_per_s=50e9, **narrow)


def numbers_of(workload: Workload) -> tuple[Shape, Rates]:
    return (
        shape_of(workload.architecture, workload.training),
        rates_of(able_machine(), software_for(workload.training), packaged_constants()),
    )


def parts_of(shape: Shape, rates: Rates, grid: LayoutGrid) -> dict[str, Any]:
    """Of memory and of step time; both have a part for the optimizer."""
    memory, step = memory_parts(shape, rates, grid), step_parts(shape, rates, grid)
    return {f"memory {name}": memory[name] for name in memory} | {f"step {name}": step[name] for name in step}


@settings(max_examples=30)
@given(cases())
def test_parts_are_finite_and_not_negative_and_sum_to_the_whole(case: tuple[Workload, Layout]) -> None:
    workload, layout = case
    plan = plan_layout(workload, able_machine(), layout)
    assert tuple(plan.memory_parts_bytes) == MEMORY_PARTS
    assert tuple(plan.step_parts_s) == STEP_PARTS
    for parts, whole in (
        (plan.memory_parts_bytes, plan.memory_bytes),
        (plan.step_parts_s, plan.step_time_s.best),
    ):
        assert all(np.isfinite(value) and value >= 0 for value in parts.values())
        assert sum(parts.values()) == pytest.approx(whole)
    assert plan.step_time_s.low < plan.step_time_s.best < plan.step_time_s.high


@settings(max_examples=30)
@given(cases(), st.sampled_from(RATES), st.floats(1.0, 20.0))
def test_a_faster_machine_is_never_slower(case: tuple[Workload, Layout], rate: str, factor: float) -> None:
    """Of uneven stages, the slowest may be another one on a faster machine, and start another number of layers."""
    workload, layout = case
    assume(workload.architecture.layers % layout.pipeline == 0)
    base = able_machine()
    faster = replace(base, **{rate: getattr(base, rate) * factor})
    seconds = [plan_layout(workload, machine, layout).step_time_s.best for machine in (base, faster)]
    assert seconds[1] <= seconds[0] * (1 + 1e-9)


@settings(max_examples=30)
@given(cases())
def test_what_spares_memory_spares_it(case: tuple[Workload, Layout]) -> None:
    workload, layout = case
    machine = able_machine()

    def bytes_of(**changes: object) -> float:
        return plan_layout(workload, machine, replace(layout, **changes)).memory_bytes  # type: ignore[arg-type]

    assert bytes_of(offload=True) <= bytes_of(offload=False)
    assert bytes_of(sharding="gradients") <= bytes_of(sharding="optimizer") <= bytes_of(sharding="none")
    assert bytes_of(sequence_parallel=True) <= bytes_of(sequence_parallel=False)


@settings(max_examples=25)
@given(st.lists(cases(), min_size=2, max_size=5))
def test_a_layout_is_evaluated_alone_as_beside_other_models(drawn: list[tuple[Workload, Layout]]) -> None:
    """A search has one shape for all layouts; a table of runs has one for every row."""
    numbers = [numbers_of(workload) for workload, _ in drawn]
    grid = grid_of([layout for _, layout in drawn])
    shapes, rates = (stacked(list(column)) for column in zip(*numbers, strict=True))
    together = parts_of(shapes, rates, grid)
    for index, (shape, rate) in enumerate(numbers):
        alone = parts_of(shape, rate, grid_of([grid.row(index)]))
        for name, values in together.items():
            assert values[index] == pytest.approx(float(alone[name][0]), rel=1e-9), name


@settings(max_examples=20)
@given(architectures(), st.data())
def test_a_block_holds_what_its_rows_hold(architecture: Architecture, data: st.DataObject) -> None:
    training = data.draw(trainings(64))
    workload = replace(examples.workload(), architecture=architecture, task=training)
    nodes = Nodes(4, data.draw(st.sampled_from([4, 16])))
    block = data.draw(st.sampled_from(list(layout_blocks(architecture, training, nodes, [8]))))
    shape, rates = numbers_of(workload)
    parts = parts_of(shape, rates, block)
    for index in data.draw(st.lists(st.integers(0, len(block) - 1), min_size=1, max_size=5)):
        alone = parts_of(shape, rates, grid_of([block.row(index)]))
        for name, values in parts.items():
            assert values.ravel()[index] == pytest.approx(float(alone[name][0]), rel=1e-9), name


@settings(max_examples=20)
@given(architectures(), st.data())
def test_the_search_finds_what_trying_every_layout_finds(architecture: Architecture, data: st.DataObject) -> None:
    workload = replace(examples.workload(), architecture=architecture, task=data.draw(trainings(32)))
    memory_bytes = data.draw(st.sampled_from([4e9, 16e9, 94e9]))
    machine = replace(able_machine(), devices=8, memory_bytes=memory_bytes)
    counts = [1, 2, 4, 8]
    found = search(workload, machine, counts)
    grid = enumerate_layouts(architecture, workload.training, nodes_of(machine), counts)
    shape, rates = numbers_of(workload)
    needed, seconds = total(memory_parts(shape, rates, grid)), total(step_parts(shape, rates, grid))
    fits = needed <= USABLE_MEMORY_SHARE * memory_bytes
    assert found.least_memory_bytes == pytest.approx(needed.min())
    tried = {int(one): seconds[fits & (grid.devices == one)].min() for one in np.unique(grid.devices[fits])}
    steps = workload.training.steps
    assert list(found.devices) == list(tried)
    assert list(found.duration_s) == pytest.approx([steps * value for value in tried.values()])


@settings(max_examples=15)
@given(architectures(), st.data())
def test_more_memory_loses_no_layout(architecture: Architecture, data: st.DataObject) -> None:
    """And makes nothing slower: a layout that fits less memory fits more."""
    workload = replace(examples.workload(), architecture=architecture, task=data.draw(trainings(32)))
    machine = replace(able_machine(), devices=4)
    small, large = (
        search(workload, replace(machine, memory_bytes=one), [4]).fastest()
        for one in (16e9, data.draw(st.floats(16e9, 400e9)))
    )
    assert small is None or (large is not None and large.step_time_s.best <= small.step_time_s.best * (1 + 1e-9))


def test_only_what_nothing_faster_replaces_is_kept() -> None:
    """Recomputations on the first axis, offloading on the third: both take longer the later they come."""
    fits = np.zeros((3, 1, 2, 1, 4), dtype=bool)
    fits[1:, :, :, :, 0] = True
    fits[:, :, 1, :, 1] = True
    fits[2, 0, 0, 0, 2] = True
    kept = {tuple(map(int, place)) for place in np.argwhere(kept_by_definition(fits))}
    assert kept == {(1, 0, 0, 0, 0), (0, 0, 1, 0, 1), (2, 0, 0, 0, 2)}
