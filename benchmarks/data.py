"""Preparing text: tokens per minute on one core, and how many near duplicates of a made set are found.

Run as a program it prints the table of docs/data.md; folders or files that are named are prepared instead of the text
in the package.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import get_args

import numpy as np
from measure import row

ROUNDS = 3
SIMILARITIES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
PAIRS_EACH = 250
WORDS = 300


def data_rows() -> list[dict[str, object]]:
    speeds = {name: value for name, value, _ in rates(None)}
    recall, precision = quality(list(near_duplicates()))
    return [
        row("data.tokens_per_min.off", speeds["off"], "tokens", limit=5e6),
        row("data.tokens_per_min.near", speeds["near"], "tokens", limit=5e6),
        row("data.near_duplicates.recall", recall, "share"),
        row("data.near_duplicates.precision", precision, "share"),
    ]


def quality(found: list[tuple[float, float]]) -> tuple[float, float]:
    """Recall and precision on the made set, in which pairs from a similarity of 0.8 on are the ones to be found."""
    meant = [share for similarity, share in found if similarity >= 0.8]
    return sum(meant) / len(meant), sum(meant) / sum(share for _, share in found)


def rates(inputs: list[Path] | None) -> Iterator[tuple[str, float, int]]:
    """Tokens per minute of one core from text to shards with a tokenizer that is loaded, by kind of deduplication, and
    the tokens; the seconds are those of the process, which others on the machine do not lengthen."""
    from stellwerk.dataset import Deduplication, Preparation, prepare

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = inputs or [_packaged_text(folder / "text")]
        prepare(paths, folder / "trained", Preparation(), source="benchmark", licence="benchmark")
        loaded = Preparation(tokenizer=folder / "trained" / "tokenizer.json")
        for how in get_args(Deduplication):
            seconds, tokens = [], 0
            for turn in range(ROUNDS):
                started = time.process_time()
                made = prepare(
                    paths,
                    folder / f"{how}-{turn}",
                    replace(loaded, deduplication=how),
                    source="benchmark",
                    licence="benchmark",
                )
                seconds.append(time.process_time() - started)
                tokens = made.manifest.training.tokens + made.manifest.held_out.tokens
            yield how, 60 * tokens / median(seconds), tokens


def near_duplicates() -> Iterator[tuple[float, float]]:
    """For each similarity, the share of pairs of that Jaccard similarity that are taken for near duplicates.

    A pair is two texts of German words drawn by chance; the second has the first one's shingles but for a stretch of
    words drawn anew, long enough for the similarity. No text is like one of another pair.
    """
    from stellwerk.dataset.duplicates import near_duplicates
    from stellwerk.dataset.fingerprints import SHINGLE_WORDS, normalised, signatures

    drawn = np.random.default_rng(1)
    words = sorted(set(_packaged().split()))
    for similarity in SIMILARITIES:
        shingles = WORDS - SHINGLE_WORDS + 1
        changed = round(shingles * (1 - similarity) / (1 + similarity))  # J = (n - c) / (n + c)
        texts = []
        for _ in range(PAIRS_EACH):
            first = [words[place] for place in drawn.integers(len(words), size=WORDS)]
            at = int(drawn.integers(SHINGLE_WORDS, WORDS - changed - SHINGLE_WORDS))
            new = [words[place] for place in drawn.integers(len(words), size=max(1, changed - SHINGLE_WORDS + 1))]
            second = [*first[:at], *new, *first[at + len(new) :]]
            texts += [" ".join(first), " ".join(second)]
        pairs = near_duplicates(signatures([normalised(text) for text in texts]))
        if not all(one % 2 == 0 and other == one + 1 for one, other in zip(*pairs, strict=True)):
            raise AssertionError("two texts of different pairs were taken for near duplicates")
        yield similarity, len(pairs.earlier) / PAIRS_EACH


def _packaged() -> str:
    from importlib.resources import files

    return (files("stellwerk.dataset") / "data" / "german-excerpt.txt").read_text(encoding="utf-8")


def _packaged_text(folder: Path) -> Path:
    """The text in the package, a file for about each 5 KB."""
    folder.mkdir()
    paragraphs = _packaged().split("\n\n")
    for first in range(0, len(paragraphs), 8):
        text = "\n\n".join(paragraphs[first : first + 8])
        (folder / f"{first:05d}.txt").write_text(text + "\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    for how, rate, tokens in rates([Path(name) for name in sys.argv[1:]] or None):
        print(f"deduplication {how:5}  {tokens:>10,} tokens  {rate / 1e6:6.1f} million tokens a minute on one core")
    curve = list(near_duplicates())
    for similarity, found in curve:
        print(f"Jaccard {similarity:.2f}  found {found:6.1%}")
    recall, precision = quality(curve)
    print(f"from 0.80 on: recall {recall:.1%}, precision {precision:.1%}")
