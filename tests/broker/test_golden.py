"""Three people, sixty offers judged by hand from the facts: the program must come to the same verdicts."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stellwerk.broker import JudgedOffer, match
from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.workload import read_workload

ROOT = Path(__file__).parents[2]
TABLES = [tomllib.loads(path.read_text("utf-8")) for path in sorted((Path(__file__).parent / "golden").glob("*.toml"))]
OFFERS = [(table, offer) for table in TABLES for offer in table["offers"]]


@cache
def catalogue() -> Catalogue:
    return load_catalogue()


@cache
def answers(workload: str) -> dict[str, JudgedOffer]:
    asked = read_workload(ROOT / workload)
    assert asked.as_of is not None
    return {judged.offer.id: judged for judged in match(asked, catalogue(), asked.as_of).offers}


@pytest.mark.parametrize(
    ("table", "offer"), OFFERS, ids=[f"{Path(table['workload']).stem}: {offer['id']}" for table, offer in OFFERS]
)
def test_an_offer_is_judged_as_by_hand(table: dict[str, Any], offer: dict[str, Any]) -> None:
    """The verdict is the same, and the rule that decides by hand is among the program's deciding reasons."""
    judged = answers(table["workload"])[offer["id"]]
    deciding = {finding.reason.code for finding in judged.findings if finding.effect == judged.verdict}
    assert (judged.verdict, deciding) == (offer["verdict"], deciding)
    assert offer["rule"] in (deciding if judged.verdict != "possible" else {"none"})


def test_every_table_holds_twenty_offers_and_every_verdict() -> None:
    assert [len(table["offers"]) for table in TABLES] == [20, 20, 20]
    for table in TABLES:
        assert {offer["verdict"] for offer in table["offers"]} == {"possible", "unknown", "impossible"}
