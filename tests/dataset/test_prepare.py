from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stellwerk.dataset import Preparation, Reading, check_dataset, open_dataset, prepare, read_manifest
from stellwerk.errors import InputError
from tests.dataset.texts import SMALL, content_of_all, drawn_text, make, tokens_of, write_lines, write_texts

TEXTS = [drawn_text(seed) for seed in range(40)]


def documents_in(folder: Path, part: str) -> list[str]:
    """The texts that stand in a part, taken apart at the ends of text."""
    manifest = read_manifest(folder)
    tokens = tokens_of(folder, manifest, part).astype(int)
    ends = np.flatnonzero(tokens == manifest.end_of_text)
    source = open_dataset(folder)
    return [source.decode(one.tolist()) for one in np.split(tokens, ends + 1)[:-1] for one in [one[:-1]]]


def test_every_document_is_in_one_part_whole_and_followed_by_the_end_of_text(tmp_path: Path) -> None:
    manifest = make(write_texts(tmp_path / "in", TEXTS), tmp_path / "out").manifest
    training, held_out = (documents_in(tmp_path / "out", part) for part in ("training", "held_out"))
    assert sorted(training + held_out) == sorted(TEXTS)
    assert len(held_out) == manifest.held_out.documents == 4
    assert training == [text for text in TEXTS if text in training]
    assert manifest.training.documents == 36
    assert manifest.training.text_bytes == sum(len(text.encode()) for text in training)
    assert manifest.training.tokens == len(tokens_of(tmp_path / "out", manifest, "training"))


def test_the_manifest_says_where_all_is_from_and_what_came_of_it(tmp_path: Path) -> None:
    folder = write_texts(tmp_path / "in", [*TEXTS, TEXTS[0].upper(), " \n"])
    manifest = make(folder, tmp_path / "out").manifest
    assert manifest == read_manifest(tmp_path / "out")
    (source,) = manifest.sources
    assert (source.source, source.licence, source.files, source.documents) == ("made up", "CC0-1.0", 42, 40)
    assert (manifest.dropped.empty, manifest.dropped.exact_duplicates, manifest.dropped.near_duplicates) == (1, 1, 0)
    inputs = json.loads((tmp_path / "out" / "inputs.json").read_text(encoding="utf-8"))
    assert inputs[7] == {
        "name": "in/007.txt",
        "bytes": len(TEXTS[7].encode()),
        "sha256": hashlib.sha256(TEXTS[7].encode()).hexdigest(),
        "source": 0,
    }
    for shard in (*manifest.training.shards, *manifest.held_out.shards):
        assert shard.sha256 == hashlib.sha256((tmp_path / "out" / shard.file).read_bytes()).hexdigest()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "manifest.json", "inputs.json", "tokenizer.json", "training-00000-00.bin", "held-out-00.bin",
    }  # fmt: skip
    assert set(manifest.versions) == {"stellwerk", "tokenizers", "numpy"}


