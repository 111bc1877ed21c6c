from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

import pytest

from stellwerk.broker import ApplicationDraft, Match, draft_application, draft_as_markdown, match
from stellwerk.broker.draft.application import MOST_INSTEAD, TECHNICAL
from stellwerk.broker.draft.parts import Part, Table
from stellwerk.catalog import ApplicationField, load_catalogue
from stellwerk.messages import Language, Reason, render, text
from stellwerk.workload import read_workload

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[2] / "examples"
AS_OF = datetime.date(2026, 11, 23)
DRAFTS: tuple[tuple[str, str, Language], ...] = (
    ("startup-7b", "eurohpc-aif-fastlane", "en"),
    ("doctoral-lora", "nhr-normal", "de"),
    ("company-serve-70b", "kisski", "de"),
    ("doctoral-lora", "denbi-cloud", "en"),
)


@cache
def answer(person: str) -> Match:
    return match(read_workload(EXAMPLES / f"{person}.toml"), load_catalogue(), AS_OF)


def parts(draft: ApplicationDraft, field: ApplicationField) -> tuple[Part, ...]:
    return next(one.parts for one in draft.fields if one.field == field)


def said(parts: Iterable[Part]) -> dict[str, Reason]:
    """The sentences and notes by their codes."""
    reasons = (part if isinstance(part, Reason) else part.reason for part in parts if not isinstance(part, Table))
    return {reason.code: reason for reason in reasons}


def in_english(parts: Iterable[Part], code: str) -> str:
    return render(said(parts)[code], "en")


@pytest.mark.parametrize(("person", "programme", "language"), DRAFTS)
def test_the_drafts_of_the_three_people(person: str, programme: str, language: Language) -> None:
    """Golden files, read by hand against the catalogue's texts about each programme."""
    draft = draft_application(answer(person), programme)
    written = draft_as_markdown(draft, answer(person), language)
    assert written == (HERE / "golden" / f"{person}-{programme}.{language}.md").read_text(encoding="utf-8")


def test_the_fields_stand_in_the_order_of_the_programme_and_the_rest_after_them() -> None:
    draft = draft_application(answer("startup-7b"), "eurohpc-aif-largescale")
    asked = draft.programme.application_fields.value
    assert asked is not None
    assert draft.asked is not None
    assert tuple(one.field for one in draft.asked) == asked
    assert {one.field for one in draft.further} == set(TECHNICAL) - set(asked)


@pytest.mark.parametrize(("person", "programme", "language"), DRAFTS)
def test_what_is_open_stands_in_its_place_and_once_more_at_the_end(
    person: str, programme: str, language: Language
) -> None:
    draft = draft_application(answer(person), programme)
    written = draft_as_markdown(draft, answer(person), language)
    at_the_end = written[written.index(f"## {text('draft.open', language)}") :]
    points = [(one.field, point) for one in draft.fields for point in one.open_points]
    assert points
    assert written.count(text("draft.left_open", language, what="@").partition("@")[0]) == len(points)
    for field, point in points:
        line = next(line for line in at_the_end.splitlines() if render(point, language) in line)
        assert text(f"application_field.{field}", language) in line


def test_no_field_is_empty() -> None:
    for person, programme, _ in DRAFTS:
        assert all(one.parts for one in draft_application(answer(person), programme).fields)


def test_a_field_that_only_the_applicant_can_write_is_open() -> None:
    draft = draft_application(answer("startup-7b"), "eurohpc-aif-largescale")
    for field in ("work_plan", "milestones", "ethics"):
        assert list(said(parts(draft, field))) == ["draft_open_text"]


def test_the_hours_are_those_of_the_match_with_both_bounds() -> None:
    found = answer("startup-7b")
    draft = draft_application(found, "eurohpc-aif-fastlane")
    assert draft.judged in found.offers
    assert draft.judged is not None
    assert draft.judged.plan is not None
    shown = in_english(parts(draft, "gpu_hours"), "draft_gpu_hours")
    for bound in draft.judged.plan.device_hours.rounded(3).as_dict().values():
        assert f"{bound:,.0f}" in shown


