"""The checkpoints of one training: save in the background, find the newest whole one, load it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import torch
from torch import Tensor
from torch.distributed.checkpoint.metadata import Metadata, TensorStorageMetadata
from torch.distributed.checkpoint.planner import SavePlan
from torch.distributed.tensor import DTensor

from stellwerk.messages import Reason
from stellwerk.training.checkpoints.errors import CheckpointError, free_bytes, size_words, writing_failed
from stellwerk.training.checkpoints.folder import CheckpointFolder, Place
from stellwerk.training.checkpoints.manifest import (
    BROKEN,
    Manifest,
    TensorRecord,
    check_content,
    check_shared,
    check_sizes,
    read_manifest,
    write_manifest,
)
from stellwerk.training.checkpoints.model import Checkpoint
from stellwerk.training.checkpoints.processes import Processes
from stellwerk.training.checkpoints.reading import check_tensors, read_share, record_of
from stellwerk.training.checkpoints.staging import Staging
from stellwerk.training.checkpoints.writing import Share, ShareWriter, StagedPlanner, needed_bytes


class CheckpointStore:
    """The checkpoints in one folder, which all processes of the training see.

    Every process makes a store and calls each method, in the same order. Without a process group the one process is
    all. Errors are raised in all processes alike.
    """

    def __init__(self, directory: Path, *, keep: int) -> None:
        """``keep`` newest whole checkpoints stay, at least one."""
        if keep < 1:
            raise ValueError(f"keep = {keep}: at least one checkpoint has to stay")
        self.remarks: tuple[Reason, ...] = ()
        """What ``newest`` passed over and why; the same in all processes."""
        self._keep = keep
        self._folder = CheckpointFolder(directory)
        self._processes = Processes()
        self._planner = StagedPlanner()
        self._writer = ShareWriter(self._planner)
        self._staging = Staging()
        self._plan: _Plan | None = None
        self._thread: Thread | None = None
        self._failure: CheckpointError | None = None
        self._cleaned = False
        self._verified: Path | None = None

    def save(self, step: int, tensors: Mapping[str, Tensor], extra: Mapping[str, Any]) -> float:
        """Copies the state and writes it in the background; returns the seconds it blocked.

        Every process gives the same names; of a DTensor each writes its share, of other tensors one process writes
        the whole. ``extra`` is small JSON, taken from the first process. Waits for the checkpoint before; where that
        one failed its CheckpointError is raised here, and nothing is saved.
        """
        started = time.perf_counter()
        self.wait()
        layout = {name: _layout(tensor) for name, tensor in tensors.items()}
        if self._plan is not None and self._plan.layout != layout:
            self._plan = None
        # The first time it is not known yet who writes what, so that all that is here is copied.
        own = tensors if self._plan is None else {name: tensors[name] for name in self._plan.own_names}
        self._planner.staged = self._staging.copy(own)
        copied_extra = json.loads(json.dumps(extra))
        self._thread = Thread(
            target=self._write, args=(step, dict(tensors), layout, copied_extra), name=f"checkpoint-{step}"
        )
        self._thread.start()
        return time.perf_counter() - started

    def wait(self) -> None:
        """Returns as soon as the last checkpoint is whole on the disk; raises CheckpointError where it failed."""
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def close(self) -> None:
        """Returns as soon as nothing is written any more, whole or failed: for the way out after another error."""
        if self._thread is not None:
            self._thread.join()

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that every process sees whole, its content checked against its checksums.

        What is not whole is set aside under another name; ``remarks`` says what was passed over and why.
        """
        self.wait()
        self.remarks = ()
        views = self._processes.each(self._view)
        for place in sorted({place for view in views for place in view}, reverse=True):
            problem = _problem_in(place, views) or self._content_problem(place)
            if problem is None:
                self._verified = self._folder.path / place.name
                return self._processes.each(partial(_checkpoint, self._verified))[0]
            self.remarks += self._processes.first(partial(self._pass_over, place, problem))
        return None

    def load(self, checkpoint: Checkpoint, tensors: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """Fills the tensors in place, whatever number of processes wrote them; returns ``extra``.

        ``tensors`` may leave out whole groups (names up to the first dot). Raises CheckpointError before anything is
        filled where a file is missing or is not what was written, or where tensors differ in name, shape or type.
        """
        self.wait()
        manifest = self._processes.each(lambda: self._checked_manifest(checkpoint.path))[0]
        records = {name: record_of(tensor) for name, tensor in tensors.items()}
        wanted = {name: record for given in self._processes.each(lambda: records) for name, record in given.items()}
        self._processes.each(lambda: check_tensors(checkpoint.path, manifest, wanted | records))
        self._processes.each(lambda: read_share(checkpoint.path, tensors))
        return manifest.extra

    def _make_plan(self, tensors: Mapping[str, Tensor], layout: Mapping[str, object]) -> _Plan:
        """Who writes what. Only names, shapes and placements are looked at: the training changes the values."""
        metadata: Metadata | None = None
        needed = 0

        def mine() -> SavePlan:
            self._planner.set_up_planner(dict(tensors), is_coordinator=self._processes.is_first)
            return self._planner.create_local_plan()

        def deal(plans: list[SavePlan]) -> list[SavePlan]:
            nonlocal metadata, needed
            plans, metadata = self._planner.create_global_plan(plans)
            needed = needed_bytes(plans)
            return self._writer.prepare(plans)

        own = self._planner.finish_plan(self._processes.dealt(mine, deal))
        self._planner.state_dict = {}
        return _Plan(layout, own, metadata, needed)

    def _write(
        self, step: int, tensors: Mapping[str, Tensor], layout: Mapping[str, object], extra: Mapping[str, Any]
    ) -> None:
        """In the background; docs/algorithms/checkpoints.md has the order of steps."""
        try:
            if self._plan is None:
                self._plan = self._make_plan(tensors, layout)
            self._write_aside_and_publish(step, self._plan, extra)
        except CheckpointError as error:
            self._failure = error
        except BaseException as error:  # an exception of this thread reaches nobody but the one who waits
            self._failure = CheckpointError(Reason("checkpoint_failed", {"problem": repr(error)}))

    def _write_aside_and_publish(self, step: int, plan: _Plan, extra: Mapping[str, Any]) -> None:
        writing, needed = self._processes.first(lambda: self._begin(step, plan.needed_bytes))
        try:
            self._processes.each_then_first(
                lambda: self._write_share(writing, plan.own, needed),
                lambda shares: self._conclude(writing, step, plan, extra, shares),
            )
        except CheckpointError:
            if self._processes.is_first:
                self._folder.discard(writing)
            raise

    def _begin(self, step: int, needed: int) -> tuple[Path, int]:
        directory = self._folder.path
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if not self._cleaned:
                self._folder.clean()
                self._cleaned = True
            if (free := free_bytes(directory)) < needed:
                raise CheckpointError(
                    Reason(
                        "checkpoint_disk_full",
                        {"folder": str(directory), "needed": size_words(needed), "free": size_words(free)},
                    )
                )
            return self._folder.begin(step), needed
        except OSError as error:
            raise writing_failed(error, directory, needed) from error

    def _write_share(self, writing: Path, own: SavePlan, needed: int) -> Share:
        try:
            return self._writer.write(writing, own)
        except OSError as error:
            raise writing_failed(error, self._folder.path, needed) from error

    def _conclude(self, writing: Path, step: int, plan: _Plan, extra: Mapping[str, Any], shares: list[Share]) -> None:
        """In the first process, after all have written: index, manifest, name, and old ones away."""
        assert plan.metadata is not None  # noqa: S101
        files = {name: record for share in shares for name, record in share.files.items()}
        tensors = {
            name: TensorRecord(tuple(tensor.size), str(tensor.properties.dtype).removeprefix("torch."))
            for name, tensor in plan.metadata.state_dict_metadata.items()
            if isinstance(tensor, TensorStorageMetadata)
        }
        try:
            files |= self._writer.write_index(writing, plan.metadata, [share.results for share in shares])
            manifest = Manifest(step, self._processes.count, torch.__version__, extra, tensors, files)
            check_shared(writing, manifest)
            write_manifest(writing, manifest)
            self._folder.prune(self._keep, spare=self._folder.publish(writing))
        except OSError as error:
            raise writing_failed(error, self._folder.path, plan.needed_bytes) from error

    def _view(self) -> dict[Place, str | Reason]:
        """Each checkpoint as this process sees it: the checksum of its manifest, or why it is not whole."""
        return {place: self._at_a_glance(self._folder.path / place.name) for place in self._folder.places()}

    def _at_a_glance(self, path: Path) -> str | Reason:
        try:
            manifest = read_manifest(path)
            check_sizes(path, manifest)
        except CheckpointError as error:
            return error.reason
        return manifest.sha256

    def _content_problem(self, place: Place) -> Reason | None:
        """Why the content is not what was written; each process reads its share of the files."""
        path = self._folder.path / place.name
        try:
            self._processes.each(partial(self._check_share, path))
        except CheckpointError as error:
            return error.reason
        return None

    def _check_share(self, path: Path) -> None:
        check_content(path, read_manifest(path), share=self._processes.rank, shares=self._processes.count)

    def _pass_over(self, place: Place, problem: Reason) -> tuple[Reason, ...]:
        """Sets aside what the first process itself finds broken; another may only see it late."""
        path = self._folder.path / place.name
        try:
            manifest = read_manifest(path)
            check_sizes(path, manifest)
            check_content(path, manifest)
        except CheckpointError as error:
            if error.code not in BROKEN:
                return (problem,)
        else:
            return (problem,)
        try:
            aside = self._folder.set_aside(place)
        except FileNotFoundError:  # a training that goes on has removed it
            return ()
        return (problem, Reason("checkpoint_set_aside", {"checkpoint": place.name, "folder": str(aside)}))

    def _checked_manifest(self, path: Path) -> Manifest:
        manifest = read_manifest(path)
        check_sizes(path, manifest)
        if path != self._verified:
            self._check_share(path)
        return manifest


@dataclass(frozen=True, slots=True)
class _Plan:
    """Who writes what. ``metadata`` and ``needed_bytes`` are those of the whole, known to the first process."""

    layout: Mapping[str, object]
    own: SavePlan
    metadata: Metadata | None
    needed_bytes: int

    @property
    def own_names(self) -> set[str]:
        return {item.index.fqn for item in self.own.items}


def _layout(tensor: Tensor) -> object:
    spec = (tensor.device_mesh, tensor.placements) if isinstance(tensor, DTensor) else None
    return tensor.shape, tensor.dtype, spec


def _checkpoint(path: Path) -> Checkpoint:
    manifest = read_manifest(path)
    return Checkpoint(manifest.step, path, manifest.extra, manifest.size_bytes, manifest.processes)


def _problem_in(place: Place, views: list[dict[Place, str | Reason]]) -> Reason | None:
    """Why not every process sees the checkpoint whole, and the same one."""
    seen = [view.get(place) for view in views]
    problem = next((one for one in seen if isinstance(one, Reason)), None)
    if problem is None and len(set(seen)) > 1:
        return Reason("checkpoint_not_seen_by_all", {"checkpoint": place.name})
    return problem
