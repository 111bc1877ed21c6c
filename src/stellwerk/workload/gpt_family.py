"""GPT-2, GPT-NeoX and Falcon as ``config.json`` describes them: LayerNorm, and two matrices in the feed-forward block.

Keys and defaults are those of ``GPT2Config``, ``GPTNeoXConfig`` and ``FalconConfig`` in
https://github.com/huggingface/transformers (src/transformers/models/*/configuration_*.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from stellwerk.workload.boundary import Flag, Layers, OptionalSize, Size
from stellwerk.workload.config_keys import DecoderConfig

PLAIN = {"gated_mlp": False, "norm_parameters": 2}


class GPT2Config(DecoderConfig):
    causal_class = "GPT2LMHeadModel"

    vocab_size: Size = 50257
    hidden_size: Annotated[Size, Field(alias="n_embd")] = 768
    num_hidden_layers: Annotated[Layers, Field(alias="n_layer")] = 12
    num_attention_heads: Annotated[Size, Field(alias="n_head")] = 12
    intermediate_size: Annotated[OptionalSize, Field(alias="n_inner")] = None
    n_positions: Size = 1024
    tie_word_embeddings: Flag = True

    def sizes(self) -> dict[str, Any]:
        return _sizes(self, self.num_attention_heads, self.intermediate_size)

    def traits(self) -> dict[str, Any]:
        return PLAIN | _biases(attention=True, mlp=True) | {"positions": self.n_positions}


class GPTNeoXConfig(DecoderConfig):
    causal_class = "GPTNeoXForCausalLM"

    vocab_size: Size = 50432
    hidden_size: Size = 6144
    num_hidden_layers: Layers = 44
    num_attention_heads: Size = 64
    intermediate_size: Size = 24576
    attention_bias: Flag = True
    use_parallel_residual: Flag = True
    """Read because it is the family's own; it changes the order of the computation, not its size."""

    def sizes(self) -> dict[str, Any]:
        return _sizes(self, self.num_attention_heads, self.intermediate_size)

    def traits(self) -> dict[str, Any]:
        return PLAIN | _biases(attention=self.attention_bias, mlp=True)


class FalconConfig(DecoderConfig):
    causal_class = "FalconForCausalLM"
    published_with_code = "modeling_falcon"

    vocab_size: Size = 65024
    hidden_size: Size = 4544
    num_hidden_layers: Layers = 32
    num_attention_heads: Size = 71
    num_key_value_heads: Annotated[OptionalSize, Field(alias="num_kv_heads")] = None
    intermediate_size: Annotated[OptionalSize, Field(alias="ffn_hidden_size")] = None
    tie_word_embeddings: Flag = True
    new_decoder_architecture: Flag = False
    multi_query: Flag = True
    parallel_attn: Flag = True
    num_ln_in_parallel_attn: Annotated[Literal[1, 2] | None, Field(description="1 or 2")] = None
    bias: Flag = False

    def sizes(self) -> dict[str, Any]:
        return _sizes(self, self.kv_heads(), self.intermediate_size)

    def traits(self) -> dict[str, Any]:
        return PLAIN | _biases(attention=self.bias, mlp=self.bias) | {"norms_per_layer": self.norms_per_layer()}

    def kv_heads(self) -> int:
        """``num_kv_heads`` counts in the new architecture only; the old one has a single one, or one per head."""
        if self.new_decoder_architecture:
            return self.num_key_value_heads or self.num_attention_heads
        return 1 if self.multi_query else self.num_attention_heads

    def norms_per_layer(self) -> int:
        if not self.parallel_attn:
            return 2
        return self.num_ln_in_parallel_attn or (2 if self.new_decoder_architecture else 1)


def _sizes(config: DecoderConfig, kv_heads: int, ffn_hidden: int | None) -> dict[str, Any]:
    return {"kv_heads": kv_heads, "ffn_hidden": ffn_hidden or 4 * config.hidden_size, "head_dim": None}


def _biases(*, attention: bool, mlp: bool) -> dict[str, Any]:
    return {"attention_bias": attention, "output_bias": attention, "mlp_bias": mlp}
