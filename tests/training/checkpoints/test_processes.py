"""Several processes: other numbers of them, and what befalls one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.training.checkpoints import CheckpointStore  # noqa: E402
from tests.training.checkpoints.scenarios import (  # noqa: E402
    faults_of_one_among_many,
    load_training,
    save_training,
)
from tests.training.checkpoints.worlds import in_world  # noqa: E402

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
    import torch

    from tests.training.checkpoints.scenarios import digest

    saved = in_world(2, save_training, tmp_path, 1)[0]
    store = CheckpointStore(tmp_path, keep=1)
    newest = store.newest()
    assert newest is not None
    assert newest.processes == 2
    manifest_shapes = {"model.single": (1,), "model.blocks.0.odd": (5, 3), "model.blocks.1.up.weight": (24, 12)}
    rest = {name: None for name in saved if name.startswith("model.")}
    tensors = {name: torch.zeros(manifest_shapes.get(name, _shape(name))) for name in rest}
    store.load(newest, tensors)
    assert digest(tensors) == {name: saved[name] for name in tensors}


def _shape(name: str) -> tuple[int, ...]:
    part = name.split(".", 3)[3]
    return {"odd": (5, 3), "up.weight": (24, 12), "up.bias": (24,), "down.weight": (12, 24)}.get(part, (12,))


def test_what_befalls_one_process_is_heard_by_all_and_harms_nothing(tmp_path: Path) -> None:
    by_rank = in_world(3, faults_of_one_among_many, tmp_path)
    assert all(one == by_rank[0] for one in by_rank)
    assert by_rank[0] == [
        "whole",
        *["checkpoint_disk_filled_up", "step-00000001"] * 3,
        "checkpoint_not_shared",
        "whole",
        "step 4",
        "checkpoint_not_seen_by_all",
        "step 5",
        "step 4",
        "checkpoint_file_changed",
        "checkpoint_set_aside",
        "checkpoint_of_other_model",
    ]
