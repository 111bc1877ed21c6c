"""What the training program can train."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from stellwerk.dataset import Manifest, read_manifest
from stellwerk.dataset.excerpt import BYTE_VOCABULARY, HELD_OUT_BLOCK_BYTES
from stellwerk.errors import InputError, InputErrors
from stellwerk.training.huggingface.config import CONFIG, read_model_config
from stellwerk.training.model import ModelDetails
from stellwerk.workload.model import Architecture, Workload

TOKENIZER = "tokenizer.json"
"""In a base as in a dataset."""

_Demand = tuple[str, object, bool, str]
"""Key, what stands there, whether the program can do it, what it can do."""


def check_trainable(workload: Workload, *, processes: int, file: Path) -> None:
    """Raises InputErrors with everything in the workload that the program does not do, or that does not fit together.

    It trains decoders with rotary positions, RMSNorm before each block and gated feed-forward blocks, dense or with
    experts, on bytes or on a dataset of tokens, in bf16: from nothing, or all weights or adapters of a base. Reads
    the dataset's manifest and the base's config.json where the workload names them.
    """
    problems = [
        InputError("the training program cannot do this yet", file=file, key=key, value=value, allowed=allowed)
        for key, value, possible, allowed in (*_of_the_model(workload.architecture), *_of_the_task(workload, processes))
        if not possible
    ]
    problems += _of_what_it_reads(workload, file)
    if problems:
        raise InputErrors(problems)


def model_details(workload: Workload) -> ModelDetails:
    """What the workload's model computes beyond its sizes: what its base does, or the usual where it starts from
    nothing. Raises InputError as ``read_model_config`` does."""
    base = workload.run.base
    return ModelDetails() if base is None else read_model_config(base).details


def _of_the_model(a: Architecture) -> Iterator[_Demand]:
    latent, experts = a.latent_attention, a.experts
    yield "model.gated_mlp", a.gated_mlp, a.gated_mlp, "true"
    yield "model.latent_attention", latent and latent.key_value_rank, latent is None, "no latent attention"
    yield "model.head_bias", a.head_bias, not a.head_bias, "false"
    yield "model.mlp_bias", a.mlp_bias, not (experts and a.mlp_bias), "false beside experts"
    yield "model.router_bias", experts and experts.router_bias, not (experts and experts.router_bias), "false"
    yield "model.norm_parameters", a.norm_parameters, a.norm_parameters == 1, "1 (RMSNorm)"
    yield "model.norms_per_layer", a.norms_per_layer, a.norms_per_layer == 2, "2"
    yield "model.positions", a.positions, a.positions == 0, "0: positions are rotary"
    yield "model.windowed_layers", a.windowed_layers, a.windowed_layers == 0, "0"
    yield "model.head_dim", a.head_dim, a.head_dim % 2 == 0, "an even number"


def _of_the_task(workload: Workload, processes: int) -> Iterator[_Demand]:
    training, run = workload.training, workload.run
    batch, length = training.global_batch_sequences, training.sequence_length
    yield "finetuning.method", training.method, training.method != "qlora", "full or lora"
    section = "training" if training.method == "pretraining" else "finetuning"
    yield f"{section}.precision", training.precision, training.precision == "bf16", "bf16"
    yield f"{section}.optimizer", training.optimizer, training.optimizer == "adamw", "adamw"
    yield from _of_the_layers(workload.architecture, run.tensor_parallel, processes)
    alone = run.tensor_parallel == 1 or not training.trains_adapters
    yield "run.tensor_parallel", run.tensor_parallel, alone, "1 beside adapters"
    sharing = processes // run.tensor_parallel or 1
    yield (
        "training.global_batch_sequences",
        batch,
        batch % sharing == 0,
        f"a multiple of {sharing}, the number of processes with data of their own",
    )
    if run.dataset is None:
        yield (
            "training.sequence_length",
            length,
            length <= HELD_OUT_BLOCK_BYTES,
            f"at most {HELD_OUT_BLOCK_BYTES}: so long are the pieces of text kept aside to check the model",
        )
        vocab = workload.architecture.vocab
        yield (
            "model.vocab",
            vocab,
            vocab == BYTE_VOCABULARY,
            f"{BYTE_VOCABULARY}: without [run] dataset the tokens are bytes",
        )


def _of_the_layers(a: Architecture, tensor: int, processes: int) -> Iterator[_Demand]:
    """What has to be cut into ``tensor`` equal parts."""
    widths = {"the heads": a.heads, "the key and value heads": a.kv_heads, "the vocabulary": a.vocab}
    widths["the feed-forward width"] = a.ffn_hidden
    if a.experts:
        widths["an expert's width"] = a.experts.ffn_hidden
        widths["the shared experts' width"] = a.experts.shared_ffn_hidden
    for what, width in {"the processes": processes, **widths}.items():
        yield "run.tensor_parallel", tensor, width % tensor == 0, f"a divisor of {width}, {what}"
    whole_norm = a.qk_norm and a.qk_norm_width == "projection"
    yield "run.tensor_parallel", tensor, tensor == 1 or not whole_norm, "1 where a norm spans all heads"


def _of_what_it_reads(workload: Workload, file: Path) -> list[InputError]:
    """What is wrong with the dataset and the base, and what of them does not fit."""
    problems: list[InputError] = []
    manifest: Manifest | None = None
    run = workload.run
    try:
        if run.dataset is not None:
            manifest = read_manifest(run.dataset)
            problems += _misfit_of_tokens(workload.architecture, manifest, file)
    except InputErrors as found:
        problems += found.errors
    except InputError as found:
        problems.append(found)
    try:
        problems += _misfit_of_base(workload, manifest, file)
    except InputErrors as found:
        problems += found.errors
    except InputError as found:
        problems.append(found)
    return problems


def _misfit_of_tokens(architecture: Architecture, manifest: Manifest, file: Path) -> Iterator[InputError]:
    if manifest.vocabulary > architecture.vocab:
        yield InputError(
            "the tokenizer of the dataset has more tokens than the model",
            file=file,
            key="model.vocab",
            value=architecture.vocab,
            allowed=f"at least {manifest.vocabulary}",
        )


def _misfit_of_base(workload: Workload, manifest: Manifest | None, file: Path) -> Iterator[InputError]:
    base = workload.run.base
    if workload.training.method == "pretraining":
        return
    if base is None:
        yield InputError(
            "is missing: what a fine-tuning starts from", file=file, key="run.base", allowed=f"a folder with {CONFIG}"
        )
        return
    found = read_model_config(base).architecture
    if found != workload.architecture:
        yield InputError(
            f"is another model than the workload's: {_differences(workload.architecture, found)}",
            file=file,
            key="run.base",
            value=str(base),
            allowed=f'[model] config = "{base / CONFIG}"',
        )
    tokenizer = base / TOKENIZER
    if manifest is not None and tokenizer.is_file():
        with tokenizer.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != manifest.tokenizer_sha256:
            yield InputError(
                "was made with another tokenizer than the base's",
                file=file,
                key="run.dataset",
                value=str(workload.run.dataset),
                allowed=f"a dataset prepared with --tokenizer {tokenizer}",
            )


def _differences(wanted: Architecture, found: Architecture) -> str:
    """Each value that is not the same, that of the workload first."""
    names = [field.name for field in fields(Architecture)]
    pairs = [(name, getattr(wanted, name), getattr(found, name)) for name in names]
    return "; ".join(f"{name} {one} | {other}" for name, one, other in pairs if one != other)
