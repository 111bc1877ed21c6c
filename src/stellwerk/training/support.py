"""What the training program can train."""

from __future__ import annotations

from pathlib import Path

from stellwerk.dataset.excerpt import BYTE_VOCABULARY, HELD_OUT_BLOCK_BYTES
from stellwerk.errors import InputError, InputErrors
from stellwerk.workload.model import Workload


def check_trainable(workload: Workload, *, processes: int, file: Path) -> None:
    """Raises InputErrors with everything in the workload that the program does not do yet.

    It trains decoders with rotary positions, RMSNorm before each block and a gated feed-forward, on bytes, in bf16.
    """
    a, training = workload.architecture, workload.training
    demands: tuple[tuple[str, object, bool, str], ...] = (
        ("model.vocab", a.vocab, a.vocab == BYTE_VOCABULARY, f"{BYTE_VOCABULARY}: the tokens are bytes"),
        ("model.gated_mlp", a.gated_mlp, a.gated_mlp, "true"),
        ("model.qk_norm", a.qk_norm, not a.qk_norm, "false"),
        ("model.experts", a.experts and a.experts.routed, a.experts is None, "no experts"),
        (
            "model.latent_attention",
            a.latent_attention and a.latent_attention.key_value_rank,
            a.latent_attention is None,
            "no latent attention",
        ),
        ("model.head_bias", a.head_bias, not a.head_bias, "false"),
        ("model.norm_parameters", a.norm_parameters, a.norm_parameters == 1, "1 (RMSNorm)"),
        ("model.norms_per_layer", a.norms_per_layer, a.norms_per_layer == 2, "2"),
        ("model.positions", a.positions, a.positions == 0, "0: positions are rotary"),
        ("model.windowed_layers", a.windowed_layers, a.windowed_layers == 0, "0"),
        ("model.head_dim", a.head_dim, a.head_dim % 2 == 0, "an even number"),
        ("finetuning.method", training.method, training.method == "pretraining", "[training]: it starts from nothing"),
        (
            "training.sequence_length",
            training.sequence_length,
            training.sequence_length <= HELD_OUT_BLOCK_BYTES,
            f"at most {HELD_OUT_BLOCK_BYTES}: so long are the pieces of text kept aside to check the model",
        ),
        ("training.precision", training.precision, training.precision == "bf16", "bf16"),
        (
            "training.global_batch_sequences",
            training.global_batch_sequences,
            training.global_batch_sequences % processes == 0,
            f"a multiple of {processes}, the number of processes",
        ),
    )
    problems = [
        InputError("the training program cannot do this yet", file=file, key=key, value=value, allowed=allowed)
        for key, value, possible, allowed in demands
        if not possible
    ]
    if problems:
        raise InputErrors(problems)
