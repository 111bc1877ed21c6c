from __future__ import annotations

import json
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stellwerk.dataset import PreparedText, check_dataset, open_dataset, read_manifest
from stellwerk.dataset.sequences import sequence_starts
from stellwerk.errors import InputError, InputErrors
from tests.dataset.texts import SMALL, drawn_text, make, tokens_of, write_texts

WHAT_TO_DO = "allowed: copy the shard again from where it is whole, or prepare the dataset anew into an empty folder"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    write_texts(place / "in", [drawn_text(seed) for seed in range(40)])
    make(place / "in", place / "out", replace(SMALL, shard_tokens=3000))
    return place / "out"


@pytest.fixture
def dataset(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "dataset"))


@pytest.fixture
def not_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a dataset is that is too large to be hashed when it is opened."""
    monkeypatch.setattr("stellwerk.dataset.prepared.HASHED_AT_OPEN_BYTES", 0)


def test_sequences_are_pieces_of_the_text_across_shards(made: Path) -> None:
    manifest, source = read_manifest(made), open_dataset(made)
    text = tokens_of(made, manifest, "training").astype(np.int64)
    assert len(manifest.training.shards) > 2
    for length in (1, 16, 1000, 3500):
        rows = source.training_sequences(length, first=3, count=12, seed=5)
        starts = sequence_starts(len(text), length, first=3, count=12, seed=5)
        assert rows.dtype == np.int64
        np.testing.assert_array_equal(rows, [text[start : start + length + 1] for start in starts])
    aside = tokens_of(made, manifest, "held_out")
    np.testing.assert_array_equal(source.held_out_sequences(50)[1], aside[50:101])


def test_a_text_that_is_too_short_for_two_sequences_is_refused(made: Path) -> None:
    with pytest.raises(InputError, match="too short for sequences of 100,000"):
        open_dataset(made).training_sequences(100_000, first=0, count=1, seed=0)


def test_text_becomes_tokens_and_text_again(made: Path) -> None:
    source = open_dataset(made)
    for text in ("Die Weiche 🚆 hält <|endoftext|>\n\n  nicht.", ""):
        assert source.decode(source.encode(text)) == text
    assert all(0 <= token < source.vocabulary for token in source.encode("Zügig ꙮ"))
    assert source.decode([source.encode("ü")[0]]) == "\ufffd" or len(source.encode("ü")) == 1


def test_the_hash_stands_for_the_tokens(made: Path, dataset: Path, tmp_path: Path) -> None:
    assert open_dataset(made).sha256 == open_dataset(dataset).sha256
    write_texts(tmp_path / "in", [drawn_text(seed) for seed in range(39)])
    make(tmp_path / "in", tmp_path / "other")
    assert open_dataset(tmp_path / "other").sha256 != open_dataset(made).sha256


@pytest.mark.usefixtures("not_hashed")
def test_a_shard_of_another_size_or_none_is_named_when_it_is_opened(dataset: Path) -> None:
    shard = dataset / "training-00000-01.bin"
    content = shard.read_bytes()
    shard.write_bytes(content[:-2])
    with pytest.raises(InputError) as error:
        open_dataset(dataset)
    assert f"{shard}: the shard is corrupt: 5,998 bytes instead of 6,000; {WHAT_TO_DO}" in str(error.value)
    shard.unlink()
    with pytest.raises(InputError, match=r"training-00000-01\.bin: the shard cannot be read: No such file"):
        open_dataset(dataset)
    shard.write_bytes(content)
    open_dataset(dataset)


def test_a_changed_byte_is_found_at_once_in_a_small_dataset(dataset: Path) -> None:
    _change(dataset / "held-out-00.bin", 5, 1)
    with pytest.raises(InputError, match=r"held-out-00\.bin: the shard is corrupt: its SHA-256 is not the manifest's"):
        open_dataset(dataset)


@pytest.mark.usefixtures("not_hashed")
def test_a_token_that_the_vocabulary_does_not_have_is_named_with_its_place(dataset: Path) -> None:
    _change(dataset / "training-00000-01.bin", 700, 300)
    source = open_dataset(dataset)
    with pytest.raises(InputError) as error:
        source.training_sequences(32, first=0, count=400, seed=0)
    assert str(error.value) == (
        f"{dataset / 'training-00000-01.bin'}: the shard is corrupt: token 700 is not below the vocabulary of 300 "
        f"(got 300); {WHAT_TO_DO}"
    )


@pytest.mark.usefixtures("not_hashed")
def test_a_shard_that_was_cut_after_it_was_opened_is_named(dataset: Path) -> None:
    source = open_dataset(dataset)
    for shard in dataset.glob("training-*.bin"):
        shard.write_bytes(b"")
    with pytest.raises(InputError, match=r"training-00000-0\d\.bin: cannot be read"):
        source.training_sequences(8, first=0, count=1, seed=0)


def test_another_tokenizer_is_refused(dataset: Path) -> None:
    tokenizer = dataset / "tokenizer.json"
    tokenizer.write_bytes(tokenizer.read_bytes().replace(b"endoftext", b"endoftext2"))
    with pytest.raises(InputError, match=r"tokenizer\.json: is not the tokenizer that the shards were written with"):
        open_dataset(dataset)
    tokenizer.unlink()
    with pytest.raises(InputError, match=r"tokenizer\.json: cannot be read"):
        open_dataset(dataset)


@pytest.mark.usefixtures("not_hashed")
def test_check_names_every_broken_shard(dataset: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert check_dataset(dataset, lambda done, total: seen.append((done, total))) == read_manifest(dataset)
    shards = len(list(dataset.glob("*.bin")))
    assert seen[-1] == (shards, shards)
    _change(dataset / "training-00000-00.bin", 0, 7)
    _change(dataset / "training-00000-02.bin", 0, 7)
    (dataset / "inputs.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputErrors) as error:
        check_dataset(dataset)
    assert [Path(str(one.file)).name for one in error.value.errors] == [
        "training-00000-00.bin",
        "training-00000-02.bin",
        "inputs.json",
    ]


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        open_dataset(tmp_path / "none")
    with pytest.raises(InputError, match=r"holds no manifest\.json, so no whole dataset"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "something else"}, r"manifest\.json: kind: is no manifest of token shards \(got 'something else'\)"),
        ({"schema": 2}, r"manifest\.json: schema: is of another version \(got 2\); allowed: 1"),
        ({"vocabulary": "many"}, r"manifest\.json: vocabulary: does not hold what it should"),
        ({"training": {}}, r"manifest\.json: training\.documents: does not hold what it should"),
        ({"token_type": "float64"}, r"manifest\.json: token_type: does not hold what it should"),
        ({"vocabulary": 301}, r"manifest\.json: sha256: does not fit the rest of the manifest"),
    ],
)
def test_a_manifest_that_was_changed_is_refused(change: dict[str, object], message: str, dataset: Path) -> None:
    path = dataset / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        open_dataset(dataset)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="not valid JSON"):
        open_dataset(dataset)


def test_a_shard_outside_the_folder_is_not_read(dataset: Path) -> None:
    path = dataset / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace("held-out-00.bin", "../held-out-00.bin"), encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.json: held_out\.shards\.0\.file: is no name of a file beside it"):
        open_dataset(dataset)


def test_a_step_costs_the_same_for_a_huge_text(tmp_path: Path, made: Path) -> None:
    """20 billion tokens in a sparse file: a list of the pieces alone would take 160 MB."""
    manifest = read_manifest(made)
    huge = replace(manifest.training.shards[0], file="huge.bin", tokens=20 * 10**9)
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate(2 * huge.tokens)
    training = replace(manifest.training, tokens=huge.tokens, shards=(huge,))
    source = PreparedText(tmp_path, replace(manifest, training=training))
    tracemalloc.start()
    try:
        assert source.training_sequences(1024, first=10**7, count=8, seed=1).shape == (8, 1025)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def _change(path: Path, token: int, value: int) -> None:
    content = np.fromfile(path, dtype="<u2")
    content[token] = value if content[token] != value else value + 1
    content.tofile(path)
