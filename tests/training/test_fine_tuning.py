"""The whole way: a base, fine-tuned by the program on one process and on two, exported and loaded by transformers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
torch = pytest.importorskip("torch", reason="needs the extra [train]")
transformers = pytest.importorskip("transformers", reason="needs the reference implementation")

from stellwerk.dataset import german_excerpt  # noqa: E402
from stellwerk.training import (  # noqa: E402
    FineTuning,
    ModelDetails,
    Optimization,
    TrainingJob,
    read_metrics,
    write_json,
)
from stellwerk.training.decoder.transformer import Decoder  # noqa: E402
from stellwerk.training.huggingface.export import export  # noqa: E402
from stellwerk.training.huggingface.write import write_model  # noqa: E402
from stellwerk.workload import Architecture, Experts, Method  # noqa: E402

JOB = TrainingJob(
    architecture=Architecture(layers=1, hidden=32, heads=2, kv_heads=1, head_dim=16, ffn_hidden=64, vocab=256),
    processes=1,
    sequence_length=64,
    micro_batch=4,
    micro_batches=1,
    steps=2,
    compute_type="fp32",
    optimization=Optimization(learning_rate=1e-2),
)


def train(job: TrainingJob, directory: Path) -> list[float]:
    """Runs the program under torchrun; returns the loss of each step."""
    directory.mkdir()
    write_json(directory / "job.json", job)
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1")
    program = ("-m", "stellwerk.training.program", "--job", directory / "job.json", "--out", directory)
    subprocess.run(
        [sys.executable, *torchrun, f"--nproc-per-node={job.processes}", *map(str, program)],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return [step.loss or 0.0 for step in read_metrics(directory / "metrics.jsonl")]


def based_on(folder: Path, architecture: Architecture, method: Method) -> tuple[TrainingJob, Any]:
    """A fine-tuning of a random base, and the base in transformers."""
    decoder = Decoder(architecture, JOB.sequence_length)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    write_model(folder, decoder.state_dict(), architecture, ModelDetails(), max_length=JOB.sequence_length)
    tuning = FineTuning(base=str(folder), method=method, lora_rank=4, lora_alpha=8.0)
    job = replace(JOB, architecture=architecture, fine_tuning=tuning, spike_guard=None)
    return job, transformers.AutoModelForCausalLM.from_pretrained(folder)


def first_loss(model: Any) -> float:
    """Of the sequences of the first step."""
    rows = torch.from_numpy(german_excerpt().training_sequences(JOB.sequence_length, first=0, count=4, seed=JOB.seed))
    with torch.no_grad():
        logits = model(rows[:, :-1]).logits
    return float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "architecture",
    [
        JOB.architecture,
        replace(JOB.architecture, ffn_hidden=32, experts=Experts(routed=4, per_token=2, ffn_hidden=32)),
    ],
    ids=["dense", "experts"],
)
def test_a_base_is_fine_tuned_alike_by_one_process_and_by_two(tmp_path: Path, architecture: Architecture) -> None:
    job, base = based_on(tmp_path / "base-model", architecture, "lora")
    one = train(job, tmp_path / "one")
    two = train(replace(job, processes=2, micro_batch=2), tmp_path / "two")
    assert two == pytest.approx(one, rel=1e-4)
    if architecture.experts is None:  # beside experts the loss holds what keeps them balanced
        assert one[0] == pytest.approx(first_loss(base), rel=1e-4), "it starts as the base does in transformers"

    export(job, tmp_path / "two" / "checkpoints", tmp_path / "merged", merge=True)
    merged = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert torch.equal(base.model.embed_tokens.weight, merged.model.embed_tokens.weight)
    query, tuned_query = (model.model.layers[0].self_attn.q_proj.weight for model in (base, merged))
    assert not torch.equal(query, tuned_query)


@pytest.mark.slow
def test_all_weights_of_a_base_go_on_learning(tmp_path: Path) -> None:
    job, base = based_on(tmp_path / "base-model", JOB.architecture, "full")
    losses = train(replace(job, processes=2, micro_batch=2), tmp_path / "tuned")
    assert losses[0] == pytest.approx(first_loss(base), rel=1e-4)
    export(job, tmp_path / "tuned" / "checkpoints", tmp_path / "tuned-model", merge=False)
    tuned = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "tuned-model")
    for (name, before), after in zip(base.named_parameters(), tuned.parameters(), strict=True):
        assert not torch.equal(before, after), name
