"""Writes adapters alone, in the layout of the library PEFT: adapter_config.json beside adapter_model.safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from stellwerk.errors import InputError
from stellwerk.training.decoder.lora import DOWN, UP, adapter_weights
from stellwerk.training.huggingface.families import family_of, stored_as
from stellwerk.training.huggingface.write import new_folder, save_tensors, write_values
from stellwerk.workload.model import Architecture

PREFIX = "base_model.model."
"""PEFT's wrapper and the model inside it."""


def write_adapter(
    folder: Path, weights: Mapping[str, Tensor], architecture: Architecture, *, rank: int, alpha: float, base: Path
) -> None:
    """Writes the adapters among ``weights``, which belong to the model in ``base``, into a new or empty ``folder``.

    Raises InputError for a mixture of experts: transformers keeps all experts of a layer in one tensor, for which
    PEFT has no settled layout.
    """
    if architecture.experts is not None:
        raise InputError(
            "adapters of a mixture of experts cannot be exported alone", key="model.experts", allowed="--merge"
        )
    model_type = family_of(architecture)
    tensors: dict[str, Tensor] = {}
    modules: set[str] = set()
    for name, weight in adapter_weights(weights).items():
        layer, ending = name.removesuffix(DOWN).removesuffix(UP), "lora_A" if name.endswith(DOWN) else "lora_B"
        (matrix,) = stored_as(f"{layer}weight", model_type, architecture).names
        module = matrix.removesuffix(".weight")
        modules.add(module.rpartition(".")[2])
        tensors[f"{PREFIX}{module}.{ending}.weight"] = weight.contiguous()
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(base),
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "target_modules": sorted(modules),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    with new_folder(folder) as part:
        write_values(part / "adapter_config.json", config)
        save_tensors(tensors, part / "adapter_model.safetensors")
