from __future__ import annotations

import contextlib
import datetime
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError, InputErrors
from stellwerk.units import Money
from stellwerk.workload import (
    Applicant,
    DataNeeds,
    Limits,
    Serving,
    Training,
    Workload,
    count_parameters,
    read_workload,
)
from tests.workload.documents import ABSENT, CONFIG, WORKLOAD, changed, to_toml, write_config, write_workload

EXAMPLES = Path(__file__).parents[2] / "examples"
WORKLOADS = sorted(
    path for path in EXAMPLES.rglob("*.toml") if path.parent.name != "mappings" and path.name != "cluster.toml"
)


def read(folder: Path, **changes: Any) -> Workload:
    return read_workload(write_workload(folder / "test.toml", changed(WORKLOAD, **changes)))


def complaint(folder: Path, **changes: Any) -> str:
    with pytest.raises(InputErrors) as caught:
        read(folder, **changes)
    return str(caught.value)


def test_every_value_of_the_example_arrives() -> None:
    workload = read_workload(EXAMPLES / "german-7b.toml")
    assert workload.name == "german-7b"
    assert workload.as_of == datetime.date(2026, 11, 23)
    assert count_parameters(workload.architecture).total == 7_516_459_008
    assert workload.training == Training(10**12, 4096, 1024, "bf16")
    assert workload.training.steps == 238_419
    assert workload.limits == Limits(90 * 86_400.0, None, Money(Decimal(2_000_000), "EUR"))
    assert workload.applicant == Applicant("startup", "DE", "DE-SN")
    assert workload.model_name is None


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_every_example_can_be_read(path: Path) -> None:
    read_workload(path)


def test_what_may_be_left_out_may_be_left_out(tmp_path: Path) -> None:
    workload = read(tmp_path, name=ABSENT, as_of=ABSENT, limits=ABSENT, applicant__state=ABSENT, model__kv_heads=ABSENT)
    assert workload.name == "test"  # of the file
    assert workload.as_of is None
    assert workload.limits == Limits()
    assert workload.applicant.state is None
    assert workload.architecture.kv_heads == workload.architecture.heads
    assert workload.architecture.head_dim == 128


def test_a_model_can_be_named(tmp_path: Path) -> None:
    workload = read(tmp_path, model={"name": "llama-3.1-8b"})
    assert workload.model_name == "llama-3.1-8b"
    assert count_parameters(workload.architecture).total == 8_030_261_248


def test_a_config_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    write_config(tmp_path / "models/config.json", CONFIG)
    workload = read(tmp_path, model={"config": "models/config.json"})
    assert count_parameters(workload.architecture).total == 6_738_415_616


def test_a_wrong_config_is_named_with_its_own_file(tmp_path: Path) -> None:
    write_config(tmp_path / "config.json", CONFIG | {"num_hidden_layers": 0})
    text = complaint(tmp_path, model={"config": "config.json"})
    assert "config.json: num_hidden_layers: must be at least 1 (got 0)" in text


@pytest.mark.parametrize(
    ("batch", "sequence_length", "sequences"),
    [
        ("4M", 4096, 1024),  # 976.6
        ("4M", 8192, 512),
        ("2M", 2048, 1024),  # 976.6
        ("1M", 4096, 256),  # 244.1
        ("0.5M", 1024, 512),  # 488.3
        (4_194_304, 4096, 1024),  # even
        ("12M", 4096, 3072),  # 2929.7
        (40_960, 4096, 10),  # even, and kept
        (4096, 4096, 1),
        (10_000, 4096, 2),
    ],
)
def test_a_batch_in_tokens_becomes_an_even_number_of_sequences(
    tmp_path: Path, batch: str | int, sequence_length: int, sequences: int
) -> None:
    workload = read(
        tmp_path,
        training__global_batch_sequences=ABSENT,
        training__global_batch_tokens=batch,
        training__sequence_length=sequence_length,
    )
    assert workload.training.global_batch_sequences == sequences


