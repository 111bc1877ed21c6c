"""The training program: one process of a run that torchrun starts.

``python -m torch.distributed.run --nproc-per-node N -m stellwerk.training.program --job FILE --out DIRECTORY``
writes ``metrics.jsonl`` while it trains and ``outcome.json`` at the end. When the training cannot go on it writes
the reason to ``failure.txt`` and ends with exit code 1.
"""

from __future__ import annotations

import argparse
import datetime
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from stellwerk.dataset import TokenSource, german_excerpt
from stellwerk.training.files import read_job, write_json
from stellwerk.training.memory import peak_memory_bytes
from stellwerk.training.metrics import write_metrics
from stellwerk.training.model import Outcome, StepMetrics, TrainingJob
from stellwerk.training.sample import sample_text
from stellwerk.training.schedule import warm_up_stable_decay
from stellwerk.training.sharding import gathered_weights, shard, whole
from stellwerk.training.transformer import Decoder

SAMPLE_BYTES = 300
SAMPLE_TEMPERATURE = 0.7
ADAM_BETAS = (0.9, 0.95)


class TrainingStoppedError(Exception):
    """The training cannot go on; the text says why."""


def main() -> None:
    """Entry point of one process; torchrun says in the environment which one."""
    parser = argparse.ArgumentParser(prog="stellwerk.training.program")
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    dist.init_process_group("gloo")
    try:
        train(read_job(arguments.job), german_excerpt(), arguments.out)
    except TrainingStoppedError as stopped:
        if dist.get_rank() == 0:
            (arguments.out / "failure.txt").write_text(f"{stopped}\n", encoding="utf-8")
        sys.exit(f"training stopped: {stopped}")
    finally:
        dist.destroy_process_group()


def train(job: TrainingJob, corpus: TokenSource, out: Path) -> None:
    """Trains, evaluates and samples; needs the process group.

    Raises TrainingStoppedError where the loss is no number any more.
    """
    base_memory = peak_memory_bytes()
    decoder = Decoder(job.architecture, job.sequence_length)
    decoder.initialise(torch.Generator().manual_seed(job.seed))
    parameters = sum(parameter.numel() for parameter in decoder.parameters())
    shard(decoder, job.processes, job.compute_type)

    started = time.perf_counter()
    _train_and_write(decoder, job, corpus, out / "metrics.jsonl")
    training_time_s = time.perf_counter() - started

    peak_memory, base_memory = _fullest_process(peak_memory_bytes(), base_memory)
    held_out_loss, held_out_tokens = evaluate(decoder, job, corpus)
    weights = gathered_weights(decoder)
    if dist.get_rank() != 0:
        return
    whole_decoder = Decoder(job.architecture, job.sequence_length)
    whole_decoder.load_state_dict(weights)
    outcome = Outcome(
        parameters=parameters,
        training_time_s=training_time_s,
        held_out_loss=held_out_loss,
        held_out_tokens=held_out_tokens,
        peak_memory_bytes=peak_memory,
        base_memory_bytes=base_memory,
        sample=sample_text(
            whole_decoder,
            context=job.sequence_length,
            length=SAMPLE_BYTES,
            temperature=SAMPLE_TEMPERATURE,
            seed=job.seed,
        ),
        torch_version=torch.__version__,
        text_sha256=corpus.sha256,
    )
    write_json(out / "outcome.json", outcome)


