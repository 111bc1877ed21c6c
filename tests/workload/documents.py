"""Valid documents that the tests break in one place each."""

from __future__ import annotations

import copy
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORKLOAD: dict[str, Any] = {
    "schema": 2,
    "name": "test",
    "as_of": datetime.date(2026, 11, 23),
    "model": {"layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8, "ffn_hidden": 14336, "vocab": 65536},
    "training": {
        "tokens": "1T",
        "sequence_length": 4096,
        "global_batch_sequences": 1024,
        "precision": "bf16",
    },
    "limits": {"duration": "90d", "deadline": "2027-03-01 18:00 Europe/Berlin", "budget": "500000 EUR"},
    "applicant": {"kind": "startup", "country": "DE", "state": "DE-SN"},
}

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}

DEEPSEEK_V2_LITE: dict[str, Any] = {
    "model_type": "deepseek_v2",
    "architectures": ["DeepseekV2ForCausalLM"],
    "auto_map": {
        "AutoConfig": "configuration_deepseek.DeepseekV2Config",
        "AutoModel": "modeling_deepseek.DeepseekV2Model",
        "AutoModelForCausalLM": "modeling_deepseek.DeepseekV2ForCausalLM",
    },
    "attention_bias": False,
    "aux_loss_alpha": 0.001,
    "ep_size": 1,
    "first_k_dense_replace": 1,
    "hidden_size": 2048,
    "intermediate_size": 10944,
    "kv_lora_rank": 512,
    "max_position_embeddings": 163840,
    "moe_intermediate_size": 1408,
    "moe_layer_freq": 1,
    "n_group": 1,
    "n_routed_experts": 64,
    "n_shared_experts": 2,
    "norm_topk_prob": False,
    "num_attention_heads": 16,
    "num_experts_per_tok": 6,
    "num_hidden_layers": 27,
    "num_key_value_heads": 16,
    "q_lora_rank": None,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "routed_scaling_factor": 1.0,
    "scoring_func": "softmax",
    "topk_group": 1,
    "topk_method": "greedy",
    "v_head_dim": 128,
    "vocab_size": 102400,
}
"""As published with the model (huggingface.co/deepseek-ai/DeepSeek-V2-Lite), without keys of the tokenizer."""

ABSENT = object()


def changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A copy with ``section__key=value`` set, or removed where the value is ABSENT."""
    document = copy.deepcopy(document)
    for path, value in changes.items():
        *sections, key = path.split("__")
        table = document
        for section in sections:
            table = table[section]
        if value is ABSENT:
            del table[key]
        else:
            table[key] = value
    return document


def write_workload(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(to_toml(document), encoding="utf-8")
    return path


def write_config(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def to_toml(document: dict[str, Any]) -> str:
    """TOML of a document of plain values, tables and tables in tables."""
    return "\n".join(_lines(document, "")) + "\n"


def _lines(table: dict[str, Any], path: str) -> Iterator[str]:
    names = {key: key if key.isidentifier() and key.isascii() else json.dumps(key) for key in table}
    for key, value in table.items():
        if not isinstance(value, dict):
            yield f"{names[key]} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, dict):
            yield f"[{path}{names[key]}]"
            yield from _lines(value, f"{path}{names[key]}.")


def _value(value: Any) -> str:
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return json.dumps(value)
