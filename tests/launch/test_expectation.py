from __future__ import annotations

import json
from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.launch import read_expectation
from stellwerk.launch.expectation import write_expectation
from tests.launch.local_run_case import planned


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    expected = planned().expected
    write_expectation(tmp_path / "plan.json", expected)
    assert read_expectation(tmp_path / "plan.json") == expected


def test_it_says_what_the_plan_says() -> None:
    run = planned()
    assert run.expected.step_time_s == run.plan.step_time_s
    assert run.expected.memory_bytes == run.plan.memory_bytes
    assert run.expected.tokens == run.workload.training.tokens
    assert run.expected.mfu_at(run.plan.tokens_per_s.best) == pytest.approx(run.plan.mfu.best)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 1}', '{"schema": 99}'])
def test_another_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"plan\.json"):
        read_expectation(tmp_path / "plan.json")


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    values = planned().expected.as_dict() | {"schema": 2}
    (tmp_path / "plan.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(InputError, match=r"schema: this version cannot be read \(got 2\); allowed: 1"):
        read_expectation(tmp_path / "plan.json")
