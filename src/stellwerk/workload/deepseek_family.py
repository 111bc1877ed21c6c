"""DeepSeek-V2 and V3 as ``config.json`` describes them: latent attention, and experts beside shared ones.

Keys are those of ``DeepseekV2Config`` and ``DeepseekV3Config`` in https://github.com/huggingface/transformers
(src/transformers/models/*/configuration_*.py) and of the code that the models were published with. The two disagree
on what DeepSeek-V2 has where its file says nothing, so its sizes must be there; V3's defaults are those of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from stellwerk.workload.boundary import Flag, Layers, OptionalSize, Size, SizeOrZero, SomeLayers
from stellwerk.workload.config_keys import DecoderConfig
from stellwerk.workload.model import Experts, LatentAttention


class DeepseekV2Config(DecoderConfig):
    """Experts from layer ``first_k_dense_replace`` on, in every ``moe_layer_freq``-th layer."""

    causal_class = "DeepseekV2ForCausalLM"
    published_with_code = "modeling_deepseek"
    also_called: ClassVar[Mapping[str, str]] = {
        "num_experts": "n_routed_experts",
        "num_local_experts": "n_routed_experts",
    }
    without_effect = frozenset({"head_dim"})  # a copy of qk_rope_head_dim that transformers adds

    intermediate_size: Size
    num_key_value_heads: OptionalSize = None
    q_lora_rank: OptionalSize
    kv_lora_rank: Size
    qk_nope_head_dim: Size
    qk_rope_head_dim: Size
    v_head_dim: Size
    n_routed_experts: Size
    num_experts_per_tok: Size
    n_shared_experts: SizeOrZero | None
    moe_intermediate_size: Size
    first_k_dense_replace: SomeLayers = 0
    moe_layer_freq: Layers = 1
    attention_bias: Flag = False

    def sizes(self) -> dict[str, Any]:
        return {
            "kv_heads": self.num_key_value_heads or self.num_attention_heads,
            "ffn_hidden": self.intermediate_size,
            "head_dim": self.qk_nope_head_dim,
        }

    def traits(self) -> dict[str, Any]:
        latent = LatentAttention(
            key_value_rank=self.kv_lora_rank,
            rope_head_dim=self.qk_rope_head_dim,
            value_head_dim=self.v_head_dim,
            query_rank=self.q_lora_rank,
        )
        biases = {"attention_bias": self.attention_bias, "output_bias": self.attention_bias}
        return {"latent_attention": latent, "experts": self.experts()} | biases

    def experts(self) -> Experts:
        layers = range(self.num_hidden_layers)
        with_experts = [n for n in layers if n >= self.first_k_dense_replace and n % self.moe_layer_freq == 0]
        return Experts(
            routed=self.n_routed_experts,
            per_token=self.num_experts_per_tok,
            ffn_hidden=self.moe_intermediate_size,
            shared_ffn_hidden=(self.n_shared_experts or 0) * self.moe_intermediate_size,
            dense_layers=self.num_hidden_layers - len(with_experts),
        )


class DeepseekV3Config(DeepseekV2Config):
    """As V2, with a correction of the router's choice. The main model is described, without the extra prediction
    layers that ``num_nextn_predict_layers`` counts: V3's 671B parameters are those of the main model.
    """

    causal_class = "DeepseekV3ForCausalLM"

    vocab_size: Size = 129_280
    hidden_size: Size = 7168
    intermediate_size: Size = 18432
    num_hidden_layers: Layers = 61
    num_attention_heads: Size = 128
    num_key_value_heads: OptionalSize = 128
    q_lora_rank: OptionalSize = 1536
    kv_lora_rank: Size = 512
    qk_nope_head_dim: Size = 128
    qk_rope_head_dim: Size = 64
    v_head_dim: Size = 128
    n_routed_experts: Size = 256
    num_experts_per_tok: Size = 8
    n_shared_experts: SizeOrZero | None = 1
    moe_intermediate_size: Size = 2048
    first_k_dense_replace: SomeLayers = 3
    num_nextn_predict_layers: SomeLayers | None = None

    def experts(self) -> Experts:
        return replace(DeepseekV2Config.experts(self), router_bias=True)
