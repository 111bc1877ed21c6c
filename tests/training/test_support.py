from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.errors import InputErrors
from stellwerk.training import check_trainable
from stellwerk.workload import Method, published_models, read_workload

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
        "model.vocab",
        "model.gated_mlp",
        "training.global_batch_sequences",
    ]
    assert "first-run.toml: model.vocab: " in str(raised.value)
    assert "128256" in str(raised.value)


def test_experts_and_latent_attention_are_planned_but_not_trained() -> None:
    workload = replace(read_workload(EXAMPLE), architecture=published_models()["deepseek-v3"].architecture)
    with pytest.raises(InputErrors) as raised:
        check_trainable(workload, processes=2, file=EXAMPLE)
    assert {"model.experts", "model.latent_attention"} <= {error.key for error in raised.value.errors}


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_fine_tuning_is_refused_and_never_runs_as_a_training_from_scratch(method: Method) -> None:
    workload = read_workload(EXAMPLE)
    workload = replace(workload, task=replace(workload.training, method=method))
    with pytest.raises(InputErrors) as found:
        check_trainable(workload, processes=2, file=EXAMPLE)
    assert [(error.key, error.value) for error in found.value.errors] == [("finetuning.method", method)]
