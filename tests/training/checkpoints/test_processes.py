"""Several processes: other numbers of them, and what befalls one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.training.checkpoints import CheckpointStore
from tests.training.checkpoints.scenarios import (
    Model,
    digest,
    faults_of_one_among_many,
    load_training,
    lose_a_process,
    memory_taken,
    save_training,
)
from tests.training.checkpoints.worlds import in_world

LAYOUTS = [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2), (4, 2)]
"""(processes, of these tensor parallel)"""

pytestmark = pytest.mark.slow


def test_any_number_of_processes_reads_what_any_other_wrote(tmp_path: Path) -> None:
    """Weights and optimizer state to the last bit, with FSDP2 alone and over tensor parallel."""
    saved = {}
    for processes, tensor in LAYOUTS:
        directory = tmp_path / f"{processes}-{tensor}"
        by_rank = in_world(processes, save_training, directory, tensor)
        assert all(one == by_rank[0] for one in by_rank)
        assert any(name.startswith("optimizer.") and name.endswith(".exp_avg_sq") for name in by_rank[0])
        saved[directory] = by_rank[0]
    for processes, tensor in LAYOUTS:
        for loaded in in_world(processes, load_training, list(saved), tensor):
            assert loaded == list(saved.values())


def test_a_checkpoint_of_many_is_read_without_a_process_group(tmp_path: Path) -> None:
    saved = in_world(2, save_training, tmp_path, 1)[0]
    store = CheckpointStore(tmp_path, keep=1)
    newest = store.newest()
    assert newest is not None
    assert newest.processes == 2
    tensors = {f"model.{name}": parameter.detach() for name, parameter in Model().named_parameters()}
    store.load(newest, tensors)
    assert digest(tensors) == {name: checksum for name, checksum in saved.items() if name.startswith("model.")}


def test_what_befalls_one_process_is_heard_by_all_and_harms_nothing(tmp_path: Path) -> None:
    by_rank = in_world(3, faults_of_one_among_many, tmp_path)
    assert all(one == by_rank[0] for one in by_rank)
    assert by_rank[0] == [
        "whole",
        *["checkpoint_disk_filled_up"] * 3,
        "checkpoint_not_shared",
        "whole",
        "whole",
        "step 4",
        "checkpoint_not_seen_by_all",
        "step 5",
        "step 4",
        "checkpoint_file_changed",
        "checkpoint_set_aside",
        "checkpoint_of_other_model",
    ]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["broken-step-00000005", "step-00000001", "step-00000004"]


def test_nobody_waits_for_a_process_that_is_gone(tmp_path: Path) -> None:
    assert in_world(3, lose_a_process, tmp_path, lost=1) == ["checkpoint_process_lost"] * 2
    newest = CheckpointStore(tmp_path, keep=1).newest()
    assert newest is not None
    assert newest.step == 1


def test_saving_takes_one_copy_of_the_state_and_loading_two_tensors_at_most(tmp_path: Path) -> None:
    (taken,) = in_world(1, memory_taken, tmp_path)
    assert 0.9 < taken["save 1"] < 1.1
    assert taken["save 2"] < 0.1, "the copy's memory is used again"
    assert taken["load"] < 0.6, "at most two tensors of four at a time"
