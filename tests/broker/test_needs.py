from __future__ import annotations

import datetime
import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.broker import Match, RegisteredNeed, group_needs, match, need_record, obstacles, read_needs
from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.errors import InputError, InputErrors
from stellwerk.units import Money
from stellwerk.workload import Applicant, DataNeeds, Limits, Serving, Training
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)
SERVING = Serving(213, 21, 2000, 500, 15.0, 5.0, "fp8", 365 * 86400.0)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


@pytest.fixture(scope="module")
def answer(catalogue: Catalogue) -> Match:
    return match(examples.workload(), catalogue, DAY)


def record(catalogue: Catalogue, **changes: Any) -> dict[str, Any]:
    return need_record(match(replace(examples.workload(), **changes), catalogue, DAY))


def test_the_record_says_what_was_asked_and_what_came_of_it(catalogue: Catalogue) -> None:
    workload = examples.workload()
    answer = match(workload, catalogue, DAY)
    need = need_record(answer)
    assert (need["day"], need["applicant"], need["country"]) == ("2026-11-23", "startup", "DE")
    assert (need["task"], need["parameters"], need["tokens"]) == ("pretraining", 7_500_000_000, 10**12)
    assert need["offers"] == answer.counts()
    best = next(one.plan for one in answer.offers if one.verdict == "possible" and one.plan)
    assert need["best_possible"]["devices"] == pytest.approx(best.devices, rel=0.05)
    assert need["best_possible"]["gpu_hours"] == pytest.approx(best.device_hours.best, rel=0.05)
    for verdict in ("unknown", "impossible"):
        decided = Counter(
            code
            for one in answer.offers
            if one.verdict == verdict
            for code in {finding.reason.code for finding in one.findings if finding.effect == verdict}
        )
        assert decided
        assert need["reasons"][verdict] == decided


def test_a_service_has_users_in_the_place_of_tokens(catalogue: Catalogue) -> None:
    need = record(catalogue, task=SERVING)
    assert (need["task"], need["users"], need["concurrent_requests"]) == ("serving", 210, 21)
    assert not {"tokens", "sequence_length"} & need.keys()
    assert math.isfinite((need.get("best_possible") or need["best_unknown"])["gpu_hours"])


def test_no_word_of_the_person_is_in_it(catalogue: Catalogue) -> None:
    applicant = Applicant(
        "academia", "DE", "DE-SN", 4711, "secret.example", "university", "doctoral", "professor", True,
        ("startup",), ("secret-grant",), True, "research",
    )  # fmt: skip
    limits = Limits(90 * 86400.0, None, Money(Decimal(471100), "EUR"))
    changes = {"name": "secret name", "model_name": "secret-model", "applicant": applicant, "limits": limits}
    need = record(catalogue, **changes)
    text = json.dumps(need)
    for word in ("secret", "4711", "DE-SN", "doctoral", "professor", "university", "EUR"):
        assert word not in text
    assert need["has_budget"] is True


def test_what_was_not_asked_is_left_out(catalogue: Catalogue) -> None:
    assert "limit_days" not in record(catalogue, limits=Limits())
    until = datetime.datetime(2026, 12, 3, tzinfo=datetime.UTC)
    assert record(catalogue, limits=Limits(90 * 86400.0, until))["limit_days"] == 10


def test_without_an_offer_that_has_a_plan_there_is_no_best_one(catalogue: Catalogue) -> None:
    nowhere = replace(examples.workload(), applicant=Applicant("startup", "JP"), data=DataNeeds(locations=("JP",)))
    answer = match(nowhere, catalogue, DAY)
    need = need_record(answer)
    for verdict in ("possible", "unknown"):
        planned = any(one.plan for one in answer.offers if one.verdict == verdict)
        assert (f"best_{verdict}" in need) == planned
    assert "best_possible" not in need


@given(st.integers(4096 * 1024, 10**15))
def test_amounts_have_two_significant_figures(answer: Match, tokens: int) -> None:
    workload = replace(examples.workload(), task=Training(tokens, 4096, 1024, "bf16"))
    tokens_recorded = need_record(replace(answer, workload=workload))["tokens"]
    assert tokens_recorded == pytest.approx(tokens, rel=0.05)
    assert len(str(tokens_recorded).rstrip("0")) <= 2


@pytest.mark.parametrize("task", [examples.workload().task, SERVING], ids=["training", "serving"])
def test_what_is_written_can_be_read(catalogue: Catalogue, tmp_path: Path, task: Any) -> None:
    need = record(catalogue, task=task)
    (known,) = read_needs(_file(tmp_path, need))
    assert (known.applicant, known.task, known.possible) == ("startup", need["task"], need["offers"]["possible"])
    assert known.gpu_hours == (need.get("best_possible") or need["best_unknown"])["gpu_hours"]
    assert known.against["impossible", next(iter(need["reasons"]["impossible"]))] > 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda need: need.update(institution="x"), "line 2.institution"),
        (lambda need: need.update(applicant="Dr. X"), "line 2.applicant"),
        (lambda need: need.update(country="Dresden"), "line 2.country"),
        (lambda need: need.update(tokens=-1), "line 2.tokens"),
        (lambda need: need.update(tokens=math.inf), "line 2.tokens"),
        (lambda need: need["reasons"]["unknown"].update({"Free text": 1}), "line 2.reasons"),
        (lambda need: need.update(schema="stellwerk-need-2"), "line 2.schema"),
    ],
)
def test_a_line_with_anything_else_in_it_is_refused(
    catalogue: Catalogue, tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str
) -> None:
    whole, broken = record(catalogue), record(catalogue)
    change(broken)
    with pytest.raises(InputErrors) as caught:
        read_needs(_file(tmp_path, whole, broken))
    assert complaint in str(caught.value)


def test_another_file_is_refused_with_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text("{}\n[]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"other.jsonl: is no file of needs"):
        read_needs(file)


def _file(folder: Path, *records: dict[str, Any]) -> Path:
    file = folder / "needs.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return file


def _need(applicant: str, possible: int, unknown: int, hours: float | None, **against: int) -> RegisteredNeed:
    codes = Counter({("unknown", code): number for code, number in against.items()})
    return RegisteredNeed(applicant, "lora", possible, unknown, hours, codes)  # type: ignore[arg-type]


NEEDS = (
    _need("sme", 1, 4, 10.0, price_unknown=9),
    _need("academia", 0, 3, 100.0, price_unknown=2, state_needed=1),
    _need("academia", 0, 0, None, state_needed=4),
    _need("academia", 2, 0, 300.0),
)


def test_groups_count_requests_and_take_the_median_of_what_is_known() -> None:
    academia, sme = group_needs(NEEDS)
    assert (academia.applicant, academia.requests, academia.met, academia.open, academia.unmet) == (
        "academia", 3, 1, 1, 1,
    )  # fmt: skip
    assert (academia.gpu_hours_median, academia.gpu_hours_known) == (200.0, 2)
    assert (sme.requests, sme.met, sme.gpu_hours_median) == (1, 1, 10.0)
    (nothing,) = group_needs([NEEDS[2]])
    assert (nothing.gpu_hours_median, nothing.gpu_hours_known) == (None, 0)


def test_obstacles_are_those_of_the_requests_that_were_not_met() -> None:
    assert [(one.code, one.offers, one.requests) for one in obstacles(NEEDS)] == [
        ("state_needed", 5, 2),
        ("price_unknown", 2, 1),
    ]
