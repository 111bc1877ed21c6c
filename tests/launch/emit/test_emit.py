from __future__ import annotations

import ast
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stellwerk.errors import InputError
from stellwerk.launch.emit import PROGRAMS, emit
from stellwerk.planner import Plan
from stellwerk.workload import Workload
from tests.launch.emit.cases import (
    DENSE,
    EXPERTS,
    FULL,
    GOLDEN,
    LATENT,
    PARALLEL,
    QWEN,
    REPLICAS,
    TENSOR,
    layout,
    plan,
    trained,
)

FOLDER = Path(__file__).with_name("golden")


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(name: str) -> None:
    """STELLWERK_WRITE_GOLDEN=1 writes the files anew; `scripts/check-emitted` holds them against the programs."""
    program, workload, of = GOLDEN[name]
    text = emit(program, workload, of).text
    if os.environ.get("STELLWERK_WRITE_GOLDEN"):
        (FOLDER / name).write_text(text, encoding="utf-8")
    assert text == (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", GOLDEN)
def test_what_cannot_be_said_stands_in_the_file(name: str) -> None:
    emitted = emit(*GOLDEN[name])
    assert all(f"# {sentence}\n" in emitted.text for sentence in emitted.unsaid)


def complaint(program: str, workload: Workload, of: Plan) -> str:
    with pytest.raises(InputError) as caught:
        emit(program, workload, of)
    return str(caught.value)


def with_model(**changes: Any) -> Workload:
    return replace(DENSE, architecture=replace(DENSE.architecture, **changes))


def adapters() -> Workload:
    return replace(DENSE, task=replace(DENSE.training, method="lora"))


def test_another_model_than_the_planned_one_is_never_configured() -> None:
    assert "the model has experts" in complaint("torchtitan", EXPERTS, FULL)
    latent = with_model(latent_attention=LATENT.architecture.latent_attention)
    assert "latent attention" in complaint("torchtitan", latent, FULL)
    assert "not as wide as the model" in complaint("torchtitan", with_model(head_dim=64), FULL)
    assert "4 norms in each layer" in complaint("megatron", with_model(norms_per_layer=4), FULL)
    assert "biases in some blocks only" in complaint("megatron", with_model(mlp_bias=True), FULL)


def test_another_training_than_the_planned_one_is_never_configured() -> None:
    for program in ("torchtitan", "megatron"):
        assert "not lora" in complaint(program, adapters(), FULL)
    assert any("peft.LoraConfig" in sentence for sentence in emit("accelerate", adapters(), FULL).unsaid)


def test_torchtitan_ties_no_embeddings_across_stages() -> None:
    assert "ties no embeddings" in complaint("torchtitan", with_model(tied_embeddings=True), PARALLEL)


def test_accelerate_has_no_pipeline() -> None:
    assert "2 pipeline stages; allowed: torchtitan, megatron" in complaint("accelerate", DENSE, PARALLEL).replace(
        " (got 'accelerate')", ""
    )


def test_nothing_that_differs_from_the_plan_is_kept_silent() -> None:
    optimizer = plan(layout(sharding="optimizer"))
    for program in ("torchtitan", "accelerate"):
        assert any("no optimizer states alone" in sentence for sentence in emit(program, DENSE, optimizer).unsaid)
    assert any("becomes full" in sentence for sentence in emit("accelerate", DENSE, TENSOR).unsaid)
    assert any("states no learning rate" in sentence for sentence in emit("megatron", QWEN, REPLICAS).unsaid)
    smaller = plan(layout(micro_batches=1))
    for program in PROGRAMS:
        assert any("takes 128 sequences" in sentence for sentence in emit(program, DENSE, smaller).unsaid)


def test_what_larger_models_need_is_said_or_expressed() -> None:
    gradients = plan(layout(sharding="gradients"))
    for program in ("torchtitan", "accelerate"):
        assert any("no gradients alone" in sentence for sentence in emit(program, DENSE, gradients).unsaid)
    assert "--data-parallel-sharding-strategy optim_grads " in emit("megatron", DENSE, gradients).text
    offload = plan(layout(offload=True))
    assert any("host's memory" in sentence for sentence in emit("torchtitan", DENSE, offload).unsaid)
    assert any("host's memory" in sentence for sentence in emit("accelerate", DENSE, offload).unsaid)
    assert "--optimizer-cpu-offload" in emit("megatron", DENSE, offload).text
    experts = plan(layout(expert=8))
    assert any("no expert parallelism" in sentence for sentence in emit("accelerate", EXPERTS, experts).unsaid)
    assert "--expert-model-parallel-size 8" in emit("megatron", EXPERTS, experts).text


@pytest.mark.parametrize("precision", ["fp16", "fp8", "mxfp8", "nvfp4"])
def test_a_precision_is_expressed_or_said(precision: str) -> None:
    narrow = trained(DENSE, precision=precision)
    assert any(precision in sentence for sentence in emit("torchtitan", narrow, FULL).unsaid)
    assert (f"mixed_precision: {precision}\n" in emit("accelerate", narrow, FULL).text) != any(
        precision in sentence for sentence in emit("accelerate", narrow, FULL).unsaid
    )
    assert "--bf16" in emit("megatron", DENSE, FULL).text
    assert ("--bf16" in emit("megatron", narrow, FULL).text) == (precision != "fp16")


@pytest.mark.parametrize("optimizer", ["adamw_bf16", "adamw_8bit", "muon"])
def test_an_optimizer_is_expressed_or_said(optimizer: str) -> None:
    other = trained(DENSE, optimizer=optimizer)
    assert any(optimizer in sentence for sentence in emit("torchtitan", other, FULL).unsaid)
    assert ("optim='adamw_bnb_8bit'" in emit("accelerate", other, FULL).text) != any(
        optimizer in sentence for sentence in emit("accelerate", other, FULL).unsaid
    )
    assert emit("megatron", other, REPLICAS).text != emit("megatron", DENSE, REPLICAS).text


def test_muon_goes_only_where_megatron_has_it() -> None:
    muon = trained(DENSE, optimizer="muon")
    assert "no sharding full" in complaint("megatron", muon, FULL)
    assert "the host's memory" in complaint("megatron", muon, plan(layout(sharding="none", offload=True)))
    assert "--optimizer muon" in emit("megatron", muon, REPLICAS).text
    spread = emit("megatron", muon, plan(layout(sharding="optimizer")))
    assert "--optimizer dist_muon" in spread.text
    assert "--overlap-grad-reduce" not in spread.text
    assert any("whole layers" in sentence for sentence in spread.unsaid)


def test_uneven_stages_take_every_layer_once() -> None:
    """27 layers over four stages: seven on the first three, six on the last."""
    text = emit("megatron", *GOLDEN["megatron-uneven.sh"][1:]).text
    assert "--pipeline-model-parallel-layout 'Et*7|t*7|t*7|t*6L'" in text
    whole = emit("megatron", *GOLDEN["megatron-large.sh"][1:]).text
    assert "--num-virtual-stages-per-pipeline-rank 2" in whole


def test_a_name_cannot_leave_its_comment() -> None:
    named = replace(DENSE, name="a\nrm -rf $HOME\r\x85b")
    for program in PROGRAMS:
        text = emit(program, named, FULL).text
        assert "for a rm -rf $HOME b on" in text
        assert text.count("rm -rf") == 1


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.endswith(".sh")])
def test_megatron_has_every_argument(name: str) -> None:
    """Names alone: the package on PyPI has no parser. megatron_arguments.txt says where they were read."""
    lines = (FOLDER.parent / "megatron_arguments.txt").read_text(encoding="utf-8").splitlines()
    known = {line for line in lines if line.startswith("--")}
    script = (FOLDER / name).read_text(encoding="utf-8").split("pretrain_gpt.py", 1)[1]
    assert set(re.findall(r"(?<![\w-])--[a-z0-9-]+", script)) <= known


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.endswith(".sh")])
def test_a_script_is_a_script(name: str) -> None:
    subprocess.run(["sh", "-n", str(FOLDER / name)], check=True)


@pytest.mark.parametrize("name", ["class", "3", "Trainer", "modèle ✓", "model"])
def test_every_name_makes_a_module(name: str) -> None:
    text = emit("torchtitan", replace(DENSE, name=name), FULL).text
    found = re.search(r"--module (\w+) --config (\w+)", text)
    assert found
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert names == ["model", found[2]]
    assert found[1] == found[2]
    assert found[1].isascii()


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.endswith(".py.txt")])
def test_a_module_is_python(name: str) -> None:
    compile((FOLDER / name).read_text(encoding="utf-8"), name, "exec")
