from __future__ import annotations

import datetime
from functools import cache
from pathlib import Path

import pytest

from stellwerk.broker import Match, draft_application, draft_as_markdown, match
from stellwerk.broker.draft import TECHNICAL
from stellwerk.catalog import load_catalogue
from stellwerk.errors import InputError
from stellwerk.messages import Language
from stellwerk.workload import read_workload

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "examples"
AS_OF = datetime.date(2026, 11, 23)
DRAFTS: tuple[tuple[str, str, Language], ...] = (
    ("startup-7b", "eurohpc-aif-largescale", "en"),
    ("doctoral-lora", "nhr-normal", "de"),
    ("company-serve-70b", "kisski", "de"),
)


@cache
def answer(person: str) -> Match:
    return match(read_workload(EXAMPLES / f"{person}.toml"), load_catalogue(), AS_OF)


@pytest.mark.parametrize(("person", "programme", "language"), DRAFTS)
def test_the_drafts_of_the_three_people(person: str, programme: str, language: Language) -> None:
    """Golden files, read by hand against the catalogue's texts about each programme."""
    draft = draft_application(answer(person), programme)
    written = draft_as_markdown(draft, answer(person), language)
    assert written == (HERE / "drafts" / f"{person}-{programme}.{language}.md").read_text(encoding="utf-8")


def test_the_fields_stand_in_the_order_of_the_programme_and_the_rest_after_them() -> None:
    draft = draft_application(answer("startup-7b"), "eurohpc-aif-largescale")
    asked = draft.programme.application_fields.value
    assert asked is not None
    assert draft.asked is not None
    assert tuple(one.field for one in draft.asked) == asked
    assert {one.field for one in draft.further} == set(TECHNICAL) - set(asked)


@pytest.mark.parametrize(("person", "programme", "language"), DRAFTS)
def test_every_field_without_a_sentence_is_listed_as_open(person: str, programme: str, language: Language) -> None:
    draft = draft_application(answer(person), programme)
    fields = (*(draft.asked or ()), *draft.further)
    assert draft.open_fields == tuple(one.field for one in fields if not one.sentences)
    written = draft_as_markdown(draft, answer(person), language)
    left = {"en": "[open: yours to write]", "de": "[offen: von Ihnen zu schreiben]"}[language]
    assert written.count(left) == len(draft.open_fields)


def test_the_hours_are_those_of_the_match_with_both_bounds() -> None:
    found = answer("startup-7b")
    draft = draft_application(found, "eurohpc-aif-largescale")
    assert draft.judged in found.offers
    assert draft.judged.plan is not None
    written = draft_as_markdown(draft, found, "en")
    for bound in draft.judged.plan.device_hours.as_dict().values():
        assert f"{bound:,.0f}" in written


def test_what_stands_against_the_application_comes_first() -> None:
    found = answer("company-serve-70b")
    draft = draft_application(found, "kisski")
    assert draft.to_clear == tuple(one for one in draft.judged.findings if one.effect != "note")
    assert draft.to_clear
    written = draft_as_markdown(draft, found, "en")
    assert written.index("To clear before you apply") < written.index("What is computed")


def test_one_offer_can_be_named_instead_of_the_programme() -> None:
    found = answer("doctoral-lora")
    offer_id = "zib-gpu-a100/nhr-normal"
    assert draft_application(found, offer_id).judged.offer.id == offer_id


def test_a_programme_whose_fields_nobody_states_gets_the_technical_part_and_says_so() -> None:
    found = answer("doctoral-lora")
    unstated = next(
        judged.offer.programme.id
        for judged in found.offers
        if getattr(judged.offer, "programme", None) and not judged.offer.programme.application_fields.known  # type: ignore[union-attr]
    )
    draft = draft_application(found, unstated)
    assert draft.asked is None
    assert "is not known; look at its form" in draft_as_markdown(draft, found, "en")


def test_an_unknown_programme_is_named_with_its_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'nhr-normal'"):
        draft_application(answer("doctoral-lora"), "nhr-norml")


def test_a_programme_without_a_system_says_that_no_source_names_one() -> None:
    found = answer("doctoral-lora")
    reached = {judged.offer.id.rpartition("/")[2] for judged in found.offers}
    lonely = next(name for name in found.catalogue.programmes if name not in reached)
    with pytest.raises(InputError, match="leads to no system"):
        draft_application(found, lonely)
