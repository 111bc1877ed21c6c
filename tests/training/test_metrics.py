from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from stellwerk.training.metrics import MetricsReader, read_metrics, write_metrics
from stellwerk.training.model import StepMetrics

FIRST = StepMetrics(
    step=1, tokens=2048, loss=5.5, learning_rate=1e-3, gradient_norm=2.0, step_time_s=0.2, tokens_per_s=10240.0
)
SECOND = replace(FIRST, step=2, tokens=4096, loss=5.4)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("w", encoding="utf-8") as file:
        write_metrics(file, FIRST)
        assert read_metrics(path) == (FIRST,), "a step can be followed before the file is closed"
        write_metrics(file, SECOND)
    assert read_metrics(path) == (FIRST, SECOND)


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    whole = json.dumps(asdict(FIRST)) + "\n"
    path.write_text(whole + json.dumps(asdict(SECOND))[:30], encoding="utf-8")
    assert read_metrics(path) == (FIRST,)


def test_a_line_is_given_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = MetricsReader(path)
    assert list(reader.new()) == [], "the file need not exist yet"
    second = json.dumps(asdict(SECOND)) + "\n"
    path.write_text(json.dumps(asdict(FIRST)) + "\n" + second[:20], encoding="utf-8")
    assert list(reader.new()) == [FIRST]
    assert list(reader.new()) == []
    with path.open("a", encoding="utf-8") as file:
        file.write(second[20:])
    assert list(reader.new()) == [SECOND]
