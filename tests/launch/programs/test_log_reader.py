from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stellwerk.launch.programs import log_reader
from stellwerk.launch.programs.log_reader import LINE_BYTES, Lines, LogMetrics, follow
from stellwerk.training import read_metrics

PATTERN = r"step (?P<step>[\d,]+).* loss (?P<loss>\S+)(?: tokens (?P<tokens>[\d,]+))?"


def lines_of(*chunks: bytes) -> list[str]:
    log = io.BytesIO()
    lines = Lines(log)
    found: list[str] = []
    for chunk in chunks:
        at = log.tell()
        log.write(chunk)
        log.seek(at)
        found += lines.new(last=False)
    return found + list(lines.new(last=True))


def records_of(*lines: str) -> list[dict[str, Any]]:
    metrics = LogMetrics(PATTERN)
    return [record for line in lines if (record := metrics.read(line))]


def followed(folder: Path, pattern: str, *written: bytes) -> str | None:
    """What ``follow`` says of a log to which something is added before each time it asks whether the end is there."""
    log = folder / "run.log"
    start = log.write_bytes(b"step 99 loss 9 of an earlier attempt\n")
    rest = list(written)

    def ended(_wait_s: float) -> bool:
        with log.open("ab") as file:
            file.write(rest.pop(0))
        return not rest

    return follow(log, folder / "metrics.jsonl", pattern, start=start, ended=ended)


def test_a_line_that_comes_in_pieces_is_one_line() -> None:
    assert lines_of(b"step 1 lo", b"ss 2", b".5\nstep 2", b" loss 2\n") == ["step 1 loss 2.5", "step 2 loss 2"]


def test_a_progress_bar_that_goes_back_is_many_lines() -> None:
    assert lines_of(b" 1%| | 1/100\r 2%| | 2/100\r", b"\n") == [" 1%| | 1/100", " 2%| | 2/100"]


def test_colours_are_taken_away() -> None:
    assert lines_of(b"\x1b[1;32mstep\x1b[0m 1 \x1b]8;;http://x\x07loss\x1b]8;;\x07 2\n") == ["step 1 loss 2"]


def test_a_line_without_end_is_cut_and_not_kept() -> None:
    found = lines_of(b"x" * 3 * LINE_BYTES, b"y" * LINE_BYTES, b"\nstep 1\n")
    assert [len(line) for line in found] == [LINE_BYTES, 6]


def test_bytes_that_are_no_text_end_nothing() -> None:
    assert lines_of(b"\xff\xfe step 1 loss 2\n")[0].endswith("step 1 loss 2")


def test_numbers_are_read_and_what_is_not_said_is_left_out() -> None:
    assert records_of("step 1,000: loss 2.5", "nothing", "step 1,001: loss 2 tokens 4,096") == [
        {"step": 1000, "loss": 2.5},
        {"step": 1001, "loss": 2.0, "tokens": 4096},
    ]


def test_a_step_that_several_processes_print_counts_once() -> None:
    assert [record["loss"] for record in records_of("step 1 loss 2", "step 1 loss 3", "step 0 loss 4")] == [2.0]


def test_what_is_no_number_is_no_record() -> None:
    assert records_of("step 1 loss n/a", "step , loss 2") == []


def test_the_log_becomes_metrics_that_our_reader_reads(tmp_path: Path) -> None:
    said = followed(tmp_path, PATTERN, b"step 1 loss 3\nst", b"ep 2 loss 2\nstep 3 loss 1", b" tokens 30")
    assert said is None
    metrics = read_metrics(tmp_path / "metrics.jsonl")
    assert [(step.step, step.loss, step.tokens) for step in metrics] == [(1, 3.0, None), (2, 2.0, None), (3, 1.0, 30)]
    assert metrics[0].step_time_s is None
    assert all(step.step_time_s is not None and step.step_time_s > 0 for step in metrics[1:])
    assert all(step.time is not None and step.time.endswith("+00:00") for step in metrics)


def test_metrics_are_added_to_those_of_earlier_attempts(tmp_path: Path) -> None:
    for step in (1, 2):
        followed(tmp_path, PATTERN, f"step {step} loss 3\n".encode())
    assert [step.step for step in read_metrics(tmp_path / "metrics.jsonl")] == [1, 2]


def test_a_pattern_that_matches_nothing_is_told(tmp_path: Path) -> None:
    assert "matched no line" in str(followed(tmp_path, PATTERN, b"epoch 1\n"))


def test_a_pattern_that_takes_forever_is_given_up(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(log_reader, "MATCH_S", 0.02)
    catastrophic = r"(?P<step>\d+)(?P<loss>(a+)+)$"
    said = followed(tmp_path, catastrophic, b"1aaa\n", (b"2" + b"a" * 60 + b"b\n") * 5)
    assert "no longer read" in str(said)
    assert [step["step"] for step in map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines())] == []


def test_the_program_keeps_its_process_and_its_exit_code(tmp_path: Path) -> None:
    """And the reader reads what the program printed last."""
    program = "import os, sys; print('step 1 loss 2 pid', os.getpid(), flush=True); sys.exit(7)"
    log = tmp_path / "run.log"
    metrics = tmp_path / "metrics.jsonl"
    options = ["--log", str(log), "--metrics", str(metrics), f"--pattern={PATTERN}"]
    with log.open("wb") as file:
        started = subprocess.Popen(
            [sys.executable, log_reader.__file__, *options, "--python", "--", "-c", program], stdout=file
        )
        assert started.wait(20) == 7
    assert re.findall(r"pid (\d+)", log.read_text()) == [str(started.pid)]
    wait_for(lambda: metrics.exists() and len(read_metrics(metrics)) == 1)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
