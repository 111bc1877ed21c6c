"""The loop: one optimizer step after the other, from the last checkpoint to the end or until asked to stop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from stellwerk.dataset import TokenSource
from stellwerk.training.decoder.transformer import Decoder
from stellwerk.training.guard import StepGuard
from stellwerk.training.memory import peak_memory_bytes
from stellwerk.training.model import StepMetrics, TrainingJob
from stellwerk.training.optimizer import adamw, optimizer_tensors
from stellwerk.training.parallel import clip_gradients
from stellwerk.training.schedule import learning_rate

ATTENTION_KERNELS = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]
"""In this order, of those that the device has: cuDNN has kernels of its own for Hopper."""


@dataclass(frozen=True, slots=True)
class _Everyone:
    """What all processes know of a step after they have spoken to each other."""

    loss: float
    gradient_norm: float
    data_s: float
    stop: bool
    allocated_bytes: int | None
    reserved_bytes: int | None
    allocation_retries: int | None


class Trainer:
    """A model in the middle of its training. Every process has one, and they take each step together."""

    def __init__(self, job: TrainingJob, decoder: Decoder, source: TokenSource) -> None:
        self.job, self.decoder, self.source = job, decoder, source
        self._trained = [(name, weight) for name, weight in decoder.named_parameters() if weight.requires_grad]
        """By name, as they are spread now: between a forward and a backward pass the decoder shows gathered ones."""
        self.optimizer = adamw(decoder, job.optimization, compiled=job.compile)
        self.guard = StepGuard(job.spike_guard)
        self.step = 0
        """Steps that are behind."""
        self.time_s = 0.0
        """Spent in steps, over all attempts."""
        self.data_s = 0.0
        """What this process waited for the batch of the last step."""
        self._reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._next: tuple[int, Future[Tensor]] | None = None

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint holds: weights that are trained and the optimizer's moments, by name."""
        weights = {f"model.{name}": weight.data for name, weight in self._trained}
        return {**weights, **optimizer_tensors(self.optimizer, self._trained)}

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds besides."""
        return {
            "step": self.step,
            "time_s": self.time_s,
            "guard": self.guard.state(),
            "source_sha256": self.source.sha256,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on after the step that ``state`` speaks of; ``tensors`` have been filled already."""
        self.step, self.time_s = state["step"], state["time_s"]
        self.guard.restore(state["guard"])

    def take_step(self, asked_to_stop: bool) -> tuple[StepMetrics, bool]:
        """One optimizer step; returns what it measured, and whether any process was asked to stop.

        Raises TrainingStoppedError where the loss is no number any more.
        """
        job, step = self.job, self.step + 1
        started = time.perf_counter()
        rate = learning_rate(step, job.steps, job.optimization)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        rows = self._rows(step)
        self.data_s = time.perf_counter() - started
        loss = self._gradients(rows)
        norm = clip_gradients((parameter for _, parameter in self._trained), job.optimization.gradient_clip)
        everyone = self._exchange(loss, norm, asked_to_stop)
        admitted = self.guard.admits(step, everyone.loss, everyone.gradient_norm)
        if admitted:
            torch.manual_seed(job.seed * job.steps + step)  # for optimizers that draw: the same after a restart
            self.optimizer.step()
        self.optimizer.zero_grad()
        if job.device == "cuda":
            torch.cuda.synchronize()
        step_time_s = time.perf_counter() - started
        self.step, self.time_s = step, self.time_s + step_time_s
        metrics = StepMetrics(
            step=step,
            tokens=step * job.tokens_per_step,
            loss=everyone.loss,
            learning_rate=rate,
            gradient_norm=everyone.gradient_norm,
            step_time_s=step_time_s,
            tokens_per_s=job.tokens_per_step / step_time_s,
            data_s=everyone.data_s,
            allocated_bytes=everyone.allocated_bytes,
            reserved_bytes=everyone.reserved_bytes,
            allocation_retries=everyone.allocation_retries,
            skipped=not admitted,
        )
        return metrics, everyone.stop

    def close(self) -> None:
        """Lets go of the thread that reads ahead."""
        self._reader.shutdown(cancel_futures=True)

    def _rows(self, step: int) -> Tensor:
        """This process's sequences of a step, read while the step before was computed; then asks for the next."""
        waiting = self._next[1] if self._next and self._next[0] == step else self._reader.submit(self._read, step)
        rows = waiting.result()
        if step < self.job.steps:
            self._next = step + 1, self._reader.submit(self._read, step + 1)
        return rows.to(self.job.device, non_blocking=True)

    def _read(self, step: int) -> Tensor:
        """Which sequences a step reads does not depend on the number of processes."""
        job = self.job
        share = job.micro_batch * job.micro_batches
        first = (step - 1) * job.sequences_per_step + dist.get_rank() // job.tensor * share
        rows = torch.from_numpy(
            self.source.training_sequences(job.sequence_length, first=first, count=share, seed=job.seed)
        )
        return rows.pin_memory() if job.device == "cuda" else rows

    def _gradients(self, rows: Tensor) -> Tensor:
        """Adds up the gradients of a step; returns this process's part of the mean loss."""
        loss = torch.zeros((), device=rows.device)
        with sdpa_kernel(ATTENTION_KERNELS, set_priority=True):
            for batch in rows.split(self.job.micro_batch):
                part = self.decoder(batch[:, :-1], batch[:, 1:]) / self.job.micro_batches
                part.backward()
                loss += part.detach()
        return loss

    def _exchange(self, loss: Tensor, norm: Tensor, asked_to_stop: bool) -> _Everyone:
        """One collective per step tells everybody what each process measured."""
        memory = torch.cuda.memory_stats() if self.job.device == "cuda" else {}
        figures = ("allocated_bytes.all.peak", "reserved_bytes.all.peak", "num_alloc_retries")
        own = [self.data_s, float(asked_to_stop), *(float(memory.get(figure, 0)) for figure in figures)]
        mine = torch.cat((torch.stack((loss.double(), norm.double())), loss.new_tensor(own, dtype=torch.float64)))
        parts = [torch.empty_like(mine) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, mine)
        table = torch.stack(parts).cpu()
        _, gradient_norm, data_s, stop, *counted = table.amax(dim=0).tolist()
        allocated, reserved, retries = (int(value) if memory else None for value in counted)
        return _Everyone(float(table[:, 0].mean()), gradient_norm, data_s, stop > 0, allocated, reserved, retries)


