from __future__ import annotations

import hashlib

import pytest

from stellwerk.dataset.excerpt import HELD_OUT_BLOCK_BYTES, german_excerpt, split_text


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


def test_the_last_token_of_a_row_is_the_label_of_the_one_before_it() -> None:
    text = split_text(bytes(range(200)))
    (row,) = text.training_sequences(20, first=3, count=1, seed=1)
    assert row.tolist() == list(range(row[0], row[0] + 21))


def test_what_is_kept_aside_is_read_in_order() -> None:
    blocks = [bytes([number]) * HELD_OUT_BLOCK_BYTES for number in range(20)]
    rows = split_text(b"".join(blocks)).held_out_sequences(1000)
    assert rows.shape == (4, 1001)
    assert set(rows.flat) == {19}