def test_where_the_upper_bound_is_more_than_the_programme_grants_nobody_is_told_to_apply_for_it() -> None:
    """At the upper end of the interval; with a third more text it lies above what the fast lane grants."""
    asked = read_workload(EXAMPLES / "startup-7b.toml")
    longer = replace(asked, task=replace(asked.training, tokens=asked.training.tokens * 4 // 3))
    fast_lane = draft_application(match(longer, load_catalogue(), AS_OF), "eurohpc-aif-fastlane")
    assert "draft_above_maximum" in said(parts(fast_lane, "gpu_hours"))
    assert "draft_upper_bound" not in said(parts(fast_lane, "gpu_hours"))
    large_scale = draft_application(answer("startup-7b"), "eurohpc-aif-largescale")
    assert "draft_above_maximum" not in said(parts(large_scale, "gpu_hours"))
    assert "draft_upper_bound" in said(parts(large_scale, "gpu_hours"))


def test_a_need_far_below_the_largest_amount_is_sent_to_a_smaller_class() -> None:
    assert "draft_far_below_maximum" in said(
        parts(draft_application(answer("doctoral-lora"), "pc2-otus-gpu/nhr-normal"), "gpu_hours")
    )
    fast_lane = draft_application(answer("startup-7b"), "eurohpc-aif-fastlane")
    assert "draft_far_below_maximum" not in said(parts(fast_lane, "gpu_hours"))


def test_a_system_that_charges_whole_nodes_makes_the_hours_more() -> None:
    """WestAI's partition in Jülich: nodes of four cards, of which the service takes two."""
    draft = draft_application(answer("company-serve-70b"), "jsc-westai-hwai/westai")
    shown = said(parts(draft, "gpu_hours"))
    assert "17,500" in render(shown["draft_gpu_hours_of_a_service"], "en")
    assert "35,000" in render(shown["draft_whole_nodes"], "en")


def test_a_run_of_hours_is_told_in_hours_and_a_long_one_in_days() -> None:
    short = draft_application(answer("doctoral-lora"), "nhr-normal")
    assert "hours (" in in_english(parts(short, "duration"), "draft_duration")
    long = draft_application(answer("startup-7b"), "eurohpc-aif-fastlane")
    assert "days (" in in_english(parts(long, "duration"), "draft_duration")


def test_programmes_count_gpus_as_they_are_sold_and_memory_is_that_of_a_device() -> None:
    """Each MI250X of LUMI is two devices to the scheduler."""
    draft = draft_application(answer("startup-7b"), "lumi-g/eurohpc-aif-payperuse")
    assert draft.judged is not None
    assert draft.judged.plan is not None
    counted = said(parts(draft, "gpus_per_job"))
    assert counted["draft_gpus"].params["gpus"] == draft.judged.plan.devices / 2
    assert counted["draft_devices"].params["devices"] == draft.judged.plan.devices
    assert "draft_memory_device" in said(parts(draft, "memory"))


def test_what_stands_against_the_application_comes_first_and_what_fits_instead_beside_it() -> None:
    found = answer("company-serve-70b")
    draft = draft_application(found, "kisski")
    assert draft.ruled_out
    assert draft.to_clear
    assert draft.judged is not None
    deciding = tuple(one for one in draft.judged.findings if one.effect != "note")
    assert (*draft.ruled_out, *draft.to_clear) == deciding
    written = draft_as_markdown(draft, found, "en")
    order = ["What rules this application out", "To clear before you apply", "## What is computed"]
    assert order == sorted(order, key=written.index)
    assert len(draft.instead) == MOST_INSTEAD
    assert all(judged.verdict == "possible" and judged.offer.id in written for judged in draft.instead)


def test_where_nothing_is_ruled_out_nothing_is_named_instead() -> None:
    draft = draft_application(answer("startup-7b"), "eurohpc-aif-fastlane")
    assert draft.ruled_out == draft.instead == ()
    assert "What rules this application out" not in draft_as_markdown(draft, answer("startup-7b"), "en")


def test_what_fits_instead_are_different_programmes() -> None:
    named = draft_application(answer("doctoral-lora"), "bwforcluster").instead
    programmes = [getattr(judged.offer, "programme", None) for judged in named]
    known = [programme.id for programme in programmes if programme is not None]
    assert len(known) == len(set(known)) > 1


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


def test_without_a_plan_every_field_that_needs_one_says_so() -> None:
    """The bandwidth between the nodes of fortytwo is not known, and one node is not enough."""
    draft = draft_application(answer("startup-7b"), "hessian-aisc")
    assert draft.judged is not None
    assert draft.judged.plan is None
    for field in ("gpus_per_job", "gpu_hours", "duration", "scalability", "memory"):
        assert "draft_open_no_plan" in said(parts(draft, field))
    assert "draft_memory_states" in said(parts(draft, "memory"))
    assert "draft_hardware" in said(parts(draft, "hardware"))


def test_without_a_system_what_depends_on_none_is_written_and_the_rest_is_open() -> None:
    found = answer("startup-7b")
    draft = draft_application(found, "denbi-cloud")
    assert draft.system is draft.judged is None
    assert "draft_system_unknown" in [finding.reason.code for finding in draft.to_clear]
    for field in ("gpus_per_job", "gpu_hours", "duration", "scalability", "hardware"):
        assert list(said(parts(draft, field))) == ["draft_open_no_system"]
    assert "draft_flop_rule" in said(parts(draft, "flop"))
    assert "draft_checkpoint" in said(parts(draft, "storage"))
    assert "- The system:" in draft_as_markdown(draft, found, "en")


def test_a_closed_programme_without_a_system_is_ruled_out_first() -> None:
    draft = draft_application(answer("startup-7b"), "ffplus-innovation")
    assert [finding.reason.code for finding in draft.ruled_out] == ["programme_closed"]
    assert draft.instead


def test_states_of_a_training_take_18_bytes_a_parameter_and_adapters_16_beside_frozen_weights() -> None:
    pretraining = draft_application(answer("startup-7b"), "denbi-cloud")
    assert "135 GB" in in_english(parts(pretraining, "memory"), "draft_memory_states")  # 18 · 7.516·10^9
    adapters = draft_application(answer("doctoral-lora"), "denbi-cloud")
    shown = in_english(parts(adapters, "memory"), "draft_memory_states_adapters")
    assert "16.1 GB" in shown  # 2 · 8.03·10^9
    assert "671 MB" in shown  # 16 · 41.94·10^6


def test_what_a_programme_that_is_not_free_costs_is_quoted() -> None:
    found = answer("startup-7b")
    paid = draft_as_markdown(draft_application(found, "eurohpc-aif-payperuse"), found, "en")
    assert "pay per use (price per hosting entity)" in paid
    free = draft_as_markdown(draft_application(found, "eurohpc-aif-fastlane"), found, "en")
    assert "What it costs" not in free


def test_personal_data_leave_their_protection_open() -> None:
    company = draft_application(answer("company-serve-70b"), "westai")
    assert "draft_open_protection" in said(parts(company, "data"))
    startup = draft_application(answer("startup-7b"), "eurohpc-aif-fastlane")
    assert "draft_open_protection" not in said(parts(startup, "data"))


@pytest.mark.parametrize(("person", "programme", "language"), DRAFTS)
def test_notes_and_tables_stand_apart_as_markdown_asks(person: str, programme: str, language: Language) -> None:
    lines = draft_as_markdown(draft_application(answer(person), programme), answer(person), language).splitlines()
    for before, line in pairwise(lines):
        for mark in ("> ", "| "):
            if line.startswith(mark) != before.startswith(mark):
                assert "" in (before, line)


def test_tables_are_even_in_a_terminal_in_both_languages() -> None:
    found = answer("startup-7b")
    draft = draft_application(found, "eurohpc-aif-fastlane")
    for language in ("de", "en"):
        lines = draft_as_markdown(draft, found, language).splitlines()
        tables = [list(rows) for is_row, rows in groupby(lines, lambda line: line.startswith("|")) if is_row]
        assert len(tables) == 2
        for rows in tables:
            assert len({len(row) for row in rows}) == 1
            assert len({row.count("|") for row in rows}) == 1
