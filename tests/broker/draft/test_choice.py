from __future__ import annotations

import pytest

from stellwerk.broker import PublicOffer, draft_application, draft_as_markdown
from stellwerk.broker.draft.choice import choose_offer
from stellwerk.catalog import load_catalogue
from stellwerk.errors import InputError
from tests.broker.draft.test_application import answer

PEOPLE = ("startup-7b", "doctoral-lora", "company-serve-70b")
NO_ACCESS = [one.id for one in load_catalogue().programmes.values() if one.kind != "access"]
ACCESS = [one.id for one in load_catalogue().programmes.values() if one.kind == "access"]


def refusal(wanted: str, person: str = "startup-7b") -> str:
    with pytest.raises(InputError) as caught:
        draft_application(answer(person), wanted)
    assert caught.value.key == "--draft"
    assert caught.value.value == wanted
    return str(caught.value)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("programme", ACCESS)
def test_every_programme_that_gives_access_has_a_draft_in_both_languages(programme: str, person: str) -> None:
    found = answer(person)
    draft = draft_application(found, programme)
    assert draft.programme.id == programme
    assert (draft.system is None) == (draft.judged is None)
    for language in ("de", "en"):
        assert draft_as_markdown(draft, found, language).startswith("# ")


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("programme", NO_ACCESS)
def test_every_other_entry_is_refused_with_the_place_to_look_at(programme: str, person: str) -> None:
    said = refusal(programme, person)
    entry = load_catalogue().programmes[programme]
    assert str(entry.programme.value) in said
    assert entry.url in said or "name one of its programmes" in said


def test_a_programme_abroad_says_whom_it_admits() -> None:
    assert "listed to compare with and admits applicants from GB only" in refusal("uk-airr-open")


def test_a_frame_names_its_programmes_and_no_others() -> None:
    said = refusal("kisz-general")
    assert "hessian-aisc, kisski, kisz-bb, westai" in said
    assert "nhr-" not in said
    assert "rwth-small" not in said


def test_what_gives_no_compute_time_says_so_in_the_words_of_its_source() -> None:
    assert "gives no compute time to apply for (inference only)" in refusal("gwdg-ai-services")


@pytest.mark.parametrize("wanted", ["stackit-n3-28d-g2", "stackit-n3-28d-g2/on_demand"])
def test_a_commercial_product_is_rented(wanted: str) -> None:
    assert "rented and not applied for; see `stellwerk plan FILE --on stackit-n3-28d-g2`" in refusal(wanted)


def test_a_family_names_its_classes_from_small_to_large() -> None:
    assert "(nhr-starter, nhr-test, nhr-normal, nhr-large)" in refusal("nhr")


def test_help_is_no_compute_time() -> None:
    assert "`stellwerk catalog show epicure`" in refusal("epicure")


def test_a_system_alone_names_the_ways_to_it() -> None:
    said = refusal("tud-capella")
    assert "name it with a programme that leads to it" in said
    assert "tud-capella/nhr-normal" in said


def test_a_system_with_a_programme_that_no_source_ties_to_it_is_refused() -> None:
    said = refusal("tud-capella/eurohpc-regular")
    assert "no source says that eurohpc-regular leads to tud-capella" in said
    assert "tud-capella/nhr-normal" in said


def test_a_system_that_is_listed_to_compare_with_has_no_way() -> None:
    assert "no source names a programme for applicants here that leads to fr-jean-zay" in refusal("fr-jean-zay")


def test_an_unknown_programme_is_named_with_its_nearest_or_with_where_all_are_listed() -> None:
    assert "did you mean 'nhr-normal'" in refusal("nhr-norml")
    assert "`stellwerk catalog list --kind programmes`" in refusal("xyzzy")


def test_one_offer_can_be_named_instead_of_the_programme() -> None:
    chosen = choose_offer(answer("doctoral-lora"), "zib-gpu-a100/nhr-normal")
    assert chosen.judged is not None
    assert chosen.judged.offer.id == "zib-gpu-a100/nhr-normal"
    assert chosen.judged not in chosen.others
    assert chosen.others


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("programme", ACCESS)
def test_the_system_is_one_of_the_best_verdict_and_has_a_plan_where_one_of_these_has(
    programme: str, person: str
) -> None:
    """An offer that is ruled out is never taken because it has a plan."""
    found = answer(person)
    of_programme = [
        judged
        for judged in found.offers
        if isinstance(judged.offer, PublicOffer) and judged.offer.programme and judged.offer.programme.id == programme
    ]
    chosen = choose_offer(found, programme)
    if not of_programme:
        assert chosen.judged is None
        return
    assert chosen.judged is not None
    assert chosen.judged.verdict == of_programme[0].verdict
    with_plan = [one for one in of_programme if one.plan is not None and one.verdict == of_programme[0].verdict]
    assert chosen.judged is (with_plan[0] if with_plan else of_programme[0])
    assert [*chosen.others] == [one for one in of_programme if one is not chosen.judged]
