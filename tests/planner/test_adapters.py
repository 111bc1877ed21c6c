from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.planner import Layout, Machine, Plan, nodes_of, packaged_constants, plan_layout, search
from stellwerk.planner.estimate import BOUNDS_AT_SDS
from stellwerk.planner.layouts import enumerate_layouts
from stellwerk.workload import (
    Architecture,
    Method,
    Training,
    Workload,
    adapter_parameters,
    count_parameters,
    flops_per_token,
    training_flops_per_token,
)
from tests.planner import examples

ONE_DEVICE = Layout(1, 1, 1, "none", 1, 64, "none")
SHARDED = Layout(1, 1, 8, "full", 1, 8, "none")
RANK = 16


def tuned(workload: Workload, method: Method, rank: int = RANK) -> Workload:
    training = Training(
        tokens=2 * 10**8, sequence_length=4096, global_batch_sequences=64, precision="bf16", method=method,
        lora_rank=rank,
    )  # fmt: skip
    return replace(workload, task=training)


def plan(workload: Workload, machine: Machine, method: Method, layout: Layout = ONE_DEVICE) -> Plan:
    """With the software that adapters are planned with, so that the methods can be compared."""
    return plan_layout(tuned(workload, method), machine, layout, software="torch_native")


def slow_link(machine: Machine) -> Machine:
    """Eight devices that nothing but the amount of what they send keeps waiting."""
    return replace(machine, devices_per_node=8, link_bytes_per_s=1e9, overlap=0.0, collective_latency_s=0.0)


def states(plan: Plan) -> float:
    return sum(plan.memory_parts_bytes[part] for part in ("weights", "gradients", "optimizer"))


def test_adapters_of_a_small_model_counted_by_hand() -> None:
    """Two layers, 8 wide, two heads of 4, one key-value head, feed-forward 16 wide. Per rank and layer, rows + columns:
    q 8 + 8, k 8 + 4, v 8 + 4, o 8 + 8, gate 8 + 16, up 8 + 16, down 16 + 8, together 128."""
    architecture = Architecture(layers=2, hidden=8, heads=2, kv_heads=1, head_dim=4, ffn_hidden=16, vocab=100)
    assert adapter_parameters(architecture, 3) == 2 * 3 * 128
    assert adapter_parameters(replace(architecture, gated_mlp=False), 3) == 2 * 3 * (128 - 24)


def test_full_fine_tuning_is_planned_as_pre_training(workload: Workload, machine: Machine) -> None:
    full, pretraining = plan(workload, machine, "full"), plan(workload, machine, "pretraining")
    assert full == pretraining


def test_lora_keeps_two_bytes_a_frozen_parameter_and_sixteen_an_adapter(workload: Workload, machine: Machine) -> None:
    parameters = count_parameters(workload.architecture).total
    adapters = adapter_parameters(workload.architecture, RANK)
    parts = plan(workload, machine, "lora").memory_parts_bytes
    assert parts["weights"] == pytest.approx(2 * parameters + 4 * adapters)
    assert parts["gradients"] == pytest.approx(4 * adapters)
    assert parts["optimizer"] == pytest.approx(8 * adapters)