@torch.no_grad()
def evaluate(decoder: Decoder, job: TrainingJob, corpus: TokenSource) -> tuple[float, int]:
    """Mean loss in nats per token over the kept-aside text, and the number of tokens it rests on.

    Every process takes the same number of sequences; up to ``processes - 1`` at the end are left out.
    """
    rows = torch.from_numpy(corpus.held_out_sequences(job.sequence_length))
    rows = rows[: len(rows) // job.processes * job.processes][dist.get_rank() :: job.processes]
    total = torch.zeros(2, dtype=torch.float64)
    for batch in rows.split(job.micro_batch):
        total[0] += _loss(decoder, batch).double() * batch.shape[0]
        total[1] += batch.shape[0]
    dist.all_reduce(total)
    return float(total[0] / total[1]), int(total[1]) * job.sequence_length


def check_finite(step: int, loss: float, gradient_norm: float) -> None:
    """Raises TrainingStoppedError where a step's loss or gradient is no number: every later step would be lost."""
    if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
        raise TrainingStoppedError(f"at step {step} the loss is {loss}, the gradient norm {gradient_norm}")


def _train_and_write(decoder: Decoder, job: TrainingJob, corpus: TokenSource, metrics: Path) -> None:
    """All steps; the first process writes a line for each."""
    path = metrics if dist.get_rank() == 0 else Path(os.devnull)
    with path.open("w", encoding="utf-8") as file:
        for step in _take_steps(decoder, job, corpus):
            write_metrics(file, step)


def _take_steps(decoder: Decoder, job: TrainingJob, corpus: TokenSource) -> Iterator[StepMetrics]:
    """Takes one optimizer step after the other and yields what it measured."""
    optimizer = _optimizer(decoder, job)
    for step in range(1, job.steps + 1):
        started = time.perf_counter()
        learning_rate = job.optimization.learning_rate * warm_up_stable_decay(
            step, job.steps, job.optimization.warm_up_share, job.optimization.decay_share
        )
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        loss, gradient_norm = _gradients(decoder, job, _micro_batches(job, corpus, step))
        check_finite(step, loss, gradient_norm)
        optimizer.step()
        optimizer.zero_grad()
        step_time_s = time.perf_counter() - started
        yield StepMetrics(
            step=step,
            time=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
            tokens=step * job.tokens_per_step,
            loss=loss,
            learning_rate=learning_rate,
            gradient_norm=gradient_norm,
            step_time_s=step_time_s,
            tokens_per_s=job.tokens_per_step / step_time_s,
        )


def _gradients(decoder: Decoder, job: TrainingJob, micro_batches: Iterable[Tensor]) -> tuple[float, float]:
    """Adds up the gradients of a step, clips them, and returns (loss, norm before clipping) over all processes."""
    loss = torch.zeros(())
    for batch in micro_batches:
        part = _loss(decoder, batch) / job.micro_batches
        part.backward()
        loss += part.detach() / job.processes
    dist.all_reduce(loss)
    norm = torch.nn.utils.clip_grad_norm_(decoder.parameters(), job.optimization.gradient_clip)
    return float(loss), float(whole(norm))


def _optimizer(decoder: Decoder, job: TrainingJob) -> torch.optim.Optimizer:
    """AdamW; norms and biases do not decay."""
    groups = [
        {"params": [p for p in decoder.parameters() if p.ndim >= 2], "weight_decay": job.optimization.weight_decay},
        {"params": [p for p in decoder.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=job.optimization.learning_rate, betas=ADAM_BETAS, fused=True)


def _micro_batches(job: TrainingJob, corpus: TokenSource, step: int) -> Iterator[Tensor]:
    """This process's share of a step; which sequences a step reads does not depend on the number of processes."""
    share = job.micro_batch * job.micro_batches
    first = (step - 1) * job.sequences_per_step + dist.get_rank() * share
    rows = corpus.training_sequences(job.sequence_length, first=first, count=share, seed=job.seed)
    yield from torch.from_numpy(rows).split(job.micro_batch)


def _loss(decoder: Decoder, rows: Tensor) -> Tensor:
    """Mean cross-entropy in nats of each token given those before it; rows are (batch, length + 1)."""
    logits = decoder(rows[:, :-1])
    return F.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten())


def _fullest_process(peak: int, base: int) -> tuple[int, int]:
    """(peak, base) of the process whose peak is the highest."""
    mine = torch.tensor([peak, base], dtype=torch.int64)
    everyone = [torch.zeros_like(mine) for _ in range(dist.get_world_size())]
    dist.all_gather(everyone, mine)
    fullest = max(everyone, key=lambda pair: int(pair[0]))
    return int(fullest[0]), int(fullest[1])


if __name__ == "__main__":
    main()
