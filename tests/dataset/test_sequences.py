from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.dataset.order import shuffled
from stellwerk.dataset.sequences import held_out_starts, sequence_starts
from stellwerk.errors import InputError

TOKENS = 200


@settings(max_examples=50)
@given(
    length=st.integers(1, 40),
    first=st.integers(0, 10_000),
    count=st.integers(1, 60),
    cut=st.integers(0, 60),
    seed=st.integers(0, 9),
)
def test_a_sequence_depends_only_on_its_number(length: int, first: int, count: int, cut: int, seed: int) -> None:
    """So any number of processes reads the same text at the same step, and a restart goes on where it stopped."""
    together = sequence_starts(TOKENS, length, first=first, count=count, seed=seed)
    cut = min(cut, count)
    apart = [
        sequence_starts(TOKENS, length, first=first, count=cut, seed=seed),
        sequence_starts(TOKENS, length, first=first + cut, count=count - cut, seed=seed),
    ]
    assert np.array_equal(together, np.concatenate(apart))


@settings(max_examples=50)
@given(tokens=st.integers(3, 3000), length=st.integers(1, 60), epoch=st.integers(0, 50), seed=st.integers(0, 9))
def test_one_pass_reads_each_piece_once_and_stays_within_the_text(
    tokens: int, length: int, epoch: int, seed: int
) -> None:
    pieces = (tokens - 1) // length - 1
    if pieces < 1:
        return
    starts = np.sort(sequence_starts(tokens, length, first=epoch * pieces, count=pieces, seed=seed))
    assert len(set(starts.tolist())) == pieces
    assert set(np.diff(starts).tolist()) <= {length}
    assert starts[0] >= 0
    assert starts[-1] + length < tokens


def test_two_passes_read_in_different_order() -> None:
    pieces = (TOKENS - 1) // 10 - 1
    first, second = (sequence_starts(TOKENS, 10, first=epoch * pieces, count=pieces, seed=1) for epoch in (0, 1))
    assert not np.array_equal(first, second)


def test_a_text_that_is_too_short_is_refused() -> None:
    with pytest.raises(InputError, match="200 tokens is too short for sequences of 150"):
        sequence_starts(TOKENS, 150, first=0, count=1, seed=1)


def test_held_out_sequences_follow_each_other_with_their_labels() -> None:
    assert held_out_starts(25, 8).tolist() == [0, 8, 16]
    assert held_out_starts(0, 8).tolist() == []


@settings(max_examples=60)
@given(size=st.integers(1, 2000), seed=st.integers(0, 9))
def test_the_shuffled_order_is_a_permutation(size: int, seed: int) -> None:
    order = shuffled(np.arange(size), size, np.random.default_rng(seed))
    assert np.array_equal(np.sort(order), np.arange(size))


def test_the_shuffled_order_is_as_good_as_drawn() -> None:
    """Neighbours end up as far apart as in a random permutation: a third of the size on average."""
    order = shuffled(np.arange(50_000), 50_000, np.random.default_rng(1))
    assert np.abs(np.diff(order)).mean() / 50_000 == pytest.approx(1 / 3, rel=0.02)
    assert abs(np.corrcoef(np.arange(50_000), order)[0, 1]) < 0.02


def test_the_order_of_a_trillion_pieces_is_found_at_once() -> None:
    order = shuffled(np.arange(64), 10**12, np.random.default_rng(1))
    assert len(set(order.tolist())) == 64
    assert order.max() < 10**12
