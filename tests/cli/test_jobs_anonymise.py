from __future__ import annotations

import json
import shutil
import stat
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stellwerk.records import mapping_path, read_columns, read_swf
from tests.cli.conftest import Verb

KTH = Path(__file__).parents[1] / "data/swf/kth-sp2-1996-first-2500.swf.gz"

GPU_WEEK = KTH.parents[1] / "sacct/gpu-week.sacct"


@pytest.fixture
def anonymise(in_process: Verb) -> Verb:
    return partial(in_process, "jobs", "anonymise")


def test_the_copy_has_the_same_schedule_and_says_what_was_done(anonymise: Verb, tmp_path: Path) -> None:
    out = tmp_path / "shared.swf.gz"
    ended = anonymise(KTH, "--out", out)
    assert ended.exit_code == 0, ended.stderr
    source, copy = read_swf(KTH), read_swf(out)
    for column in ("submit_s", "wait_s", "run_s", "requested_s", "allocated_processors", "requested_processors"):
        np.testing.assert_array_equal(getattr(copy, column), getattr(source, column))
    assert copy.zero is not None
    assert source.zero is not None
    moved = source.zero - copy.zero
    assert moved.days > 0
    assert (moved.days % 7, moved.seconds) == (0, 0)
    header = "\n".join(copy.header)
    assert "; Note: Made anonymous with Stellwerk" in header
    assert "; MaxProcs: 100" in header
    assert "KTH" not in header
    assert "2,500 jobs" in ended.stdout
    assert "Size and account together" in " ".join(ended.stdout.split())


def test_users_stay_apart_and_are_no_longer_who_they_were(anonymise: Verb, tmp_path: Path) -> None:
    anonymise(KTH, "--out", tmp_path / "shared.swf")
    source, copy = read_swf(KTH).user, read_swf(tmp_path / "shared.swf").user
    pairs = set(zip(source.code.tolist(), copy.code.tolist(), strict=True))
    assert len(pairs) == len(set(source.code.tolist())) == len(set(copy.code.tolist()))
    assert any(source.names[old] != copy.names[new] for old, new in pairs)


