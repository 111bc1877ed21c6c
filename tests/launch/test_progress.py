from __future__ import annotations

import json
from pathlib import Path

from stellwerk.launch.progress import Progress, read_progress


def test_the_last_whole_line_counts(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    lines = [json.dumps({"step": step, "tokens": step * 64, "loss": 1.0}) for step in range(1, 1001)]
    file.write_text("\n".join(lines) + '\n{"step": 1001, "tok', encoding="utf-8")
    assert read_progress(file) == Progress(1000, 64000)


def test_a_line_that_is_no_metrics_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(b'{"step": 3}\n\xff not json\n[1]\n')
    assert read_progress(file) == Progress(3, None)


def test_nothing_is_known_without_metrics(tmp_path: Path) -> None:
    assert read_progress(tmp_path / "metrics.jsonl") == Progress()
    (tmp_path / "metrics.jsonl").touch()
    assert read_progress(tmp_path / "metrics.jsonl") == Progress()
    assert read_progress(tmp_path) == Progress()
