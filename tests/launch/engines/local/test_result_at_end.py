from __future__ import annotations

import json
from pathlib import Path

import pytest

from stellwerk.launch.engines.local import LocalEngine
from stellwerk.launch.run_directory import RunDirectory
from tests.launch.engines.local.local_case import job, until, until_over

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("code", "state"), [("pass", "finished"), ("raise SystemExit(3)", "failed")])
def test_a_run_that_nobody_follows_leaves_its_result(tmp_path: Path, code: str, state: str) -> None:
    engine, directory = LocalEngine(look_every_s=0.02), RunDirectory(tmp_path)
    engine.submit(job(tmp_path, code), tmp_path, key="a run")
    until_over(engine, tmp_path)
    until(directory.result.exists, "the result")
    result = json.loads(directory.result.read_text(encoding="utf-8"))
    assert (result["state"], result["attempts"][0]["state"], result["plan"]) == (state, state, None)
