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
