from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.training.files import read_job, read_outcome, read_rates, write_json
from stellwerk.training.model import TrainingJob
from stellwerk.workload import Architecture

JOB = TrainingJob(
    architecture=Architecture(layers=2, hidden=8, heads=2, kv_heads=1, head_dim=4, ffn_hidden=16, vocab=256),
    processes=2,
    sequence_length=16,
    micro_batch=3,
    micro_batches=2,
    steps=5,
    compute_type="bf16",
)


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_json(tmp_path / "job.json", JOB)
    assert read_job(tmp_path / "job.json") == JOB


def test_a_step_takes_every_process_and_micro_batch() -> None:
    assert JOB.tokens_per_step == 2 * 3 * 2 * 16


def test_what_is_no_number_is_not_written_and_the_old_file_stays(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {"loss": 1.0})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "file.json", {"loss": float("nan")})
    assert (tmp_path / "file.json").read_text(encoding="utf-8") == '{\n  "loss": 1.0\n}\n'


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"architecture": {}}'])
def test_what_another_version_wrote_is_a_mistake_and_no_traceback(tmp_path: Path, content: str) -> None:
    (tmp_path / "job.json").write_text(content, encoding="utf-8")
    for read in (read_job, read_rates, read_outcome):
        with pytest.raises(InputError, match=r"job\.json: cannot be read by this version"):
            read(tmp_path / "job.json")
