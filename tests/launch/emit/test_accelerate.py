"""The files for Accelerate, read by Accelerate."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from tests.launch.emit.cases import GOLDEN

FOLDER = Path(__file__).with_name("golden")

pytestmark = pytest.mark.slow  # accelerate imports torch


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.endswith(".yaml")])
def test_accelerate_reads_what_was_planned(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    layout = GOLDEN[name][2].layout
    config = load_config_from_file(str(FOLDER / name))
    assert config.num_processes == layout.devices
    assert config.num_machines == -(-layout.devices // 4)
    assert config.mixed_precision == GOLDEN[name][1].training.precision
    assert (config.distributed_type.value == "FSDP") == (layout.sharding != "none")
    tensor = (config.parallelism_config or {}).get("parallelism_config_tp_size", 1)
    assert tensor == layout.tensor


@pytest.mark.parametrize(("name", "fsdp"), [("accelerate-full.yaml", 2), ("accelerate-tensor.yaml", 2)])
def test_accelerate_would_start_it_so(name: str, fsdp: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that `accelerate launch` hands to the script, and from which the script's Accelerator is made."""
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.parallelism_config import ParallelismConfig
    from accelerate.utils.launch import prepare_multi_gpu_env

    layout = GOLDEN[name][2].layout
    arguments = ["--config_file", str(FOLDER / name), "--main_process_ip", "127.0.0.1", "train.py"]
    parsed: argparse.Namespace = _validate_launch_command(launch_command_parser().parse_args(arguments))[0]
    environment = prepare_multi_gpu_env(parsed)
    assert environment["FSDP_VERSION"] == str(fsdp)
    assert environment["FSDP_RESHARD_AFTER_FORWARD"] == "true"
    assert environment["FSDP_ACTIVATION_CHECKPOINTING"] == str(layout.recomputation != "none").lower()
    if layout.tensor > 1:
        for key, value in environment.items():
            monkeypatch.setitem(os.environ, key, value)
        config = ParallelismConfig()
        assert (config.tp_size, config.dp_shard_size) == (layout.tensor, layout.data)
