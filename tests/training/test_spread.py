"""However a model is spread over processes, it learns the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.launch import Job
from stellwerk.launch.engines.local import render_command

PROGRAM = Path(__file__).parent / "spread_program.py"


def trained(processes: int, *tensor: int) -> dict[tuple[str, int], dict[str, Any]]:
    program = (str(PROGRAM), *map(str, tensor))
    job = Job(program, processes, Path(os.devnull), {})
    done = subprocess.run(
        render_command(job, sys.executable),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {(record["case"], record["tensor"]): record for record in records}


@pytest.mark.slow
def test_shards_and_tensor_parallel_groups_change_nothing() -> None:
    """One process against four: two by two; the dense model also fully sharded, and each matrix cut in four."""
    alone, together = trained(1, 1), trained(4, 2, 1, 4)
    assert len(together) == len(alone) + 2
    for (case, tensor), record in together.items():
        expected = alone[case, 1]
        assert record["loss"] == pytest.approx(expected["loss"], rel=1e-4), (case, tensor)
        assert record["norm"] == pytest.approx(expected["norm"], rel=1e-3), (case, tensor)
        assert record["held_out"] == pytest.approx(expected["held_out"], rel=5e-3), (case, tensor)
        assert record["sample"] == expected["sample"], (case, tensor)
