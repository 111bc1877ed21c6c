"""Peer: Hugging Face transformers' Llama with PyTorch's compiler and Liger Kernel, on one GPU.

The model is ``LlamaForCausalLM`` as it comes. What is chosen, for speed:

- ``--layers compiled`` (default): each decoder layer is compiled by itself, one compilation for all of them. Their
  norms, rotary embedding and SwiGLU become fused kernels. ``liger``: Liger's Triton kernels for these, not compiled.
- ``--loss liger`` (default): output head and cross-entropy in one, chunk by chunk, so that the logits are never whole
  in memory. ``compiled``: whole logits, cross-entropy compiled.
- Attention through scaled_dot_product_attention, cuDNN's kernel first, then Flash Attention 2 (``--attention``).
- Fused AdamW. fp32 weights compute in bf16 through autocast.

Recomputation: ``full`` keeps each layer's input. ``selective`` keeps the results of matrix products and attention and
computes norms, rotary embedding and SwiGLU again; it needs compiled layers.

Prints one line of JSON; see peer_measure.py for what its fields mean.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from importlib.metadata import version

import torch
import torch.nn.functional as functional
from peer_measure import SIZES, Step, Unsupported, main, optimizer_step, options, weight_type
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts
from transformers import LlamaConfig, LlamaForCausalLM

ATTENTION = {
    "cudnn": [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.MATH],
    "flash": [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH],
}
KEPT = {
    torch.ops.aten.mm.default,
    torch.ops.aten._scaled_dot_product_cudnn_attention.default,
    torch.ops.aten._scaled_dot_product_flash_attention.default,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
}
"""Operations whose results selective recomputation keeps."""


def _keep(_context: object, operation: object, *_arguments: object, **_keywords: object) -> CheckpointPolicy:
    return CheckpointPolicy.MUST_SAVE if operation in KEPT else CheckpointPolicy.PREFER_RECOMPUTE


def _model(arguments: argparse.Namespace) -> LlamaForCausalLM:
    size = SIZES[arguments.size]
    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_value_heads,
        max_position_embeddings=arguments.sequence_length,
        tie_word_embeddings=size.tied,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
        use_cache=False,
        attn_implementation="sdpa",
    )
    if arguments.layers == "liger":
        from liger_kernel.transformers import apply_liger_kernel_to_llama

        apply_liger_kernel_to_llama(cross_entropy=False, fused_linear_cross_entropy=False)
    default = torch.get_default_dtype()
    torch.set_default_dtype(weight_type(arguments))
    try:
        with torch.device(arguments.device):
            model = LlamaForCausalLM(config)
    finally:
        torch.set_default_dtype(default)
    return model.train()


def _recompute(model: LlamaForCausalLM, arguments: argparse.Namespace) -> None:
    if arguments.recomputation == "none":
        return
    keywords: dict[str, object] = {"use_reentrant": False, "preserve_rng_state": False}
    if arguments.recomputation == "selective":
        if arguments.layers != "compiled":
            raise Unsupported("selective recomputation needs --layers compiled")
        keywords["context_fn"] = functools.partial(create_selective_checkpoint_contexts, _keep)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=keywords)


def _loss(arguments: argparse.Namespace) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Takes hidden states, the output head's weights, labels."""
    if arguments.loss == "liger":
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

        fused = LigerFusedLinearCrossEntropyLoss()
        return lambda hidden, weight, labels: fused(weight, hidden, labels)

    def whole(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(functional.linear(hidden, weight).float(), labels)

    return torch.compile(whole, backend=arguments.backend)


def build(arguments: argparse.Namespace) -> Step:
    model = _model(arguments)
    _recompute(model, arguments)
    decoder = model.model
    if arguments.layers == "compiled":
        # around the layer's __call__, so that recomputation lies inside what is compiled and dead parts of it go
        for index, layer in enumerate(decoder.layers):
            decoder.layers[index] = torch.compile(layer, backend=arguments.backend)
        decoder.norm = torch.compile(decoder.norm, backend=arguments.backend)
    loss = _loss(arguments)
    mixed = arguments.weight_type == "fp32"

    def loss_of(tokens: torch.Tensor) -> torch.Tensor:
        with torch.autocast(arguments.device, torch.bfloat16, enabled=mixed):
            hidden = decoder(input_ids=tokens[:, :-1]).last_hidden_state
            return loss(hidden.flatten(0, 1), model.lm_head.weight, tokens[:, 1:].flatten())

    step = optimizer_step(list(model.parameters()), arguments, loss_of)

    def step_with_attention(tokens: torch.Tensor) -> torch.Tensor:
        with sdpa_kernel(ATTENTION[arguments.attention], set_priority=True):
            return step(tokens)

    return step_with_attention


def start() -> int:
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--layers", choices=("compiled", "liger"), default="compiled")
    parser.add_argument("--loss", choices=("liger", "compiled"), default="liger")
    parser.add_argument("--attention", choices=tuple(ATTENTION), default="cudnn")
    parser.add_argument("--backend", default="inductor", help="of the compiler; aot_eager compiles no kernels")
    arguments = parser.parse_args()
    versions = {"transformers": version("transformers")}
    if "liger" in (arguments.layers, arguments.loss):
        versions["liger-kernel"] = version("liger-kernel")
    details = {"layers": arguments.layers, "loss": arguments.loss, "attention": arguments.attention}
    return main("transformers", versions, build, arguments, details)


if __name__ == "__main__":
    sys.exit(start())