@settings(max_examples=5)
@given(order=st.permutations(range(6)), seed=st.integers(0, 3))
def test_the_order_of_the_inputs_changes_nothing(
    order: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("order")
    paths = [
        write_lines(place / f"part-{number}.jsonl", [{"text": text} for text in TEXTS[number::6]])
        for number in range(6)
    ]
    preparation = replace(SMALL, seed=seed)
    make(paths, place / "one", preparation)
    make([paths[number] for number in order], place / "other", preparation)
    assert content_of_all(place / "one") == content_of_all(place / "other")


class _KilledError(BaseException):
    """What ends a prepare as a kill does: nothing in the code looks for it."""


@settings(max_examples=8)
@example(after=8, again=14)  # the second time when all but tidying up is done
@given(after=st.integers(1, 20), again=st.integers(1, 20))
def test_a_prepare_that_was_stopped_anywhere_goes_on_to_the_same_result(
    after: int, again: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each whole file that is put in its place is a point to be stopped at, before and after."""
    place = tmp_path_factory.mktemp("stopped")
    inputs = write_texts(place / "in", TEXTS)
    make(inputs, place / "whole")
    for stop in (after, again):
        if stopped_at(stop, inputs, place / "out") and not (place / "out" / "manifest.json").exists():
            with pytest.raises(InputError, match=r"holds no manifest\.json, so no whole dataset"):
                open_dataset(place / "out")
    make(inputs, place / "out")
    assert content_of_all(place / "whole") == content_of_all(place / "out")


def stopped_at(number: int, inputs: Path, out: Path) -> bool:
    """Prepares until a file is put in its place: at odd numbers before that is done, at even ones after it. Whether it
    came so far."""
    calls = iter(range(1, 1000))
    replace_file = Path.replace

    def stopping(self: Path, target: Path) -> Path:
        call = next(calls)
        if 2 * call - 1 == number:
            raise _KilledError
        done = replace_file(self, target)
        if 2 * call == number:
            raise _KilledError
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "replace", stopping)
        try:
            make(inputs, out)
        except _KilledError:
            return True
    return False


def test_what_a_killed_process_had_begun_to_write_is_taken_away(tmp_path: Path) -> None:
    inputs = write_texts(tmp_path / "in", TEXTS)
    assert stopped_at(9, inputs, tmp_path / "out")
    (tmp_path / "out" / ".training-00000-00.bin.abc").write_bytes(b"half")
    make(inputs, tmp_path / "out")
    assert not [name for name in content_of_all(tmp_path / "out") if name.startswith(".")]


def test_a_shard_that_was_cut_short_while_it_lay_there_is_written_again(tmp_path: Path) -> None:
    inputs = write_texts(tmp_path / "in", TEXTS)
    make(inputs, tmp_path / "whole")
    assert stopped_at(14, inputs, tmp_path / "out")  # the unit is written, the held-out shards are not yet together
    shard = tmp_path / "out" / "training-00000-00.bin"
    shard.write_bytes(shard.read_bytes()[:-2])
    make(inputs, tmp_path / "out")
    assert content_of_all(tmp_path / "whole") == content_of_all(tmp_path / "out")


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(tmp_path: Path) -> None:
    records = [{"text": drawn_text(seed, 400)} for seed in range(600)]  # 1.4 MB: two units
    write_lines(tmp_path / "in" / "all.jsonl", records)
    for processes in (1, 3):
        make(tmp_path / "in", tmp_path / str(processes), processes=processes)
    one, three = (content_of_all(tmp_path / str(processes)) for processes in (1, 3))
    assert one == three
    assert len([name for name in one if name.startswith("training-")]) == 2


def test_the_same_again_is_nothing_to_do_and_another_dataset_is_left_alone(tmp_path: Path) -> None:
    inputs = write_texts(tmp_path / "in", TEXTS)
    assert not make(inputs, tmp_path / "out").already
    before = content_of_all(tmp_path / "out")
    assert make(inputs, tmp_path / "out").already
    with pytest.raises(InputError, match="already holds another dataset"):
        make(inputs, tmp_path / "out", replace(SMALL, seed=1))
    (inputs / "000.txt").write_text("anders\n", encoding="utf-8")
    with pytest.raises(InputError, match="already holds another dataset"):
        make(inputs, tmp_path / "out")
    assert content_of_all(tmp_path / "out") == before


def test_a_folder_of_other_things_and_an_unfinished_other_dataset_are_left_alone(tmp_path: Path) -> None:
    inputs = write_texts(tmp_path / "in", TEXTS)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"is not empty \(got 'thesis.tex'\)"):
        make(inputs, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]
    assert stopped_at(5, inputs, tmp_path / "stopped")
    with pytest.raises(InputError, match="an unfinished dataset of other inputs or options"):
        make(inputs, tmp_path / "stopped", replace(SMALL, vocabulary=301))


def test_two_at_once_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    inputs = write_texts(tmp_path / "in", TEXTS)
    seen: list[str] = []

    def second(stage: str, *_: int) -> None:
        if stage == "read" and not seen:
            with pytest.raises(InputError, match="another stellwerk data prepare is writing here") as error:
                make(inputs, tmp_path / "out")
            seen.append(str(error.value))

    prepare([inputs], tmp_path / "out", SMALL, source="made up", licence="CC0-1.0", progress=second)
    assert seen
    check_dataset(tmp_path / "out")


def test_held_out_documents_are_chosen_by_their_text_and_the_seed(tmp_path: Path) -> None:
    """So a text stays on its side when others are added in front of it, and another seed chooses others."""
    write_texts(tmp_path / "in", TEXTS)
    make(tmp_path / "in", tmp_path / "one")
    make(tmp_path / "in", tmp_path / "other", replace(SMALL, seed=1))
    one, other = (set(documents_in(tmp_path / name, "held_out")) for name in ("one", "other"))
    assert one != other
    (tmp_path / "in" / "000-before.txt").write_text(drawn_text(1000), encoding="utf-8")
    make(tmp_path / "in", tmp_path / "more")
    assert len(one & set(documents_in(tmp_path / "more", "held_out"))) >= 3


def test_where_duplicates_stay_no_text_is_on_both_sides(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", TEXTS + TEXTS)
    manifest = make(tmp_path / "in", tmp_path / "out", replace(SMALL, deduplication="off")).manifest
    training, held_out = (set(documents_in(tmp_path / "out", part)) for part in ("training", "held_out"))
    assert manifest.training.documents + manifest.held_out.documents == 80
    assert not training & held_out
    assert held_out


def test_one_document_cannot_be_learnt_and_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "all.txt").write_text("\n\n".join(TEXTS), encoding="utf-8")
    with pytest.raises(InputError, match="held_out_share: nothing would be left to learn from"):
        make(tmp_path / "all.txt", tmp_path / "out")
    manifest = make(tmp_path / "all.txt", tmp_path / "none-aside", replace(SMALL, held_out_share=0)).manifest
    assert (manifest.training.documents, manifest.held_out.documents) == (1, 0)
    assert len(open_dataset(tmp_path / "none-aside").held_out_sequences(8)) == 0
    cut = replace(SMALL, reading=Reading(separator=""))
    assert make(tmp_path / "all.txt", tmp_path / "cut", cut).manifest.training.documents == 36


def test_nothing_but_blanks_is_no_dataset(tmp_path: Path) -> None:
    write_texts(tmp_path / "in", ["", " \n", "\t"])
    with pytest.raises(InputError, match="no document is left: all are empty"):
        make(tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"held_out_share": 1.0}, r"held_out_share: is no share \(got 1.0\); allowed: 0 to below 1"),
        ({"vocabulary": 256}, r"vocabulary: is no size of a byte-level vocabulary \(got 256\); allowed: 257 or more"),
        ({"seed": -1}, r"seed: is negative \(got -1\)"),
        ({"end_of_text": "</s>"}, "end_of_text: belongs to a tokenizer that is loaded"),
    ],
)
def test_a_preparation_that_cannot_be_is_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    write_texts(tmp_path / "in", TEXTS)
    with pytest.raises(InputError, match=message):
        make(tmp_path / "in", tmp_path / "out", replace(SMALL, **change))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_shards_are_cut_at_their_size_and_read_as_one(tmp_path: Path) -> None:
    inputs = write_texts(tmp_path / "in", TEXTS)
    make(inputs, tmp_path / "one")
    manifest = make(inputs, tmp_path / "many", replace(SMALL, shard_tokens=1000)).manifest
    assert [shard.tokens for shard in manifest.training.shards[:-1]] == [1000] * (len(manifest.training.shards) - 1)
    assert len(manifest.training.shards) > 3
    one, many = (open_dataset(tmp_path / name) for name in ("one", "many"))
    for first in (0, 7, 1000):
        rows = one.training_sequences(33, first=first, count=20, seed=3)
        np.testing.assert_array_equal(rows, many.training_sequences(33, first=first, count=20, seed=3))
    np.testing.assert_array_equal(one.held_out_sequences(16), many.held_out_sequences(16))


def test_a_loaded_tokenizer_gives_the_tokens_that_it_gives_elsewhere(tmp_path: Path) -> None:
    inputs = write_texts(tmp_path / "in", TEXTS)
    make(inputs, tmp_path / "trained", replace(SMALL, vocabulary=400))
    shutil.copy(tmp_path / "trained" / "tokenizer.json", tmp_path / "mine.json")
    loaded = Preparation(tokenizer=tmp_path / "mine.json", held_out_share=0.1)
    manifest = make(inputs, tmp_path / "loaded", loaded).manifest
    assert not manifest.tokenizer_trained
    assert manifest.sha256 == read_manifest(tmp_path / "trained").sha256


def test_a_document_that_spells_the_end_of_text_does_not_end_there(tmp_path: Path) -> None:
    texts = [*TEXTS, "Das Zeichen <|endoftext|> steht hier als Text.\n"]
    manifest = make(write_texts(tmp_path / "in", texts), tmp_path / "out", replace(SMALL, held_out_share=0)).manifest
    tokens = tokens_of(tmp_path / "out", manifest, "training")
    assert (tokens == manifest.end_of_text).sum() == len(texts)
    assert texts[-1] in documents_in(tmp_path / "out", "training")
