"""Texts for the tests of the room: words drawn by chance, so that none is like another unless it is meant to be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from stellwerk.dataset import Manifest, Preparation, Prepared, prepare

WORDS = (
    "Antrag Bewilligung Rechenzeit über größer weiß Straße Zug Gleis Weiche Signal fährt hält wartet und oder nicht "
    "der die das ein eine Knoten Speicher Modell lernt Text aus vielen Worten Zeile Absatz Ende Anfang"
)
SMALL = Preparation(vocabulary=300, held_out_share=0.1)


def drawn_text(seed: int, words: int = 60) -> str:
    choices = WORDS.split()
    drawn = np.random.default_rng(seed)
    return " ".join(choices[place] for place in drawn.integers(len(choices), size=words)) + "\n"


def write_texts(folder: Path, texts: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number:03d}.txt").write_text(text, encoding="utf-8")
    return folder


def write_lines(path: Path, records: list[object]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), encoding="utf-8")
    return path


def make(paths: Path | list[Path], out: Path, preparation: Preparation = SMALL, processes: int = 1) -> Prepared:
    inputs = [paths] if isinstance(paths, Path) else paths
    return prepare(inputs, out, preparation, source="made up", licence="CC0-1.0", processes=processes)


def content_of_all(folder: Path) -> dict[str, bytes]:
    """Every file of a dataset by its name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def tokens_of(folder: Path, manifest: Manifest, part: str) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    shards = getattr(manifest, part).shards
    return np.concatenate([np.fromfile(folder / shard.file, dtype="<u2") for shard in shards] or [np.zeros(0, "<u2")])
