"""From files of text to shards of tokens, by several processes, going on where an earlier attempt was stopped."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk import __version__
from stellwerk.dataset.choice import Deduplication, Fate, Survey, choose, drawn
from stellwerk.dataset.documents import Reading, pieces_of
from stellwerk.dataset.duplicates import SIMILARITY
from stellwerk.dataset.fingerprints import BANDS, ROWS, SHINGLE_WORDS
from stellwerk.dataset.inputs import Found, Listed, Origin, find_inputs, hash_file
from stellwerk.dataset.manifest import (
    INPUTS,
    MANIFEST,
    TOKENIZER,
    Dropped,
    InputFile,
    Manifest,
    Part,
    Shard,
    Source,
    inputs_content,
    read_manifest,
    write_manifest,
)
from stellwerk.dataset.shards import ShardWriter
from stellwerk.dataset.units import (
    FATES,
    WORK,
    PieceOfSource,
    SurveyJob,
    Unit,
    WritingJob,
    Written,
    joined,
    read_survey,
    read_written,
    survey_path,
    survey_unit,
    texts_for_training,
    write_unit,
)
from stellwerk.dataset.vocabulary import (
    END_OF_TEXT,
    LEAST_VOCABULARY,
    Vocabulary,
    load_tokenizers,
    load_vocabulary,
    train_vocabulary,
)
from stellwerk.dataset.workers import run_all
from stellwerk.errors import InputError
from stellwerk.files import whole_file, write_whole

Stage = Literal["hash", "read", "learn", "write"]
Progress = Callable[[Stage, int, int], None]
"""Told the stage, the bytes that are done and those that are to do."""

_RECIPE = "recipe.json"
_RECIPE_SCHEMA = 1
_LOCK = "lock"
_UNITS = 64
_UNIT_BYTES = (2**20, 2**28)
_TRAINING_SAMPLE_BYTES = 2**27
_SAMPLE_SEED = 1


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is made of the inputs, all but the inputs themselves and what only makes it faster.

    ``tokenizer`` names a file to load; without it a tokenizer of at most ``vocabulary`` tokens is trained.
    """

    vocabulary: int = 16384
    tokenizer: Path | None = None
    end_of_text: str | None = None
    reading: Reading = field(default_factory=Reading)
    deduplication: Deduplication = "near"
    held_out_share: float = 0.01
    seed: int = 0
    shard_tokens: int = 2**27


class Prepared(NamedTuple):
    """``already`` where the folder held just this; ``left_out`` counts the files in folders that were not read."""

    manifest: Manifest
    left_out: int
    already: bool


def prepare(
    paths: Sequence[Path],
    folder: Path,
    preparation: Preparation,
    *,
    source: str | None = None,
    licence: str | None = None,
    processes: int = 1,
    progress: Progress = lambda *_: None,
) -> Prepared:
    """Makes the dataset in ``folder``, or goes on where a call with the same arguments was stopped.

    The result depends on the contents and names of the inputs and on the preparation, not on the order of the inputs,
    the number of processes or how often it was stopped. ``source`` and ``licence`` are those of inputs without a
    SOURCE.toml. Raises InputError for mistakes in the inputs, and for a folder that holds something else.
    """
    _check(preparation)
    load_tokenizers()
    listed = find_inputs(paths, source=source, licence=licence)
    origins = sorted({file.origin for file in listed.files}, key=lambda one: (one.source, one.licence, one.version))
    inputs = _hashed(listed, origins, processes, progress)
    loaded = load_vocabulary(preparation.tokenizer, preparation.end_of_text) if preparation.tokenizer else None
    recipe = _recipe(inputs, origins, preparation, loaded)
    if (folder / MANIFEST).exists():
        manifest = read_manifest(folder)
        if manifest.recipe_sha256 == hashlib.sha256(recipe).hexdigest():
            shutil.rmtree(folder / WORK, ignore_errors=True)  # of an attempt that was killed with all but this done
            return Prepared(manifest, listed.left_out, already=True)
        raise InputError("already holds another dataset", file=folder, allowed="an empty folder, or a new one")
    with _claimed(folder, recipe):
        units = _units_of(listed.files, origins, preparation.reading)
        work = _Work(folder, units, preparation, processes, progress)
        manifest = _make(work, inputs, origins, loaded, recipe)
        write_whole(folder / INPUTS, inputs_content(inputs), durable=True)
        write_manifest(folder, manifest)
    shutil.rmtree(folder / WORK, ignore_errors=True)
    return Prepared(manifest, listed.left_out, already=False)


