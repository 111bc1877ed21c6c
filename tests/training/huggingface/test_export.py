"""From a checkpoint to a folder that transformers loads."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
torch = pytest.importorskip("torch", reason="needs the extra [train]")
transformers = pytest.importorskip("transformers", reason="needs the reference implementation")

from stellwerk.errors import InputError  # noqa: E402
from stellwerk.training.checkpoints import CheckpointStore  # noqa: E402
from stellwerk.training.decoder.lora import add_adapters  # noqa: E402
from stellwerk.training.decoder.transformer import Decoder  # noqa: E402
from stellwerk.training.huggingface.export import export  # noqa: E402
from stellwerk.training.model import FineTuning, ModelDetails, Optimization, TrainingJob  # noqa: E402
from stellwerk.workload import Architecture  # noqa: E402

JOB = TrainingJob(
    architecture=Architecture(layers=2, hidden=32, heads=4, kv_heads=2, head_dim=8, ffn_hidden=48, vocab=256),
    processes=1,
    sequence_length=32,
    micro_batch=1,
    micro_batches=1,
    steps=10,
    compute_type="fp32",
    details=ModelDetails(rope_theta=5000.0),
)
TEXT = "§ 1 Grüße aus Jülich"


def checkpoint_of(job: TrainingJob, folder: Path, seed: int = 3) -> Any:
    """A decoder with random weights, saved as the trainer does: what was trained, at step 7."""
    decoder = Decoder(job.architecture, job.sequence_length, job.details)
    if job.fine_tuning is not None and job.fine_tuning.method == "lora":
        add_adapters(decoder, rank=job.fine_tuning.lora_rank, alpha=job.fine_tuning.lora_alpha, generator=None)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    trained = {f"model.{name}": weight.data for name, weight in decoder.named_parameters() if weight.requires_grad}
    store = CheckpointStore(folder, keep=1)
    store.save(7, {**trained, "optimizer.step": torch.zeros(())}, {})
    store.wait()
    return decoder


def fine_tuning(base: Path) -> TrainingJob:
    return replace(JOB, fine_tuning=FineTuning(base=str(base), method="lora", lora_rank=4, lora_alpha=8.0))


def test_an_exported_run_has_its_logits_and_its_tokenizer_in_transformers(tmp_path: Path) -> None:
    decoder = checkpoint_of(JOB, tmp_path / "checkpoints")
    assert export(JOB, tmp_path / "checkpoints", tmp_path / "out", merge=False) == 7
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    tokens = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    assert tokens[0].tolist() == list(TEXT.encode()), "tokens are bytes"
    assert tokenizer.decode(tokens[0]) == TEXT
    with torch.no_grad():
        torch.testing.assert_close(model(tokens).logits, decoder(tokens), atol=1e-5, rtol=1e-5)
    assert model.config.eos_token_id is None, "no byte ends a text"


def test_adapters_are_exported_alone_or_merged_into_their_base(tmp_path: Path) -> None:
    checkpoint_of(JOB, tmp_path / "first")
    export(JOB, tmp_path / "first", tmp_path / "base", merge=False)
    (tmp_path / "base" / "chat_template.jinja").write_text("{{ messages }}")
    job = fine_tuning(tmp_path / "base")
    tuned = checkpoint_of(job, tmp_path / "second", seed=5)

    assert export(job, tmp_path / "second", tmp_path / "adapter", merge=False) == 7
    assert sorted(file.name for file in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]

    export(job, tmp_path / "second", tmp_path / "merged", merge=True)
    assert (tmp_path / "merged" / "chat_template.jinja").exists(), "the base's tokenizer files come along"
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    for name, weight in base.state_dict().items():
        ours = name.replace("model.layers", "layers").replace("self_attn.q_proj", "attention.query")
        if "q_proj" in name:
            down, up = (tuned.state_dict()[ours.replace("weight", part)] for part in ("adapter_down", "adapter_up"))
            torch.testing.assert_close(model.state_dict()[name], weight + 2.0 * up @ down)
        if "norm" in name or "embed" in name:
            assert torch.equal(model.state_dict()[name], weight)


def test_an_export_says_where_a_text_ends_as_its_dataset_does(tmp_path: Path) -> None:
    from stellwerk.dataset.manifest import write_manifest
    from stellwerk.dataset.vocabulary import train_vocabulary
    from tests.training.test_support import manifest_of

    vocabulary = train_vocabulary(["Ein Text, aus dem gelernt wird. "] * 20, 280)
    dataset = tmp_path / "dataset"
    dataset.mkdir()
    (dataset / "tokenizer.json").write_bytes(vocabulary.content)
    write_manifest(dataset, manifest_of(vocabulary.size, vocabulary.content, end_of_text=vocabulary.end_of_text))
    job = replace(JOB, architecture=replace(JOB.architecture, vocab=vocabulary.size), dataset=str(dataset))
    checkpoint_of(job, tmp_path / "checkpoints")
    export(job, tmp_path / "checkpoints", tmp_path / "out", merge=False)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer.eos_token_id == vocabulary.end_of_text
    assert tokenizer.decode(tokenizer("Ein Text")["input_ids"]) == "Ein Text"
    assert json.loads((tmp_path / "out" / "config.json").read_text())["eos_token_id"] == vocabulary.end_of_text


def test_frozen_weights_in_bf16_stay_so_when_merged(tmp_path: Path) -> None:
    checkpoint_of(JOB, tmp_path / "first")
    export(JOB, tmp_path / "first", tmp_path / "base", merge=False)
    job = replace(fine_tuning(tmp_path / "base"), optimization=Optimization(weight_type="bf16"))
    checkpoint_of(job, tmp_path / "second")
    export(job, tmp_path / "second", tmp_path / "merged", merge=True)
    assert json.loads((tmp_path / "merged" / "config.json").read_text())["dtype"] == "bfloat16"


def test_a_run_without_adapters_has_nothing_to_merge(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to merge"):
        export(JOB, tmp_path / "checkpoints", tmp_path / "out", merge=True)


def test_a_run_that_has_written_no_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no whole checkpoint yet"):
        export(JOB, tmp_path / "checkpoints", tmp_path / "out", merge=False)
    assert not (tmp_path / "out").exists()
