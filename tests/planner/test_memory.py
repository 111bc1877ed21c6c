from __future__ import annotations

from dataclasses import replace

import pytest

from stellwerk.planner import Layout, Machine, packaged_constants, plan_layout
from stellwerk.planner.constants import rates_of
from stellwerk.planner.grid import grid_of
from stellwerk.planner.memory import memory_parts
from stellwerk.planner.model import Software
from stellwerk.planner.shape import shape_of
from stellwerk.workload import Architecture, Experts, OptimizerChoice, Training, Workload, count_parameters
from tests.planner import examples

ONE_DEVICE = Layout(1, 1, 1, "none", 1, 1024, "none")


def test_mixed_precision_with_adamw_takes_eighteen_bytes_a_parameter(machine: Machine, workload: Workload) -> None:
    parts = plan_layout(workload, machine, ONE_DEVICE).memory_parts_bytes
    states = parts["weights"] + parts["gradients"] + parts["optimizer"]
    assert states == pytest.approx(18 * count_parameters(workload.architecture).total)


@pytest.mark.parametrize(("optimizer", "states"), [("adamw", 12), ("adamw_bf16", 8), ("adamw_8bit", 6), ("muon", 8)])
def test_an_optimizer_keeps_its_copy_and_its_moments(
    optimizer: OptimizerChoice, states: int, machine: Machine, workload: Workload
) -> None:
    """Four bytes for the fp32 copy, and two moments of four, two or one, or one moment of four."""
    asked = replace(workload, task=replace(workload.training, optimizer=optimizer))
    parts = plan_layout(asked, machine, ONE_DEVICE).memory_parts_bytes
    parameters = count_parameters(workload.architecture).total
    assert parts["optimizer"] == pytest.approx(states * parameters)
    assert parts["weights"] + parts["gradients"] == pytest.approx(6 * parameters)


def test_offloaded_states_leave_the_device(machine: Machine, workload: Workload) -> None:
    here, there = (
        plan_layout(workload, machine, replace(ONE_DEVICE, offload=offload)).memory_parts_bytes
        for offload in (False, True)
    )
    assert there["optimizer"] == 0
    assert {name: size for name, size in there.items() if name != "optimizer"} == {
        name: size for name, size in here.items() if name != "optimizer"
    }


def test_sharded_gradients_are_spread_over_the_ranks(machine: Machine, workload: Workload) -> None:
    alone = plan_layout(workload, machine, ONE_DEVICE).memory_parts_bytes
    sharded = plan_layout(workload, machine, Layout(1, 1, 8, "gradients", 1, 128, "none")).memory_parts_bytes
    assert sharded["optimizer"] == pytest.approx(alone["optimizer"] / 8)
    layer = 4 * count_parameters(replace(workload.architecture, layers=1)).non_embedding
    assert sharded["gradients"] == pytest.approx(alone["gradients"] / 8 + layer, rel=1e-4)  # one of them is whole
    assert sharded["weights"] == alone["weights"]


def test_hybrid_sharding_spreads_over_a_node_only(machine: Machine, workload: Workload) -> None:
    """Nodes of four: 64 ranks hold what four fully sharded ones do."""
    four, hybrid = (
        plan_layout(workload, machine, layout).memory_parts_bytes
        for layout in (Layout(1, 1, 4, "full", 1, 256, "none"), Layout(1, 1, 64, "hybrid", 1, 16, "none"))
    )
    for part in ("weights", "gradients", "optimizer"):
        assert hybrid[part] == pytest.approx(four[part])


def test_the_ranks_of_a_sequence_shard_as_the_data_ranks_do(machine: Machine, workload: Workload) -> None:
    by_data, by_both = (
        plan_layout(workload, machine, layout).memory_parts_bytes
        for layout in (
            Layout(1, 1, 8, "optimizer", 1, 128, "none"),
            Layout(1, 1, 4, "optimizer", 1, 256, "none", context=2),
        )
    )
    assert by_both["optimizer"] == pytest.approx(by_data["optimizer"])


def test_expert_parallelism_shares_the_routed_experts_out(machine: Machine, workload: Workload) -> None:
    """And nothing else; their optimizer states lie on as many devices as before."""
    experts = Experts(routed=16, per_token=2, ffn_hidden=2048)
    mixture = replace(workload, architecture=replace(workload.architecture, experts=experts))
    layout = Layout(1, 1, 16, "optimizer", 1, 64, "none")
    whole, shared = (
        plan_layout(mixture, machine, replace(layout, expert=expert)).memory_parts_bytes for expert in (1, 8)
    )
    counts = count_parameters(mixture.architecture)
    routed = counts.active_experts + counts.other_experts
    assert whole["weights"] - shared["weights"] == pytest.approx(2 * routed * 7 / 8)
    assert whole["gradients"] - shared["gradients"] == pytest.approx(4 * routed * 7 / 8)
    assert shared["optimizer"] == pytest.approx(whole["optimizer"])


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


