"""One process: what is promised about full disks, torn files, other models and old checkpoints."""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from stellwerk.messages import LANGUAGES, render  # noqa: E402
from stellwerk.training.checkpoints import CheckpointError, CheckpointStore  # noqa: E402
from stellwerk.training.checkpoints import errors as errors_module  # noqa: E402
from stellwerk.training.checkpoints import store as store_module  # noqa: E402
from stellwerk.training.checkpoints.manifest import FileRecord, read_manifest, write_manifest  # noqa: E402

FILES = (".metadata", "__0_0.distcp", "manifest.json")


def state(step: int) -> dict[str, torch.Tensor]:
    """A small state whose values tell the step."""
    values = torch.arange(60.0) + step
    return {
        "model.embedding.weight": values.reshape(12, 5).clone(),
        "model.norm.weight": (values[:5] * 2).to(torch.bfloat16),
        "optimizer.norm.weight.exp_avg": values[:5] / 3,
        "optimizer.norm.weight.step": torch.tensor(float(step)),
    }


def empty() -> dict[str, torch.Tensor]:
    return {name: torch.full_like(tensor, -1.0) for name, tensor in state(0).items()}


def save(directory: Path, *steps: int, keep: int = 9) -> None:
    store = CheckpointStore(directory, keep=keep)
    for step in steps:
        store.save(step, state(step), {"step": step, "guard": {"norms": [0.5, float(step)]}})
    store.wait()


def assert_holds(directory: Path, step: int) -> CheckpointStore:
    """The newest checkpoint is that of ``step``, to the last bit."""
    store = CheckpointStore(directory, keep=9)
    newest = store.newest()
    assert newest is not None
    assert newest.step == step
    tensors = empty()
    assert store.load(newest, tensors) == {"step": step, "guard": {"norms": [0.5, float(step)]}}
    for name, tensor in state(step).items():
        assert torch.equal(tensors[name], tensor), name
    return store


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@contextmanager
def files_at_most(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond ``size_bytes``: the kernel refuses the write, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_saved_comes_back_and_later_steps_do_not_reach_into_it(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "new" / "checkpoints", keep=2)
    assert store.newest() is None
    tensors = state(3)
    store.save(3, tensors, {"step": 3, "guard": {"norms": [0.5, 3.0]}})
    for tensor in tensors.values():
        tensor.zero_()
    store.wait()
    assert_holds(tmp_path / "new" / "checkpoints", 3)


def test_the_newest_ones_stay_by_step_whatever_the_clock_says(tmp_path: Path) -> None:
    save(tmp_path, 9, keep=2)
    os.utime(tmp_path / "step-00000009", (0, 0))
    save(tmp_path, 10, keep=2)
    os.utime(tmp_path / "step-00000010", (4e9, 4e9))
    save(tmp_path, 100, keep=2)
    os.utime(tmp_path / "step-00000100", (0, 0))
    assert names(tmp_path) == ["step-00000010", "step-00000100"]
    assert_holds(tmp_path, 100)


def test_a_step_saved_again_does_not_touch_the_first_before_the_second_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 5)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(CheckpointError):
            save(tmp_path, 5)
    assert_holds(tmp_path, 5)
    save(tmp_path, 5, keep=1)
    assert names(tmp_path) == ["step-00000005.2"]
    assert_holds(tmp_path, 5)


