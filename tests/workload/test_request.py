from __future__ import annotations

import contextlib
import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError, InputErrors
from stellwerk.messages import LANGUAGES, Language
from stellwerk.units import parse_count
from stellwerk.workload import (
    Applicant,
    Request,
    count_parameters,
    draft_as_toml,
    draft_workload,
    filled_in_lines,
    parse_applicant,
    published_models,
    read_workload,
    suggested_tokens,
    words,
)

FILE = Path("mine.toml")
REQUEST = Request("llama-3.1-8b", "300B", "startup")
SIZES = {"layers": 12, "hidden": 768, "heads": 12, "kv_heads": 4, "ffn_hidden": 2048, "vocab": 50_000}


def complaint(**changes: object) -> list[str | None]:
    with pytest.raises(InputErrors) as caught:
        draft_workload(dataclasses.replace(REQUEST, **changes), FILE)  # type: ignore[arg-type]
    return [error.key for error in caught.value.errors]


def test_a_model_tokens_and_a_kind_make_a_whole_workload() -> None:
    workload = draft_workload(REQUEST, FILE).workload
    assert workload.name == workload.model_name == "llama-3.1-8b"
    assert workload.training.tokens == 300 * 10**9
    assert workload.training.sequence_length == 4096
    assert workload.training.tokens_per_step == 1024 * 4096
    assert workload.training.precision == "bf16"
    assert (workload.limits.duration_s, workload.limits.budget) == (None, None)
    assert workload.applicant == Applicant("startup", "DE")


def test_everything_that_was_not_said_is_listed_and_nothing_else() -> None:
    keys = {one.key for one in draft_workload(REQUEST, FILE).filled_in}
    assert keys == {
        "name",
        "training.sequence_length",
        "training.global_batch_tokens",
        "training.precision",
        "limits.duration",
        "limits.budget",
        "applicant.country",
        "applicant.state",
    }
    said = Request(SIZES, "2B", "academia", "DE", "DE-SN", 2048, "1M", "fp16", "90d", "5000 EUR")
    assert draft_workload(said, FILE).filled_in == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_says_what_value_and_why(language: Language) -> None:
    draft = draft_workload(REQUEST, FILE)
    lines = filled_in_lines(draft, language)
    assert len(lines) == len(draft.filled_in)
    for line, one in zip(lines, draft.filled_in, strict=True):
        assert line.startswith(f"{one.key}: ")
        assert words("why", language)[one.why] in line
        assert str(one.value) in line or one.value is None


@pytest.mark.parametrize(
    ("model", "batch"),
    [("gpt-2-124m", "500K"), ("pythia-1b", "1M"), ("llama-3.2-3b", "4M"), ("llama-3.1-405b", "4M")],
)
def test_the_batch_follows_the_size_of_the_model(model: str, batch: str) -> None:
    by_key = {one.key: one.value for one in draft_workload(Request(model, "1T", "sme"), FILE).filled_in}
    assert by_key["training.global_batch_tokens"] == batch


@given(tokens=st.integers(4096, 10**8), sequence_length=st.integers(1, 4096))
def test_a_short_training_has_a_batch_that_fits_into_it(tokens: int, sequence_length: int) -> None:
    request = Request("llama-3.1-8b", str(tokens), "sme", sequence_length=sequence_length)
    training = draft_workload(request, FILE).workload.training
    assert training.tokens_per_step <= min(tokens, 1.125 * 4_000_000)


def test_a_sequence_longer_than_a_usual_batch_is_a_batch() -> None:
    request = Request("llama-3.1-8b", "300B", "sme", sequence_length=5_000_000)
    draft = draft_workload(request, FILE)
    assert draft.workload.training.global_batch_sequences == 1
    assert "batch_one_sequence" in {one.why for one in draft.filled_in}


def test_learned_positions_bound_the_sequence() -> None:
    draft = draft_workload(Request("gpt-2-124m", "300B", "sme"), FILE)
    assert draft.workload.training.sequence_length == 1024
    assert [one.why for one in draft.filled_in if one.key == "training.sequence_length"] == [
        "sequence_length_positions"
    ]