def _check(preparation: Preparation) -> None:
    share, size = preparation.held_out_share, preparation.vocabulary
    if not 0 <= share < 1:
        raise InputError("is no share", key="held_out_share", value=share, allowed="0 to below 1")
    if preparation.seed < 0:
        raise InputError("is negative", key="seed", value=preparation.seed, allowed="0 or more")
    if preparation.tokenizer is None and not LEAST_VOCABULARY <= size < 2**31:
        raise InputError(
            "is no size of a byte-level vocabulary", key="vocabulary", value=size, allowed=f"{LEAST_VOCABULARY} or more"
        )
    if preparation.tokenizer is None and preparation.end_of_text is not None:
        raise InputError(
            "belongs to a tokenizer that is loaded", key="end_of_text", value=preparation.end_of_text,
            allowed="with --tokenizer FILE",
        )  # fmt: skip


def _hashed(listed: Listed, origins: list[Origin], processes: int, progress: Progress) -> list[InputFile]:
    total, done = sum(file.size_bytes for file in listed.files), 0
    progress("hash", done, total)
    hashes: dict[Path, str] = {}
    for file, value in run_all(_hash, listed.files, processes if total > _UNIT_BYTES[0] else 1):
        hashes[file.path] = value
        done += file.size_bytes
        progress("hash", done, total)
    return [
        InputFile(file.name, file.size_bytes, hashes[file.path], origins.index(file.origin)) for file in listed.files
    ]


def _hash(file: Found) -> str:
    return hash_file(file.path)


def _recipe(
    inputs: list[InputFile], origins: list[Origin], preparation: Preparation, loaded: Vocabulary | None
) -> bytes:
    """All that the result depends on, so that two attempts are known to be of the same one."""
    options = asdict(preparation) | {"tokenizer": loaded.sha256 if loaded else None}
    content = {
        "schema": _RECIPE_SCHEMA,
        "inputs_sha256": hashlib.sha256(inputs_content(inputs)).hexdigest(),
        "origins": [asdict(one) for one in origins],
        "options": options,
        "versions": _versions(),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _versions() -> dict[str, str]:
    return {"stellwerk": __version__, "tokenizers": load_tokenizers().__version__, "numpy": np.__version__}


@contextlib.contextmanager
def _claimed(folder: Path, recipe: bytes) -> Iterator[None]:
    """Inside, the folder is ours alone and holds nothing, or what an attempt with the same recipe left."""
    work = folder / WORK
    try:
        strangers = [path.name for path in folder.iterdir() if path.name != WORK] if folder.exists() else []
        if strangers and not (work / _RECIPE).exists():
            raise InputError("is not empty", file=folder, value=min(strangers), allowed="an empty folder, or a new one")
        work.mkdir(parents=True, exist_ok=True)
        lock = (work / _LOCK).open("w")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=folder) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError("another stellwerk data prepare is writing here", file=folder) from None
        path = work / _RECIPE
        if not path.exists():
            write_whole(path, recipe, durable=True)
        elif path.read_bytes() != recipe:
            raise InputError(
                "holds an unfinished dataset of other inputs or options",
                file=folder,
                allowed=f"those in {path}, or another folder, or this one once it has been removed",
            )
        for torn in [*folder.glob(".*"), *work.glob(".*")]:  # what a killed process had begun to write
            torn.unlink(missing_ok=True)
        yield


