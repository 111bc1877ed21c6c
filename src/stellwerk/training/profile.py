"""A closer look at one step: how long it communicates, and how much of that nothing hides."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.profiler import ProfilerActivity, profile

from stellwerk.training.model import Device, StepProfile

Spans = NDArray[np.int64]
"""(spans, 2): start and end in nanoseconds."""

GLOO_PREFIX = "gloo:"
"""Gloo marks each collective, on the thread of its own that carries it out."""
NCCL_PREFIX = "nccl"
"""Of its kernels: ncclDevKernel_…, before version 2.19 ncclKernel_…"""
OPERATOR_PREFIX = "aten::"
WAITING_PREFIXES = ("c10d::", "_c10d_functional::")
"""Operators that hand a collective over or wait for it; those of tensor parallelism lie inside other operators."""
NANOSECONDS = 1e-9


def profile_step(run_step: Callable[[], float], *, step: int, device: Device) -> StepProfile:
    """Runs one step under the profiler of torch; all processes of the group call it, all get the same answer.

    ``run_step`` takes the step on ``device`` and returns the seconds that this process waited for its batches.
    Communication is the union of all collectives of a process; exposed is the part in which it computed nothing: on a
    processor no operator ran on a thread of the program, on an accelerator no other kernel. A collective also lasts
    while it waits for the slowest process. The step itself takes a few percent longer than without a profiler.
    """
    on_cuda = device == "cuda"
    backend = _backend_of(device)
    activities = [ProfilerActivity.CUDA] if on_cuda else []
    if backend == "gloo":
        activities.append(ProfilerActivity.CPU)
    with profile(activities=activities, acc_events=False) as profiler:
        started = time.perf_counter()
        data_s = run_step()
        if on_cuda:
            torch.cuda.synchronize()
        step_time_s = time.perf_counter() - started
    events = profiler.profiler.kineto_results.events()
    communication, computation = _on_cuda(events) if on_cuda else _on_cpu(events)
    own = (
        step_time_s,
        covered_ns(communication) * NANOSECONDS,
        exposed_ns(communication, computation) * NANOSECONDS,
        data_s,
    )
    columns = list(zip(*_from_all_processes(own, on_cuda=on_cuda), strict=True))
    return StepProfile(
        step=step,
        step_time_s=max(columns[0]),
        backend=backend,
        communication_s=columns[1],
        exposed_communication_s=columns[2],
        data_s=columns[3],
    )


def covered_ns(spans: Spans) -> int:
    """Length of the union of spans, (spans, 2), in any order."""
    return int(np.diff(_union(spans), axis=1).sum())


def exposed_ns(communication: Spans, computation: Spans) -> int:
    """Length of the part of the union of the one in which nothing of the other runs."""
    return covered_ns(np.concatenate([communication, computation])) - covered_ns(computation)


@dataclass(slots=True)
class _Thread:
    """What one thread of a process did."""

    collectives: list[tuple[int, int]] = field(default_factory=list)
    operators: list[tuple[int, int]] = field(default_factory=list)
    waits: list[tuple[int, int]] = field(default_factory=list)


def _on_cpu(events: Iterable[Any]) -> tuple[Spans, Spans]:
    """(communication, computation). What Gloo's own threads add up and copy is communication."""
    threads: dict[int, _Thread] = {}
    for event in events:
        thread = threads.setdefault(event.start_thread_id(), _Thread())
        name, span = event.name(), (event.start_ns(), event.end_ns())
        if name.startswith(GLOO_PREFIX):
            thread.collectives.append(span)
        elif name.startswith(WAITING_PREFIXES):
            thread.waits.append(span)
        elif name.startswith(OPERATOR_PREFIX):
            thread.operators.append(span)
    communication = [span for thread in threads.values() for span in thread.collectives]
    computing = [
        _without(_spans(thread.operators), _spans(thread.waits))
        for thread in threads.values()
        if not thread.collectives
    ]
    return _spans(communication), np.concatenate([_spans([]), *computing])


def _on_cuda(events: Iterable[Any]) -> tuple[Spans, Spans]:
    """(communication, computation). Collectives are kernels of NCCL, or go on in threads of Gloo's."""
    communication: list[tuple[int, int]] = []
    computation: list[tuple[int, int]] = []
    for event in events:
        name, span = event.name(), (event.start_ns(), event.end_ns())
        if name.startswith(GLOO_PREFIX):
            communication.append(span)
        elif event.device_type() == DeviceType.CUDA and not event.is_user_annotation():
            (communication if name.startswith(NCCL_PREFIX) else computation).append(span)
    return _spans(communication), _spans(computation)


def _spans(pairs: list[tuple[int, int]]) -> Spans:
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _union(spans: Spans) -> Spans:
    """The same time in spans that do not touch, in order."""
    if not len(spans):
        return spans
    spans = spans[np.argsort(spans[:, 0])]
    ends = np.maximum.accumulate(spans[:, 1])
    begins = np.concatenate([[True], spans[1:, 0] > ends[:-1]])
    lasts = np.concatenate([begins[1:], [True]])
    return np.stack([spans[begins, 0], ends[lasts]], axis=1)


def _without(spans: Spans, gaps: Spans) -> Spans:
    """The union of spans, cut where a gap lies."""
    spans, gaps = _union(spans), _union(gaps)
    edges = np.unique(np.concatenate([spans.ravel(), gaps.ravel()]))
    if len(edges) < 2:
        return spans
    pieces = np.stack([edges[:-1], edges[1:]], axis=1)
    return pieces[_inside(pieces, spans) & ~_inside(pieces, gaps)]


def _inside(pieces: Spans, spans: Spans) -> NDArray[np.bool_]:
    """Whether each piece lies in one of the spans; no edge of a span lies within a piece."""
    before = np.searchsorted(spans[:, 0], pieces[:, 0], side="right") - 1
    if not len(spans):
        return np.zeros(len(pieces), dtype=bool)
    inside: NDArray[np.bool_] = (before >= 0) & (spans[before, 1] >= pieces[:, 1])
    return inside


def _backend_of(device: Device) -> str:
    """Which backend the collectives on a device go through: ``cpu:gloo,cuda:nccl`` names one for each."""
    backends = dict(entry.split(":") for entry in dist.get_backend_config().split(","))
    return backends[device]


def _from_all_processes(own: tuple[float, ...], *, on_cuda: bool) -> list[list[float]]:
    mine = torch.tensor(own, dtype=torch.float64, device="cuda" if on_cuda else "cpu")
    everyone = [torch.zeros_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(everyone, mine)
    return [entry.tolist() for entry in everyone]
