"""The training program: one process of a run that torchrun starts.

``python -m torch.distributed.run --nproc-per-node N -m stellwerk.training.program --job FILE --out DIRECTORY``
appends to ``metrics.jsonl`` while it trains, keeps checkpoints, and writes ``outcome.json`` at the end. It goes on
from the newest checkpoint where there is one. Asked to stop (training/contract.py), it writes a checkpoint and ends
with exit code 0 and no outcome. When the training cannot go on, it writes the reason to ``failure.txt`` and ends with
exit code 1, or 2 where what it was given is at fault.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist

from stellwerk.dataset import TokenSource, german_excerpt, open_dataset
from stellwerk.errors import InputError, StellwerkError
from stellwerk.training import contract
from stellwerk.training.build import build_decoder
from stellwerk.training.checkpoints import CheckpointStore
from stellwerk.training.files import read_job, write_json
from stellwerk.training.guard import TrainingStoppedError
from stellwerk.training.memory import peak_memory_bytes
from stellwerk.training.metrics import open_metrics, write_metrics
from stellwerk.training.model import Outcome, StepMetrics, TrainingJob
from stellwerk.training.parallel import join_process_group
from stellwerk.training.profile import profile_step
from stellwerk.training.profile_file import append_profile
from stellwerk.training.sample import sample_text
from stellwerk.training.stop import StopRequest
from stellwerk.training.trainer import Trainer, evaluate, fullest_process

SAMPLE_TOKENS = 300
SAMPLE_TEMPERATURE = 0.7
PROFILED_STEP = 6
"""The first one that is looked at more closely; the ones before fill caches."""


def main() -> None:
    """Entry point of one process; torchrun says in the environment which one."""
    parser = argparse.ArgumentParser(prog="stellwerk.training.program")
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    stop = StopRequest()
    job = read_job(arguments.job)
    join_process_group(job.device)
    try:
        train(job, open_source(job), arguments.out, stop)
    except torch.OutOfMemoryError as error:
        _give_up(arguments.out, f"the accelerator's memory is full; a smaller micro-batch needs less ({error})")
    except (TrainingStoppedError, StellwerkError) as error:
        _give_up(arguments.out, str(error), exit_code=2 if isinstance(error, InputError) else 1)
    finally:
        dist.destroy_process_group()


def open_source(job: TrainingJob) -> TokenSource:
    """What the job trains on. Raises InputError where it does not fit the model."""
    source = german_excerpt() if job.dataset is None else open_dataset(Path(job.dataset))
    if source.vocabulary > job.architecture.vocab:
        raise InputError(
            "the tokenizer has more tokens than the model",
            key="model.vocab",
            value=job.architecture.vocab,
            allowed=f"at least {source.vocabulary}",
        )
    return source


def train(job: TrainingJob, source: TokenSource, out: Path, stop: StopRequest) -> None:
    """Trains from the newest checkpoint on, evaluates and samples; needs the process group.

    Raises TrainingStoppedError where the loss is no number any more, CheckpointError where a checkpoint cannot be
    written.
    """
    base_memory = peak_memory_bytes()
    decoder = build_decoder(job)
    parameters = sum(parameter.numel() for parameter in decoder.parameters())
    trainer = Trainer(job, decoder, source)
    store = CheckpointStore(Path(os.environ.get(contract.CHECKPOINTS, out / "checkpoints")), keep=job.keep_checkpoints)
    checkpoint = store.newest()
    if checkpoint is not None:
        state = store.load(checkpoint, trainer.tensors())
        if state["source_sha256"] != source.sha256:
            raise TrainingStoppedError(f"{checkpoint.path} was trained on another text or with another tokenizer")
        trainer.restore(state)
    try:
        finished = _take_steps(trainer, store, out, stop)
    finally:
        trainer.close()
        store.close()
    if not finished:
        return
    peak_memory, base_memory = fullest_process(job, base_memory)
    held_out_loss, held_out_tokens = evaluate(decoder, job, source)
    sample = sample_text(
        decoder,
        source,
        job.prompt,
        length=SAMPLE_TOKENS,
        temperature=SAMPLE_TEMPERATURE,
        seed=job.seed,
        device=job.device,
    )
    if dist.get_rank() == 0:
        outcome = Outcome(
            parameters=parameters,
            training_time_s=trainer.time_s,
            held_out_loss=held_out_loss,
            held_out_tokens=held_out_tokens,
            peak_memory_bytes=peak_memory,
            base_memory_bytes=base_memory,
            sample=sample,
            torch_version=torch.__version__,
            text_sha256=source.sha256,
        )
        write_json(out / "outcome.json", outcome)


def _take_steps(trainer: Trainer, store: CheckpointStore, out: Path, stop: StopRequest) -> bool:
    """All steps that are left; the first process writes a line for each. False where it was asked to stop before the
    last."""
    job, blocked_s = trainer.job, 0.0
    metrics = Path(os.environ.get(contract.METRICS, out / "metrics.jsonl"))
    with open_metrics(metrics if dist.get_rank() == 0 else Path(os.devnull)) as file:
        while trainer.step < job.steps:
            step, asked = _take_step(trainer, out, stop.heard())
            if job.evaluate_every and step.step % job.evaluate_every == 0:
                step = replace(step, held_out_loss=evaluate(trainer.decoder, job, trainer.source)[0])
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            write_metrics(file, replace(step, checkpoint_s=blocked_s, time=now))
            due = job.checkpoint_every is not None and step.step % job.checkpoint_every == 0
            last = asked or step.step == job.steps
            blocked_s = store.save(step.step, trainer.tensors(), trainer.state()) if due or last else 0.0
            if asked and step.step < job.steps:
                store.wait()
                return False
    store.wait()
    return True


def _take_step(trainer: Trainer, out: Path, asked_to_stop: bool) -> tuple[StepMetrics, bool]:
    """A step, looked at more closely where that is due."""
    job, step = trainer.job, trainer.step + 1
    if not job.profile_every or step < PROFILED_STEP or (step - PROFILED_STEP) % job.profile_every:
        return trainer.take_step(asked_to_stop)
    taken: list[tuple[StepMetrics, bool]] = []

    def take() -> float:
        taken.append(trainer.take_step(asked_to_stop))
        return trainer.data_s

    profile = profile_step(take, step=step, device=job.device)
    if dist.get_rank() == 0:
        append_profile(out / "profile.jsonl", profile)
    return taken[0]


def _give_up(out: Path, reason: str, exit_code: int = 1) -> None:
    with suppress(FileExistsError), (out / "failure.txt").open("x", encoding="utf-8") as file:
        file.write(f"{reason}\n")
    print(f"training stopped: {reason}", file=sys.stderr)
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