def test_all_mistakes_are_reported_at_once_by_the_rules_of_the_file() -> None:
    assert complaint(model="lama", tokens="1 TB", kind="phd", duration="90", budget="5", precision="x") == [
        "model.name",
        "training.tokens",
        "training.precision",
        "limits.duration",
        "limits.budget",
        "applicant.kind",
    ]
    assert complaint(sequence_length=0) == ["training.sequence_length"]
    assert complaint(sequence_length=-5) == ["training.sequence_length"]
    assert complaint(sequence_length=10**40) == ["training.sequence_length", "training.global_batch_tokens"]
    assert complaint(tokens="0") == ["training.tokens"]
    assert complaint(tokens="100") == ["training.tokens"]
    assert complaint(batch_tokens="") == ["training.global_batch_tokens"]
    assert complaint(country="", state=None) == ["applicant.country"]
    assert complaint(country="DE", state="DE-XX") == ["applicant.state"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("startup", ("startup", None, None)),
        ("academia:DE-SN", ("academia", "DE", "DE-SN")),
        ("sme:FR", ("sme", "FR", None)),
        ("sme:", ("sme", None, None)),
    ],
)
def test_an_applicant_is_a_kind_and_perhaps_a_place(text: str, parts: tuple[str, str | None, str | None]) -> None:
    assert parse_applicant(text) == parts


def test_an_address_is_refused_with_the_kinds_by_name() -> None:
    with pytest.raises(InputError, match="does not say for certain") as caught:
        parse_applicant("phd@tu-dresden.de")
    for kind in ("academia", "startup", "sme", "large_industry", "public", "academia:DE-SN"):
        assert kind in str(caught.value)


def test_tokens_are_suggested_by_the_size_of_the_model() -> None:
    for model in published_models().values():
        tokens = parse_count(suggested_tokens(model.architecture))
        assert tokens == pytest.approx(20 * count_parameters(model.architecture).total, rel=0.005)


requests = st.builds(
    Request,
    model=st.sampled_from([*published_models(), SIZES]),
    tokens=st.sampled_from(["1M", "7.5B", "300B", "123456789", "15T"]),
    kind=st.sampled_from(["academia", "startup", "sme", "large_industry", "public"]),
    country=st.sampled_from([None, "DE"]),
    state=st.sampled_from([None, "DE-SN"]),
    sequence_length=st.none() | st.integers(1, 20_000),
    batch_tokens=st.sampled_from([None, "0.5M", "4M", "40960"]),
    precision=st.sampled_from([None, "bf16", "fp16"]),
    duration=st.sampled_from([None, "36h", "0.5d", "12w"]),
    budget=st.sampled_from([None, "500000 EUR", "0.5 USD"]),
)


@given(request=requests, language=st.sampled_from(LANGUAGES))
@settings(max_examples=60)
def test_the_written_file_says_the_same(
    request: Request, language: Language, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "written.toml"
    try:
        draft = draft_workload(request, file)
    except InputError:
        return
    file.write_text(draft_as_toml(draft, language), encoding="utf-8")
    assert read_workload(file) == draft.workload


@given(
    tokens=st.text(max_size=8),
    kind=st.text(max_size=8),
    place=st.text(max_size=8),
    sequence_length=st.none() | st.integers(),
    batch=st.none() | st.text(max_size=8),
)
def test_any_words_are_taken_or_refused(
    tokens: str, kind: str, place: str, sequence_length: int | None, batch: str | None
) -> None:
    with contextlib.suppress(InputError):
        request = Request("llama-3-8b", tokens, *parse_applicant(f"{kind}:{place}"), sequence_length, batch)
        assert draft_workload(request, FILE).workload.training.steps >= 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_file_is_explained(language: Language) -> None:
    draft = draft_workload(dataclasses.replace(REQUEST, model=SIZES), FILE)
    lines = [line for line in draft_as_toml(draft, language).splitlines() if " = " in line]
    assert len(lines) == 1 + 6 + 4 + 2 + 3
    assert all(" # " in line.removeprefix("# ") for line in lines)
    assert tomllib.loads("\n".join(line.removeprefix("# ") for line in lines if line.startswith("# "))) == {
        "duration": "90d",
        "budget": "500000 EUR",
        "state": "DE-SN",
    }


def test_both_languages_have_the_same_words() -> None:
    for section in ("why", "filled", "file", "keys", "questions"):
        assert words(section, "de").keys() == words(section, "en").keys()
        assert all(words(section, "de").values())
