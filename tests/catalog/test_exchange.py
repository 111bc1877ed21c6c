from __future__ import annotations

import datetime
import random
import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.catalog import (
    Catalogue,
    as_plain_data,
    convert,
    currencies_without_rate,
    latest_rate,
    load_catalogue,
)
from tests.catalog.conftest import WriteCatalogue

DAY = datetime.date(2026, 11, 23)
HEAD = "schema = 1\n"


def source(day: str, evidence: str = "primary") -> str:
    return f'\n[sources."{day}-{evidence}"]\nurls = ["https://example.org"]\nas_of = "{day}"\nevidence = "{evidence}"\n'


def rate(name: str, day: str, base: str, quote: str, value: str, evidence: str = "primary") -> str:
    return (
        f'\n[[exchange_rates]]\nid = "{name}"\nsource = "{day}-{evidence}"\n'
        f'base = "{base}"\nquote = "{quote}"\nrate = "{value}"\n'
    )


SOURCES = source("2026-06-30") + source("2026-09-30") + source("2026-09-30", "secondary") + source("2026-12-31")
ENTRIES = [
    rate("usd-june", "2026-06-30", "EUR", "USD", "1.20"),
    rate("usd-september", "2026-09-30", "EUR", "USD", "1.25"),
    rate("usd-quoted", "2026-09-30", "EUR", "USD", "1.30", "secondary"),
    rate("usd-later", "2026-12-31", "EUR", "USD", "2.00"),
    rate("chf", "2026-06-30", "CHF", "EUR", "1.10"),
    rate("pln-huf", "2026-06-30", "PLN", "HUF", "85"),
]


@pytest.fixture(scope="module")
def rates(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    folder = tmp_path_factory.mktemp("rates")
    (folder / "rates.toml").write_text(HEAD + SOURCES + "".join(ENTRIES), encoding="utf-8")
    return load_catalogue(folder)


def test_the_latest_rate_up_to_the_day_counts_and_of_one_day_the_better_evidenced(rates: Catalogue) -> None:
    found = convert(Decimal(100), "EUR", "USD", rates, DAY)
    assert found is not None
    assert (found.amount, found.rate) == (Decimal(125), Decimal("1.25"))
    assert [used.id for used in found.rates] == ["usd-september"]
    assert [used.as_of for used in found.sources] == ["2026-09-30"]
    in_july = latest_rate("EUR", "USD", rates, datetime.date(2026, 7, 1))
    assert in_july is not None
    assert in_july.date == datetime.date(2026, 6, 30)


def test_before_the_first_rate_none_is_known(rates: Catalogue) -> None:
    assert convert(Decimal(1), "EUR", "USD", rates, datetime.date(2026, 6, 29)) is None
    assert convert(Decimal(1), "EUR", "USD", rates, datetime.date(2026, 6, 30)) is not None


def test_a_rate_is_read_in_the_other_direction_too(rates: Catalogue) -> None:
    found = convert(Decimal(5), "USD", "EUR", rates, DAY)
    assert found is not None
    assert found.amount == Decimal(4)


def test_two_currencies_without_a_rate_of_their_own_go_by_way_of_the_euro_and_both_rates_are_said(
    rates: Catalogue,
) -> None:
    found = convert(Decimal(10), "CHF", "USD", rates, DAY)
    assert found is not None
    assert found.amount == Decimal("13.75")
    assert [used.id for used in found.rates] == ["chf", "usd-september"]


def test_no_other_currency_lies_on_the_way(rates: Catalogue) -> None:
    """From the forint there is a rate to the zloty only, and none from there to the euro."""
    assert convert(Decimal(1), "HUF", "PLN", rates, DAY) is not None
    assert convert(Decimal(1), "HUF", "EUR", rates, DAY) is None
    assert convert(Decimal(1), "HUF", "USD", rates, DAY) is None


def test_the_same_currency_needs_no_rate(rates: Catalogue) -> None:
    found = convert(Decimal(7), "SEK", "SEK", rates, DAY)
    assert found is not None
    assert (found.amount, found.rate, found.rates) == (Decimal(7), Decimal(1), ())


@given(
    amount=st.decimals("0.01", "1e9", places=2),
    way=st.permutations(["EUR", "USD", "CHF"]),
    days=st.integers(0, 1000),
)
def test_an_amount_that_is_converted_there_and_back_is_the_same(
    rates: Catalogue, amount: Decimal, way: list[str], days: int
) -> None:
    day = datetime.date(2026, 6, 30) + datetime.timedelta(days=days)
    there = convert(amount, way[0], way[1], rates, day)
    assert there is not None
    back = convert(there.amount, way[1], way[0], rates, day)
    assert back is not None
    assert back.amount == pytest.approx(amount, rel=Decimal("1e-20"), abs=Decimal(0))
    assert there.amount > 0
    assert all(used.date <= day for used in there.rates)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), files=st.integers(1, 4))
