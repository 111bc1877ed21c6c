"""What holds for every match: more of anything that helps never makes an answer worse."""

from __future__ import annotations

import datetime
import random
import shutil
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.broker import Match, match, match_as_dict
from stellwerk.catalog import Catalogue, Fact, load_catalogue
from stellwerk.units import SECONDS_PER_DAY, Money
from stellwerk.workload import Limits, Serving, Workload, read_workload
from tests.planner import examples

DAY = datetime.date(2026, 11, 23)
SMALL = Path(__file__).parent / "catalogue"
EXAMPLES = Path(__file__).parents[2] / "examples"
SERVICE = Serving(200, 20, 2000, 500, 15.0, 5.0, "fp8", 365 * SECONDS_PER_DAY)


@cache
def catalogue(name: str) -> Catalogue:
    return load_catalogue(SMALL if name == "small" else None)


def verdicts(answer: Match) -> dict[str, str]:
    return {judged.offer.id: judged.verdict for judged in answer.offers}


def with_memory(fact: Fact[float], factor: float) -> Fact[float]:
    return Fact(tuple(replace(claim, value=claim.value * factor) for claim in fact.claims))


@settings(max_examples=15)
@given(
    factors=st.lists(st.floats(1.0, 8.0), min_size=1, max_size=10),
    start=st.floats(0.1, 1.0),
    days=st.floats(2, 400),
    serves=st.booleans(),
)
def test_more_memory_never_makes_an_offer_impossible(
    factors: list[float], start: float, days: float, serves: bool
) -> None:
    known = catalogue("small")
    workload = replace(examples.workload(), limits=Limits(duration_s=days * SECONDS_PER_DAY))
    workload = replace(workload, task=SERVICE) if serves else workload

    def judged(scales: list[float]) -> dict[str, str]:
        def scaled(entries: Any) -> Any:
            return {
                name: replace(
                    entry,
                    accelerator_memory_bytes=with_memory(
                        entry.accelerator_memory_bytes, start * scales[index % len(scales)]
                    ),
                )
                for index, (name, entry) in enumerate(entries.items())
            }

        larger = replace(known, systems=scaled(known.systems), products=scaled(known.products))
        return verdicts(match(workload, larger, DAY))

    before, after = judged([1.0]), judged(factors)
    assert [name for name in before if before[name] != "impossible" and after[name] == "impossible"] == []


@settings(max_examples=15)
@given(
    days=st.floats(1, 300),
    more_days=st.floats(1, 10),
    budget=st.integers(100, 10**6),
    more_money=st.integers(1, 10),
    by_deadline=st.booleans(),
)
def test_a_looser_limit_or_a_larger_budget_never_removes_a_possible_offer(
    days: float, more_days: float, budget: int, more_money: int, by_deadline: bool
) -> None:
    def possible(days: float, amount: int) -> set[str]:
        until = datetime.datetime.combine(DAY, datetime.time(), datetime.UTC) + datetime.timedelta(days=days)
        money = Money(Decimal(amount), "EUR")
        limits = Limits(None, until, money) if by_deadline else Limits(days * SECONDS_PER_DAY, None, money)
        answer = match(replace(examples.workload(), limits=limits), catalogue("small"), DAY)
        return {name for name, verdict in verdicts(answer).items() if verdict == "possible"}

    assert (
        possible(days, budget) <= possible(days * more_days, budget) <= possible(days * more_days, budget * more_money)
    )


@pytest.mark.parametrize("example", ["startup-7b", "doctoral-lora", "company-serve-70b"])
def test_the_same_holds_for_the_three_people_on_the_whole_catalogue(example: str) -> None:
    workload = read_workload(EXAMPLES / f"{example}.toml")
    budget = workload.limits.budget
    assert budget is not None

    def possible(workload: Workload) -> set[str]:
        answer = match(workload, catalogue("packaged"), DAY)
        return {name for name, verdict in verdicts(answer).items() if verdict == "possible"}

    richer = replace(workload.limits, budget=Money(budget.amount * 3, budget.currency))
    longer = replace(richer, duration_s=None)
    asked, paid, patient = (possible(replace(workload, limits=one)) for one in (workload.limits, richer, longer))
    assert asked <= paid <= patient
    assert asked


def test_neither_the_order_nor_the_names_of_files_change_an_answer(tmp_path: Path) -> None:
    def answer(folder: Path) -> dict[str, Any]:
        found = match_as_dict(match(examples.workload(), load_catalogue(folder), DAY), "en")
        del found["catalogue_sha256"]
        return found

    paths = sorted(SMALL.rglob("*.toml"))
    names = [f"{number:02}.toml" for number in range(len(paths))]
    random.Random(7).shuffle(names)  # noqa: S311
    for path, name in zip(paths, names, strict=True):
        shutil.copy(path, tmp_path / name)
    assert answer(tmp_path) == answer(SMALL)