@given(tokens=st.integers(4096, 10**10))
def test_a_batch_in_tokens_is_met_within_an_eighth_by_few_odd_factors(
    tokens: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    training = read(
        tmp_path_factory.getbasetemp(),
        training__tokens="1000T",
        training__global_batch_sequences=ABSENT,
        training__global_batch_tokens=tokens,
    ).training
    if tokens % 4096 == 0:
        assert training.tokens_per_step == tokens
        return
    assert training.tokens_per_step == pytest.approx(tokens, rel=0.125) or tokens < 4 * 4096
    odd_part = training.global_batch_sequences
    while odd_part % 2 == 0:
        odd_part //= 2
    assert odd_part in (1, 3, 5, 7)


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"model__layers": 0}, ["model.layers", "at least 1", "got 0"]),
        ({"model__layers": -3}, ["model.layers", "at least 1", "got -3"]),
        ({"model__layers": 20_000_000}, ["model.layers", "too large"]),
        ({"model__hidden": 20_000_000}, ["model.hidden", "too large"]),
        ({"model__layers": True}, ["model.layers", "got True", "whole number"]),
        ({"model__layers": 32.0}, ["model.layers", "got 32.0", "whole number"]),
        ({"model__layers": "32"}, ["model.layers", "got '32'", "whole number"]),
        ({"model__heads": 30}, ["model.heads", "hidden = 4096 cannot be divided", "got 30", "head_dim"]),
        ({"model__kv_heads": 7}, ["model.kv_heads", "heads = 32 cannot be divided", "got 7", "1, 2, 4, 8, 16, 32"]),
        ({"model__kv_heads": "8"}, ["model.kv_heads", "got '8'", "whole number from 1"]),
        ({"model__vocab": ABSENT}, ["model.vocab", "is missing"]),
        ({"model__laiers": 3}, ["model.laiers", "unknown key", "did you mean 'layers'"]),
        ({"model__norm_parameters": 3}, ["model.norm_parameters", "0, 1 or 2"]),
        ({"model__windowed_layers": 3}, ["model.windowed_layers", "attention_window"]),
        ({"model__attention_window": 1024, "model__windowed_layers": 33}, ["model.windowed_layers", "got 33"]),
        (
            {"model__hidden": 10_000_000, "model__ffn_hidden": 10_000_000, "model__layers": 10_000},
            ["model", "parameters, too many"],
        ),
        ({"model": {"name": "lama-3.1-8b"}}, ["model.name", "got 'lama-3.1-8b'", "did you mean 'llama-3.1-8b'"]),
        ({"model": {"name": 8}}, ["model.name", "got 8"]),
        ({"model": {"name": "llama-3-8b", "layers": 3}}, ["model", "more than one way", "exactly one of"]),
        ({"model": {"name": "llama-3-8b", "config": "c.json"}}, ["model", "more than one way"]),
        ({"model": {"nam": "llama-3-8b"}}, ["model.nam", "unknown key", "model.layers"]),
        ({"model": {}}, ["model.layers", "is missing"]),
        ({"model": {"config": "nowhere/config.json"}}, ["nowhere/config.json", "does not exist"]),
        ({"model": {"config": "/etc/hostname"}}, ["model.config", "absolute path", "relative to this file"]),
        ({"model": {"config": "a\0b"}}, ["cannot be read"]),
        ({"model": 7}, ["model", "a section [model]"]),
        ({"model": ABSENT}, ["model", "is missing", "a section [model]"]),
        ({"training__tokens": "1 TB"}, ["training.tokens", "'TB'", "got '1 TB'", '"1T"']),
        ({"training__tokens": "5 tokens"}, ["training.tokens", "'tokens'"]),
        ({"training__tokens": "0.5"}, ["training.tokens", "not a whole number"]),
        ({"training__tokens": "-5B"}, ["training.tokens", "got '-5B'"]),
        ({"training__tokens": -5}, ["training.tokens", "at least 1", "got -5"]),
        ({"training__tokens": 0}, ["training.tokens", "at least 1", "got 0"]),
        ({"training__tokens": 1e12}, ["training.tokens", "whole number"]),
        ({"training__tokens": "9999999T"}, ["training.tokens", "too large"]),
        ({"training__tokens": 1000}, ["training.tokens", "one step", "4,194,304"]),
        ({"training__sequence_length": 0}, ["training.sequence_length", "at least 1"]),
        ({"training__global_batch_sequences": 0}, ["training.global_batch_sequences", "at least 1", "got 0"]),
        ({"training__global_batch_sequences": -8}, ["training.global_batch_sequences", "at least 1"]),
        ({"training__global_batch_sequences": ABSENT}, ["training", "given once", "global_batch_tokens"]),
        ({"training__global_batch_tokens": "4M"}, ["training", "given once", "global_batch_tokens"]),
        (
            {"training__global_batch_sequences": ABSENT, "training__global_batch_tokens": 100},
            ["training.global_batch_tokens", "less than one sequence", "got 100"],
        ),
        (
            {
                "training__tokens": "1000T",
                "training__global_batch_sequences": ABSENT,
                "training__global_batch_tokens": "10T",
                "training__sequence_length": 64,
            },
            ["training.global_batch_tokens", "sequences, too many", "got 10000000000000"],
        ),
        ({"training__precision": "bf61"}, ["training.precision", "got 'bf61'", "bf16, fp16", "did you mean 'bf16'"]),
        ({"training__precision": "fp4"}, ["training.precision", "got 'fp4'", "fp8, mxfp8", "nvfp4"]),
        ({"training__optimizer": "adam"}, ["training.optimizer", "got 'adam'", "adamw_8bit", "muon"]),
        ({"training__token": "1T"}, ["training.token", "unknown key", "did you mean 'tokens'"]),
        ({"limits__duration": "90"}, ["limits.duration", "got '90'", '"90d"']),
        ({"limits__duration": 90}, ["limits.duration", "string in quotes", "got 90"]),
        ({"limits__duration": "90 months"}, ["limits.duration", "'months'"]),
        ({"limits__duration": "0d"}, ["limits.duration", "got '0d'"]),
        ({"limits__duration": "9" * 400 + "d"}, ["limits.duration", "century"]),
        ({"limits__deadline": "2027-03-01"}, ["limits.deadline", "has no time zone", "Europe/Berlin"]),
        ({"limits__deadline": "2027-03-01 10:00 Europe/Berlim"}, ["limits.deadline", "no time zone", "Europe/Berlim"]),
        (
            {"limits__deadline": datetime.datetime(2027, 3, 1, 10)},  # noqa: DTZ001
            ["limits.deadline", "has no time zone", "2027-03-01 10:00:00"],
        ),
        ({"limits__budget": 500_000}, ["limits.budget", "got 500000", '"500000 EUR"']),
        ({"limits__budget": "500000"}, ["limits.budget", "three-letter currency"]),
        ({"limits__budget": "-5 EUR"}, ["limits.budget", "got '-5 EUR'"]),
        ({"limits__budget": "9" * 30 + " EUR"}, ["limits.budget", "too large"]),
        ({"limits__bugdet": "5 EUR"}, ["limits.bugdet", "unknown key", "did you mean 'budget'"]),
        ({"applicant__kind": "start-up"}, ["applicant.kind", "got 'start-up'", "did you mean 'startup'"]),
        ({"applicant__country": "de"}, ["applicant.country", "did you mean 'DE'", "ISO 3166"]),
        ({"applicant__country": "Germany"}, ["applicant.country", "got 'Germany'", "ISO 3166"]),
        ({"applicant__state": "SN"}, ["applicant.state", "got 'SN'", "DE-SN"]),
        ({"applicant__state": "DE-SX"}, ["applicant.state", "unknown state", "did you mean"]),
        ({"applicant__state": "FR-IDF"}, ["applicant.state", "not a part of DE"]),
        ({"applicant": ABSENT}, ["applicant", "is missing", "a section [applicant]"]),
        ({"as_of": "2026-11-23"}, ["as_of", "a date without quotes"]),
        ({"name": ""}, ["name", "a text in quotes"]),
        ({"aplicant": 1}, ["aplicant", "unknown key", "did you mean 'applicant'"]),
    ],
)
def test_a_mistake_is_named_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, changes: dict[str, Any], parts: list[str]
) -> None:
    text = complaint(tmp_path, **changes)
    assert str(tmp_path) in text
    for part in parts:
        assert part in text


