"""The Gemma families as ``config.json`` describes them.

Keys and defaults are those of ``GemmaConfig``, ``Gemma2Config`` and ``Gemma3TextConfig`` in
https://github.com/huggingface/transformers (src/transformers/models/gemma*/configuration_*.py).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from stellwerk.workload.boundary import MAX_LAYERS, Flag, Layers, OptionalSize, Size
from stellwerk.workload.config_keys import GroupedConfig, LayeredConfig


class GemmaConfig(GroupedConfig):
    causal_class = "GemmaForCausalLM"

    vocab_size: Size = 256_000
    hidden_size: Size = 3072
    intermediate_size: Size = 24576
    num_hidden_layers: Layers = 28
    num_attention_heads: Size = 16
    num_key_value_heads: OptionalSize = 16
    head_dim: OptionalSize = 256
    tie_word_embeddings: Flag = True
    attention_bias: Flag = False

    def traits(self) -> dict[str, Any]:
        return {"attention_bias": self.attention_bias, "output_bias": self.attention_bias}


class Gemma2Config(GemmaConfig, LayeredConfig):
    """Norms before and after attention and feed-forward; every second layer has a window, the first one included."""

    causal_class = "Gemma2ForCausalLM"

    hidden_size: Size = 2304
    intermediate_size: Size = 9216
    num_hidden_layers: Layers = 26
    num_attention_heads: Size = 8
    num_key_value_heads: OptionalSize = 4

    def traits(self) -> dict[str, Any]:
        return GemmaConfig.traits(self) | {"norms_per_layer": 4} | self.windows(self.layers_with_a_window())

    def layers_with_a_window(self) -> int:
        return (self.num_hidden_layers + 1) // 2


class Gemma3TextConfig(Gemma2Config):
    """As Gemma 2, with scales on queries and keys; one layer in ``sliding_window_pattern`` has no window."""

    causal_class = "Gemma3ForCausalLM"

    vocab_size: Size = 262_208
    sliding_window_pattern: Annotated[int, Field(ge=1, le=MAX_LAYERS, description="a number of layers")] = 6

    def traits(self) -> dict[str, Any]:
        return Gemma2Config.traits(self) | {"qk_norm": True}

    def layers_with_a_window(self) -> int:
        return self.num_hidden_layers - self.num_hidden_layers // self.sliding_window_pattern
