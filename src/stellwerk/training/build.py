"""The decoder that a job trains: made, spread, and filled."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.distributed.device_mesh import init_device_mesh

from stellwerk.errors import InputError
from stellwerk.training.decoder.lora import add_adapters, initialise_adapters
from stellwerk.training.decoder.transformer import Decoder
from stellwerk.training.huggingface.load import load_base
from stellwerk.training.model import TrainingJob
from stellwerk.training.parallel import TORCH_TYPES, initialise, spread


def build_decoder(job: TrainingJob) -> Decoder:
    """The job's decoder on this process's device, spread as the job says, weights drawn from its seed or read from the
    base that it fine-tunes.

    The weights do not depend on how many processes share them. Needs the process group. Raises InputError where the
    base is not the job's model.
    """
    mesh = init_device_mesh(job.device, (job.data_parallel, job.tensor), mesh_dim_names=("data", "tensor"))
    with torch.device("meta"):
        decoder = Decoder(job.architecture, job.sequence_length, job.details, recomputation=job.recomputation)
    decoder.to(TORCH_TYPES[job.optimization.weight_type])
    tuning = job.fine_tuning
    if tuning is not None and tuning.method == "lora":
        if job.tensor > 1:
            raise InputError(
                "adapters cannot be cut by tensor parallelism yet",
                key="run.tensor_parallel",
                value=job.tensor,
                allowed="1",
            )
        add_adapters(decoder, rank=tuning.lora_rank, alpha=tuning.lora_alpha, generator=None)
    spread(decoder, job, mesh)
    if tuning is None:
        initialise(decoder, job.seed)
        return decoder
    load_base(decoder, Path(tuning.base))
    initialise_adapters(decoder, torch.Generator().manual_seed(job.seed))
    return decoder
