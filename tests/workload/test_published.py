from __future__ import annotations

import pytest

from stellwerk.workload import PublishedModel, count_parameters, published_models

MODELS = list(published_models().values())
NAMES = [model.name for model in MODELS]


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_counted_parameters_are_within_half_a_per_cent_of_the_stated_ones(model: PublishedModel) -> None:
    assert count_parameters(model.architecture).total == pytest.approx(model.parameters.value, rel=0.005)


def test_most_counts_that_sources_print_in_full_are_met_to_the_digit() -> None:
    sourced = [model for model in MODELS if model.rounded_to == 1 and model.parameters.source.evidence != "unsourced"]
    met = [model for model in sourced if count_parameters(model.architecture).total == model.parameters.value]
    assert len(met) >= 15
    assert {model.name for model in sourced} - {model.name for model in met} == {"apertus-8b", "bloom-176b"}


def test_the_table_is_worth_choosing_from() -> None:
    assert len(MODELS) >= 30
    assert {"llama-3.1-8b", "mistral-7b-v0.3", "qwen3-8b", "teuken-7b", "eurollm-9b", "apertus-8b"} <= set(NAMES)


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_every_claim_names_its_source_or_says_that_it_has_none(model: PublishedModel) -> None:
    for claim in (model.parameters, model.architecture_claim):
        if claim.source.evidence == "unsourced":
            assert claim.source.urls == ()
        else:
            assert all(url.startswith("https://") for url in claim.source.urls)
            assert claim.source.urls
        assert (claim.source.as_of_date is None) == (claim.source.as_of == "undated")


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_a_rounded_count_is_a_multiple_of_its_rounding(model: PublishedModel) -> None:
    assert model.rounded_to == 1 or model.parameters.value % (model.rounded_to // 4) == 0


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_heads_share_out_and_windows_have_layers(model: PublishedModel) -> None:
    architecture = model.architecture
    assert architecture.heads % architecture.kv_heads == 0
    assert (architecture.attention_window is None) == (architecture.windowed_layers == 0)
    assert architecture.windowed_layers <= architecture.layers


def test_nobody_can_change_the_table() -> None:
    with pytest.raises(TypeError):
        published_models()["mine"] = MODELS[0]  # type: ignore[index]