def test_neither_the_order_nor_the_names_of_files_change_a_rate(rates: Catalogue, seed: int, files: int) -> None:
    pieces = list(ENTRIES)
    random.Random(seed).shuffle(pieces)  # noqa: S311 - an order to try, no secret
    with tempfile.TemporaryDirectory() as name:
        for number in range(files):
            text = HEAD + SOURCES + "".join(pieces[number::files])
            (Path(name) / f"{number}.toml").write_text(text, encoding="utf-8")
        other = load_catalogue(Path(name))
    assert as_plain_data(other) | {"hash": ""} == as_plain_data(rates) | {"hash": ""}
    assert convert(Decimal(10), "CHF", "USD", other, DAY) == convert(Decimal(10), "CHF", "USD", rates, DAY)


def test_a_local_rate_leads_among_those_of_one_day_and_never_over_a_later_one(
    write_catalogue: WriteCatalogue, tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    below = write_catalogue(name="below/heim.toml") / "below"
    (tmp_path / "own").mkdir()
    used = {}
    for day in ("2026-03-30", "2026-03-31"):
        text = HEAD + source(day, "secondary") + rate("house", day, "EUR", "USD", "1.5", "secondary")
        (tmp_path / "own/own.toml").write_text(text, encoding="utf-8")
        found = latest_rate("USD", "EUR", load_catalogue(below, overlay=tmp_path / "own"), DAY)
        used[day] = found and found.id
    assert used == {"2026-03-30": "eur-usd", "2026-03-31": "house"}


def test_a_local_file_that_corrects_a_rate_by_its_id_gives_it_another_day(
    write_catalogue: WriteCatalogue, tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    below = write_catalogue(name="below/heim.toml") / "below"
    (tmp_path / "own").mkdir()
    own = (
        HEAD
        + source("2026-04-30")
        + '\n[[exchange_rates]]\nid = "eur-usd"\nsource = "2026-04-30-primary"\nrate = "1.4"\n'
    )
    (tmp_path / "own/own.toml").write_text(own, encoding="utf-8")
    corrected = load_catalogue(below, overlay=tmp_path / "own").exchange_rates["eur-usd"]
    assert (corrected.rate.value, corrected.date) == (Decimal("1.4"), datetime.date(2026, 4, 30))
    assert [claim.value for claim in corrected.rate.rivals] == [Decimal("1.25")]


def test_currencies_that_no_rate_leads_to_euros_are_named_with_the_products(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(('currency = "EUR"', 'currency = "CHF"')))
    assert currencies_without_rate(catalogue, DAY) == {"CHF": ("cloud-8x",)}
    dollars = load_catalogue(write_catalogue(('currency = "EUR"', 'currency = "USD"')))
    assert currencies_without_rate(dollars, DAY) == {}
    assert currencies_without_rate(dollars, datetime.date(2026, 3, 30)) == {"USD": ("cloud-8x",)}


def test_a_price_whose_currency_nobody_verified_lacks_no_rate(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(('currency = "EUR"\nunit', "currency_verified = false\nunit")))
    assert catalogue.products["cloud-8x"].prices[0].currency is None
    assert currencies_without_rate(catalogue, DAY) == {}


def test_every_currency_of_the_packaged_catalogue_is_converted(packaged: Catalogue) -> None:
    assert currencies_without_rate(packaged, DAY) == {}