def _make(
    work: _Work, inputs: list[InputFile], origins: list[Origin], loaded: Vocabulary | None, recipe: bytes
) -> Manifest:
    """Goes through the stages up to whole shards, and says what came of it."""
    preparation, folder = work.preparation, work.folder
    surveys = work.survey()
    documents = [len(survey.empty) for survey in surveys]
    firsts = np.concatenate([[0], np.cumsum(documents)[:-1]]).astype(np.int64)
    survey = joined(surveys, with_signatures=preparation.deduplication == "near")
    fates = choose(
        survey,
        deduplication=preparation.deduplication,
        held_out_share=preparation.held_out_share,
        seed=preparation.seed,
    )
    with whole_file(folder / WORK / FATES) as file:
        np.save(file, fates)
    vocabulary = work.vocabulary(loaded, survey, fates, firsts)
    written = work.write(vocabulary, firsts, documents)
    counts = np.bincount(fates, minlength=len(Fate))
    training = [one.training for one in written]
    return Manifest(
        token_type="uint16" if vocabulary.token_type.itemsize == 2 else "uint32",
        vocabulary=vocabulary.size,
        end_of_text=vocabulary.end_of_text,
        tokenizer_sha256=vocabulary.sha256,
        tokenizer_trained=loaded is None,
        inputs_sha256=hashlib.sha256(inputs_content(inputs)).hexdigest(),
        recipe_sha256=hashlib.sha256(recipe).hexdigest(),
        sources=tuple(_sources(origins, inputs, survey, fates)),
        dropped=Dropped(*(int(counts[fate]) for fate in (Fate.EMPTY, Fate.EXACT_DUPLICATE, Fate.NEAR_DUPLICATE))),
        deduplication=_deduplication(preparation.deduplication),
        held_out_share=preparation.held_out_share,
        seed=preparation.seed,
        training=_sum(training, tuple(shard for part in training for shard in part.shards)),
        held_out=_held_out_part(folder, written, vocabulary.token_type, preparation.shard_tokens),
        versions=_versions(),
    )


class _Work(NamedTuple):
    """One prepare; each of its stages finds what an earlier attempt left of it."""

    folder: Path
    units: list[Unit]
    preparation: Preparation
    processes: int
    progress: Progress

    def survey(self) -> list[Survey]:
        """What is known of the documents of each unit."""
        near = self.preparation.deduplication == "near"
        missing = [unit for unit in self.units if not survey_path(self.folder, unit).exists()]
        jobs = [SurveyJob(self.folder, unit, self.preparation.reading, near) for unit in missing]
        done = self._total(self.units) - self._total(missing)
        self.progress("read", done, self._total(self.units))
        for job, _ in run_all(survey_unit, jobs, self.processes):
            done += job.unit.size_bytes
            self.progress("read", done, self._total(self.units))
        return [read_survey(self.folder, unit) for unit in self.units]

    def vocabulary(
        self, loaded: Vocabulary | None, survey: Survey, fates: NDArray[np.uint8], firsts: NDArray[np.int64]
    ) -> Vocabulary:
        """The tokenizer, which then stands in its place in the folder."""
        path = self.folder / TOKENIZER
        if loaded is None and path.exists():
            return load_vocabulary(path, END_OF_TEXT)
        if loaded is None:
            sample = _sample(survey, fates)
            total, done = int(survey.text_bytes[sample].sum()), 0

            def texts() -> Iterator[str]:
                nonlocal done
                for text in texts_for_training(self.units, firsts, self.preparation.reading, sample):
                    self.progress("learn", done, total)
                    done += len(text.encode())
                    yield text

            loaded = train_vocabulary(texts(), self.preparation.vocabulary)
            self.progress("learn", total, total)
        write_whole(path, loaded.content, durable=True)
        return loaded

    def write(self, vocabulary: Vocabulary, firsts: NDArray[np.int64], documents: list[int]) -> list[Written]:
        """The shards of each unit."""
        jobs = [
            WritingJob(
                self.folder,
                unit,
                self.preparation.reading,
                int(first),
                count,
                vocabulary.token_type.str,
                vocabulary.end_of_text,
                self.preparation.shard_tokens,
            )
            for unit, first, count in zip(self.units, firsts, documents, strict=True)
            if read_written(self.folder, unit, vocabulary.token_type) is None
        ]
        done = self._total(self.units) - self._total([job.unit for job in jobs])
        self.progress("write", done, self._total(self.units))
        for job, _ in run_all(write_unit, jobs, self.processes):
            done += job.unit.size_bytes
            self.progress("write", done, self._total(self.units))
        written = [read_written(self.folder, unit, vocabulary.token_type) for unit in self.units]
        return [one for one in written if one is not None]

    @staticmethod
    def _total(units: Sequence[Unit]) -> int:
        return sum(unit.size_bytes for unit in units)


