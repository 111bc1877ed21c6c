"""Llama and the families built like it, as ``config.json`` describes them.

Keys and defaults are those of ``LlamaConfig``, ``MistralConfig``, ``Qwen2Config``, ``Qwen3Config``, ``Phi3Config``,
``OlmoConfig`` and ``Olmo2Config`` in https://github.com/huggingface/transformers
(src/transformers/models/*/configuration_*.py).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from stellwerk.workload.boundary import MAX_LAYERS, Flag, Layers, OptionalSize, Size
from stellwerk.workload.config_keys import GroupedConfig, LayeredConfig, windows


class LlamaConfig(GroupedConfig):
    causal_class = "LlamaForCausalLM"

    attention_bias: Flag = False
    mlp_bias: Flag = False

    def traits(self) -> dict[str, Any]:
        return {
            "attention_bias": self.attention_bias,
            "output_bias": self.attention_bias,
            "mlp_bias": self.mlp_bias,
        }


class MistralConfig(GroupedConfig):
    causal_class = "MistralForCausalLM"

    num_key_value_heads: OptionalSize = 8
    sliding_window: OptionalSize = 4096

    def traits(self) -> dict[str, Any]:
        return windows(self.sliding_window, self.num_hidden_layers)


class Qwen2Config(LayeredConfig):
    causal_class = "Qwen2ForCausalLM"

    num_key_value_heads: OptionalSize = 32
    use_sliding_window: Flag = False
    max_window_layers: Annotated[int, Field(ge=0, le=MAX_LAYERS, description="a number of layers")] = 28

    def traits(self) -> dict[str, Any]:
        return {"attention_bias": True} | self.window_traits()

    def window_traits(self) -> dict[str, Any]:
        if not self.use_sliding_window:
            return {}
        return self.windows(max(self.num_hidden_layers - self.max_window_layers, 0))


class Qwen3Config(Qwen2Config):
    causal_class = "Qwen3ForCausalLM"

    head_dim: OptionalSize = 128
    attention_bias: Flag = False

    def traits(self) -> dict[str, Any]:
        biases = {"attention_bias": self.attention_bias, "output_bias": self.attention_bias}
        return {"qk_norm": True} | biases | self.window_traits()


class Phi3Config(GroupedConfig):
    causal_class = "Phi3ForCausalLM"
    published_with_code = "modeling_phi3"

    vocab_size: Size = 32064
    hidden_size: Size = 3072
    intermediate_size: Size = 8192
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    sliding_window: OptionalSize = None

    def traits(self) -> dict[str, Any]:
        return windows(self.sliding_window, self.num_hidden_layers)


class OlmoConfig(GroupedConfig):
    """Its norms have no parameters."""

    causal_class = "OlmoForCausalLM"

    vocab_size: Size = 50304
    hidden_size: Size = 4096
    intermediate_size: Size = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 32
    attention_bias: Flag = False

    def traits(self) -> dict[str, Any]:
        return {"norm_parameters": 0} | self.biases()

    def biases(self) -> dict[str, Any]:
        return {"attention_bias": self.attention_bias, "output_bias": self.attention_bias}


class Olmo2Config(OlmoConfig):
    """Norms after attention and feed-forward, and scales over all queries and all keys."""

    causal_class = "Olmo2ForCausalLM"

    def traits(self) -> dict[str, Any]:
        return {"qk_norm": True, "qk_norm_width": "projection"} | self.biases()
