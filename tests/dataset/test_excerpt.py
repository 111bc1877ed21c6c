from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.dataset.excerpt import HELD_OUT_BLOCK_BYTES, german_excerpt, split_text
from stellwerk.dataset.sequences import held_out_sequences, training_sequences

TOKENS = np.arange(200, dtype=np.uint8)


def test_the_german_excerpt_is_the_text_that_its_note_describes() -> None:
    corpus = german_excerpt()
    assert corpus.sha256 == "ddb08cd043d3122cad69180bb0832b17a0bba90c616358c34f810fce51338447"
    assert len(corpus.training) + len(corpus.held_out) == 580_880
    assert len(corpus.held_out) / 580_880 == pytest.approx(1 / 20, rel=0.05)


def test_no_byte_is_both_learnt_and_kept_aside() -> None:
    blocks = [bytes([number]) * HELD_OUT_BLOCK_BYTES for number in range(45)]
    corpus = split_text(b"".join(blocks))
    assert set(corpus.held_out) == {19, 39}
    assert set(corpus.training) == set(range(45)) - {19, 39}
    assert corpus.sha256 == hashlib.sha256(b"".join(blocks)).hexdigest()


@settings(max_examples=50, deadline=None)
@given(
    length=st.integers(1, 40),
    first=st.integers(0, 10_000),
    count=st.integers(1, 60),
    cut=st.integers(0, 60),
    seed=st.integers(0, 9),
)
def test_a_sequence_depends_only_on_its_number(length: int, first: int, count: int, cut: int, seed: int) -> None:
    """So any number of processes reads the same text at the same step, and a restart goes on where it stopped."""
    together = training_sequences(TOKENS, length, first, count, seed)
    cut = min(cut, count)
    apart = [
        training_sequences(TOKENS, length, first, cut, seed),
        training_sequences(TOKENS, length, first + cut, count - cut, seed),
    ]
    assert np.array_equal(together, np.concatenate(apart))


@settings(max_examples=50, deadline=None)
@given(length=st.integers(1, 40), first=st.integers(0, 1000), seed=st.integers(0, 9))
def test_a_sequence_is_a_piece_of_the_text(length: int, first: int, seed: int) -> None:
    (row,) = training_sequences(TOKENS, length, first, 1, seed)
    assert np.array_equal(row, row[0] + np.arange(length + 1))


def test_one_pass_reads_each_piece_once() -> None:
    pieces = (len(TOKENS) - 1) // 10 - 1
    starts = training_sequences(TOKENS, 10, 0, pieces, seed=1)[:, 0]
    assert len(set(starts)) == pieces
    assert set(np.diff(np.sort(starts))) == {10}


def test_two_passes_read_in_different_order() -> None:
    pieces = (len(TOKENS) - 1) // 10 - 1
    first, second = (training_sequences(TOKENS, 10, epoch * pieces, pieces, seed=1) for epoch in (0, 1))
    assert not np.array_equal(first, second)


def test_a_text_that_is_too_short_is_refused() -> None:
    with pytest.raises(ValueError, match="200 tokens is too short for sequences of 150"):
        training_sequences(TOKENS, 150, 0, 1, seed=1)


def test_held_out_sequences_follow_each_other_with_their_labels() -> None:
    rows = held_out_sequences(TOKENS[:25], 8)
    assert rows.tolist() == [list(range(9)), list(range(8, 17)), list(range(16, 25))]