def test_all_mistakes_of_a_file_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as caught:
        read(
            tmp_path,
            model__layers=0,
            model__kv_head=3,
            training__tokens="1 TB",
            limits__duration="90",
            applicant__kind="firm",
            as_of="today",
        )
    keys = [error.key for error in caught.value.errors]
    assert keys == ["as_of", "model.layers", "model.kv_head", "training.tokens", "limits.duration", "applicant.kind"]


def test_a_sequence_beyond_learned_positions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"training\.sequence_length: is longer .* at most 1024"):
        read(tmp_path, model={"name": "gpt-2-124m"})


@pytest.mark.parametrize("schema", [3, 0, "1", True, 1.5, 10**30])
def test_another_schema_is_refused_before_anything_else(tmp_path: Path, schema: object) -> None:
    with pytest.raises(InputError, match="schema: this version cannot be read") as caught:
        read(tmp_path, schema=schema, model__layers=0)
    assert "layers" not in str(caught.value)


def test_a_missing_schema_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="schema: is missing; allowed: schema = 2 on the first line"):
        read(tmp_path, schema=ABSENT)


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("schema = 1\n[model\n")
    with pytest.raises(InputError, match=r"broken\.toml: not valid TOML: .*line 2"):
        read_workload(file)


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 5000, "x = 0x" + "f" * 5000])
def test_numbers_and_nesting_beyond_python_are_mistakes_not_tracebacks(tmp_path: Path, text: str) -> None:
    file = tmp_path / "huge.toml"
    file.write_text(to_toml(WORKLOAD).replace("schema = 2", f"schema = 2\n{text}"))
    with pytest.raises(InputError):
        read_workload(file)


