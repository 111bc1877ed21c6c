"""Peer: torchtitan's Llama 3 with its own recomputation, compilation and loss, on one GPU.

The model, ``parallelize_llama`` (recomputation, then each block compiled), and the compiled cross-entropy are
torchtitan's; its trainer is not used, since that wants a tokenizer, a dataset and NCCL. Attention is torchtitan's
default, scaled_dot_product_attention with cuDNN's kernel first. The loss is over whole logits: this release has no
chunked loss. fp32 weights compute in bf16 through autocast, as torchtitan does on one device.

Recomputation: ``full`` keeps each block's input; ``selective`` is torchtitan's "op": it keeps attention and every
second matrix product. This release does not tie embedding and output head; for the sizes that do, they are tied here
the way its successor does, so that the peers train the same weights.

Prints one line of JSON; see peer_measure.py for what its fields mean.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version

import torch
from peer_measure import SIZES, Step, main, optimizer_step, options, weight_type
from torchtitan.components.loss import build_cross_entropy_loss
from torchtitan.config import JobConfig
from torchtitan.distributed import ParallelDims
from torchtitan.models.llama3 import TransformerModelArgs, parallelize_llama
from torchtitan.models.llama3.model.model import Transformer

ONE_DEVICE = {"dp_replicate": 1, "dp_shard": 1, "cp": 1, "tp": 1, "pp": 1, "ep": 1, "etp": 1, "world_size": 1}


def _configuration(arguments: argparse.Namespace) -> JobConfig:
    configuration = JobConfig()
    configuration.training.seq_len = arguments.sequence_length
    configuration.compile.enable = True
    configuration.compile.backend = arguments.backend
    configuration.activation_checkpoint.mode = arguments.recomputation
    configuration.activation_checkpoint.selective_ac_option = "op"
    configuration.activation_checkpoint.preserve_rng_state = False
    return configuration


def _model(arguments: argparse.Namespace) -> Transformer:
    size = SIZES[arguments.size]
    model_arguments = TransformerModelArgs(
        dim=size.hidden,
        n_layers=size.layers,
        n_heads=size.heads,
        n_kv_heads=size.key_value_heads,
        vocab_size=size.vocabulary,
        # torchtitan derives the width: two thirds of four times the hidden width, times this, rounded up
        ffn_dim_multiplier=size.feed_forward / int(8 * size.hidden / 3),
        multiple_of=64,
        rope_theta=500_000,
        max_seq_len=arguments.sequence_length,
    )
    default = torch.get_default_dtype()
    torch.set_default_dtype(weight_type(arguments))
    try:
        with torch.device("meta"):
            model = Transformer(model_arguments)
    finally:
        torch.set_default_dtype(default)
    model.to_empty(device=arguments.device)
    if size.tied:
        model.tok_embeddings.weight = model.output.weight
    with torch.no_grad():
        model.init_weights(buffer_device=torch.device(arguments.device))
    return model.train()


def build(arguments: argparse.Namespace) -> Step:
    configuration = _configuration(arguments)
    model = parallelize_llama(_model(arguments), ParallelDims(**ONE_DEVICE), configuration)
    loss = build_cross_entropy_loss(configuration)
    mixed = arguments.weight_type == "fp32"

    def loss_of(tokens: torch.Tensor) -> torch.Tensor:
        labels = tokens[:, 1:]
        with torch.autocast(arguments.device, torch.bfloat16, enabled=mixed):
            return loss(model(tokens[:, :-1]), labels) / labels.numel()

    return optimizer_step(list(model.parameters()), arguments, loss_of)


def start() -> int:
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--backend", default="inductor", help="of the compiler; aot_eager compiles no kernels")
    arguments = parser.parse_args()
    return main("torchtitan", {"torchtitan": version("torchtitan")}, build, arguments, {})


if __name__ == "__main__":
    sys.exit(start())
