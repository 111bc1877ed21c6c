from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.dataset.manifest import Dropped, Manifest, Part, write_manifest
from stellwerk.errors import InputErrors
from stellwerk.training import ModelDetails, check_trainable, model_details
from stellwerk.training.huggingface.config import config_values
from stellwerk.workload import Architecture, Experts, Method, Workload, published_models, read_workload

DETAILS = ModelDetails(rope_theta=5000.0, norm_epsilon=1e-4)
EXAMPLE = Path(__file__).parents[2] / "examples" / "first-run.toml"


def test_the_example_can_be_trained() -> None:
    check_trainable(read_workload(EXAMPLE), processes=2, file=EXAMPLE)


def test_everything_that_cannot_be_trained_is_named_at_once() -> None:
    workload = read_workload(EXAMPLE)
    workload = replace(
        workload,
        architecture=replace(workload.architecture, vocab=128_256, gated_mlp=False),
        task=replace(workload.training, global_batch_sequences=7),
    )
    with pytest.raises(InputErrors) as raised:
        check_trainable(workload, processes=2, file=EXAMPLE)
    assert [error.key for error in raised.value.errors] == [
        "model.gated_mlp",
        "training.global_batch_sequences",
        "model.vocab",
    ]
    assert "first-run.toml: model.vocab: " in str(raised.value)
    assert "128256" in str(raised.value)


@pytest.mark.parametrize(
    ("method", "changes", "key"),
    [
        *(("pretraining", {"precision": one}, "training.precision") for one in ("fp16", "fp8", "mxfp8", "nvfp4")),
        *(("pretraining", {"optimizer": one}, "training.optimizer") for one in ("adamw_bf16", "adamw_8bit", "muon")),
        ("full", {"optimizer": "muon"}, "finetuning.optimizer"),
    ],
)
def test_a_precision_or_an_optimizer_that_the_program_has_not_is_refused(
    method: str, changes: dict[str, str], key: str
) -> None:
    workload = read_workload(EXAMPLE)
    other = replace(workload, task=replace(workload.training, method=method, **changes))
    with pytest.raises(InputErrors) as raised:
        check_trainable(other, processes=2, file=EXAMPLE)
    assert key in [error.key for error in raised.value.errors]
    assert f"(got '{next(iter(changes.values()))}')" in str(raised.value)


def test_what_tensor_parallelism_cannot_cut_is_named() -> None:
    workload = read_workload(EXAMPLE)
    cut = replace(workload.run, tensor_parallel=2)
    shape = replace(workload.architecture, heads=4, kv_heads=4)
    check_trainable(replace(workload, architecture=shape, run=cut), processes=2, file=EXAMPLE)
    whole_norm = replace(shape, qk_norm=True, qk_norm_width="projection")
    adapters = replace(workload.training, method="lora")
    for refused, allowed in (
        (replace(workload, run=cut), "a divisor of 3, the heads"),
        (replace(workload, architecture=whole_norm, run=cut), "1 where a norm spans all heads"),
        (replace(workload, architecture=shape, task=adapters, run=cut), "1 beside adapters"),
    ):
        with pytest.raises(InputErrors, match=rf"run\.tensor_parallel: .*\(got 2\); allowed: {allowed}"):
            check_trainable(refused, processes=2, file=EXAMPLE)


def test_experts_scales_and_biases_can_be_trained() -> None:
    workload = read_workload(EXAMPLE)
    plain = workload.architecture
    for architecture in (
        replace(plain, experts=Experts(routed=4, per_token=2, ffn_hidden=64, shared_ffn_hidden=64, shared_gate=True)),
        replace(plain, qk_norm=True),
        replace(plain, qk_norm=True, qk_norm_width="projection"),
        replace(plain, attention_bias=True, output_bias=True, mlp_bias=True),
    ):
        check_trainable(replace(workload, architecture=architecture), processes=2, file=EXAMPLE)


def test_latent_attention_is_planned_but_not_trained() -> None:
    workload = replace(read_workload(EXAMPLE), architecture=published_models()["deepseek-v3"].architecture)
    with pytest.raises(InputErrors) as raised:
        check_trainable(workload, processes=2, file=EXAMPLE)
    assert {"model.router_bias", "model.latent_attention"} <= {error.key for error in raised.value.errors}


def base_of(folder: Path, architecture: Architecture) -> Path:
    """A base as far as it is looked at before a training: its config.json."""
    folder.mkdir()
    values = config_values(architecture, DETAILS, max_length=64, special_tokens={})
    (folder / "config.json").write_text(json.dumps(values))
    return folder


