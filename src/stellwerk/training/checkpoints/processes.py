"""How the processes that share a checkpoint agree: over Gloo, beside the training's own communication."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, cast

import torch.distributed as dist

from stellwerk.messages import Reason
from stellwerk.training.checkpoints.errors import CheckpointError

LONGEST_SHARE = timedelta(hours=2)
"""How long one process waits for another that writes its share; one that is gone is noticed at once."""

T = TypeVar("T")
R = TypeVar("R")


class Processes:
    """All processes of the training, or the one there is without a process group.

    What fails in one of them is raised in all, so that none waits for another in vain. The group is its own: its
    messages never mix with the training's, it may be used from another thread, and it works with tensors on the
    processor where the training talks over NCCL.
    """

    def __init__(self) -> None:
        """Every process has to come here."""
        together = dist.is_available() and dist.is_initialized()
        self._group = dist.new_group(backend="gloo", timeout=LONGEST_SHARE) if together else None
        self.count = dist.get_world_size(self._group) if self._group is not None else 1
        self.rank = dist.get_rank(self._group) if self._group is not None else 0

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def each(self, action: Callable[[], T]) -> list[T]:
        """What ``action`` returns in every process, by rank."""
        return _unless_failed(self._all_gather(_attempt(action)))

    def first(self, action: Callable[[], T]) -> T:
        """What ``action`` returns in the first process; only that one does it."""
        return _unless_failed([self._broadcast(_attempt(action) if self.is_first else None)])[0]

    def each_then_first(self, action: Callable[[], T], conclude: Callable[[list[T]], R]) -> R:
        """Every process does ``action``, the first concludes from what they return, and all get the conclusion."""
        all_parts = self._gather(_attempt(action))
        return self.first(lambda: conclude(_unless_failed(all_parts)))

    def dealt(self, action: Callable[[], T], deal: Callable[[list[T]], list[R]]) -> R:
        """Every process does ``action``, the first makes of what they return a list with a part for each."""
        all_parts = self._gather(_attempt(action))
        dealt: list[R | Reason] = []
        if self.is_first:
            parts = _attempt(lambda: deal(_unless_failed(all_parts)))
            dealt = [parts] * self.count if isinstance(parts, Reason) else list(parts)
        return _unless_failed([self._scatter(dealt)])[0]

    def _all_gather(self, mine: T | Reason) -> list[T | Reason]:
        if self._group is None:
            return [mine]
        everyone: list[T | Reason | None] = [None] * self.count
        _connected(lambda: dist.all_gather_object(everyone, mine, group=self._group))
        return cast(list[T | Reason], everyone)

    def _gather(self, mine: T) -> list[T]:
        """In the first process everyone's, in the others nothing."""
        if self._group is None:
            return [mine]
        everyone: list[T | None] | None = [None] * self.count if self.is_first else None
        _connected(lambda: dist.gather_object(mine, everyone, group=self._group, dst=0))
        return cast(list[T], everyone or [])

    def _broadcast(self, mine: T | Reason | None) -> T | Reason:
        box = [mine]
        if self._group is not None:
            _connected(lambda: dist.broadcast_object_list(box, group=self._group, src=0))
        return cast(T | Reason, box[0])

    def _scatter(self, parts: list[T]) -> T:
        if self._group is None:
            return parts[0]
        box: list[T | None] = [None]
        given = parts if self.is_first else None
        _connected(lambda: dist.scatter_object_list(box, given, group=self._group, src=0))
        return cast(T, box[0])


def _attempt(action: Callable[[], T]) -> T | Reason:
    """What ``action`` returns, or why it failed, in a form that can be sent."""
    try:
        return action()
    except CheckpointError as error:
        return error.reason
    except Exception as error:  # whatever it is, the other processes wait for an answer
        return Reason("checkpoint_failed", {"problem": f"{type(error).__name__}: {error}"})


def _unless_failed(parts: list[T | Reason]) -> list[T]:
    """The parts; raises CheckpointError for the first that says why it failed."""
    for part in parts:
        if isinstance(part, Reason):
            raise CheckpointError(part)
    return cast(list[T], parts)


def _connected(communicate: Callable[[], object]) -> None:
    try:
        communicate()
    except RuntimeError as error:
        raise CheckpointError(Reason("checkpoint_process_lost", {"problem": str(error).splitlines()[0]})) from error
