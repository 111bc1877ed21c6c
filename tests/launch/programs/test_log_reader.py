from __future__ import annotations

import re
from pathlib import Path

import pytest

from stellwerk.launch.programs import log_reader
from stellwerk.launch.programs.log_reader import LINE_BYTES, Lines, LogMetrics, LogReader
from stellwerk.training import read_metrics

PATTERN = r"step (?P<step>[\d,]+).* loss (?P<loss>\S+)(?: tokens (?P<tokens>[\d,]+))?"


class Run:
    """A log that grows, and what becomes of it."""

    def __init__(self, folder: Path, pattern: str = PATTERN) -> None:
        self.log = folder / "run.log"
        self.metrics = folder / "metrics.jsonl"
        self.reader = LogReader(self.log, self.metrics, pattern)

    def prints(self, content: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(content)

    def goes(self, *contents: bytes) -> Run:
        """One attempt that prints ``contents`` one after the other."""
        self.reader.start()
        for content in contents:
            self.prints(content)
            self.reader.sample()
        self.reader.stop()
        return self


def lines_of(*chunks: bytes) -> list[str]:
    lines = Lines()
    return [line for chunk in (*chunks, b"\n") for line in lines.cut(chunk)]


def records_of(*lines: str) -> list[dict[str, float]]:
    metrics = LogMetrics(PATTERN)
    return [record for line in lines if (record := metrics.read(line))]


def test_a_line_that_comes_in_pieces_is_one_line() -> None:
    assert lines_of(b"step 1 lo", b"ss 2", b".5\nstep 2", b" loss 2\n") == ["step 1 loss 2.5", "step 2 loss 2"]


def test_a_progress_bar_that_goes_back_is_many_lines() -> None:
    assert lines_of(b" 1%| | 1/100\r 2%| | 2/100\r") == [" 1%| | 1/100", " 2%| | 2/100"]


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


def test_the_time_between_two_looks_is_shared_out_among_the_steps() -> None:
    metrics = LogMetrics(PATTERN)
    assert metrics.timed([{"step": 10}], now_s=100.0) == [{"step": 10}]
    assert [record["step_time_s"] for record in metrics.timed([{"step": 12}, {"step": 14}], now_s=108.0)] == [2.0, 2.0]


def test_the_log_becomes_metrics(tmp_path: Path) -> None:
    run = Run(tmp_path).goes(b"step 1 loss 3\nst", b"ep 2 loss 2\nstep 3 loss 1", b" tokens 30")
    metrics = read_metrics(run.metrics)
    assert [(step.step, step.loss, step.tokens) for step in metrics] == [(1, 3.0, None), (2, 2.0, None), (3, 1.0, 30)]
    assert metrics[0].step_time_s is None
    assert all(step.step_time_s is not None and step.step_time_s > 0 for step in metrics[1:])
    assert all(step.time is not None and step.time.endswith("+00:00") for step in metrics)
    assert "stellwerk:" not in run.log.read_text()


def test_a_later_attempt_adds_to_the_metrics_of_the_first(tmp_path: Path) -> None:
    Run(tmp_path).goes(b"step 1 loss 3\nstep 2 loss 3\n")
    run = Run(tmp_path).goes(b"step 2 loss 2\n")
    assert [(step.step, step.loss) for step in read_metrics(run.metrics)] == [(1, 3.0), (2, 2.0)]


def test_a_pattern_that_matches_nothing_is_told_in_the_log(tmp_path: Path) -> None:
    assert "stellwerk: log_pattern matched no line" in Run(tmp_path).goes(b"epoch 1\n").log.read_text()


def test_a_pattern_that_takes_forever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "MATCH_S", 0.01)
    run = Run(tmp_path, r"(?P<step>\d+)(?P<loss>(a+)+)$")
    run.goes((b"2" + b"a" * 60 + b"b\n") * 5)
    assert run.log.read_text().count("the log is no longer read") == 1


def test_a_look_does_not_hold_up_the_supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a look leaves, a later one reads."""
    monkeypatch.setattr(log_reader, "SAMPLE_S", 0.0)
    run = Run(tmp_path)
    run.reader.start()
    run.prints(b"step 1 loss 3\n")
    run.reader.sample()
    assert read_metrics(run.metrics) == ()
    run.reader.stop()
    assert len(read_metrics(run.metrics)) == 1


def test_steps_found_while_the_disk_was_full_are_written_later(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.metrics.symlink_to("/dev/full")
    run.reader.start()
    run.prints(b"step 1 loss 3\nstep 2 loss 2\n")
    run.reader.sample()
    run.metrics.unlink()
    run.prints(b"step 3 loss 1\n")
    run.reader.stop()
    assert [step.step for step in read_metrics(run.metrics)] == [1, 2, 3]
    assert "could not be written" not in run.log.read_text()


def test_the_patterns_of_the_guide_fit_what_they_are_for() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "own-program.md").read_text(encoding="utf-8")
    plain, bar = re.findall(r"^log_pattern = '(.*?)'", guide.split("## The log pattern")[1], re.MULTILINE)
    line = "step 3/40 | loss 2.5 | tokens 1,536"
    assert LogMetrics(plain).read(line) == {"step": 3, "loss": 2.5, "tokens": 1536}
    line = " 10%|█         | 10/100 [00:01<00:09,  9.91it/s, loss=2.31]"
    assert LogMetrics(bar).read(line) == {"step": 10, "loss": 2.31}