def fine_tuning(base: Path | None, method: Method = "lora") -> Workload:
    workload = read_workload(EXAMPLE)
    task = replace(workload.training, method=method)
    return replace(workload, task=task, run=replace(workload.run, base=base))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_fine_tuning_starts_from_a_base_and_computes_as_it_does(tmp_path: Path, method: Method) -> None:
    workload = fine_tuning(base_of(tmp_path / "base", read_workload(EXAMPLE).architecture), method)
    check_trainable(workload, processes=2, file=EXAMPLE)
    assert model_details(workload) == DETAILS


def test_frozen_weights_in_four_bits_are_refused(tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", read_workload(EXAMPLE).architecture)
    with pytest.raises(InputErrors) as found:
        check_trainable(fine_tuning(base, "qlora"), processes=2, file=EXAMPLE)
    assert [(error.key, error.value) for error in found.value.errors] == [("finetuning.method", "qlora")]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_fine_tuning_without_a_base_never_runs_as_a_training_from_scratch(method: Method) -> None:
    with pytest.raises(InputErrors, match=r"run\.base: is missing"):
        check_trainable(fine_tuning(None, method), processes=2, file=EXAMPLE)


def test_a_base_of_another_shape_is_named_with_what_differs(tmp_path: Path) -> None:
    architecture = read_workload(EXAMPLE).architecture
    base = base_of(tmp_path / "base", replace(architecture, layers=architecture.layers + 1, tied_embeddings=True))
    with pytest.raises(InputErrors) as found:
        check_trainable(fine_tuning(base), processes=2, file=EXAMPLE)
    assert [error.key for error in found.value.errors] == ["run.base"]
    assert f"layers {architecture.layers} | {architecture.layers + 1}; tied_embeddings False | True" in str(found.value)


def test_a_folder_that_holds_no_base_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match="there is no such folder"):
        check_trainable(fine_tuning(tmp_path / "nothing"), processes=2, file=EXAMPLE)


def manifest_of(vocabulary: int, tokenizer: bytes, *, end_of_text: int = 0) -> Manifest:
    """As far as it is looked at before a training, and after."""
    part = Part(documents=1, text_bytes=9, tokens=9, shards=())
    return Manifest(
        token_type="uint16",  # noqa: S106
        vocabulary=vocabulary,
        end_of_text=end_of_text,
        tokenizer_sha256=hashlib.sha256(tokenizer).hexdigest(),
        tokenizer_trained=True,
        inputs_sha256="",
        recipe_sha256="",
        sources=(),
        dropped=Dropped(0, 0, 0),
        deduplication={},
        held_out_share=0.1,
        seed=1,
        training=part,
        held_out=part,
        versions={},
    )


def prepared(folder: Path, *, vocabulary: int, tokenizer: bytes) -> Path:
    folder.mkdir()
    write_manifest(folder, manifest_of(vocabulary, tokenizer))
    return folder


def test_a_dataset_brings_its_vocabulary_and_takes_any_length(tmp_path: Path) -> None:
    workload = read_workload(EXAMPLE)
    workload = replace(
        workload,
        architecture=replace(workload.architecture, vocab=4096),
        task=replace(workload.training, sequence_length=8192),
        run=replace(workload.run, dataset=prepared(tmp_path / "data", vocabulary=4096, tokenizer=b"")),
    )
    check_trainable(workload, processes=2, file=EXAMPLE)
    with pytest.raises(InputErrors, match="more tokens than the model"):
        check_trainable(
            replace(workload, architecture=replace(workload.architecture, vocab=4095)), processes=2, file=EXAMPLE
        )


def test_a_dataset_made_with_another_tokenizer_than_the_bases_is_refused(tmp_path: Path) -> None:
    base = base_of(tmp_path / "base", read_workload(EXAMPLE).architecture)
    (base / "tokenizer.json").write_bytes(b"that of the base")
    workload = fine_tuning(base)
    for name, content in (("same", b"that of the base"), ("other", b"another one")):
        dataset = prepared(tmp_path / name, vocabulary=256, tokenizer=content)
        tuned = replace(workload, run=replace(workload.run, dataset=dataset))
        if name == "same":
            check_trainable(tuned, processes=2, file=EXAMPLE)
            continue
        with pytest.raises(InputErrors, match="another tokenizer than the base's"):
            check_trainable(tuned, processes=2, file=EXAMPLE)
