"""Valid documents that the tests break in one place each."""

from __future__ import annotations

import copy
import datetime
import json
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
    """TOML of a document of plain values and tables of plain values."""
    plain = [f"{key} = {_value(value)}" for key, value in document.items() if not isinstance(value, dict)]
    tables = [
        "\n".join([f"[{name}]", *(f"{json.dumps(key)} = {_value(value)}" for key, value in table.items())])
        for name, table in document.items()
        if isinstance(table, dict)
    ]
    return "\n".join([*plain, *tables]) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return json.dumps(value)
