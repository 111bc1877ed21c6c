"""Reads the golden files of tests/launch/emit with the parsers of torchtitan and Megatron-LM; see check-emitted.

Modules that the parsers import and parsing does not need (kernels, data sets, loggers) are stood in for by empty ones.
"""

# ruff: noqa: S101, S607, RUF012

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

from stellwerk.planner import Layout
from stellwerk.workload import Workload, count_parameters

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.launch.emit.cases import GOLDEN

FOLDER = Path(__file__).parents[1] / "tests" / "launch" / "emit" / "golden"


class Empty(types.ModuleType):
    """A module in which every name is a class that does nothing."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def stand_in_for(*names: str) -> None:
    for name in names:
        sys.modules[name] = Empty(name)


def check_torchtitan(name: str, workload: Workload, layout: Layout, folder: Path) -> None:
    """Parses the module as torchtitan does, and builds the model without memory: it has the planned parameters."""
    import torch
    from torchtitan.config import ConfigManager

    text = (FOLDER / name).read_text(encoding="utf-8")
    found = re.search(r"--module (\w+) --config (\w+)", text)
    assert found
    module = name.split(".")[0].replace("-", "_")
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    config = ConfigManager().parse_args(["--module", module, "--config", found[2]])
    parallelism, training = config.parallelism, config.training
    data = parallelism.data_parallel_replicate_degree * parallelism.data_parallel_shard_degree
    assert (data, parallelism.tensor_parallel_degree, parallelism.pipeline_parallel_degree) == (
        layout.data,
        layout.tensor,
        layout.pipeline,
    )
    assert training.global_batch_size == workload.training.global_batch_sequences
    assert (training.seq_len, training.steps) == (workload.training.sequence_length, workload.training.steps)
    with torch.device("meta"):
        model = config.model_spec.model.build()
    assert sum(parameter.numel() for parameter in model.parameters()) == count_parameters(workload.architecture).total


def check_megatron(name: str, workload: Workload, layout: Layout) -> None:
    """Parses the arguments that the script would hand over, and validates them as the training would."""
    import torch
    from megatron.training import arguments

    arguments.get_device_arch_version = lambda: 9  # Hopper: no device is here to be asked
    torch.cuda.get_device_capability = lambda: (9, 0)
    arguments.is_te_min_version = lambda *_, **__: True  # Transformer Engine is not here either
    args = arguments.add_megatron_arguments(argparse.ArgumentParser(allow_abbrev=False)).parse_args(
        arguments_of(FOLDER / name)
    )
    args.rank, args.world_size = 0, layout.devices
    os.environ["CUDA_DEVICE_MAX_CONNECTIONS"] = "1" if _takes_turns(layout) else "8"
    arguments.validate_args(args)
    assert (args.tensor_model_parallel_size, args.pipeline_model_parallel_size) == (layout.tensor, layout.pipeline)
    assert (args.data_parallel_size, args.context_parallel_size) == (layout.data, layout.context)
    assert args.expert_model_parallel_size == layout.expert
    assert (args.virtual_pipeline_model_parallel_size or 1) == layout.interleave
    assert (args.micro_batch_size, args.global_batch_size) == (
        layout.micro_batch,
        workload.training.global_batch_sequences,
    )


def _takes_turns(layout: Layout) -> bool:
    """Whether Megatron-LM asks for one connection to the device before Blackwell."""
    return (layout.tensor > 1 or layout.context > 1) and layout.sharding in ("none", "optimizer")


def arguments_of(script: Path) -> list[str]:
    """What the script hands to pretrain_gpt.py, with a torchrun in the way that prints it."""
    with tempfile.TemporaryDirectory() as folder:
        torchrun = Path(folder) / "torchrun"
        torchrun.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done\n')
        torchrun.chmod(0o755)
        environment = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "NODE_RANK": "0",
            "MASTER_ADDR": "localhost",
            "LEARNING_RATE": "3e-4",
        }
        printed = subprocess.run(
            ["sh", str(script)], env=environment, capture_output=True, text=True, check=True
        ).stdout
    words = printed.splitlines()
    return words[words.index("pretrain_gpt.py") + 1 :]


def main() -> None:
    sources = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    stand_in_for("torchtitan.distributed.minimal_async_ep.kernels", "torch.utils.tensorboard", "datasets")
    stand_in_for("datasets.distributed")
    if sources:
        sys.path.insert(0, str(sources))
        stand_in_for("megatron.core.transformer.custom_layers.batch_invariant_kernels", "megatron.training.tokenizer")
        stand_in_for("megatron.training.initialize", "megatron.training.training")
    checked = 0
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, folder)
        for name, (program, workload, plan) in GOLDEN.items():
            if program == "torchtitan":
                check_torchtitan(name, workload, plan.layout, Path(folder))
            elif program == "megatron" and sources:
                check_megatron(name, workload, plan.layout)
            else:
                continue
            checked += 1
            print(f"{name}: as planned", flush=True)
    print(f"{checked} passed, 0 failed")


if __name__ == "__main__":
    main()