@torch.no_grad()
def evaluate(decoder: Decoder, job: TrainingJob, source: TokenSource) -> tuple[float | None, int]:
    """Mean loss in nats per token over the kept-aside text, and the number of tokens it rests on; (None, 0) where
    there are fewer sequences than data-parallel processes.

    Every data-parallel process takes the same number of sequences; up to ``data_parallel - 1`` at the end are left
    out.
    """
    rows = torch.from_numpy(source.held_out_sequences(job.sequence_length))
    share = len(rows) // job.data_parallel * job.data_parallel
    rows = rows[:share][dist.get_rank() // job.tensor :: job.data_parallel].to(job.device)
    total = torch.zeros(2, dtype=torch.float64, device=job.device)
    decoder.eval()
    for batch in rows.split(job.micro_batch):
        total[0] += decoder(batch[:, :-1], batch[:, 1:]).double() * batch.shape[0]
        total[1] += batch.shape[0]
    decoder.train()
    dist.all_reduce(total)
    loss, sequences = (total / job.tensor).tolist()
    return loss / sequences if sequences else None, round(sequences) * job.sequence_length


def fullest_process(job: TrainingJob, base_bytes: int) -> tuple[int, int]:
    """(peak, base) memory in bytes of the process whose peak is the highest."""
    peak = torch.cuda.max_memory_reserved() if job.device == "cuda" else peak_memory_bytes()
    mine = torch.tensor([peak, base_bytes], dtype=torch.int64, device=job.device)
    everyone = [torch.zeros_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(everyone, mine)
    fullest = max(everyone, key=lambda pair: int(pair[0]))
    return int(fullest[0]), int(fullest[1])
