from __future__ import annotations

import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from stellwerk.broker import read_waits
from stellwerk.measures import MIN_JOBS
from stellwerk.records import read_swf
from tests.cli.conftest import Verb
from tests.measures.logs import EXCERPT

SYSTEM = "tud-capella"


@pytest.fixture
def waits(in_process: Verb) -> Verb:
    return partial(in_process, "waits")


def test_match_reads_the_waits_of_a_replay(waits: Verb, in_process: Verb, tmp_path: Path) -> None:
    out = tmp_path / "waits.toml"
    ended = waits(EXCERPT, "--system", SYSTEM, "--device", "processors", "--as-of", "2026-11-27", "--out", out)
    assert ended.exit_code == 0, ended.stderr
    wait = read_waits(out, {SYSTEM}).of(SYSTEM, 64)
    assert wait is not None
    assert (wait.devices_min, wait.devices_max, wait.as_of) == (33, 64, datetime.date(2026, 11, 27))
    assert "kth-sp2-1996-first-2500.swf.gz under easy on 100 processors; 176 jobs of this size" in wait.source
    example = Path(__file__).parents[2] / "examples/german-7b.toml"
    assert in_process("match", example, "--waits", out).exit_code == 0


def test_recorded_waits_are_those_of_the_log(waits: Verb, tmp_path: Path) -> None:
    out = tmp_path / "waits.toml"
    assert (
        waits(EXCERPT, "--system", SYSTEM, "--device", "processors", "--from", "recorded", "--out", out).exit_code == 0
    )
    wait = read_waits(out, {SYSTEM}).of(SYSTEM, 1)
    jobs = read_swf(EXCERPT)
    of_one = jobs.wait_s[(jobs.processors == 1) & (jobs.wait_s >= 0)]
    assert wait is not None
    assert wait.source == f"recorded in {EXCERPT.name}; {len(of_one)} jobs of this size"
    assert wait.wait_s.high == pytest.approx(np.percentile(of_one, 90), abs=0.2)


def test_without_a_file_the_table_is_printed(waits: Verb) -> None:
    ended = waits(EXCERPT, "--system", SYSTEM, "--device", "processors")
    assert ended.stdout.startswith("schema = 1\n\n[[waits]]\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--system", "tud-capela"), "error: --system: no such system (got 'tud-capela')"),
        (("--system", SYSTEM), "--device: says of no job how many accelerators it held"),
        (
            ("--system", SYSTEM, "--device", "processors", "--min-jobs", 10_000),
            "--min-jobs: holds no class of sizes with 10000 waits",
        ),
    ],
)
def test_what_cannot_be_is_named(waits: Verb, options: tuple[object, ...], said: str) -> None:
    ended = waits(EXCERPT, *options)
    assert ended.exit_code == 2
    assert said in ended.stderr


def test_a_class_needs_a_tenth_that_is_a_job() -> None:
    assert MIN_JOBS == 10
