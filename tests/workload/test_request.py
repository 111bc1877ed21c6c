from __future__ import annotations

import contextlib
import dataclasses
import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.errors import InputError, InputErrors
from stellwerk.messages import LANGUAGES, Language
from stellwerk.units import parse_count
from stellwerk.workload import (
    Applicant,
    ApplicantRequest,
    DataNeeds,
    Request,
    Serving,
    ServingRequest,
    TrainingRequest,
    count_parameters,
    draft_as_toml,
    draft_workload,
    filled_in_lines,
    institutions,
    parse_applicant,
    published_models,
    read_workload,
    suggested_tokens,
    words,
)

FILE = Path("mine.toml")
REQUEST = Request("llama-3.1-8b", TrainingRequest("300B"), ApplicantRequest("startup"))
LORA = Request("qwen3-8b", TrainingRequest("200M", method="lora"), ApplicantRequest("startup"))
SERVICE = Request("qwen3-8b", ServingRequest(200), ApplicantRequest("startup"))
SIZES = {"layers": 12, "hidden": 768, "heads": 12, "kv_heads": 4, "ffn_hidden": 2048, "vocab": 50_000}


def asked(model: Any, tokens: str, **training: Any) -> Request:
    return Request(model, TrainingRequest(tokens, **training), ApplicantRequest("sme"))


def complaint(request: Request) -> list[str | None]:
    with pytest.raises(InputErrors) as caught:
        draft_workload(request, FILE)
    return [error.key for error in caught.value.errors]


