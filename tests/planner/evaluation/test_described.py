from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stellwerk.catalog import Accelerator
from stellwerk.planner.evaluation import NEEDED, DescribedRun, Unscored, describe
from stellwerk.planner.model import Layout, Software
from stellwerk.records import read_usable_runs
from stellwerk.workload import count_parameters
from tests.planner.evaluation.published import PUBLISHED, run

Accelerators = Mapping[str, Accelerator]


def described(accelerators: Accelerators, **changes: object) -> DescribedRun:
    found = describe(run(**changes), accelerators)
    assert isinstance(found, DescribedRun)
    return found


@pytest.mark.parametrize("column", NEEDED)
def test_an_empty_needed_column_is_a_reason_of_its_own(column: str, accelerators: Accelerators) -> None:
    assert describe(run(**{column: None}), accelerators) == Unscored(f"missing_{column}")


def test_an_accelerator_or_task_that_nobody_knows_is_a_reason(accelerators: Accelerators) -> None:
    assert describe(run(gpu="H1000"), accelerators) == Unscored("unknown_accelerator")
    assert describe(run(task="distillation"), accelerators) == Unscored("task_not_modelled")
    assert describe(run(recompute="some"), accelerators) == Unscored("recomputation_unclear")


def test_every_accelerator_of_the_published_runs_is_in_the_catalogue(accelerators: Accelerators) -> None:
    names = {row.gpu for row in read_usable_runs(PUBLISHED).runs}
    assert {name for name in names if name and name.casefold() not in accelerators} == set()


def test_a_row_with_every_column_leaves_nothing_to_assume(accelerators: Accelerators) -> None:
    found = described(accelerators)
    assert found.assumed == ()
    assert found.layout == Layout(
        tensor=2,
        pipeline=2,
        data=4,
        sharding="optimizer",
        micro_batch=1,
        micro_batches=16,
        recomputation="none",
    )
    assert found.tokens_per_step == 64 * 4096


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("heads", "heads of 128"),
        ("gated_mlp", "a gated feed-forward block"),
        ("micro_batch", "the fastest micro-batch that fits"),
        ("recompute", "no recomputation"),
        ("sequence_parallel", "sequence parallelism"),
        ("zero_or_fsdp_stage", "sharding: none"),
    ],
)
def test_what_is_put_in_the_place_of_an_empty_column_is_said(
    column: str, said: str, accelerators: Accelerators
) -> None:
    assert described(accelerators, **{column: None}).assumed == (said,)


@pytest.mark.parametrize(
    ("framework", "software"),
    [
        ("Megatron-Bridge/Megatron-Core", "megatron_core"),
        ("Meta internal", "fsdp_2023"),
        ("Meta internal (FSDP+TP+PP+CP)", "torch_native"),
        ("Megatron-DeepSpeed", "megatron_2022"),
        ("nanotron 0.5", "torch_native"),
    ],
)
def test_the_generation_of_the_software_follows_from_its_name(
    framework: str, software: Software, accelerators: Accelerators
) -> None:
    assert described(accelerators, framework=framework, flash_attention=None).software == software


def test_only_nanotron_cuts_stages_by_multiply_adds(accelerators: Accelerators) -> None:
    assert described(accelerators, framework="nanotron 0.5").layout.balanced
    assert not described(accelerators, framework="PyTorch torchtitan").layout.balanced


@pytest.mark.parametrize(
    ("framework", "sharding"), [("llm-foundry (PyTorch FSDP)", "full"), ("NeMo/Megatron-Core", "optimizer")]
)
def test_an_unknown_sharding_is_that_of_the_framework(
    framework: str, sharding: str, accelerators: Accelerators
) -> None:
    found = described(accelerators, zero_or_fsdp_stage=None, framework=framework)
    assert (found.layout.sharding, found.assumed) == (sharding, (f"sharding: {sharding}",))


def test_experts_are_as_wide_as_their_column_says(accelerators: Accelerators) -> None:
    """DeepSeek-V3 has 671 billion parameters, of which 37 billion meet one token (arXiv:2412.19437)."""
    (row,) = [one for one in read_usable_runs(PUBLISHED).runs if one.id == "mbridge-088"]
    found = describe(row, accelerators)
    assert isinstance(found, DescribedRun)
    parameters = count_parameters(found.architecture)
    assert parameters.total == pytest.approx(671e9, rel=0.01)
    assert parameters.active == pytest.approx(37e9, rel=0.03)
    assert "ranks of latent attention as in DeepSeek-V2" in found.assumed


def test_embeddings_are_tied_where_the_parameters_say_so(accelerators: Accelerators) -> None:
    untied = count_parameters(described(accelerators).architecture)
    assert not described(accelerators, params_b=untied.total / 1e9).architecture.tied_embeddings
    fewer = (untied.total - untied.output_head) / 1e9
    assert described(accelerators, params_b=fewer).architecture.tied_embeddings


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(*(st.integers(1, 8) for _ in range(6)))
def test_a_layout_has_the_devices_and_the_batch_of_its_row(
    accelerators: Accelerators, tensor: int, pipeline: int, context: int, data: int, micro: int, micro_batches: int
) -> None:
    devices, batch = tensor * pipeline * context * data, data * micro * micro_batches
    layout = described(
        accelerators,
        n_gpus=devices,
        tp=tensor,
        pp=pipeline,
        cp=context,
        dp=None,
        micro_batch=micro,
        global_batch_sequences=batch,
    ).layout
    assert layout.devices == devices
    assert layout.data * layout.micro_batch * layout.micro_batches == batch
