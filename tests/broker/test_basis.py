from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.broker import (
    basis_of,
    classes_as_dict,
    draft_application,
    draft_as_markdown,
    match,
    match_as_dict,
    render_match_page,
)
from stellwerk.catalog import load_catalogue
from stellwerk.messages import LANGUAGES, Language, render
from stellwerk.planner import packaged_constants
from stellwerk.planner.estimate import spread_terms
from stellwerk.workload import PublishedModel, Workload, published_models, read_workload
from tests.planner import examples

EXAMPLES = Path(__file__).parents[2] / "examples"
DAY = datetime.date(2026, 11, 23)
MIXTURE: dict[Language, str] = {"en": "a mixture of experts (MoE)", "de": "Expertenmischung (MoE)"}


@pytest.mark.parametrize("model", published_models().values(), ids=lambda model: model.name)
def test_an_architecture_has_a_note_where_its_interval_is_wider(model: PublishedModel) -> None:
    workload = replace(examples.workload(), architecture=model.architecture)
    assert bool(basis_of(workload)) == (set(spreads_of(workload)) > {"base"})


def test_adapters_have_a_note_as_their_interval_is_wider() -> None:
    asked = examples.workload()
    adapters = replace(asked, task=replace(asked.training, method="lora"))
    assert set(spreads_of(adapters)) == {"base", "adapters"}
    (note,) = basis_of(adapters)
    assert "adapters (LoRA)" in render(note, "en")
    assert "Adaptern (LoRA)" in render(note, "de")


def spreads_of(workload: Workload) -> Mapping[str, float]:
    return spread_terms(workload.architecture, workload.training, examples.machine(), packaged_constants())


@pytest.mark.parametrize(
    ("example", "about", "model", "said"),
    [
        ("startup-7b", "interval", "llama-3.1-8b", {}),
        ("startup-7b", "interval", "mixtral-8x7b", MIXTURE),
        ("startup-7b", "interval", "deepseek-v3", MIXTURE),
        ("company-serve-70b", "compared", "llama-3.1-8b", {}),
        ("company-serve-70b", "compared", "mixtral-8x7b", MIXTURE),
        (
            "company-serve-70b",
            "compared",
            "deepseek-v3",
            {
                "en": "a mixture of experts (MoE), latent attention (MLA)",
                "de": "Expertenmischung (MoE), latenter Attention (MLA)",
            },
        ),
    ],
)
def test_the_note_names_what_measurements_say_less_about(
    example: str, about: str, model: str, said: dict[Language, str]
) -> None:
    asked = read_workload(EXAMPLES / f"{example}.toml")
    notes = basis_of(replace(asked, architecture=published_models()[model].architecture))
    assert len(notes) == bool(said)
    for language, words in said.items():
        assert words in render(notes[0], language)
    assert all(about in render(note, "en") for note in notes)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_json_classes_and_draft_say_it_once(language: Language) -> None:
    asked = read_workload(EXAMPLES / "startup-7b.toml")
    asked = replace(asked, architecture=published_models()["mixtral-8x7b"].architecture)
    answer = match(asked, load_catalogue(), DAY)
    (note,) = basis_of(asked)
    sentence = render(note, language)
    for entry in (match_as_dict(answer, language), classes_as_dict(answer, (), language)):
        assert entry["basis"] == [{"code": note.code, "params": dict(note.params), "text": sentence}]
    draft = draft_application(answer, "eurohpc-aif-playground")
    for shown in (render_match_page(answer, language), draft_as_markdown(draft, answer, language)):
        assert shown.count(sentence) == 1