def full_disk(*_: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("limit_bytes", [0, 1, 700, 1500, 3000, 5000])
def test_a_disk_that_fills_up_in_the_middle_harms_no_earlier_checkpoint(tmp_path: Path, limit_bytes: int) -> None:
    save(tmp_path, 1)
    store = CheckpointStore(tmp_path, keep=1)
    with files_at_most(limit_bytes):
        store.save(2, state(2), {})
        with pytest.raises(CheckpointError, match=r"needs up to 16\.7 kB, and .* now has .* free") as caught:
            store.wait()
    assert caught.value.code == "checkpoint_disk_filled_up"
    assert "File too large" in str(caught.value)
    assert names(tmp_path) == ["step-00000001"]
    assert_holds(tmp_path, 1)
    store.save(3, state(3), {"step": 3, "guard": {"norms": [0.5, 3.0]}})
    store.wait()
    assert_holds(tmp_path, 3)


def test_a_disk_that_is_too_full_is_found_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1)
    store = CheckpointStore(tmp_path, keep=1)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(errors_module.shutil, "disk_usage", lambda _: usage._replace(free=12_345))
    store.save(2, state(2), {})
    with pytest.raises(CheckpointError, match=r"needs up to 16\.7 kB, and .* has 12\.3 kB free") as caught:
        store.save(3, state(3), {})
    assert caught.value.code == "checkpoint_disk_full"
    assert "16,7 kB" in render(caught.value.reason, "de")
    assert names(tmp_path) == ["step-00000001"]


def test_a_disk_that_reports_its_failure_only_on_fsync_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(CheckpointError, match="No space left on device"):
        save(tmp_path, 2)
    monkeypatch.undo()
    assert names(tmp_path) == ["step-00000001"]


def test_everything_is_on_the_disk_before_the_checkpoint_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    fsync, rename = os.fsync, Path.rename

    def seen_fsync(handle: int) -> None:
        events.append(f"to disk: {Path(f'/proc/self/fd/{handle}').readlink().name}")
        fsync(handle)

    def seen_rename(path: Path, target: Path) -> Path:
        events.append(f"{path.name} becomes {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", seen_fsync)
    monkeypatch.setattr(Path, "rename", seen_rename)
    save(tmp_path, 1, 2, keep=1)
    assert events[-8:] == [
        "to disk: __0_0.distcp",
        "to disk: .metadata.tmp",
        ".metadata.tmp becomes .metadata",
        "to disk: manifest.json",
        "to disk: .writing-step-00000002",
        ".writing-step-00000002 becomes step-00000002",
        f"to disk: {tmp_path.name}",
        "step-00000001 becomes .removing-step-00000001",
    ]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"file/checkpoints could not be written: Not a directory"):
        save(tmp_path / "file" / "checkpoints", 1)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["cut", "emptied", "deleted", "flipped"])
