"""The copy of the state that is written while the training goes on."""

from __future__ import annotations

import weakref
from collections.abc import Mapping

import torch
from torch import Tensor

from stellwerk.training.shares import local_part

PINNED_AT_LEAST_BYTES = 1 << 16
"""Pinning a smaller buffer costs more than its copy gains."""


class Staging:
    """Copies of this process's shares in main memory, in buffers that are reused from one checkpoint to the next.

    Buffers for tensors on an accelerator are pinned, so that the copies run at the speed of the link. They are pinned
    where they are (cudaHostRegister): torch's own allocator of pinned memory rounds each up to a power of two.
    """

    def __init__(self) -> None:
        self._buffers: dict[str, Tensor] = {}
        self._pinned: dict[str, Tensor] = {}
        # The finalizer holds the buffers: they are unpinned before their memory is given back.
        weakref.finalize(self, _unpin_all, self._pinned).atexit = False

    @torch.no_grad()
    def copy(self, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The share of each tensor; valid until the next call."""
        shares = {name: local_part(tensor) for name, tensor in tensors.items()}
        for name in [name for name, buffer in self._buffers.items() if not _fits(buffer, shares.get(name))]:
            self._release(name)
        for name, share in shares.items():
            if name not in self._buffers:
                self._allocate(name, share)
            self._buffers[name].copy_(share, non_blocking=True)
        for device in {share.device for share in shares.values() if share.is_cuda}:
            torch.cuda.current_stream(device).synchronize()
        return self._buffers

    def _allocate(self, name: str, share: Tensor) -> None:
        buffer = torch.empty(share.shape, dtype=share.dtype)
        self._buffers[name] = buffer
        if share.is_cuda and buffer.nbytes >= PINNED_AT_LEAST_BYTES and _pin(buffer):
            self._pinned[name] = buffer

    def _release(self, name: str) -> None:
        del self._buffers[name]
        if name in self._pinned:
            _unpin(self._pinned.pop(name))


def _fits(buffer: Tensor, share: Tensor | None) -> bool:
    return share is not None and buffer.shape == share.shape and buffer.dtype == share.dtype


def _pin(buffer: Tensor) -> bool:
    """Whether the memory could be pinned; without it the copy is right all the same, only slower."""
    return int(torch.cuda.cudart().cudaHostRegister(buffer.data_ptr(), buffer.nbytes, 0)) == 0


def _unpin(buffer: Tensor) -> None:
    torch.cuda.cudart().cudaHostUnregister(buffer.data_ptr())


def _unpin_all(buffers: dict[str, Tensor]) -> None:
    while buffers:
        _unpin(buffers.popitem()[1])