def filled_in(request: Request) -> dict[str, object]:
    return {one.key: one.value for one in draft_workload(request, FILE).filled_in}


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
    assert filled_in(REQUEST).keys() == {
        "name",
        "training.sequence_length",
        "training.global_batch_tokens",
        "training.precision",
        "limits.duration",
        "limits.deadline",
        "limits.budget",
        "data.sensitivity",
        "data.locations",
        "data.certificates",
        "applicant.country",
        "applicant.state",
    }
    said = Request(
        SIZES,
        TrainingRequest("2B", None, 2048, "1M", "fp16"),
        ApplicantRequest("academia", "DE", "DE-SN"),
        duration="90d",
        deadline="2027-06-30 18:00 Europe/Berlin",
        budget="5000 EUR",
        sensitivity="personal",
        locations=("DE", "EU"),
        certificates=("BSI C5",),
    )
    draft = draft_workload(said, FILE)
    assert draft.filled_in == ()
    assert draft.workload.data == DataNeeds("personal", ("DE", "EU"), (), ("BSI C5",))
    assert draft.workload.limits.deadline == datetime.datetime(2027, 6, 30, 18, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(("method", "batch", "rank"), [("lora", 16, 16), ("qlora", 16, 16), ("full", 64, None)])
def test_a_fine_tuning_has_a_batch_by_its_method(method: str, batch: int, rank: int | None) -> None:
    request = dataclasses.replace(LORA, task=TrainingRequest("200M", method=method))
    training = draft_workload(request, FILE).workload.training
    assert (training.method, training.sequence_length, training.global_batch_sequences) == (method, 4096, batch)
    assert filled_in(request).get("finetuning.lora_rank") == rank
    assert filled_in(request)["finetuning.global_batch_sequences"] == batch


@given(tokens=st.integers(4096, 10**7), method=st.sampled_from(["full", "lora", "qlora"]))
def test_a_short_fine_tuning_has_a_batch_that_fits_into_it(tokens: int, method: str) -> None:
    training = draft_workload(asked("qwen3-8b", str(tokens), method=method), FILE).workload.training
    assert training.tokens_per_step <= tokens
    assert training.steps >= 2 or training.global_batch_sequences == 1


def test_a_service_needs_nothing_but_its_users() -> None:
    draft = draft_workload(SERVICE, FILE)
    assert draft.workload.task == Serving(
        users=200,
        concurrent_requests=20,
        prompt_tokens=2000,
        output_tokens=500,
        tokens_per_s=15,
        first_token_s=5,
        weights="fp8",
        duration_s=365 * 86_400,
    )
    assert {key for key in filled_in(SERVICE) if key.startswith("serving.")} == {
        f"serving.{name}" for name in draft.sections["serving"] if name != "users"
    }
    assert "limits.duration" not in filled_in(SERVICE)


@pytest.mark.parametrize(("users", "at_once"), [(1, 1), (10, 1), (11, 2), (25_000, 2500)])
def test_a_tenth_of_the_users_ask_at_once(users: int, at_once: int) -> None:
    request = dataclasses.replace(SERVICE, task=ServingRequest(users))
    assert filled_in(request)["serving.concurrent_requests"] == at_once


def test_learned_positions_bound_what_a_service_is_asked() -> None:
    task = draft_workload(dataclasses.replace(SERVICE, model="gpt-2-124m"), FILE).workload.task
    assert isinstance(task, Serving)
    assert task.prompt_tokens + task.output_tokens == 1024


def test_mistakes_of_a_service_are_reported_at_once() -> None:
    task = ServingRequest("many", 0, "soon")
    keys = ["serving.users", "serving.concurrent_requests", "serving.duration", "limits.deadline", "data.sensitivity"]
    assert complaint(dataclasses.replace(SERVICE, task=task, deadline="soon", sensitivity="secret")) == keys
    assert complaint(dataclasses.replace(SERVICE, locations=("Germany",), certificates=("",))) == [
        "data.locations",
        "data.certificates",
    ]
    assert complaint(asked("qwen3-8b", "1M", method="dora")) == ["finetuning.method"]
    assert complaint(asked("qwen3-8b", "1M", method="pretraining")) == ["finetuning.method"]


def test_what_follows_from_a_role_at_an_institution_is_listed_as_derived() -> None:
    request = dataclasses.replace(LORA, applicant=parse_applicant("phd@tu-dresden.de"))
    derived = {one.key: (one.value, one.why) for one in draft_workload(request, FILE).filled_in}
    assert {key: value for key, value in derived.items() if key.startswith("applicant.")} == {
        "applicant.kind": ("academia", "from_institution"),
        "applicant.country": ("DE", "from_institution"),
        "applicant.state": ("DE-SN", "from_institution"),
        "applicant.institution": ("tu-dresden.de", "institution"),
        "applicant.institution_kind": ("university", "from_institution"),
        "applicant.career_stage": ("doctoral", "from_role"),
        "applicant.pi_stage": (None, "who_signs"),
        "applicant.pi_doctorate": (None, "who_signs"),
    }
    assert draft_workload(request, FILE).workload.applicant == Applicant(
        "academia",
        "DE",
        "DE-SN",
        institution="tu-dresden.de",
        institution_kind="university",
        career_stage="doctoral",
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("request_", [REQUEST, LORA, SERVICE])
def test_every_line_says_what_value_and_why(request_: Request, language: Language) -> None:
    draft = draft_workload(request_, FILE)
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
    assert filled_in(asked(model, "1T"))["training.global_batch_tokens"] == batch


@given(tokens=st.integers(4096, 10**8), sequence_length=st.integers(1, 4096))
def test_a_short_training_has_a_batch_that_fits_into_it(tokens: int, sequence_length: int) -> None:
    request = asked("llama-3.1-8b", str(tokens), sequence_length=sequence_length)
    training = draft_workload(request, FILE).workload.training
    assert training.tokens_per_step <= min(tokens, 1.125 * 4_000_000)


def test_a_sequence_longer_than_a_usual_batch_is_a_batch() -> None:
    request = asked("llama-3.1-8b", "300B", sequence_length=5_000_000)
    draft = draft_workload(request, FILE)
    assert draft.workload.training.global_batch_sequences == 1
    assert "batch_one_sequence" in {one.why for one in draft.filled_in}


def test_learned_positions_bound_the_sequence() -> None:
    draft = draft_workload(asked("gpt-2-124m", "300B"), FILE)
    assert draft.workload.training.sequence_length == 1024
    assert [one.why for one in draft.filled_in if one.key == "training.sequence_length"] == ["positions"]


def test_all_mistakes_are_reported_at_once_by_the_rules_of_the_file() -> None:
    bad = Request("lama", TrainingRequest("1 TB", precision="x"), ApplicantRequest("phd"), duration="90", budget="5")
    assert complaint(bad) == [
        "model.name",
        "training.tokens",
        "training.precision",
        "limits.duration",
        "limits.budget",
        "applicant.kind",
    ]
    model = "llama-3.1-8b"
    assert complaint(asked(model, "300B", sequence_length=0)) == ["training.sequence_length"]
    assert complaint(asked(model, "300B", sequence_length=-5)) == ["training.sequence_length"]
    assert complaint(asked(model, "300B", sequence_length=10**40)) == ["training.sequence_length"]
    assert complaint(asked(model, "0")) == ["training.tokens"]
    assert complaint(asked(model, "100")) == ["training.tokens"]
    assert complaint(asked(model, "300B", batch_tokens="")) == ["training.global_batch_tokens"]
    assert complaint(dataclasses.replace(REQUEST, applicant=ApplicantRequest("sme", ""))) == ["applicant.country"]
    assert complaint(dataclasses.replace(REQUEST, applicant=ApplicantRequest("sme", "DE", "DE-XX"))) == [
        "applicant.state"
    ]


def test_tokens_are_suggested_by_the_size_of_the_model() -> None:
    for model in published_models().values():
        tokens = parse_count(suggested_tokens(model.architecture))
        assert tokens == pytest.approx(20 * count_parameters(model.architecture).total, rel=0.005)


trainings = st.builds(
    TrainingRequest,
    tokens=st.sampled_from(["1M", "7.5B", "300B", "123456789", "15T"]),
    method=st.sampled_from([None, "full", "lora", "qlora"]),
    sequence_length=st.none() | st.integers(1, 20_000),
    batch_tokens=st.sampled_from([None, "0.5M", "4M", "40960"]),
    precision=st.sampled_from([None, "bf16", "fp16"]),
)
services = st.builds(
    ServingRequest,
    users=st.integers(1, 10**9),
    concurrent_requests=st.none() | st.integers(1, 10**7),
    duration=st.sampled_from([None, "90d", "12w"]),
)
applicants = st.builds(
    ApplicantRequest,
    kind=st.sampled_from(["academia", "startup", "sme", "large_industry", "public"]),
    country=st.sampled_from([None, "DE"]),
    state=st.sampled_from([None, "DE-SN"]),
) | st.builds(
    lambda role, domain: parse_applicant(f"{role}@{domain}"),
    st.sampled_from(["student", "promovierende", "prof"]),
    st.sampled_from(sorted(institutions())),
)
requests = st.builds(
    Request,
    model=st.sampled_from([*published_models(), SIZES]),
    task=trainings | services,
    applicant=applicants,
    duration=st.sampled_from([None, "36h", "0.5d", "12w"]),
    deadline=st.sampled_from([None, "2027-06-30 18:00 Europe/Berlin", "2027-06-30 UTC"]),
    budget=st.sampled_from([None, "500000 EUR", "0.5 USD"]),
    sensitivity=st.sampled_from([None, "public", "sensitive_personal"]),
    locations=st.sampled_from([(), ("DE",), ("DE", "EU")]),
    certificates=st.lists(st.text(min_size=1, max_size=12), max_size=2).map(tuple),
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
    who=st.text(max_size=16),
    sequence_length=st.none() | st.integers(),
    batch=st.none() | st.text(max_size=8),
    method=st.sampled_from([None, "full", "lora", "dora"]),
)
def test_any_words_are_taken_or_refused(
    tokens: str, who: str, sequence_length: int | None, batch: str | None, method: str | None
) -> None:
    with contextlib.suppress(InputError):
        task = TrainingRequest(tokens, method, sequence_length, batch)
        request = Request("llama-3-8b", task, parse_applicant(who))
        assert draft_workload(request, FILE).workload.training.steps >= 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("request_", [dataclasses.replace(REQUEST, model=SIZES), LORA, SERVICE])
def test_every_line_of_the_file_is_explained(request_: Request, language: Language) -> None:
    draft = draft_workload(request_, FILE)
    lines = [line for line in draft_as_toml(draft, language).splitlines() if " = " in line]
    assert all(" # " in line.removeprefix("# ") for line in lines)
    said = [line for line in lines if not line.startswith("# ")]
    assert len(said) == sum(len(value) if isinstance(value, dict) else 1 for value in draft.sections.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("request_", [REQUEST, LORA, SERVICE])
def test_the_keys_behind_a_hash_can_be_said_as_they_stand(
    request_: Request, language: Language, tmp_path: Path
) -> None:
    lines = draft_as_toml(draft_workload(request_, FILE), language).splitlines()
    file = tmp_path / "all.toml"
    file.write_text("\n".join(line.removeprefix("# ") if " = " in line else line for line in lines), encoding="utf-8")
    workload = read_workload(file)
    for part in (workload.applicant, workload.data):
        assert all(getattr(part, field.name) is not None for field in dataclasses.fields(part))
    assert workload.limits.budget is not None
    assert (workload.limits.duration_s is None) == isinstance(request_.task, ServingRequest)


def test_both_languages_have_the_same_words() -> None:
    for section in ("why", "filled", "file", "keys", "questions"):
        assert words(section, "de").keys() == words(section, "en").keys()
        assert all(words(section, "de").values())
