from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.dataset import vocabulary
from stellwerk.dataset.vocabulary import encode, load_vocabulary, tokenizer_from, train_vocabulary
from stellwerk.errors import InputError
from tests.dataset.texts import drawn_text

TEXTS = [drawn_text(seed) for seed in range(60)]


@pytest.fixture(scope="module")
def trained() -> vocabulary.Vocabulary:
    return train_vocabulary(TEXTS, 400)


def test_the_same_texts_give_the_same_tokenizer_in_any_order(trained: vocabulary.Vocabulary) -> None:
    assert train_vocabulary(reversed(TEXTS), 400) == trained
    assert 257 < trained.size <= 400
    assert trained.token_type == np.dtype("<u2")


def test_a_process_of_its_own_trains_the_same_tokenizer(trained: vocabulary.Vocabulary) -> None:
    """The library hashes with keys drawn anew in each process; the result must not show them."""
    code = (
        "from stellwerk.dataset.vocabulary import train_vocabulary\n"
        "from tests.dataset.texts import drawn_text\n"
        "print(train_vocabulary([drawn_text(seed) for seed in range(60)], 400).sha256)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == trained.sha256


@settings(max_examples=100)
@given(text=st.text(st.characters(codec="utf-8"), max_size=200))
def test_every_text_comes_back(text: str, trained: vocabulary.Vocabulary) -> None:
    tokenizer = tokenizer_from(trained.content, Path("tokenizer.json"))
    (tokens,) = encode(tokenizer, [text])
    assert tokenizer.decode(tokens.tolist(), skip_special_tokens=False) == text
    assert trained.end_of_text not in tokens


@settings(max_examples=100)
@given(lines=st.lists(st.text(st.sampled_from("aÄz 7.\t\n'"), max_size=12), max_size=30))
def test_a_text_in_pieces_gives_the_tokens_of_the_whole(lines: list[str], trained: vocabulary.Vocabulary) -> None:
    text = "\n".join(lines)
    tokenizer = tokenizer_from(trained.content, Path("tokenizer.json"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "_PIECE_CHARACTERS", 10)
        (tokens,) = encode(tokenizer, [text])
    assert tokens.tolist() == tokenizer.encode(text).ids


def test_a_tokenizer_that_cuts_pads_or_adds_does_none_of_it_to_documents(
    trained: vocabulary.Vocabulary, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, processors

    tokenizer = Tokenizer.from_str(trained.content.decode())
    plain = tokenizer.encode("Die Weiche hält nicht").ids
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=50)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = load_vocabulary(tmp_path / "tokenizer.json", None)
    (tokens,) = encode(tokenizer_from(loaded.content, tmp_path), ["Die Weiche hält nicht"])
    assert tokens.tolist() == plain
    assert (loaded.size, loaded.end_of_text) == (trained.size, trained.end_of_text)


def test_the_token_that_ends_a_text_is_known_or_named(trained: vocabulary.Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(trained.content.replace(b"<|endoftext|>", b"<stop>"))
    with pytest.raises(InputError, match=r"has none of the tokens that are known to end a text: .*--end-of-text TOKEN"):
        load_vocabulary(path, None)
    with pytest.raises(InputError, match=r"end_of_text: the tokenizer has no such token \(got '</s>'\)"):
        load_vocabulary(path, "</s>")
    assert load_vocabulary(path, "<stop>").end_of_text == trained.end_of_text


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", json.dumps({"model": {"type": "BPE"}}).encode()])
def test_what_is_no_tokenizer_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.json: is no file of the library tokenizers"):
        load_vocabulary(tmp_path / "mine.json", None)
    with pytest.raises(InputError, match="does not exist"):
        load_vocabulary(tmp_path / "none.json", None)


def test_a_large_vocabulary_takes_four_bytes_a_token() -> None:
    assert vocabulary.Vocabulary(b"", 2**16, 0).token_type == np.dtype("<u2")
    assert vocabulary.Vocabulary(b"", 2**16 + 1, 0).token_type == np.dtype("<u4")
