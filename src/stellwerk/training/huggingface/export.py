"""Writes what a run has learned so far as a folder in Hugging Face layout.

``python -m stellwerk.training.huggingface.export --job FILE --checkpoints DIRECTORY --out DIRECTORY [--merge]`` reads
the newest checkpoint and ends with exit code 2 where that cannot be done. It prints one line: what was written.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from stellwerk.dataset.manifest import read_manifest
from stellwerk.errors import InputError, StellwerkError
from stellwerk.training.checkpoints import CheckpointStore
from stellwerk.training.decoder.lora import add_adapters, merged_weights
from stellwerk.training.decoder.transformer import Decoder
from stellwerk.training.files import read_job
from stellwerk.training.huggingface.adapter import write_adapter
from stellwerk.training.huggingface.config import ModelConfig, read_model_config
from stellwerk.training.huggingface.load import load_base
from stellwerk.training.huggingface.tokenizer import copy_tokenizer, write_byte_tokenizer, write_tokenizer
from stellwerk.training.huggingface.write import write_model
from stellwerk.training.model import FineTuning, TrainingJob
from stellwerk.training.parallel import TORCH_TYPES


def main() -> None:
    """Entry point of the process that ``stellwerk export`` starts."""
    parser = argparse.ArgumentParser(prog="stellwerk.training.huggingface.export")
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--checkpoints", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--merge", action="store_true")
    arguments = parser.parse_args()
    try:
        job = read_job(arguments.job)
        step = export(job, arguments.checkpoints, arguments.out, merge=arguments.merge)
    except StellwerkError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(f"step {step:,} of {job.steps:,}: {arguments.out}")


def export(job: TrainingJob, checkpoints: Path, out: Path, *, merge: bool) -> int:
    """Writes the newest checkpoint into ``out``, which must be new or empty, and returns its step.

    Of a run that trains adapters the adapters alone, or with ``merge`` the base with them added. Raises InputError
    where there is no whole checkpoint, nothing to merge, or no family of transformers is such a model.
    """
    tuning = job.fine_tuning
    adapters = tuning if tuning is not None and tuning.method == "lora" else None
    if merge and adapters is None:
        raise InputError("this run trained the whole model: there is nothing to merge", key="--merge")
    decoder = _decoder(job, adapters)
    step = _read_newest(decoder, checkpoints)
    if adapters is not None and not merge:
        write_adapter(
            out,
            decoder.state_dict(),
            job.architecture,
            rank=adapters.lora_rank,
            alpha=adapters.lora_alpha,
            base=Path(adapters.base),
        )
        return step
    weights: dict[str, Tensor] = decoder.state_dict()
    if adapters is not None:
        load_base(decoder, Path(adapters.base))
        weights = merged_weights(weights, alpha=adapters.lora_alpha)
    beside = _Beside(job, None if tuning is None else read_model_config(Path(tuning.base)))
    write_model(
        out,
        weights,
        job.architecture,
        job.details,
        max_length=beside.max_length,
        special_tokens=beside.special_tokens(),
        beside=beside.write,
    )
    return step


def _decoder(job: TrainingJob, adapters: FineTuning | None) -> Decoder:
    decoder = Decoder(job.architecture, job.sequence_length, job.details).to(TORCH_TYPES[job.optimization.weight_type])
    if adapters is not None:
        add_adapters(decoder, rank=adapters.lora_rank, alpha=adapters.lora_alpha, generator=None)
    return decoder


def _read_newest(decoder: Decoder, checkpoints: Path) -> int:
    """Fills what was trained from the newest whole checkpoint, and returns its step."""
    store = CheckpointStore(checkpoints, keep=1)
    newest = store.newest()
    if newest is None:
        raise InputError("there is no whole checkpoint yet", file=checkpoints, allowed="a run that has written one")
    trained = {f"model.{name}": weight.data for name, weight in decoder.named_parameters() if weight.requires_grad}
    store.load(newest, trained)
    return newest.step


@dataclass(frozen=True, slots=True)
class _Beside:
    """What belongs to a model beside its weights: that of its base, or of the dataset that it was trained on."""

    job: TrainingJob
    base: ModelConfig | None

    @property
    def max_length(self) -> int:
        of_base = self.base.max_length if self.base else None
        return max(self.job.sequence_length, of_base or 0)

    def special_tokens(self) -> dict[str, Any]:
        if self.base is not None:
            return dict(self.base.special_tokens)
        return {} if self.job.dataset is None else {"eos_token_id": read_manifest(Path(self.job.dataset)).end_of_text}

    def write(self, folder: Path) -> None:
        if self.job.fine_tuning is not None:
            copy_tokenizer(Path(self.job.fine_tuning.base), folder)
        elif self.job.dataset is None:
            write_byte_tokenizer(folder, max_length=self.max_length)
        else:
            end = self.special_tokens()["eos_token_id"]
            write_tokenizer(
                Path(self.job.dataset) / "tokenizer.json", folder, end_token=end, max_length=self.max_length
            )


if __name__ == "__main__":
    main()
