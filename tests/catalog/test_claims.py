from __future__ import annotations

import datetime

import pytest

from stellwerk.catalog import Claim, Fact, Source
from stellwerk.catalog.claims import earliest_day, in_order


@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        ("2026-11-23", "2026-11-23"),
        ("2026-03", "2026-03-01"),
        ("2026", "2026-01-01"),
        ("2025/26", "2025-01-01"),
        ("2024+", "2024-01-01"),
        ("2023-2025", "2023-01-01"),
        ("2025-10 or later", "2025-10-01"),
        ("2026 (after 2026-08-02)", "2026-01-01"),
        ("2022 (policy), 2026-03 (turnaround)", "2022-01-01"),
        ("2026-02-30", None),
        ("undated", None),
        ("until 2026-09-30", None),
        ("0000", None),
        ("", None),
    ],
)
def test_an_as_of_text_is_the_earliest_day_it_can_mean(as_of: str, day: str | None) -> None:
    assert earliest_day(as_of) == (None if day is None else datetime.date.fromisoformat(day))


def test_evidence_leads_before_date_and_date_before_order() -> None:
    claims = [
        Claim("first undated", _source("secondary", "undated")),
        Claim("unsourced", _source("unsourced", "2026-11-01")),
        Claim("older", _source("secondary", "2025-01-01")),
        Claim("newer", _source("secondary", "2026-01-01")),
        Claim("second undated", _source("secondary", "undated")),
        Claim("primary", _source("primary", "2020-01-01")),
    ]
    assert [claim.value for claim in in_order(claims)] == [
        "primary",
        "newer",
        "older",
        "first undated",
        "second undated",
        "unsourced",
    ]


def test_a_fact_without_claims_is_unknown_and_has_no_rivals() -> None:
    unknown: Fact[int] = Fact()
    assert (unknown.value, unknown.known, unknown.evidence, unknown.rivals) == (None, False, None, ())


def test_only_other_values_are_rivals() -> None:
    source = _source("primary", "2026")
    fact = Fact((Claim(4, source), Claim(4, source), Claim(5, source)))
    assert [claim.value for claim in fact.rivals] == [5]


def _source(evidence: str, as_of: str) -> Source:
    assert evidence in ("primary", "secondary", "unsourced")
    return Source((), as_of, earliest_day(as_of), evidence)  # type: ignore[arg-type]
