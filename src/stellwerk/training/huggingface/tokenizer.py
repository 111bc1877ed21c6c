"""The tokenizer beside a model, in the files of transformers."""

from __future__ import annotations

import shutil
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from stellwerk.training.huggingface.write import write_values

TOKENIZER = "tokenizer.json"
COPIED = (
    TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "generation_config.json",
)
"""What a model that was fine-tuned takes over from its base."""


def copy_tokenizer(base: Path, folder: Path) -> None:
    """Copies the tokenizer of ``base``, and how it generates, as far as it is there."""
    for name in COPIED:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)


def write_tokenizer(file: Path, folder: Path, *, end_token: int | None, max_length: int) -> None:
    """Writes the tokenizer in ``file`` (``tokenizer.json``) so that transformers finds it in ``folder``."""
    tokenizer = Tokenizer.from_file(str(file))
    shutil.copyfile(file, folder / TOKENIZER)
    _write_config(folder, max_length, None if end_token is None else tokenizer.id_to_token(end_token))


def write_byte_tokenizer(folder: Path, *, max_length: int) -> None:
    """Writes a tokenizer whose tokens are the bytes of UTF-8: 256 pieces that are never merged."""
    characters = _byte_characters()
    tokenizer = Tokenizer(models.BPE(vocab={characters[byte]: byte for byte in range(256)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / TOKENIZER))
    _write_config(folder, max_length, None)


def _write_config(folder: Path, max_length: int, end: str | None) -> None:
    values: dict[str, object] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
    }
    write_values(folder / "tokenizer_config.json", values | ({} if end is None else {"eos_token": end}))


def _byte_characters() -> dict[int, str]:
    """The character that byte-level tokenizers write for each byte: itself where it can be seen, one from U+0100 on
    otherwise (bytes_to_unicode in github.com/openai/gpt-2, src/encoder.py)."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + place) for place, byte in enumerate(hidden)}
