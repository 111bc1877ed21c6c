from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from stellwerk.dataset import read_manifest
from stellwerk.errors import MissingExtraError
from tests.cli.conftest import Verb
from tests.dataset.texts import content_of_all, drawn_text, write_lines, write_texts

TEXTS = [drawn_text(seed) for seed in range(30)]
SAID = ("--source", "made up [1]", "--licence", "CC0-1.0", "--processes", 1, "--vocab", 300)


@pytest.fixture
def prepare(in_process: Verb) -> Verb:
    return partial(in_process, "data", "prepare")


def test_what_was_made_is_said_shown_and_checked(prepare: Verb, in_process: Verb, tmp_path: Path) -> None:
    write_texts(tmp_path / "in", [*TEXTS, TEXTS[0]])
    (tmp_path / "in" / "picture.png").write_bytes(b"\x89PNG")
    ended = prepare(tmp_path / "in", "--out", tmp_path / "out", *SAID, "--held-out", 0.1)
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "Left out: 1 files in folders that are neither text nor JSONL nor Parquet." in ended.stdout
    assert "Dropped documents: 0 empty, 1 exact duplicates, 0 near duplicates." in ended.stdout
    assert "- made up [1]\n  licence: CC0-1.0\n  kept: 30 documents" in ended.stdout
    shown = in_process("data", "show", tmp_path / "out")
    assert shown.stdout.splitlines()[-4:] == ended.stdout.splitlines()[-4:]
    manifest = read_manifest(tmp_path / "out")
    assert f"{manifest.training.tokens:,} tokens to learn from" in shown.stdout
    as_json = json.loads(in_process("data", "show", tmp_path / "out", "--json").stdout)
    assert (as_json["schema"], as_json["sha256"], as_json["seed"]) == (1, manifest.sha256, 0)
    checked = in_process("data", "check", tmp_path / "out")
    assert checked.exit_code == 0
    assert ": whole; 2 shards, " in checked.stdout


def test_the_same_command_again_has_nothing_to_do(prepare: Verb, tmp_path: Path) -> None:
    write_texts(tmp_path / "in", TEXTS)
    first, again = (prepare(tmp_path / "in", "--out", tmp_path / "out", *SAID) for _ in range(2))
    assert again.stdout == "Nothing to do: the folder holds just this dataset.\n" + first.stdout


def test_field_column_and_separator_are_options(prepare: Verb, tmp_path: Path) -> None:
    import polars as pl

    write_lines(tmp_path / "a.jsonl", [{"body": text} for text in TEXTS[:10]])
    pl.DataFrame({"content": TEXTS[10:20]}).write_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.txt").write_text("%\n".join(TEXTS[20:]), encoding="utf-8")
    inputs = [tmp_path / name for name in ("a.jsonl", "b.parquet", "c.txt")]
    options = ("--field", "body", "--column", "content", "--separator", "%")
    ended = prepare(*inputs, "--out", tmp_path / "out", *SAID, *options)
    assert ended.exit_code == 0, ended.stderr
    manifest = read_manifest(tmp_path / "out")
    assert manifest.training.documents + manifest.held_out.documents == 30
    ended = prepare(*inputs, "--out", tmp_path / "other", *SAID, "--field", "body", "--separator", "%")
    assert ended.exit_code == 2
    assert ended.stderr.endswith("b.parquet: column: there is no such column (got 'text'); allowed: content\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--held-out", 2), "error: --held-out: is no share (got 2.0); allowed: 0 to below 1\n"),
        (("--vocab", 100), "error: --vocab: is no size of a byte-level vocabulary (got 100); allowed: 257 or more\n"),
        (("--seed", -1), "error: --seed: is negative (got -1); allowed: 0 or more\n"),
    ],
)
def test_an_option_that_cannot_be_is_named(
    options: tuple[object, ...], message: str, prepare: Verb, tmp_path: Path
) -> None:
    write_texts(tmp_path / "in", TEXTS)
    ended = prepare(tmp_path / "in", "--out", tmp_path / "out", *SAID, *options)
    assert (ended.exit_code, ended.stderr) == (2, message)


def test_text_from_nowhere_and_a_corrupt_shard_end_with_2(prepare: Verb, in_process: Verb, tmp_path: Path) -> None:
    write_texts(tmp_path / "in", TEXTS)
    ended = prepare(tmp_path / "in", "--out", tmp_path / "out")
    assert ended.exit_code == 2
    assert "nobody says where this text is from" in ended.stderr
    prepare(tmp_path / "in", "--out", tmp_path / "out", *SAID)
    shard = tmp_path / "out" / "training-00000-00.bin"
    shard.write_bytes(shard.read_bytes()[::-1])
    ended = in_process("data", "check", tmp_path / "out")
    assert ended.exit_code == 2
    assert f"error: {shard}: the shard is corrupt" in ended.stderr


@pytest.mark.parametrize(("package", "suffix"), [("tokenizers", ".txt"), ("zstandard", ".txt.zst")])
def test_without_the_extra_the_command_that_installs_it_is_named(
    package: str, suffix: str, prepare: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zstandard

    content = TEXTS[0].encode()
    (tmp_path / f"a{suffix}").write_bytes(zstandard.compress(content) if suffix.endswith(".zst") else content)
    monkeypatch.setitem(sys.modules, package, None)
    ended = prepare(tmp_path / f"a{suffix}", "--out", tmp_path / "out", *SAID)
    assert ended.exit_code == 2
    assert "needs the extra [train]; install it with: pip install 'stellwerk[train]'" in ended.stderr


def test_stopped_by_hand_it_says_how_to_go_on(prepare: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("stellwerk.cli.data_prepare.prepare", stopped)
    ended = prepare(tmp_path, "--out", tmp_path / "out")
    assert ended.exit_code == 1
    assert ended.stderr.startswith("Stopped; the same command goes on from here.\n")


def test_a_missing_extra_is_the_same_error_when_another_process_meets_it() -> None:
    import pickle

    error = MissingExtraError("reading zstd", "train")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301


@pytest.mark.slow
def test_killed_anywhere_with_its_processes_it_goes_on_to_the_same_result(tmp_path: Path) -> None:
    """Rounds of kill -9 at later and later moments, until one comes to its end."""
    write_lines(tmp_path / "in" / "all.jsonl", [{"text": drawn_text(seed, 400)} for seed in range(1000)])
    program = "import sys; sys.argv[0] = 'stellwerk'; from stellwerk.cli.main import run; run()"

    def command(out: str) -> list[str]:
        options = ["--out", str(tmp_path / out), "--source", "x", "--licence", "y", "--processes", "2"]
        return [sys.executable, "-c", program, "data", "prepare", str(tmp_path / "in"), *options]

    subprocess.run(command("whole"), check=True, capture_output=True)
    killed = 0
    for delay_s in (0.5 + 0.7 * turn for turn in range(60)):
        process = subprocess.Popen(command("out"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert process.wait(timeout=delay_s) == 0
            break
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
    assert killed
    assert content_of_all(tmp_path / "whole") == content_of_all(tmp_path / "out")