def _units_of(files: Sequence[Found], origins: list[Origin], reading: Reading) -> list[Unit]:
    """The inputs in units that depend on nothing but them, so that any number of processes works on the same ones."""
    total = sum(file.size_bytes for file in files)
    limit = min(max(total // _UNITS, _UNIT_BYTES[0]), _UNIT_BYTES[1])
    units: list[Unit] = []
    pieces: list[PieceOfSource] = []
    size = 0
    for file in files:
        parts = pieces_of(file, reading, limit)
        size_bytes = file.size_bytes // max(1, len(parts))
        for piece in parts:
            if pieces and size + size_bytes > limit:
                units.append(Unit(len(units), tuple(pieces), size))
                pieces, size = [], 0
            pieces.append(PieceOfSource(piece, origins.index(file.origin)))
            size += size_bytes
    if pieces:
        units.append(Unit(len(units), tuple(pieces), size))
    return units


def _sample(survey: Survey, fates: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The documents that a tokenizer is trained on: all that are learnt from, or as many as are enough."""
    sample: NDArray[np.bool_] = fates == Fate.TRAINING
    total = int(survey.text_bytes[sample].sum())
    if total > _TRAINING_SAMPLE_BYTES:
        sample &= drawn(survey.digests, _SAMPLE_SEED) < np.uint64(2**64 * (_TRAINING_SAMPLE_BYTES / total))
    return sample


def _held_out_part(folder: Path, written: list[Written], token_type: np.dtype[Any], shard_tokens: int) -> Part:
    """What the units kept aside, in shards of its own."""
    with ShardWriter(folder / "held-out", token_type, shard_tokens) as writer:
        for one in written:
            for shard in one.held_out.shards:
                writer.append(np.fromfile(folder / WORK / shard.file, dtype=token_type))
    return _sum([one.held_out for one in written], tuple(writer.shards))


def _sum(parts: list[Part], shards: tuple[Shard, ...]) -> Part:
    return Part(
        documents=sum(part.documents for part in parts),
        text_bytes=sum(part.text_bytes for part in parts),
        tokens=sum(part.tokens for part in parts),
        shards=shards,
    )


def _sources(origins: list[Origin], inputs: list[InputFile], survey: Survey, fates: NDArray[np.uint8]) -> list[Source]:
    """How much of what is kept is from where."""
    kept = (fates == Fate.TRAINING) | (fates == Fate.HELD_OUT)
    documents = np.bincount(survey.sources[kept], minlength=len(origins))
    text_bytes = np.bincount(survey.sources[kept], weights=survey.text_bytes[kept], minlength=len(origins))
    files = np.bincount([one.source for one in inputs], minlength=len(origins))
    return [
        Source(
            **asdict(origin),
            files=int(files[place]),
            documents=int(documents[place]),
            text_bytes=int(text_bytes[place]),
        )
        for place, origin in enumerate(origins)
    ]


def _deduplication(how: Deduplication) -> dict[str, object]:
    said: dict[str, object] = {"how": how}
    if how != "off":
        said["normalisation"] = "NFKC, case folded, white space as one blank"
    if how == "near":
        said |= {"similarity": SIMILARITY, "shingle_words": SHINGLE_WORDS, "bands": BANDS, "rows": ROWS}
    return said
