"""Feed broken files to every reader of job records and what belongs to them: only InputError may come out.

    python scripts/fuzz_records.py [--inputs N] [--seconds S] [--seed SEED] [--reader NAME ...] [--keep DIRECTORY]

Each input is a small sound file with some bytes, numbers, words or lines changed, cut out, doubled or swapped, by a
generator that a seed repeats exactly. Prints for each reader the inputs, how many of them were read, refused and
failed, and the rate in inputs per second of processor time; ends with 1 if anything but InputError came out or one
input took longer than ten seconds. ``--keep`` saves such inputs. Interrupted, it reports what it has done.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import polars

from stellwerk.errors import InputError
from stellwerk.records import read_columns, read_sacct, read_sacct_json, read_swf
from stellwerk.records.mapping_file import read_mapping
from stellwerk.simulation import read_cluster, read_schedule

ROOT = Path(__file__).parents[1]
SOUND = ROOT / "tests/data/fuzz"
SECONDS_FOR_ONE = 10
NUMBERS = (
    *(b"0", b"-1", b"1", b"2147483647", b"4294967294", b"4294967295", b"9223372036854775807", b"9" * 30, b"1e308"),
    *(b"-0", b"0.5", b"NaN", b"Infinity", b"1e-400", b"0x10", b"1_000", "٣".encode(), b""),
)
WORDS = (
    *(b"null", b"true", b"[]", b"{}", b'""', b'"', b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n\n"),
    *(b",", b";", b"|", b"\t", b"%", b"[", b"{", b"]", b"}", b":", b"=", b"(", b"COMPLETED", b"Unknown", b"UTC"),
    *(b"epoch_s", b"2024-02-30", b"9999-12-31T23:59:59", b"0000-00-00 00:00:00", b"2024-03-31T02:30:00"),
    *(b"gres/gpu:a100=4", b"billing=1", b"100Gn", b"1-00:00:00"),
)


@dataclass(frozen=True)
class Reader:
    """A reader and the sound files to start from."""

    read: Callable[[Path], object]
    seeds: tuple[bytes, ...]
    share: int
    """How many of the inputs it gets, beside the others."""


@dataclass
class Tally:
    inputs: int = 0
    read: int = 0
    seconds: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)


class TooLongError(BaseException):
    """One input took longer than SECONDS_FOR_ONE."""


def readers(folder: Path) -> dict[str, Reader]:
    """Every reader; Parquet files to start from are written to ``folder``."""
    mapping, data = SOUND / "mapping.toml", SOUND / "jobs.csv"
    return {
        "swf": Reader(read_swf, _contents(SOUND / "log.swf"), 56),
        "schedule": Reader(read_schedule, _contents(SOUND / "schedule.csv"), 56),
        "cluster": Reader(read_cluster, _contents(SOUND / "cluster.toml"), 28),
        "mapping": Reader(read_mapping, _contents(mapping, *sorted((ROOT / "examples/mappings").glob("*.toml"))), 28),
        "sacct-json": Reader(read_sacct_json, _dumps(), 20),
        "sacct": Reader(lambda path: read_sacct(path, timezone="Europe/Berlin"), _contents(SOUND / "sacct.txt"), 3),
        "csv": Reader(lambda path: read_columns(path, mapping=mapping), _contents(data), 3),
        "mapping with data": Reader(lambda path: read_columns(data, mapping=path), _contents(mapping), 3),
        "parquet": Reader(lambda path: read_columns(path, mapping=mapping), _parquet(data, folder), 3),
    }


def _contents(*files: Path) -> tuple[bytes, ...]:
    return tuple(file.read_bytes() for file in files)


def _dumps() -> tuple[bytes, ...]:
    """The dumps of the tests, without their indentation, so that changes hit more than blanks."""
    contents = _contents(*sorted((ROOT / "tests/data/sacct-json").glob("*.json")))
    return tuple(json.dumps(json.loads(content)).encode() for content in contents)


def _parquet(data: Path, folder: Path) -> tuple[bytes, ...]:
    file = folder / "sound.parquet"
    contents = []
    for compression in ("uncompressed", "zstd"):
        polars.read_csv(data).write_parquet(file, compression=compression)
        contents.append(file.read_bytes())
    return tuple(contents)


def mutated(sound: bytes, other: bytes, draw: random.Random) -> bytes:
    """``sound`` with one to six changes, or packed with gzip and then changed."""
    content = bytearray(sound)
    packed = draw.random() < 0.02
    if packed:
        content = bytearray(gzip.compress(bytes(content), compresslevel=1, mtime=0))
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        draw.choice(CHANGES)(content, other, draw)
    return bytes(content)


def _flip(content: bytearray, _: bytes, draw: random.Random) -> None:
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def _cut_out(content: bytearray, _: bytes, draw: random.Random) -> None:
    begin, end = _range(content, draw)
    del content[begin:end]


def _cut_off(content: bytearray, _: bytes, draw: random.Random) -> None:
    del content[draw.randrange(len(content) + 1) :]


def _double(content: bytearray, _: bytes, draw: random.Random) -> None:
    begin, end = _range(content, draw)
    content[end:end] = content[begin:end] * draw.choice((1, 1, 2, 50))


def _word(content: bytearray, _: bytes, draw: random.Random) -> None:
    at = draw.randrange(len(content) + 1)
    content[at : at + draw.choice((0, 0, 1, 4))] = draw.choice(WORDS + NUMBERS)


def _number(content: bytearray, _: bytes, draw: random.Random) -> None:
    """Another number for one that stands there."""
    found = re.compile(rb"[0-9]+").search(content, draw.randrange(len(content) + 1))
    if found:
        content[found.start() : found.end()] = draw.choice(NUMBERS)


def _lines(content: bytearray, _: bytes, draw: random.Random) -> None:
    lines = content.split(b"\n")
    first, second = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first] if draw.random() < 0.5 else lines[second]
    content[:] = b"\n".join(lines)


def _field(content: bytearray, _: bytes, draw: random.Random) -> None:
    """What stands in one field, line or value in another's place."""
    separator = draw.choice((b",", b"|", b" ", b"\n", b'"', b"="))
    fields = content.split(separator)
    fields[draw.randrange(len(fields))] = draw.choice(fields)
    content[:] = separator.join(fields)


