from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from stellwerk.errors import InputError, InputErrors
from stellwerk.workload import RunSettings, Workload, workload_as_dict
from stellwerk.workload.assemble import assemble_workload

HEAD = """
schema = 2
[model]
layers = 2
hidden = 64
heads = 2
ffn_hidden = 128
vocab = 256
[applicant]
kind = "public"
country = "DE"
"""
TRAINING = """
[training]
tokens = 30720
sequence_length = 64
global_batch_sequences = 16
precision = "bf16"
"""
FINE_TUNING = TRAINING.replace("[training]", '[finetuning]\nmethod = "lora"')
SERVING = """
[serving]
users = 10
concurrent_requests = 2
prompt_tokens = 100
output_tokens = 100
tokens_per_s = 10
first_token_s = 2
weights = "bf16"
duration = "30d"
"""
FILE = Path("/project/work/my.toml")


def read(run: str, task: str = TRAINING) -> Workload:
    return assemble_workload(tomllib.loads(HEAD + task + run), FILE)


def complaint(run: str, task: str = TRAINING) -> str:
    with pytest.raises((InputError, InputErrors)) as caught:
        read(run, task)
    return str(caught.value)


def test_without_the_section_everything_is_open() -> None:
    assert read("").run == RunSettings()


def test_every_key_is_read() -> None:
    run = read(
        """
        [run]
        dataset = "tokens"
        learning_rate = 1e-4
        schedule = "cosine"
        warm_up_share = 0.1
        decay_share = 0
        final_share = 0.1
        weight_decay = 0
        gradient_clip = 0.5
        seed = 7
        checkpoint_every = 10
        keep_checkpoints = 3
        evaluate_every = 100
        prompt = "Art. 1 "
        compile = false
        tensor_parallel = 2
        """
    ).run
    assert run == RunSettings(
        dataset=Path("/project/work/tokens"),
        learning_rate=1e-4,
        schedule="cosine",
        warm_up_share=0.1,
        decay_share=0.0,
        final_share=0.1,
        weight_decay=0.0,
        gradient_clip=0.5,
        seed=7,
        checkpoint_every=10,
        keep_checkpoints=3,
        evaluate_every=100,
        prompt="Art. 1 ",
        compile=False,
        tensor_parallel=2,
    )


def test_a_path_is_taken_from_the_folder_of_the_file_unless_it_is_whole() -> None:
    assert read('[run]\nbase = "../models/qwen"', FINE_TUNING).run.base == Path("/project/work/../models/qwen")
    assert read('[run]\ndataset = "/data/tokens"').run.dataset == Path("/data/tokens")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("learning_rat = 1", "run.learning_rat: unknown key, did you mean 'learning_rate'?"),
        ("learning_rate = 0.0", "run.learning_rate: "),
        ("learning_rate = nan", "run.learning_rate: "),
        ('learning_rate = "1e-4"', "run.learning_rate: "),
        ('schedule = "linear"', "run.schedule: this value cannot stand here (got 'linear'); allowed: wsd, cosine"),
        ("warm_up_share = 1.5", "run.warm_up_share: is too large to be meant"),
        ("checkpoint_every = 0", "run.checkpoint_every: must be at least 1"),
        ("checkpoint_every = true", "run.checkpoint_every: "),
        ("keep_checkpoints = 0", "run.keep_checkpoints: must be at least 1"),
        ("seed = -1", "run.seed: must be at least 0"),
        ('dataset = ""', "run.dataset: "),
        ("compile = 1", "run.compile: "),
        ("tensor_parallel = 0", "run.tensor_parallel: must be at least 1"),
        ("warm_up_share = 0.8", "run.decay_share: the learning rate cannot fall while it still rises (got 0.3)"),
    ],
)
def test_a_mistake_names_the_file_the_key_and_what_is_allowed(written: str, said: str) -> None:
    text = complaint(f"[run]\n{written}")
    assert f"{FILE}: {said}" in text
    assert "allowed: " in text


def test_a_warm_up_may_fill_a_cosine() -> None:
    assert read('[run]\nschedule = "cosine"\nwarm_up_share = 0.8').run.warm_up_share == 0.8


def test_a_base_belongs_to_a_fine_tuning_and_the_section_to_a_training() -> None:
    assert "run.base: a training from scratch starts from no model" in complaint('[run]\nbase = "model"')
    assert "run: a service is not trained" in complaint("[run]\nseed = 2", SERVING)


def test_what_was_read_is_plain_data() -> None:
    shown = json.loads(json.dumps(workload_as_dict(read('[run]\ndataset = "tokens"\nseed = 3'))))
    assert (shown["run"]["dataset"], shown["run"]["seed"]) == ("/project/work/tokens", 3)
    assert shown["program"] is None