def test_a_torn_checkpoint_is_named_set_aside_and_the_one_before_it_used(tmp_path: Path, name: str, harm: str) -> None:
    save(tmp_path, 1, 2)
    file = tmp_path / "step-00000002" / name
    content = file.read_bytes()
    if harm == "deleted":
        file.unlink()
    elif harm == "flipped":
        middle = len(content) // 2
        file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    else:
        file.write_bytes(content[: len(content) // 2 if harm == "cut" else 0])
    remarks = assert_holds(tmp_path, 1).remarks
    assert [name in str(remarks[0].params["file"]), remarks[1].code] == [True, "checkpoint_set_aside"]
    assert all(render(remark, language) for remark in remarks for language in LANGUAGES)
    assert names(tmp_path) == ["broken-step-00000002", "step-00000001"]
    assert assert_holds(tmp_path, 1).remarks == ()


class Harm(NamedTuple):
    name: str
    position: float
    value: int | None
    """What stands at the position then; None: the file ends there."""


harms = st.builds(Harm, st.sampled_from(FILES), st.floats(0, 1, exclude_max=True), st.none() | st.integers(0, 255))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(harm=harms)
def test_no_harm_to_a_byte_goes_unseen_or_costs_the_checkpoint_before(
    tmp_path_factory: pytest.TempPathFactory, two_checkpoints: Path, harm: Harm
) -> None:
    directory = tmp_path_factory.mktemp("harmed") / "checkpoints"
    shutil.copytree(two_checkpoints, directory)
    file = directory / "step-00000002" / harm.name
    content = bytearray(file.read_bytes())
    position = int(harm.position * len(content))
    if harm.value is None:
        del content[position:]
    else:
        content[position] = harm.value
    file.write_bytes(content)
    newest = CheckpointStore(directory, keep=2).newest()
    assert newest is not None
    # Another kind of white space in the manifest, or the same value again, is no harm.
    assert_holds(directory, newest.step)
    assert newest.step == 1 or harm.name == "manifest.json" or content[position] == harm.value


@pytest.fixture(scope="module")
def two_checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("whole")
    save(directory, 1, 2)
    return directory


def test_a_broken_one_costs_no_whole_one_its_place(tmp_path: Path) -> None:
    save(tmp_path, 1, 2, 3, keep=3)
    for step in (2, 3):
        (tmp_path / f"step-0000000{step}" / "manifest.json").write_text("{}")
    save(tmp_path, 4, keep=3)
    assert "step-00000001" in names(tmp_path)
    for step in (4, 1):
        shutil.rmtree(assert_holds(tmp_path, step)._folder.path / f"step-0000000{step}")


def test_what_was_set_aside_goes_with_the_checkpoints_of_its_time(tmp_path: Path) -> None:
    save(tmp_path, 1, 2)
    (tmp_path / "step-00000002" / "manifest.json").unlink()
    assert_holds(tmp_path, 1)
    save(tmp_path, 3, keep=2)
    assert names(tmp_path) == ["broken-step-00000002", "step-00000001", "step-00000003"]
    save(tmp_path, 4, keep=2)
    assert names(tmp_path) == ["step-00000003", "step-00000004"]


def test_leftovers_go_at_the_next_start_but_not_for_somebody_who_only_reads(tmp_path: Path) -> None:
    save(tmp_path, 1)
    for name in (".writing-step-00000002", ".removing-step-00000000"):
        shutil.copytree(tmp_path / "step-00000001", tmp_path / name)
    assert_holds(tmp_path, 1)
    assert len(names(tmp_path)) == 3
    save(tmp_path, 2)
    assert names(tmp_path) == ["step-00000001", "step-00000002"]


def test_a_checkpoint_of_another_model_names_the_first_tensors_that_differ(tmp_path: Path) -> None:
    save(tmp_path, 1)
    store = CheckpointStore(tmp_path, keep=1)
    newest = store.newest()
    assert newest is not None
    tensors = empty()
    tensors["model.embedding.weight"] = torch.zeros(12, 6)
    tensors["model.norm.weight"] = torch.zeros(5)
    tensors["model.output.weight"] = tensors.pop("optimizer.norm.weight.step")
    untouched = {name: tensor.clone() for name, tensor in tensors.items()}
    with pytest.raises(CheckpointError) as caught:
        store.load(newest, tensors)
    assert caught.value.code == "checkpoint_of_other_model"
    assert str(caught.value).endswith(
        "4 tensors differ (checkpoint | training): model.embedding.weight: float32 [12, 5] | float32 [12, 6]; "
        "model.norm.weight: bfloat16 [5] | float32 [5]; model.output.weight: – | float32 []."
    )
    assert all(torch.equal(tensor, untouched[name]) for name, tensor in tensors.items())


def test_a_reader_may_want_the_model_only(tmp_path: Path) -> None:
    save(tmp_path, 1)
    store = CheckpointStore(tmp_path, keep=1)
    newest = store.newest()
    assert newest is not None
    tensors = {name: tensor for name, tensor in empty().items() if name.startswith("model.")}
    store.load(newest, tensors)
    assert all(torch.equal(tensor, state(1)[name]) for name, tensor in tensors.items())


def test_a_file_that_went_bad_after_it_was_found_whole_by_another_is_named(tmp_path: Path) -> None:
    save(tmp_path, 1)
    newest = CheckpointStore(tmp_path, keep=1).newest()
    assert newest is not None
    file = newest.path / "__0_0.distcp"
    file.write_bytes(file.read_bytes()[::-1])
    with pytest.raises(CheckpointError, match=r"content of .*__0_0\.distcp is not what was written"):
        CheckpointStore(tmp_path, keep=1).load(newest, empty())
    file.unlink()
    with pytest.raises(CheckpointError, match=r"__0_0\.distcp is missing"):
        CheckpointStore(tmp_path, keep=1).load(newest, empty())


def test_a_file_that_goes_while_it_is_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1)
    store = CheckpointStore(tmp_path, keep=1)
    newest = store.newest()
    assert newest is not None
    monkeypatch.setattr(store_module, "check_tensors", lambda *_: (newest.path / "__0_0.distcp").unlink())
    with pytest.raises(CheckpointError, match=r"__0_0\.distcp cannot be read: No such file or directory"):
        store.load(newest, empty())


class Malice:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


def test_an_index_made_by_a_stranger_runs_nothing(tmp_path: Path) -> None:
    save(tmp_path, 1)
    folder, trace = tmp_path / "step-00000001", tmp_path / "trace"
    manifest = read_manifest(folder)
    index = pickle.dumps(Malice(trace))
    (folder / ".metadata").write_bytes(index)
    record = FileRecord(len(index), hashlib.sha256(index).hexdigest())
    write_manifest(folder, replace(manifest, files={**manifest.files, ".metadata": record}))
    store = CheckpointStore(tmp_path, keep=1)
    newest = store.newest()
    assert newest is not None
    with pytest.raises(CheckpointError, match=r"which no checkpoint needs"):
        store.load(newest, empty())
    assert not trace.exists()


def test_tensors_may_come_and_go_between_checkpoints(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=1)
    store.save(1, {name: tensor for name, tensor in state(1).items() if name.startswith("model.")}, {})
    store.save(2, state(2), {"step": 2, "guard": {"norms": [0.5, 2.0]}})
    store.wait()
    assert_holds(tmp_path, 2)


def test_a_copy_of_the_state_is_made_once_and_used_again(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=1)
    store.save(1, state(1), {})
    store.wait()
    first = {name: buffer.data_ptr() for name, buffer in store._staging._buffers.items()}
    store.save(2, state(2), {"step": 2, "guard": {"norms": [0.5, 2.0]}})
    store.wait()
    assert {name: buffer.data_ptr() for name, buffer in store._staging._buffers.items()} == first
    assert_holds(tmp_path, 2)


def test_shapes_that_are_rare_come_back_as_well(tmp_path: Path) -> None:
    tensors = {
        "model.none": torch.empty(0, 4),
        "model.turned": torch.arange(6.0).reshape(2, 3).t(),
        "model.part": torch.arange(100)[10:13],
        "model.flags": torch.tensor([True, False]),
    }
    store = CheckpointStore(tmp_path, keep=1)
    store.save(1, tensors, {})
    store.wait()
    read = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    newest = store.newest()
    assert newest is not None
    store.load(newest, read)
    assert all(torch.equal(tensor, read[name]) for name, tensor in tensors.items())


def test_at_least_one_has_to_stay(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        CheckpointStore(tmp_path, keep=0)


@pytest.mark.gpu
def test_tensors_on_an_accelerator_go_through_pinned_buffers(tmp_path: Path) -> None:
    tensors = {"model.weight": torch.randn(1 << 16, device="cuda"), "model.small": torch.randn(3, device="cuda")}
    wanted = {name: tensor.clone() for name, tensor in tensors.items()}
    store = CheckpointStore(tmp_path, keep=1)
    for step in (1, 2):
        store.save(step, tensors, {})
        if step == 2:
            for tensor in tensors.values():
                tensor.zero_()
        store.wait()
    assert list(store._staging._pinned) == ["model.weight"]
    assert store._staging._buffers["model.weight"].is_pinned()
    newest = store.newest()
    assert newest is not None
    store.load(newest, tensors)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in tensors.items())