def _other(content: bytearray, other: bytes, draw: random.Random) -> None:
    begin, end = _range(other, draw)
    at = draw.randrange(len(content) + 1)
    content[at:at] = other[begin:end]


CHANGES = (_flip, _cut_out, _cut_off, _double, _word, _word, _number, _number, _lines, _field, _field, _other)


def _range(content: bytes | bytearray, draw: random.Random) -> tuple[int, int]:
    begin = draw.randrange(len(content) + 1)
    return begin, min(len(content), begin + draw.choice((1, 2, 4, 16, 64, 1024)))


def fuzz(
    chosen: Mapping[str, Reader], *, inputs: int, seconds: float, seed: int, folder: Path, keep: Path | None = None
) -> dict[str, Tally]:
    """What came of so many inputs, or of as many as the seconds or the person allowed, by reader."""
    draw = random.Random(seed)  # noqa: S311
    tallies = {name: Tally() for name in chosen}
    names, shares = list(chosen), [reader.share for reader in chosen.values()]
    everything = [sound for reader in chosen.values() for sound in reader.seeds]
    file = folder / "input"
    end = time.monotonic() + seconds
    with contextlib.suppress(KeyboardInterrupt):
        for _ in range(inputs):
            if time.monotonic() > end:
                break
            name = draw.choices(names, shares)[0]
            content = mutated(draw.choice(chosen[name].seeds), draw.choice(everything), draw)
            file.write_bytes(content)
            began = time.process_time()
            failure = _failure(chosen[name].read, file, tallies[name])
            tallies[name].inputs += 1
            tallies[name].seconds += time.process_time() - began
            if failure:
                tallies[name].failures[failure] += 1
                if keep is not None and tallies[name].failures[failure] == 1:
                    (keep / f"{name.replace(' ', '-')}-{len(tallies[name].failures)}").write_bytes(content)
    return tallies


def _failure(read: Callable[[Path], object], file: Path, tally: Tally) -> str | None:
    """What came out that should not: the error and where it was raised."""
    try:
        with _time_limit():
            read(file)
        tally.read += 1
    except InputError as error:
        str(error)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # polars panics with one that is no Exception
        where = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in where if "stellwerk" in frame.filename] or where
        return f"{type(error).__name__} in {Path(ours[-1].filename).name}:{ours[-1].lineno}: {str(error)[:150]}"
    return None


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Of the processor's time: a busy machine is no fault of a reader."""

    def stop(_: int, __: FrameType | None) -> None:
        raise TooLongError(f"more than {SECONDS_FOR_ONE} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS_FOR_ONE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def main() -> int:
    options = argparse.ArgumentParser(description="Feed broken files to the readers.")
    options.add_argument("--inputs", type=int, default=1_000_000)
    options.add_argument("--seconds", type=float, default=3600.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--reader", action="append", help="only this one; may be given several times")
    options.add_argument("--keep", type=Path, help="folder for the inputs that failed")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:  # noqa: S108
        known = readers(Path(name))
        chosen = {reader: known[reader] for reader in given.reader or known}
        tallies = fuzz(
            chosen, inputs=given.inputs, seconds=given.seconds, seed=given.seed, folder=Path(name), keep=given.keep
        )
    return report(tallies)


def report(tallies: Mapping[str, Tally]) -> int:
    """Prints the tallies; 1 where anything failed."""
    print(f"{'reader':20} {'inputs':>10} {'read':>10} {'refused':>10} {'failed':>8} {'inputs/s':>10}")
    total = Tally()
    for name, tally in tallies.items():
        _print_row(name, tally)
        total.inputs += tally.inputs
        total.read += tally.read
        total.seconds += tally.seconds
        total.failures += Counter({f"{name}: {failure}": count for failure, count in tally.failures.items()})
    _print_row("all", total)
    for failure, count in total.failures.most_common():
        print(f"{count:6} x {failure}")
    return 1 if total.failures else 0


def _print_row(name: str, tally: Tally) -> None:
    failed = tally.failures.total()
    refused = tally.inputs - tally.read - failed
    rate = tally.inputs / tally.seconds if tally.seconds else 0.0
    print(f"{name:20} {tally.inputs:10,} {tally.read:10,} {refused:10,} {failed:8,} {rate:10,.0f}")


if __name__ == "__main__":
    sys.exit(main())
