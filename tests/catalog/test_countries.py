from __future__ import annotations

from stellwerk.catalog import EU_MEMBERS, admits_country


def test_the_union_has_27_members() -> None:
    assert len(EU_MEMBERS) == 27


def test_eu_stands_for_its_members_and_for_nobody_else() -> None:
    assert admits_country(("EU",), "DE")
    assert admits_country(("GB",), "GB")
    assert not admits_country(("EU",), "GB")
    assert not admits_country((), "DE")