def test_broken_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "latin.toml"
    file.write_bytes('schema = 1\nname = "größe"\n'.encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.toml: line 2 is not UTF-8: byte 0xf6"):
        read_workload(file)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "windows.toml"
    file.write_bytes(b"\xef\xbb\xbf" + to_toml(WORKLOAD).replace("\n", "\r\n").encode())
    assert read_workload(file).name == "test"


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.toml: the file does not exist"):
        read_workload(tmp_path / "nowhere.toml")
    with pytest.raises(InputError, match="this is a directory"):
        read_workload(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(InputError, match="not an ordinary file"):
        read_workload(tmp_path / "pipe.toml")


def test_a_file_of_a_gigabyte_is_refused_by_its_size(tmp_path: Path) -> None:
    file = tmp_path / "giant.toml"
    with file.open("wb") as handle:
        handle.truncate(10**9)  # takes no room on the disk
    with pytest.raises(InputError, match=r"giant\.toml: the file has 1,000,000,000 bytes.*at most 1,000,000"):
        read_workload(file)


@given(content=st.binary(max_size=200))
def test_random_bytes_are_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "random.toml"
    file.write_bytes(content)
    with pytest.raises(InputError):
        read_workload(file)


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(alphabet="0123456789.kMBTdhwEURDS- _", max_size=12),
    st.text(max_size=8),
    st.dates(),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["name", "layers", "x"]), st.integers(0, 9), max_size=2),
)
PLACES = [
    *((None, key) for key in WORKLOAD if key != "schema"),
    *((section, key) for section, table in WORKLOAD.items() if isinstance(table, dict) for key in (*table, "new")),
]


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_a_document_with_any_value_in_any_place_is_read_or_refused(
    place: tuple[str | None, str], value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    section, key = place
    try:
        workload = read(tmp_path_factory.getbasetemp(), **{f"{section}__{key}" if section else key: value})
    except InputError:
        return
    assert workload.training.steps >= 1
    assert count_parameters(workload.architecture).total > 0


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_document_with_any_byte_changed_is_read_or_refused(
    position: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(to_toml(WORKLOAD).encode())
    content[position % len(content)] = byte
    file = tmp_path_factory.getbasetemp() / "changed.toml"
    file.write_bytes(content)
    with contextlib.suppress(InputError):
        assert read_workload(file).training.steps >= 1


def test_the_version_before_is_read_as_the_day_that_its_deadline_begins(tmp_path: Path) -> None:
    workload = read(tmp_path, schema=1, limits__deadline=datetime.date(2027, 3, 1))
    assert workload.limits.deadline == datetime.datetime(2027, 3, 1, tzinfo=datetime.UTC)


def test_a_deadline_without_an_hour_lasts_until_the_end_of_the_day_where_it_holds(tmp_path: Path) -> None:
    deadline = read(tmp_path, limits__deadline="2027-06-30 Europe/Berlin").limits.deadline
    assert deadline is not None
    assert deadline.astimezone(datetime.UTC) == datetime.datetime(2027, 6, 30, 22, tzinfo=datetime.UTC)


FINETUNING = {
    "method": "lora",
    "tokens": "200M",
    "sequence_length": 4096,
    "global_batch_sequences": 16,
    "precision": "bf16",
}
SERVING = {
    "users": 200,
    "concurrent_requests": 20,
    "prompt_tokens": 2000,
    "output_tokens": 500,
    "tokens_per_s": 15,
    "first_token_s": 5,
    "weights": "fp8",
    "duration": "365d",
}


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp8", "mxfp8", "nvfp4"])
@pytest.mark.parametrize("optimizer", ["adamw", "adamw_bf16", "adamw_8bit", "muon"])
def test_precision_and_optimizer_are_read_as_they_stand(tmp_path: Path, precision: str, optimizer: str) -> None:
    training = read(tmp_path, training__precision=precision, training__optimizer=optimizer).training
    assert (training.precision, training.optimizer) == (precision, optimizer)
    assert read(tmp_path).training.optimizer == "adamw"


def test_adapters_go_with_adamw(tmp_path: Path) -> None:
    with pytest.raises(InputErrors, match=r"finetuning\.optimizer.*got 'muon'.*adamw beside lora"):
        read(tmp_path, training=ABSENT, finetuning={**FINETUNING, "optimizer": "muon"})
    full = read(tmp_path, training=ABSENT, finetuning={**FINETUNING, "method": "full", "optimizer": "muon"})
    assert full.training.optimizer == "muon"


def test_a_fine_tuning_is_a_training_of_given_weights(tmp_path: Path) -> None:
    workload = read(tmp_path, training=ABSENT, finetuning=FINETUNING)
    assert workload.task == Training(200_000_000, 4096, 16, "bf16", "lora", 16)


def test_a_service_has_a_load_and_no_training(tmp_path: Path) -> None:
    workload = read(tmp_path, training=ABSENT, serving=SERVING)
    assert workload.task == Serving(200, 20, 2000, 500, 15.0, 5.0, "fp8", 365 * 86_400.0)
    with pytest.raises(InputError, match="a training is needed"):
        _ = workload.training


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"finetuning": FINETUNING}, ["finetuning", "a workload has one task", "training, finetuning"]),
        ({"training": ABSENT}, ["training: is missing", "[serving]"]),
        ({"training": ABSENT, "finetuning": FINETUNING | {"method": "qlorra"}}, ["finetuning.method", "'qlora'?"]),
        (
            {"training": ABSENT, "finetuning": FINETUNING | {"method": "pretraining"}},
            ["finetuning.method", "allowed: full, lora, qlora"],
        ),
        ({"training": ABSENT, "finetuning": FINETUNING | {"lora_rank": 0}}, ["finetuning.lora_rank", "at least 1"]),
        ({"training": ABSENT, "serving": SERVING | {"tokens_per_s": 0}}, ["serving.tokens_per_s", "above 0"]),
        ({"training": ABSENT, "serving": SERVING | {"weights": "int8"}}, ["serving.weights", "bf16, fp8, int4"]),
        ({"data": {"locations": ["Germany"]}}, ["data.locations", "Germany", '"DE"']),
        ({"data": {"sensitivity": "secret"}}, ["data.sensitivity", "sensitive_personal"]),
        ({"applicant__institution": "TU Dresden"}, ["applicant.institution", "tu-dresden.de"]),
        ({"applicant__partners": ["university"]}, ["applicant.partners", "academia"]),
    ],
)
def test_a_mistake_in_the_sections_of_version_2_is_named(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    text = complaint(tmp_path, **changes)
    for word in words:
        assert word in text


def test_what_the_data_ask_and_who_asks_arrives(tmp_path: Path) -> None:
    workload = read(
        tmp_path,
        data={"sensitivity": "personal", "locations": ["DE"], "certificates": ["BSI C5"], "storage_tb": 2},
        applicant__employees=40,
        applicant__partners=[],
    )
    assert workload.data == DataNeeds("personal", ("DE",), (), ("BSI C5",), 2e12)
    assert workload.applicant == Applicant("startup", "DE", "DE-SN", employees=40, partners=())