def test_without_a_key_file_two_copies_share_no_clock_and_with_it_they_are_one(anonymise: Verb, tmp_path: Path) -> None:
    key = tmp_path / "key"
    for name, options in (("a", ()), ("b", ()), ("c", ("--key-file", key)), ("d", ("--key-file", key))):
        assert anonymise(KTH, "--out", tmp_path / f"{name}.swf", *options).exit_code == 0
    one, other, kept, again = ((tmp_path / f"{name}.swf").read_bytes() for name in "abcd")
    assert kept == again
    assert len({one, other, kept}) == 3
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_neither_the_key_nor_the_shift_is_said_anywhere(anonymise: Verb, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "shared.swf"
    shown = [anonymise(KTH, "--out", out, "--key-file", key, *options) for options in ((), ("--json",))]
    secret = key.read_text().strip()
    assert len(secret) == 64
    everything = "".join(ended.stdout + ended.stderr for ended in shown) + out.read_text()
    assert secret not in everything
    assert "week" not in everything.replace("a whole number of weeks", "")


def test_json_says_what_was_done_and_what_stands_out(anonymise: Verb, tmp_path: Path) -> None:
    out = tmp_path / "shared.swf"
    found = json.loads(anonymise(KTH, "--out", out, "--json", "--keep", "partition").stdout)
    assert (found["jobs"], found["written"], found["clock_moved"]) == (2500, [str(out)], True)
    assert found["kept_columns"] == ["partition"]
    assert found["rarity"]["rare"] <= found["rarity"]["combinations"]
    assert all(one["jobs"] < found["rarity"]["few"] for one in found["rarity"]["sizes"])


def test_a_table_is_written_with_its_mapping(anonymise: Verb, tmp_path: Path) -> None:
    ended = anonymise(KTH, "--out", tmp_path / "shared.parquet", "--json")
    assert ended.exit_code == 0, ended.stderr
    assert json.loads(ended.stdout)["written"] == [
        str(tmp_path / name) for name in ("shared.parquet", "shared.mapping.toml")
    ]
    table, mapping = tmp_path / "shared.parquet", tmp_path / "shared.mapping.toml"
    assert sorted(tmp_path.iterdir()) == [mapping, table]
    again = anonymise(table, "--mapping", mapping, "--out", tmp_path / "again.csv")
    assert again.exit_code == 0, again.stderr
    source, copy = read_swf(KTH), read_columns(tmp_path / "again.csv", mapping=tmp_path / "again.mapping.toml")
    for column in ("wait_s", "run_s", "requested_s", "allocated_processors", "requested_processors"):
        np.testing.assert_array_equal(getattr(copy, column), getattr(source, column))
    np.testing.assert_array_equal(np.diff(copy.submit_s), np.diff(source.submit_s))


def test_a_replay_of_the_copy_starts_every_job_when_the_source_does(
    anonymise: Verb, in_process: Verb, tmp_path: Path
) -> None:
    schedule, copy = tmp_path / "schedule.csv", tmp_path / "shared.swf.gz"
    anonymise(KTH, "--out", copy)
    assert in_process("simulate", KTH, "--out", schedule).exit_code == 0
    compared = in_process("simulate", copy, "--compare", schedule)
    assert compared.exit_code == 0, compared.stderr
    assert "differing starts: 0 " in compared.stdout


def test_a_report_on_the_copy_of_a_dump_has_the_same_figures(anonymise: Verb, in_process: Verb, tmp_path: Path) -> None:
    copy = tmp_path / "shared.parquet"
    assert anonymise(GPU_WEEK, "--timezone", "Europe/Berlin", "--out", copy).exit_code == 0
    source, shared = (
        json.loads(in_process("jobs", "report", *log, "--by", "user", "--json").stdout)
        for log in ((GPU_WEEK, "--timezone", "Europe/Berlin"), (copy, "--mapping", mapping_path(copy)))
    )
    for part in ("total", "sizes", "states", "limits", "most_held", "mean_held", "users", "accounts", "never_ran"):
        assert shared[part] == source[part], part
    assert sorted(one["hours"] for one in shared["groups"]) == sorted(one["hours"] for one in source["groups"])
    written = copy.read_bytes() + mapping_path(copy).read_bytes()
    assert not [name for name in (b"amsel", b"vision", b"scavenger", b"vortrainieren") if name in written]


def test_what_swf_has_no_field_for_is_said(anonymise: Verb, tmp_path: Path) -> None:
    shown = anonymise(GPU_WEEK, "--out", tmp_path / "shared.swf").stdout
    assert "SWF has no field for it: eligible_s, requested_nodes" in " ".join(shown.split())
    assert "no field" not in anonymise(GPU_WEEK, "--out", tmp_path / "shared.parquet").stdout


def test_it_speaks_german_too(anonymise: Verb, tmp_path: Path) -> None:
    assert "Größe und Konto zusammen" in anonymise(KTH, "--out", tmp_path / "a.swf", "--lang", "de").stdout


def test_no_input_is_ever_overwritten(anonymise: Verb, tmp_path: Path) -> None:
    log, key = tmp_path / "log.swf.gz", tmp_path / "key.swf"
    shutil.copy(KTH, log)
    assert anonymise(log, "--out", tmp_path / "shared.swf", "--key-file", key).exit_code == 0
    mapping = tmp_path / "log.mapping.toml"
    shutil.copy(key, mapping)
    secret = key.read_bytes()
    for out, options in ((log, ()), (key, ("--key-file", key)), (tmp_path / "log.csv", ("--key-file", mapping))):
        ended = anonymise(log, "--out", out, *options)
        assert ended.exit_code == 2
        assert "would overwrite an input" in ended.stderr
    assert (log.read_bytes(), key.read_bytes()) == (KTH.read_bytes(), secret)


def test_a_key_that_others_may_read_is_refused(anonymise: Verb, tmp_path: Path) -> None:
    key = tmp_path / "key"
    anonymise(KTH, "--out", tmp_path / "a.swf", "--key-file", key)
    key.chmod(0o644)
    ended = anonymise(KTH, "--out", tmp_path / "b.swf", "--key-file", key)
    assert ended.exit_code == 2
    assert f"{key}: others may read this key; allowed: permission 0600 (chmod 600)" in ended.stderr
    assert not (tmp_path / "b.swf").exists()


@pytest.mark.parametrize("content", ["", "abcd\n", "x" * 64, "0" * 300])
def test_a_file_that_holds_no_key_is_refused_without_showing_it(anonymise: Verb, tmp_path: Path, content: str) -> None:
    key = tmp_path / "key"
    key.write_text(content)
    key.chmod(0o600)
    ended = anonymise(KTH, "--out", tmp_path / "a.swf", "--key-file", key)
    assert ended.exit_code == 2
    assert str(key) in ended.stderr
    assert not content or content.strip() not in ended.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "log.xlsx"), "--out: is of no kind that is written (got 'log.xlsx'); allowed: .swf, .swf.gz, .csv"),
        (("--out", "a.swf", "--shift-weeks", "-3"), "--shift-weeks: the clock is moved back by weeks (got -3)"),
        (
            ("--out", "a.swf", "--shift-weeks", "99999999"),
            "--shift-weeks: moves the log to before 1970 (got 99999999); allowed: at most 1,394",
        ),
        (("--out", "a.swf", "--keep", "name"), "'name' is not one of"),
        (("--out", "a.swf", "--key-file", "x" * 300), "x: cannot be read: File name too long"),
        (("--out", "/proc/nowhere/a.swf"), "/proc/nowhere/a.swf: cannot be written"),
        ((), "Missing option '--out'"),
    ],
)
def test_a_mistake_names_the_option_and_writes_nothing(
    anonymise: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = anonymise(KTH, *options)
    assert ended.exit_code == 2
    assert message in " ".join(ended.stderr.split())
    assert list(tmp_path.iterdir()) == []
