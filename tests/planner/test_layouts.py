from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.planner import Layout, Machine, nodes_of
from stellwerk.planner.layouts import enumerate_layouts, grid_of, usable_device_counts
from stellwerk.workload import Architecture, Training
from tests.planner import examples


@given(
    layers=st.integers(1, 96),
    heads=st.sampled_from([1, 6, 12, 32, 40, 128]),
    batch=st.integers(1, 4096),
    counts=st.lists(st.integers(1, 600), min_size=1, max_size=4),
)
def test_every_layout_multiplies_to_its_devices_and_its_batch(
    layers: int, heads: int, batch: int, counts: list[int]
) -> None:
    architecture = Architecture(
        layers=layers, hidden=64 * heads, heads=heads, kv_heads=heads, head_dim=64, ffn_hidden=256, vocab=1000
    )
    training = Training(tokens=10**9, sequence_length=128, global_batch_sequences=batch, precision="bf16")
    machine = replace(examples.machine(), devices=600, devices_per_node=8)
    grid = enumerate_layouts(architecture, training, nodes_of(machine), counts)
    assert np.isin(grid.devices, counts).all()
    assert (grid.data * grid.micro_batch * grid.micro_batches == batch).all()
    assert (heads % grid.tensor == 0).all()
    assert (grid.tensor <= 8).all()
    assert (grid.pipeline <= layers).all()


def test_rows_come_back_as_they_went_in() -> None:
    layouts = [
        Layout(1, 1, 1, "none", 1, 8, "none"),
        Layout(8, 4, 16, "optimizer", 2, 64, "selective"),
        Layout(1, 1, 256, "full", 4, 1, "full"),
        Layout(
            2, 4, 2, "hybrid", 1, 8, "none", context=2, expert=4, interleave=3, sequence_parallel=False, offload=True
        ),
    ]
    grid = grid_of(layouts)
    assert [grid.row(index) for index in range(len(grid))] == layouts


def test_an_unknown_network_keeps_every_layout_inside_one_node(machine: Machine) -> None:
    counts = usable_device_counts(replace(machine, network_bytes_per_s=None))
    assert max(counts) == machine.devices_per_node


def test_the_whole_machine_is_among_the_device_counts(machine: Machine) -> None:
    assert max(usable_device_counts(machine)) == machine.devices
