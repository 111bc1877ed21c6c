from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.dataset import duplicates
from stellwerk.dataset.duplicates import first_of_equal, first_of_similar, near_duplicates
from stellwerk.dataset.fingerprints import BANDS, HASHES, ROWS, digest, normalised, signatures

DRAWN = np.random.default_rng(5)


def words(count: int) -> list[str]:
    return [f"wort{number}" for number in DRAWN.integers(10**6, size=count)]


def changed(text: list[str], count: int) -> list[str]:
    """The text with ``count`` words in its middle drawn anew: ``count + 4`` of its shingles are others."""
    at = len(text) // 2
    return [*text[:at], *words(count), *text[at + count :]]


def signature_of(*texts: str) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
    return signatures([normalised(text) for text in texts])


def test_case_white_space_and_compatibility_characters_make_no_other_text() -> None:
    assert normalised("Die  GRÖẞE\n\tzählt … ﬁx ") == normalised("die größe zählt ... fix")
    assert digest(normalised("ja")) != digest(normalised("nein"))


def test_the_share_of_equal_values_estimates_the_similarity() -> None:
    """396 shingles in the first text, of which 4 more than the changed words are others: J = (396 - c) / (396 + c)."""
    for count in (16, 56, 136):
        first = words(400)
        one, other = signature_of(" ".join(first), " ".join(changed(first, count)))
        different = count + 4
        assert (one == other).mean() == pytest.approx((396 - different) / (396 + different), abs=0.12)


def test_texts_without_a_whole_shingle_are_like_themselves_only() -> None:
    short = ["", "!!!", "???", "ja", "ja nein", "nein ja", "eins zwei drei vier"]
    found = signature_of(*short, *short)
    assert np.array_equal(found[: len(short)], found[len(short) :])
    assert len(np.unique(found[: len(short)], axis=0)) == len(short)


def test_a_signature_does_not_depend_on_the_texts_beside_it() -> None:
    texts = [" ".join(words(count)) for count in (3, 50, 2000, 1, 7, 30_000)]
    together = signature_of(*texts)
    for text, signature in zip(texts, together, strict=True):
        assert np.array_equal(signature_of(text)[0], signature)


def test_a_long_text_is_read_in_blocks_to_its_end() -> None:
    text = " ".join(words(110_000))  # more than one block
    (whole,), (without,) = signature_of(text), signature_of(text[: 2**20])
    assert np.all(whole <= without)
    assert (whole != without).any()


def test_near_duplicates_are_found_and_others_left() -> None:
    """Of pairs with J = 0.9 all, of pairs with J = 0.6 none: 40 each."""
    like = [one for _ in range(40) for first in [words(300)] for one in (first, changed(first, 11))]
    unlike = [one for _ in range(40) for first in [words(300)] for one in (first, changed(first, 70))]
    pairs = near_duplicates(signature_of(*(" ".join(one) for one in like + unlike)))
    assert pairs.earlier.tolist() == list(range(0, 80, 2))
    assert pairs.later.tolist() == list(range(1, 80, 2))


def test_the_first_of_a_chain_remains() -> None:
    first = words(300)
    second = changed(first, 11)
    third = [*second[:40], *words(11), *second[51:]]
    texts = [words(300), first, third, second, words(300), first]
    assert first_of_similar(signature_of(*(" ".join(one) for one in texts))).tolist() == [
        True, True, False, False, True, False,
    ]  # fmt: skip


@settings(max_examples=30)
@given(
    rows=st.lists(st.lists(st.integers(0, 2), min_size=BANDS, max_size=BANDS), min_size=0, max_size=14),
)
def test_no_two_that_share_a_band_and_are_alike_remain(rows: list[list[int]]) -> None:
    """Signatures of few values in whole bands: groups overlap in every way there is."""
    found = np.repeat(np.array(rows, dtype=np.uint32).reshape(-1, BANDS), ROWS, axis=1)
    remaining = np.flatnonzero(first_of_similar(found))
    assert not len(found) or 0 in remaining
    for place, one in enumerate(remaining):
        for other in remaining[place + 1 :]:
            assert (found[one] == found[other]).mean() < duplicates.SIMILARITY


def test_what_goes_is_like_something_before_it() -> None:
    texts = [" ".join(changed(words(0) or BASE, count)) for count in (0, 5, 100, 9, 200)]
    found = signature_of(*texts)
    gone = np.flatnonzero(~first_of_similar(found))
    assert len(gone)
    for place in gone:
        assert max((found[place] == found[before]).mean() for before in range(place)) >= duplicates.SIMILARITY


def test_of_equal_digests_the_first_remains() -> None:
    items = np.frombuffer(b"".join(digest(text) for text in (b"a", b"b", b"a", b"c", b"b")), dtype="V16")
    assert first_of_equal(items).tolist() == [True, True, False, True, False]
    assert signatures([]).shape == (0, HASHES)


BASE = words(300)