def counted(architecture: Architecture, layout: Layout, *, software: Software = "megatron_core") -> dict[str, float]:
    """Memory where activations take what the formulas count and nothing on top (the fitted factor is 1)."""
    batch = layout.data * layout.micro_batch * layout.micro_batches
    training = Training(tokens=10**9, sequence_length=SEQUENCE, global_batch_sequences=batch, precision="bf16")
    rates = replace(rates_of(examples.machine(), software, packaged_constants()), activation_factor=1.0)
    parts = memory_parts(shape_of(architecture, training), rates, grid_of([layout]))
    return {name: float(values[0]) for name, values in parts.items()}


SEQUENCE = 2048
PLAIN = Architecture(
    layers=1, hidden=1024, heads=16, kv_heads=16, head_dim=64, ffn_hidden=4096, vocab=1000, gated_mlp=False
)


def test_activations_of_a_layer_match_the_published_formula() -> None:
    """Korthikanti et al. 2022, table 2: with dropout masks left out, fused attention and a ReLU block four times as
    wide, 34 s b h shrinks by the masks' 2 s b h; the statistics of the soft-max add 4 s b a."""
    activations = counted(PLAIN, Layout(1, 1, 1, "none", 1, 1, "none"))["activations"]
    published = SEQUENCE * 1024 * (34 - 2) + SEQUENCE * 16 * 4
    assert activations == pytest.approx(published, rel=0.02)


def test_sequence_parallelism_shares_out_what_tensor_parallelism_keeps_whole() -> None:
    """Korthikanti et al. 2022, table 2: 10 s b h of 34 (less the dropout masks' 2) are whole on every rank without."""
    unsplit = counted(PLAIN, Layout(1, 1, 1, "none", 1, 1, "none"))["activations"]
    shared = counted(PLAIN, Layout(4, 1, 1, "none", 1, 1, "none"))["activations"]
    whole = counted(PLAIN, Layout(4, 1, 1, "none", 1, 1, "none", sequence_parallel=False))["activations"]
    assert shared == pytest.approx(unsplit / 4)
    assert whole - shared == pytest.approx(SEQUENCE * 1024 * 8 * 3 / 4)


def test_the_ranks_of_a_sequence_share_its_activations_and_logits_out() -> None:
    layout = Layout(1, 1, 1, "none", 1, 1, "none")
    whole, split = (counted(PLAIN, replace(layout, context=context)) for context in (1, 8))
    for part in ("activations", "logits"):
        assert split[part] == pytest.approx(whole[part] / 8)
    assert split["weights"] == whole["weights"]


def test_full_recomputation_keeps_the_input_of_each_layer_and_one_layer_whole() -> None:
    deep = replace(PLAIN, layers=12)
    layout = Layout(1, 1, 1, "none", 1, 1, "full")
    one = counted(PLAIN, replace(layout, recomputation="none"))["activations"]
    assert counted(deep, layout)["activations"] == pytest.approx(12 * 2 * SEQUENCE * 1024 + one)


@pytest.mark.parametrize(("stages", "pieces"), [(4, 1), (4, 2), (4, 6), (8, 3)])
def test_interleaving_keeps_more_micro_batches_in_flight(stages: int, pieces: int) -> None:
    """Korthikanti et al. 2022, section 4.2.3: 1 + (p - 1) / (p v) times as many; the first stage is the fullest."""
    deep = replace(PLAIN, layers=48)
    plain, interleaved = (
        counted(deep, Layout(1, stages, 1, "none", 1, 64, "none", interleave=one))["activations"] for one in (1, pieces)
    )
    expected = 1 + (stages - 1) / (stages * pieces) if pieces > 1 else 1
    assert interleaved / plain == pytest.approx(expected)


def test_stages_hold_no_more_micro_batches_than_there_are() -> None:
    deep = replace(PLAIN, layers=48)
    few, many = (counted(deep, Layout(1, 8, 1, "none", 1, n, "none"))["activations"] for n in (2, 64))
    assert few == pytest.approx(many * 2 / 8)


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
    architecture: Architecture, layout: Layout, measured_gb: float, machine: Machine, workload: Workload
) -> None:
    batch = layout.data * layout.micro_batch * layout.micro_batches
    training = Training(tokens=10**9, sequence_length=4096, global_batch_sequences=batch, precision="bf16")
    run = replace(workload, architecture=architecture, task=training)
    parts = plan_layout(run, machine, layout).memory_parts_bytes
    allocated = sum(size for name, size in parts.items() if name != "runtime")  # what that counter counts
    assert allocated / 1e9 == pytest.approx(measured_gb, rel=0.10)
