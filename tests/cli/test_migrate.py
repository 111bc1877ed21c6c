from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stellwerk.cli.main import main
from stellwerk.errors import InputErrors

OLD = "schema = 1  # of last year\n[limits]\n# the grant ends then\ndeadline = 2027-03-01\n"
NEW = 'schema = 2  # of last year\n[limits]\n# the grant ends then\ndeadline = "2027-03-01 00:00 UTC"\n'


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["migrate", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    file = tmp_path / "old.toml"
    file.write_text(OLD, encoding="utf-8")
    return file


def test_a_file_is_upgraded_in_place_and_says_how(old: Path) -> None:
    old.chmod(0o600)
    result = run(old)
    assert result.exit_code == 0
    assert old.read_text(encoding="utf-8") == NEW
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert result.output.splitlines() == [
        f"{old}: a workload file, upgraded from version 1 to 2",
        "  schema = 2 (was 1)",
        '  limits.deadline = "2027-03-01 00:00 UTC" (was 2027-03-01)',
    ]


def test_a_second_time_changes_nothing(old: Path) -> None:
    run(old)
    assert run(old).output == f"{old}: a workload file of version 2, the current one\n"
    assert old.read_text(encoding="utf-8") == NEW


def test_check_only_tells_and_ends_with_1_if_something_would_change(old: Path) -> None:
    result = run("--check", old)
    assert result.exit_code == 1
    assert "would be upgraded from version 1 to 2" in result.output
    assert old.read_text(encoding="utf-8") == OLD
    run(old)
    assert run("--check", old).exit_code == 0


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_all_mistakes_are_told_and_nothing_is_written(old: Path, tmp_path: Path, check: tuple[str, ...]) -> None:
    future = tmp_path / "future.toml"
    future.write_text("schema = 9\n[model]\n", encoding="utf-8")
    with pytest.raises(InputErrors) as caught:
        run(*check, old, future, tmp_path / "missing.toml")
    assert caught.value.exit_code == 2
    assert [error.file for error in caught.value.errors] == [future, tmp_path / "missing.toml"]
    assert old.read_text(encoding="utf-8") == OLD


def test_a_link_stays_a_link(old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(old)
    run(link)
    assert link.is_symlink()
    assert old.read_text(encoding="utf-8") == NEW
