"""The command as a person meets it: it starts as a real process, its messages and its exit codes."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from stellwerk.cli.main import VERBS, main
from tests.cli.conftest import Verb

COMMAND = [str(Path(sys.executable).parent / "stellwerk")]


def stellwerk(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    shown = CliRunner().invoke(main, [verb, "--help"], prog_name="stellwerk")
    assert shown.exit_code == 0
    assert "Usage: stellwerk" in shown.stdout


def test_the_installed_command_explains_itself() -> None:
    assert "Usage: stellwerk" in stellwerk("--help").stdout


def test_an_unknown_verb_is_a_usage_error() -> None:
    assert stellwerk("mtach").returncode == 2


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"schema = 1\n[model]\nlayrs = 3\n", "layrs"),
        (b'schema = 1\n[model]\nname = "llama-3.1-8b"\n[training]\ntokens = "1 TB"\n', "training.tokens"),
        (b"\xff\xfe", "UTF-8"),
        (b"schema = \n", "line 1"),
        (b"", "schema"),
    ],
)
def test_a_bad_workload_ends_with_a_clear_message(in_process: Verb, tmp_path: Path, content: bytes, named: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    for verb in (["match"], ["workload", "check"]):
        shown = in_process(*verb, file)
        assert shown.exit_code == 2
        assert shown.stdout == ""
        assert "bad.toml" in shown.stderr
        assert named in shown.stderr


def test_missing_and_huge_files_are_refused(in_process: Verb, tmp_path: Path) -> None:
    assert "does not exist" in in_process("match", tmp_path / "none.toml").stderr
    huge = tmp_path / "huge.toml"
    with huge.open("wb") as file:
        file.truncate(2**30)
    shown = in_process("match", huge)
    assert shown.exit_code == 2
    assert "bytes" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_catalogue_with_a_reference_to_nothing_is_refused(tmp_path: Path) -> None:
    sites = tmp_path / "sites"
    sites.mkdir()
    (sites / "x.toml").write_text(
        'schema = 1\nsite = "x"\n[sources.a]\nevidence = "primary"\n'
        '[[systems]]\nid = "x-1"\nsource = "a"\noperator_kind = "nhr"\naccelerator_id = "h100-of-nowhere"\n',
        encoding="utf-8",
    )
    shown = stellwerk("catalog", "check", str(tmp_path))
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    assert "h100-of-nowhere" in shown.stderr
    assert "x.toml" in shown.stderr


def test_a_truncated_gzip_is_refused(in_process: Verb, tmp_path: Path) -> None:
    log = tmp_path / "log.swf.gz"
    log.write_bytes(gzip.compress(b"; Version: 2.2\n" * 1000)[:60])
    out = tmp_path / "out.csv"
    shown = in_process("simulate", log, "--processors", 4, "--out", out)
    assert shown.exit_code == 2
    assert "log.swf.gz" in shown.stderr
    assert not out.exists()
