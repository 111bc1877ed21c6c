from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stellwerk.planner import Layout, Machine, plan_layout
from stellwerk.planner.layouts import grid_of
from stellwerk.planner.memory import memory_parts
from stellwerk.workload import Architecture, Training, Workload, count_parameters

ONE_DEVICE = Layout(1, 1, 1, "none", 1, 1024, "none")


def test_mixed_precision_with_adamw_takes_eighteen_bytes_a_parameter(machine: Machine, workload: Workload) -> None:
    parts = plan_layout(workload, machine, ONE_DEVICE).memory_parts_bytes
    states = parts["weights"] + parts["gradients"] + parts["optimizer"]
    assert states == pytest.approx(18 * count_parameters(workload.architecture).total)


def test_full_sharding_spreads_sixteen_bytes_a_parameter_over_the_data_ranks(
    machine: Machine, workload: Workload
) -> None:
    small, large = (
        plan_layout(workload, machine, Layout(1, 1, ranks, "full", 1, 1024 // ranks, "none")).memory_parts_bytes
        for ranks in (64, 128)
    )
    saved = sum(small[part] - large[part] for part in ("weights", "gradients", "optimizer"))
    assert saved == pytest.approx(16 * count_parameters(workload.architecture).total * (1 / 64 - 1 / 128))


def test_sharding_the_optimizer_leaves_weights_and_gradients_alone(machine: Machine, workload: Workload) -> None:
    alone = plan_layout(workload, machine, ONE_DEVICE).memory_parts_bytes
    sharded = plan_layout(workload, machine, Layout(1, 1, 4, "optimizer", 1, 256, "none")).memory_parts_bytes
    assert sharded["optimizer"] == pytest.approx(alone["optimizer"] / 4)
    assert sharded["weights"] == alone["weights"]
    assert sharded["gradients"] == alone["gradients"]


def test_activations_of_a_layer_match_the_published_formula(machine: Machine) -> None:
    """Korthikanti et al. 2022, table 2: with dropout masks left out, fused attention and a ReLU block four times as
    wide, 34 s b h shrinks by the masks' 2 s b h; the statistics of the soft-max add 4 s b a."""
    hidden, heads, sequence = 1024, 16, 2048
    architecture = Architecture(
        layers=1, hidden=hidden, heads=heads, kv_heads=heads, head_dim=64, ffn_hidden=4 * hidden, vocab=1000,
        gated_mlp=False,
    )  # fmt: skip
    training = Training(tokens=10**9, sequence_length=sequence, global_batch_sequences=1, precision="bf16")
    grid = grid_of([Layout(1, 1, 1, "none", 1, 1, "none")])
    activations = memory_parts(architecture, training, machine.runtime_bytes, grid)["activations"][0]
    published = sequence * hidden * (34 - 2) + sequence * heads * 4
    assert activations == pytest.approx(published, rel=0.02)


def test_recomputation_trades_memory_away(machine: Machine, workload: Workload) -> None:
    none, selective, full = (
        plan_layout(workload, machine, replace(ONE_DEVICE, recomputation=kind)).memory_parts_bytes["activations"]
        for kind in ("none", "selective", "full")
    )
    assert full < selective < none


def test_the_first_stage_of_a_pipeline_holds_as_many_micro_batches_as_there_are_stages(
    machine: Machine, workload: Workload
) -> None:
    unsplit = plan_layout(workload, machine, ONE_DEVICE).memory_parts_bytes["activations"]
    split = plan_layout(workload, machine, Layout(1, 4, 1, "none", 1, 1024, "none"))
    assert split.memory_parts_bytes["activations"] == pytest.approx(unsplit)
    assert split.memory_parts_bytes["logits"] == 0  # they live on the last stage, which is emptier here


# Peak memory that a profiler measured on B200 with Megatron-LM 0.14 (SimuMax's published results, Apache-2.0).
LLAMA_70B_12_LAYERS = Architecture(
    layers=12, hidden=8192, heads=64, kv_heads=8, head_dim=128, ffn_hidden=28672, vocab=128256
)
LLAMA_405B_4_LAYERS = Architecture(
    layers=4, hidden=16384, heads=128, kv_heads=8, head_dim=128, ffn_hidden=53248, vocab=128256
)
MEASURED_ON_B200 = [
    (LLAMA_70B_12_LAYERS, Layout(1, 2, 4, "optimizer", 1, 4, "none"), 71.458),
    (LLAMA_70B_12_LAYERS, Layout(4, 1, 2, "optimizer", 1, 4, "none"), 41.951),
    (LLAMA_405B_4_LAYERS, Layout(1, 2, 4, "optimizer", 1, 4, "none"), 93.501),
    (LLAMA_405B_4_LAYERS, Layout(4, 1, 2, "optimizer", 1, 4, "none"), 56.79),
]


@pytest.mark.parametrize(("architecture", "layout", "measured_gb"), MEASURED_ON_B200)
def test_memory_is_within_ten_percent_of_measured_runs(
    architecture: Architecture, layout: Layout, measured_gb: float, machine: Machine
) -> None:
    batch = layout.data * layout.micro_batch * layout.micro_batches
    training = Training(tokens=10**9, sequence_length=4096, global_batch_sequences=batch, precision="bf16")
    parts = memory_parts(architecture, training, machine.runtime_bytes, grid_of([layout]))
    allocated = np.sum([values for name, values in parts.items() if name != "runtime"])  # what that counter counts
    assert allocated / 1e9 == pytest.approx(measured_gb, rel=0.10)