def test_full_sharding_spreads_the_frozen_weights_as_well(workload: Workload, machine: Machine) -> None:
    small, large = (
        plan(workload, machine, "lora", replace(SHARDED, data=ranks, micro_batches=64 // ranks)) for ranks in (8, 16)
    )
    frozen = 2 * count_parameters(workload.architecture).total
    spread = frozen + 16 * adapter_parameters(workload.architecture, RANK)
    assert states(small) - states(large) == pytest.approx(spread * (1 / 8 - 1 / 16))


def test_activations_are_kept_as_in_full_training(workload: Workload, machine: Machine) -> None:
    full = plan(workload, machine, "full").memory_parts_bytes
    for method in ("lora", "qlora"):
        parts = plan(workload, machine, method).memory_parts_bytes
        assert parts["activations"] == full["activations"]
        assert parts["logits"] == full["logits"]


def test_four_bits_take_less_than_a_third_of_sixteen(workload: Workload, machine: Machine) -> None:
    """Of the 7.5B model: 6.98B parameters in matrices, 0.54B in embedding, head and norms that stay in 16 bits."""
    lora = plan(workload, machine, "lora").memory_parts_bytes["weights"]
    qlora = plan(workload, machine, "qlora").memory_parts_bytes["weights"]
    assert qlora < lora / 3
    counts = count_parameters(workload.architecture)
    matrices = counts.attention + counts.mlp
    kept = 2 * (counts.total - matrices) + (4.127 / 8) * matrices
    largest_matrix_in_use = 2 * 4096 * 14336
    assert qlora == pytest.approx(kept + 4 * adapter_parameters(workload.architecture, RANK) + largest_matrix_in_use)


def test_frozen_matrices_cost_two_thirds_of_the_products_of_full_training(workload: Workload, machine: Machine) -> None:
    """What is above two thirds are the adapters: six FLOPs a parameter and token, where memory is never in the way."""
    unbound = replace(machine, memory_bandwidth_bytes_per_s=1e30)
    full, lora = (plan(workload, unbound, method).step_parts_s["matrix_products"] for method in ("full", "lora"))
    flops = flops_per_token(workload.architecture, 4096)
    products = 3 * (flops.forward - flops.attention_scores - flops.attention_values)
    adapters = 6 * adapter_parameters(workload.architecture, RANK)
    assert lora / full == pytest.approx(2 / 3 + adapters / products)


def test_narrow_adapters_are_bound_by_memory(workload: Workload, machine: Machine) -> None:
    """Twice the rank does twice the FLOPs, in little more time: most of it goes into reading the same inputs."""
    frozen = plan(workload, machine, "full").step_parts_s["matrix_products"] * 2 / 3
    narrow, wide = (
        plan_layout(tuned(workload, "lora", rank), machine, ONE_DEVICE).step_parts_s["matrix_products"] - frozen
        for rank in (8, 16)
    )
    assert narrow < wide < 1.1 * narrow


def test_attention_is_worked_out_backwards_as_in_full_training(workload: Workload, machine: Machine) -> None:
    full, lora = (plan(workload, machine, method).step_parts_s for method in ("full", "lora"))
    assert lora["attention"] == full["attention"]


def test_the_optimizer_touches_adapters_only(workload: Workload, machine: Machine) -> None:
    full, lora = (plan(workload, machine, method).step_parts_s for method in ("full", "lora"))
    share = adapter_parameters(workload.architecture, RANK) / count_parameters(workload.architecture).total
    assert lora["optimizer"] == pytest.approx(full["optimizer"] * share)


def test_replicated_frozen_weights_are_never_sent(workload: Workload, machine: Machine) -> None:
    replicated = Layout(1, 1, 8, "optimizer", 1, 8, "none")
    slow = slow_link(machine)
    full, lora = (plan(workload, slow, method, replicated).step_parts_s for method in ("full", "lora"))
    share = adapter_parameters(workload.architecture, RANK) / count_parameters(workload.architecture).total
    assert lora["data_parallel"] == pytest.approx(full["data_parallel"] * share)


def test_sharded_frozen_weights_are_gathered_twice_a_micro_batch(workload: Workload, machine: Machine) -> None:
    """Full training gathers 2 bytes twice and reduces 4 once; frozen weights are only gathered."""
    slow = slow_link(machine)
    full, lora, qlora = (
        plan(workload, slow, method, SHARDED).step_parts_s["data_parallel"] for method in ("full", "lora", "qlora")
    )
    assert lora == pytest.approx(full / 2, rel=0.02)
    assert qlora < lora / 2.5


def test_turning_four_bits_into_sixteen_takes_time_at_every_use(workload: Workload, machine: Machine) -> None:
    """Forward and backward, and once more where the forward pass is repeated."""
    recomputed = replace(ONE_DEVICE, recomputation="full")
    lora, qlora = (plan(workload, machine, method, recomputed).step_parts_s for method in ("lora", "qlora"))
    forward_and_backward = qlora["memory_bound"] - lora["memory_bound"]
    repeated = qlora["recomputation"] - lora["recomputation"]
    assert repeated > 0
    assert forward_and_backward == pytest.approx(2 * repeated)


def test_four_bits_go_with_data_parallelism_only(workload: Workload, machine: Machine) -> None:
    training = tuned(workload, "qlora").training
    grid = enumerate_layouts(workload.architecture, training, nodes_of(machine), [4, 8])
    assert len(grid)
    assert (grid.tensor == 1).all()
    assert (grid.pipeline == 1).all()
    assert (grid.context == 1).all()
    lora = enumerate_layouts(workload.architecture, tuned(workload, "lora").training, nodes_of(machine), [4, 8])
    assert lora.tensor.max() > 1


def test_mfu_counts_what_the_method_asks_for(workload: Workload, machine: Machine) -> None:
    lora = tuned(workload, "lora")
    architecture = workload.architecture
    flops = flops_per_token(architecture, 4096)
    attention = flops.attention_scores + flops.attention_values
    asked = 2 * (flops.forward - attention) + 3 * attention + 6 * adapter_parameters(architecture, RANK)
    assert training_flops_per_token(architecture, lora.training) == pytest.approx(asked)
    shown = plan_layout(lora, machine, ONE_DEVICE)
    assert shown.mfu.best == pytest.approx(asked * shown.tokens_per_s.best / machine.peak_flops)
    assert training_flops_per_token(architecture, tuned(workload, "full").training) == flops.training


def test_the_interval_of_adapters_is_wider_by_what_they_were_missed_by(workload: Workload, machine: Machine) -> None:
    spreads = packaged_constants().spreads
    full, lora, qlora = (plan(workload, machine, method).step_time_s for method in ("full", "lora", "qlora"))
    assert math.log(full.high / full.best) == pytest.approx(BOUNDS_AT_SDS * spreads["base"])
    for interval in (lora, qlora):
        sd = math.hypot(spreads["base"], spreads["adapters"])
        assert math.log(interval.high / interval.best) == pytest.approx(BOUNDS_AT_SDS * sd)


@given(
    rank=st.integers(1, 64),
    method=st.sampled_from(["lora", "qlora"]),
    data=st.sampled_from([1, 2, 4, 8, 16]),
    recomputation=st.sampled_from(["none", "selective", "full"]),
)
def test_adapters_of_usual_rank_need_less_memory_and_time_than_training_everything(
    rank: int, method: str, data: int, recomputation: str
) -> None:
    layout = Layout(1, 1, data, "full" if data > 1 else "none", 1, 64 // data, recomputation)
    workload = examples.workload()
    adapters = plan_layout(tuned(workload, method, rank), examples.machine(), layout)
    full = plan(workload, examples.machine(), "full", layout)
    assert adapters.memory_bytes < full.memory_bytes
    assert adapters.duration_s.best < full.duration_s.best


def test_each_step_down_fits_a_smaller_device(workload: Workload, machine: Machine) -> None:
    one_device = replace(machine, devices=1, devices_per_node=1)
    full, lora, qlora = (
        search(tuned(workload, method), one_device).least_memory_bytes or 0.0 for method in ("full", "lora", "qlora")
    )
    assert 0 < qlora < lora < full


# Peak memory that torchtune's page of fine-tuning runs states, with batches of two sequences of 2,048 tokens, full
# recomputation and adapters of rank 8. Its loss works on slices of the logits, so that part is left out.
LLAMA_8B = Architecture(layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, ffn_hidden=14336, vocab=128256)
LLAMA_70B = replace(LLAMA_8B, layers=80, hidden=8192, heads=64, ffn_hidden=28672)


@pytest.mark.parametrize(
    ("architecture", "method", "devices", "measured_gb"),
    [(LLAMA_8B, "lora", 1, 17.39), (LLAMA_8B, "qlora", 1, 7.95), (LLAMA_70B, "lora", 8, 29.63)],
)
def test_memory_is_within_fifteen_percent_of_published_runs(
    architecture: Architecture, method: Method, devices: int, measured_gb: float, machine: Machine, workload: Workload
) -> None:
    training = Training(10**8, 2048, 2 * devices, "bf16", method, lora_rank=8)
    layout = Layout(1, 1, devices, "full" if devices > 1 else "none", 2, 1, "full")
    parts = plan_layout(replace(workload, architecture=architecture, task=training), machine, layout).memory_parts_bytes
    allocated = sum(size for name, size in parts.items() if name not in ("runtime", "logits"))
    assert allocated / 1e9 == pytest.approx(measured_gb, rel=0.15)
