"""The tokenizer: trained on the text or loaded, and the tokens that it makes of documents."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.manifest import TOKENIZER_LIMIT_BYTES
from stellwerk.errors import InputError, MissingExtraError
from stellwerk.files import read_bytes

END_OF_TEXT = "<|endoftext|>"
KNOWN_ENDS = (END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "<|im_end|>")
LEAST_VOCABULARY = 257  # every byte and the end of text
_PIECE_CHARACTERS = 2**16


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer: the content of its file, the least number above all tokens, the token that ends a document."""

    content: bytes
    size: int
    end_of_text: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def token_type(self) -> np.dtype[Any]:
        return np.dtype("<u2" if self.size <= 2**16 else "<u4")


def train_vocabulary(texts: Iterable[str], size: int) -> Vocabulary:
    """A byte-level BPE of at most ``size`` tokens; the same texts give the same one, in whatever order.

    Raises MissingExtraError without the package tokenizers.
    """
    library = load_tokenizers()
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer = library.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((piece for text in texts for piece in _pieces(text)), trainer)
    return _as_vocabulary(tokenizer, (tokenizer.to_str(pretty=False) + "\n").encode(), END_OF_TEXT)


def load_vocabulary(path: Path, end_of_text: str | None) -> Vocabulary:
    """The tokenizer in a file of the library tokenizers (``tokenizer.json``).

    Raises InputError for what is no such file, or where the token that ends a text is not in it or not known.
    """
    content = read_bytes(path, limit_bytes=TOKENIZER_LIMIT_BYTES)
    tokenizer = tokenizer_from(content, path)
    if end_of_text is None:
        end_of_text = next((token for token in KNOWN_ENDS if tokenizer.token_to_id(token) is not None), None)
        if end_of_text is None:
            raise InputError(
                f"has none of the tokens that are known to end a text: {', '.join(KNOWN_ENDS)}",
                file=path,
                allowed="--end-of-text TOKEN says which one does",
            )
    elif tokenizer.token_to_id(end_of_text) is None:
        raise InputError("the tokenizer has no such token", key="end_of_text", value=end_of_text)
    return _as_vocabulary(tokenizer, content, end_of_text)


def tokenizer_from(content: bytes, path: Path) -> Any:
    """The tokenizer of the library, ready to encode documents: nothing is added to them, cut off them or, where they
    spell a special token, taken for it."""
    library = load_tokenizers()
    try:
        tokenizer = library.Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"is no file of the library tokenizers: {error}", file=path) from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def load_tokenizers() -> Any:
    try:
        import tokenizers  # whoever reads prepared tokens only needs none
    except ModuleNotFoundError as error:
        raise MissingExtraError("turning text into tokens", "train") from error
    return tokenizers


def encode(tokenizer: Any, texts: list[str]) -> Iterator[NDArray[np.int64]]:
    """The tokens of each text, without the end of text."""
    pieces = [_pieces(text) for text in texts]
    encoded = iter(tokenizer.encode_batch_fast([one for text in pieces for one in text], add_special_tokens=False))
    for text in pieces:
        yield np.concatenate([np.array(next(encoded).ids, dtype=np.int64) for _ in text])


def _pieces(text: str) -> list[str]:
    """The text in pieces that BPE on words encodes as it would encode the whole: cut before a letter that begins a line
    after a line that is not empty, which is between two words."""
    pieces = []
    first = 0
    while len(text) - first > _PIECE_CHARACTERS:
        end = _line_start(text, first + _PIECE_CHARACTERS)
        if end is None:
            break
        pieces.append(text[first:end])
        first = end
    return [*pieces, text[first:]]


def _line_start(text: str, after: int) -> int | None:
    """The first place from ``after`` on where a letter begins a line after a line that is not empty."""
    at = text.find("\n", after)
    while 0 <= at < len(text) - 1:
        if text[at + 1].isalpha() and not text[at - 1].isspace():
            return at + 1
        at = text.find("\n", at + 1)
    return None


def _as_vocabulary(tokenizer: Any, content: bytes, end_of_text: str) -> Vocabulary:
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    return Vocabulary(content, size, tokenizer.token_to_id(end_of_text))
