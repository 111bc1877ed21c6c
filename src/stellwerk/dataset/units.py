"""The two things that are done to a unit of input, each leaving a file that the next prepare finds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.choice import Fate, Survey
from stellwerk.dataset.documents import Piece, Reading, documents_of
from stellwerk.dataset.fingerprints import DIGEST_BYTES, HASHES, digest, normalised, signatures
from stellwerk.dataset.manifest import TOKENIZER, Part, Shard
from stellwerk.dataset.shards import ShardWriter
from stellwerk.dataset.vocabulary import encode, tokenizer_from
from stellwerk.errors import InputError
from stellwerk.files import whole_file, write_whole

WORK = "work"
FATES = "fates.npy"
_BATCH_CHARACTERS = 2**20


class PieceOfSource(NamedTuple):
    piece: Piece
    source: int


@dataclass(frozen=True, slots=True)
class Unit:
    """Pieces of input that one process works on, and about how many bytes they are."""

    number: int
    pieces: tuple[PieceOfSource, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SurveyJob:
    """Reads a unit and writes down what is known of its documents."""

    folder: Path
    unit: Unit
    reading: Reading
    with_signatures: bool


@dataclass(frozen=True, slots=True)
class WritingJob:
    """Turns the documents of a unit into tokens; ``first`` is the number of its first document among all."""

    folder: Path
    unit: Unit
    reading: Reading
    first: int
    documents: int
    token_type: str
    end_of_text: int
    shard_tokens: int


class Written(NamedTuple):
    training: Part
    held_out: Part


def survey_unit(job: SurveyJob) -> None:
    found: list[Survey] = []
    for sources, texts in _batches(job.unit, job.reading):
        plain = [normalised(text) for text in texts]
        found.append(
            Survey(
                np.frombuffer(b"".join(map(digest, plain)), dtype=np.uint8).reshape(-1, DIGEST_BYTES),
                signatures(plain) if job.with_signatures else np.empty((len(plain), 0), dtype=np.uint32),
                np.array([len(text.encode()) for text in texts], dtype=np.int64),
                np.array([not one for one in plain], dtype=bool),
                np.array(sources, dtype=np.int32),
            )
        )
    with whole_file(survey_path(job.folder, job.unit), durable=True) as file:
        np.savez(file, **joined(found, with_signatures=job.with_signatures)._asdict())


def joined(surveys: list[Survey], *, with_signatures: bool) -> Survey:
    """Surveys one after the other as one."""
    none = Survey(
        np.empty((0, DIGEST_BYTES), dtype=np.uint8),
        np.empty((0, HASHES if with_signatures else 0), dtype=np.uint32),
        np.empty(0, dtype=np.int64),
        np.empty(0, dtype=bool),
        np.empty(0, dtype=np.int32),
    )
    return Survey(*(np.concatenate(columns) for columns in zip(none, *surveys, strict=True)))


def read_survey(folder: Path, unit: Unit) -> Survey:
    with np.load(survey_path(folder, unit)) as file:
        return Survey(**{name: file[name] for name in Survey._fields})


def write_unit(job: WritingJob) -> None:
    work = job.folder / WORK
    tokenizer = tokenizer_from((job.folder / TOKENIZER).read_bytes(), job.folder / TOKENIZER)
    fates = np.load(work / FATES, mmap_mode="r")[job.first : job.first + job.documents]
    token_type = np.dtype(job.token_type)
    end = np.array([job.end_of_text])
    counts = {fate: {"documents": 0, "text_bytes": 0, "tokens": 0} for fate in (Fate.TRAINING, Fate.HELD_OUT)}
    number = 0
    name = f"{job.unit.number:05d}"
    with (
        ShardWriter(job.folder / f"training-{name}", token_type, job.shard_tokens) as training,
        ShardWriter(work / f"held-out-{name}", token_type, job.shard_tokens) as held_out,
    ):
        writers = {Fate.TRAINING: training, Fate.HELD_OUT: held_out}
        for _, texts in _batches(job.unit, job.reading):
            batch = [(int(fate), text) for fate, text in zip(fates[number : number + len(texts)], texts, strict=False)]
            number += len(texts)
            kept = [(Fate(fate), text) for fate, text in batch if fate in writers]
            for (fate, text), tokens in zip(kept, encode(tokenizer, [text for _, text in kept]), strict=True):
                writers[fate].append(np.concatenate([tokens, end]))
                counts[fate]["documents"] += 1
                counts[fate]["text_bytes"] += len(text.encode())
                counts[fate]["tokens"] += len(tokens) + 1
    if number != job.documents:
        raise InputError(
            "has changed while it was read: other documents than before", file=job.unit.pieces[0].piece.path
        )
    parts = {
        "training": asdict(Part(**counts[Fate.TRAINING], shards=tuple(training.shards))),
        "held_out": asdict(Part(**counts[Fate.HELD_OUT], shards=tuple(held_out.shards))),
    }
    write_whole(written_path(job.folder, job.unit), json.dumps(parts).encode(), durable=True)


def read_written(folder: Path, unit: Unit, token_type: np.dtype[Any]) -> Written | None:
    """What a process wrote of the unit; None where it has not, or where a shard is not there in its full length."""
    path = written_path(folder, unit)
    if not path.exists():
        return None
    values = json.loads(path.read_text(encoding="utf-8"))
    written = Written(*(_part(values[name]) for name in Written._fields))
    files = {folder / shard.file: shard for shard in written.training.shards}
    files |= {folder / WORK / shard.file: shard for shard in written.held_out.shards}
    whole = all(
        file.exists() and file.stat().st_size == shard.tokens * token_type.itemsize for file, shard in files.items()
    )
    return written if whole else None


def texts_for_training(
    units: list[Unit], firsts: NDArray[np.int64], reading: Reading, sample: NDArray[np.bool_]
) -> Iterator[str]:
    """The documents of the sample, in order."""
    for unit, first in zip(units, firsts, strict=True):
        number = int(first)
        for _, texts in _batches(unit, reading):
            yield from (text for offset, text in enumerate(texts) if sample[number + offset])
            number += len(texts)


def survey_path(folder: Path, unit: Unit) -> Path:
    return folder / WORK / f"survey-{unit.number:05d}.npz"


def written_path(folder: Path, unit: Unit) -> Path:
    return folder / WORK / f"written-{unit.number:05d}.json"


def _part(values: dict[str, object]) -> Part:
    return Part(**{**values, "shards": tuple(Shard(**one) for one in values["shards"])})  # type: ignore[arg-type, attr-defined]


def _batches(unit: Unit, reading: Reading) -> Iterator[tuple[list[int], list[str]]]:
    """The documents of a unit in batches of some size, with the place of each one's source."""
    sources: list[int] = []
    texts: list[str] = []
    size = 0
    for piece, source in unit.pieces:
        for text in documents_of(piece, reading):
            sources.append(source)
            texts.append(text)
            size += len(text)
            if size >= _BATCH_CHARACTERS:
                yield sources, texts
                sources, texts, size = [], [], 0
    if texts:
        yield sources, texts
