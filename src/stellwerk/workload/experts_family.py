"""Mixtral and the mixtures of experts of Qwen as ``config.json`` describes them.

Keys and defaults are those of ``MixtralConfig``, ``Qwen2MoeConfig`` and ``Qwen3MoeConfig`` in
https://github.com/huggingface/transformers (src/transformers/models/*/configuration_*.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from stellwerk.workload.boundary import Flag, Layers, OptionalSize, Size, SizeOrZero, SomeLayers
from stellwerk.workload.config_keys import GroupedConfig, LayeredConfig, windows
from stellwerk.workload.model import Experts


class MixtralConfig(GroupedConfig):
    """Every layer has experts, as wide as ``intermediate_size``."""

    causal_class = "MixtralForCausalLM"
    also_called: ClassVar[Mapping[str, str]] = {"num_experts": "num_local_experts"}
    without_effect = frozenset({"router_aux_loss_coef", "router_jitter_noise", "output_router_logits"})

    vocab_size: Size = 32000
    hidden_size: Size = 4096
    intermediate_size: Size = 14336
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    num_key_value_heads: OptionalSize = 8
    num_local_experts: Size = 8
    num_experts_per_tok: Size = 2
    sliding_window: OptionalSize = None

    def traits(self) -> dict[str, Any]:
        return {"experts": self.experts()} | windows(self.sliding_window, self.num_hidden_layers)

    def experts(self) -> Experts:
        return Experts(self.num_local_experts, self.num_experts_per_tok, self.intermediate_size)


class QwenExpertsConfig(GroupedConfig):
    """Experts in every ``decoder_sparse_step``-th layer that ``mlp_only_layers`` does not name."""

    also_called: ClassVar[Mapping[str, str]] = {"num_local_experts": "num_experts"}
    without_effect = frozenset({"router_aux_loss_coef", "output_router_logits"})

    vocab_size: Size = 151_936
    hidden_size: Size = 2048
    num_hidden_layers: Layers = 24
    moe_intermediate_size: Size
    num_experts: Size
    num_experts_per_tok: Size
    decoder_sparse_step: Layers = 1
    mlp_only_layers: Annotated[list[int] | None, Field(description="a list of layer numbers from 0")] = None
    use_sliding_window: Flag = False

    def dense_layers(self) -> int:
        dense, step = set(self.mlp_only_layers or ()), self.decoder_sparse_step
        return sum(layer in dense or (layer + 1) % step != 0 for layer in range(self.num_hidden_layers))


class Qwen2MoeConfig(QwenExpertsConfig, LayeredConfig):
    """A shared expert with a weight of its own. Every second of the first ``max_window_layers`` layers has a window."""

    causal_class = "Qwen2MoeForCausalLM"

    intermediate_size: Size = 5632
    num_attention_heads: Size = 16
    num_key_value_heads: OptionalSize = 16
    moe_intermediate_size: Size = 1408
    shared_expert_intermediate_size: SizeOrZero = 5632
    num_experts: Size = 60
    num_experts_per_tok: Size = 4
    qkv_bias: Flag = True
    max_window_layers: SomeLayers = 28
    sliding_window: SizeOrZero | None = 4096  # transformers 5 writes 0 where there is no window

    def traits(self) -> dict[str, Any]:
        return {"attention_bias": self.qkv_bias, "experts": self.experts()} | self.window_traits()

    def window_traits(self) -> dict[str, Any]:
        if not (self.use_sliding_window and self.sliding_window):
            return {}
        return self.windows((min(self.max_window_layers, self.num_hidden_layers) + 1) // 2)

    def experts(self) -> Experts:
        return Experts(
            routed=self.num_experts,
            per_token=self.num_experts_per_tok,
            ffn_hidden=self.moe_intermediate_size,
            shared_ffn_hidden=self.shared_expert_intermediate_size,
            dense_layers=self.dense_layers(),
            shared_gate=True,
        )


class Qwen3MoeConfig(QwenExpertsConfig):
    """No shared expert; scales on queries and keys; with a window, every layer has it."""

    causal_class = "Qwen3MoeForCausalLM"
    without_effect = QwenExpertsConfig.without_effect | {"use_qk_norm"}  # the family always has these scales

    intermediate_size: Size = 6144
    num_attention_heads: Size = 32
    num_key_value_heads: OptionalSize = 4
    moe_intermediate_size: Size = 768
    num_experts: Size = 128
    num_experts_per_tok: Size = 8
    attention_bias: Flag = False
    sliding_window: OptionalSize = 4096

    def traits(self) -> dict[str, Any]:
        biases = {"attention_bias": self.attention_bias, "output_bias": self.attention_bias}
        window = windows(self.sliding_window if self.use_sliding_window else None, self.num_hidden_layers)
        return {"qk_norm": True, "experts": self.experts()} | biases | window

    def experts(self) -> Experts:
        return Experts(
            routed=self.num_experts,
            per_token=self.num_experts_per_tok,
            ffn_hidden=self.moe_intermediate_size,
            dense_layers=self.dense_layers(),
        )
