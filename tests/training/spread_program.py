"""Trains small models for a few steps, spread in different ways, and prints what each step measured as JSON lines.

Run by torchrun: ``spread_program.py TENSOR…`` takes each size of tensor-parallel group in turn; all models with the
first, only the dense one with the others.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import torch.distributed as dist

from stellwerk.dataset import german_excerpt
from stellwerk.training.build import build_decoder
from stellwerk.training.model import Recomputation, TrainingJob
from stellwerk.training.sample import sample_text
from stellwerk.training.trainer import Trainer, evaluate
from stellwerk.workload import Architecture, Experts

DENSE = Architecture(layers=2, hidden=32, heads=4, kv_heads=4, head_dim=8, ffn_hidden=48, vocab=256)
EXPERTS = Experts(routed=4, per_token=2, ffn_hidden=24, shared_ffn_hidden=16, dense_layers=1, shared_gate=True)
CASES: dict[str, tuple[Architecture, Recomputation]] = {
    "dense": (DENSE, "none"),
    "biases, tied": (
        replace(DENSE, tied_embeddings=True, attention_bias=True, output_bias=True, mlp_bias=True),
        "full",
    ),
    "norms on heads": (replace(DENSE, qk_norm=True), "selective"),
    "experts": (replace(DENSE, experts=EXPERTS), "full"),
}
SEQUENCES = 4


def main() -> None:
    dist.init_process_group("gloo")
    processes = dist.get_world_size()
    for place, tensor in enumerate(map(int, sys.argv[1:])):
        for name in CASES if place == 0 else ["dense"]:
            architecture, recomputation = CASES[name]
            job = TrainingJob(
                architecture=architecture,
                processes=processes,
                sequence_length=32,
                micro_batch=1,
                micro_batches=SEQUENCES * tensor // processes,
                steps=10,
                compute_type="fp32",
                tensor=tensor,
                recomputation=recomputation,
            )
            record = {"case": name, "tensor": tensor, **_train(job)}
            if dist.get_rank() == 0:
                print(json.dumps(record), flush=True)
    dist.destroy_process_group()


def _train(job: TrainingJob) -> dict[str, object]:
    text = german_excerpt()
    source = replace(text, held_out=text.held_out[:1000])
    trainer = Trainer(job, build_decoder(job), source)
    steps = [trainer.take_step(asked_to_stop=False)[0] for _ in range(3)]
    trainer.close()
    held_out, _ = evaluate(trainer.decoder, job, source)
    sample = sample_text(trainer.decoder, source, "§ 1 ", length=5, temperature=0.7, seed=1, device="cpu")
    return {
        "loss": [step.loss for step in steps],
        "norm": [step.gradient_norm for step in steps],
        "held_out": held_out,
        "sample": sample,
    }


if __name__ == "__main__":
    main()
