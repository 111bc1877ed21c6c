from __future__ import annotations

import datetime
import json
import os
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from stellwerk.launch.engine import RunState
from stellwerk.launch.prometheus import render_prometheus, write_prometheus
from stellwerk.launch.run_directory import RunDirectory
from stellwerk.launch.run_record import Attempt, RunRecord

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
PLAN = {
    "layout": {"tensor": 1, "pipeline": 1, "data": 2},
    "flops_per_token": 1e6,
    "peak_flops": 1e9,
}
LINE = re.compile(r"(?:# (?:HELP|TYPE) )?stellwerk_run_[a-z_]+.*")


def record(**values: Any) -> RunRecord:
    attempts = (
        Attempt("interrupted", NOW, NOW, wall_s=10.0, energy_j=500.0, energy_source="rapl"),
        Attempt("running", NOW, NOW, wall_s=5.0, energy_j=250.0, energy_source="rapl"),
    )
    return RunRecord(**{"key": "k", "engine": "local", "processes": 2, "attempts": attempts, "steps": 40, **values})


def figures(text: str) -> dict[str, float]:
    """Name with labels → value."""
    return {name: float(value) for name, value in re.findall(r"^(stellwerk\S+) (\S+)$", text, re.MULTILINE)}


def test_each_known_figure_has_help_type_and_value_and_unknown_ones_have_no_line() -> None:
    last = {"tokens_per_s": 500.0, "loss": 2.5}
    text = render_prometheus(record(), name="first", last=last, plan=PLAN, checkpoint=(1e9, 40))
    found = figures(text)
    assert found['stellwerk_run_step{run="first"}'] == 40
    assert found['stellwerk_run_loss{run="first"}'] == 2.5
    assert found['stellwerk_run_tokens_per_second{run="first"}'] == 500
    assert found['stellwerk_run_mfu_ratio{run="first"}'] == 0.25
    assert found['stellwerk_run_energy_joules{run="first"}'] == 750
    assert found['stellwerk_run_checkpoint_step{run="first"}'] == 40
    assert found['stellwerk_run_checkpoint_timestamp_seconds{run="first"}'] == 1e9
    states = {state: found[f'stellwerk_run_state{{run="first",state="{state}"}}'] for state in get_args(RunState)}
    assert [state for state, value in states.items() if value] == ["running"]
    assert "stellwerk_run_tokens{" not in text
    assert text.endswith("\n")
    assert all(LINE.fullmatch(line) for line in text.splitlines())
    for name in {name.partition("{")[0] for name in found}:
        assert f"# HELP {name} " in text
        assert f"# TYPE {name} gauge" in text


@pytest.mark.parametrize(
    ("last", "plan"),
    [({}, PLAN), ({"tokens_per_s": 5.0}, {}), ({"tokens_per_s": 5.0}, {"layout": None}), ({"tokens_per_s": "x"}, PLAN)],
)
def test_mfu_without_a_speed_or_a_plan_is_unknown(last: dict[str, Any], plan: dict[str, Any]) -> None:
    assert "mfu_ratio" not in render_prometheus(record(), name="first", last=last, plan=plan)


def test_a_name_is_escaped() -> None:
    text = render_prometheus(record(), name='a"b\\c\nd', last={}, plan={})
    assert 'stellwerk_run_step{run="a\\"b\\\\c\\nd"} 40' in text


def test_the_file_holds_the_newest_whole_checkpoint_and_the_last_whole_line(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    for age, name in enumerate(["broken-step-00000060", ".writing-step-00000050", "step-00000040.2", "step-00000020"]):
        (directory.checkpoints / name).mkdir(parents=True)
        os.utime(directory.checkpoints / name, (1000 - age, 1000 - age))
    directory.metrics.write_text('{"step": 41, "loss": 2.0}\n{"step": 42, "lo')
    directory.plan.write_text(json.dumps(PLAN))
    write_prometheus(directory, record())
    found = figures(directory.prometheus.read_text())
    name = f'{{run="{tmp_path.name}"}}'
    assert found[f"stellwerk_run_checkpoint_step{name}"] == 40
    assert found[f"stellwerk_run_checkpoint_timestamp_seconds{name}"] == 998
    assert found[f"stellwerk_run_loss{name}"] == 2.0


def test_a_run_that_has_not_begun_has_its_state_and_no_figures(tmp_path: Path) -> None:
    write_prometheus(RunDirectory(tmp_path), record(steps=None, attempts=(Attempt("waiting", NOW, NOW),)))
    names = {name.partition("{")[0] for name in figures((tmp_path / "metrics.prom").read_text())}
    assert names == {"stellwerk_run_state", "stellwerk_run_wall_seconds", "stellwerk_run_attempts"}
