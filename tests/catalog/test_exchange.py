from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.catalog import Catalogue, convert, currencies_without_rate, load_catalogue
from stellwerk.errors import InputError, InputErrors
from tests.catalog.conftest import Mistakes, WriteCatalogue

DAY = datetime.date(2026, 11, 23)
MORE = """\
[sources.later]
urls = ["https://example.org/rates"]
as_of = "2026-10-30"
evidence = "secondary"

[[exchange_rates]]
id = "later"
source = "later"
base = "USD"
quote = "EUR"
rate = "0.80"

[[exchange_rates]]
id = "gbp"
source = "later"
base = "EUR"
quote = "GBP"
rate = "0.5"

[[exchange_rates]]
id = "sek-nok"
source = "later"
base = "SEK"
quote = "NOK"
rate = "0.9"

[[exchange_rates]]
id = "eur-usd"
"""
"""More rates before the one of ``SMALL``, which is of 2026-09-01: 1 EUR buys 1.10 USD."""


@pytest.fixture
def rates(write_catalogue: WriteCatalogue) -> Catalogue:
    return load_catalogue(write_catalogue(('[[exchange_rates]]\nid = "eur-usd"\n', MORE)))


def test_the_latest_rate_that_is_not_after_the_day_counts_in_either_direction(rates: Catalogue) -> None:
    late = convert(Decimal(100), "USD", "EUR", rates, DAY)
    early = convert(Decimal(110), "USD", "EUR", rates, datetime.date(2026, 10, 29))
    back = convert(Decimal(8), "EUR", "USD", rates, DAY)
    assert late is not None
    assert early is not None
    assert back is not None
    assert (late.amount, late.rate, late.rates[0].id) == (Decimal(80), Decimal("0.80"), "later")
    assert (early.amount, early.rates[0].id) == (Decimal(100), "eur-usd")
    assert back.amount == Decimal(10)
    assert late.sources[0].as_of == "2026-10-30"


def test_before_the_first_rate_there_is_none(rates: Catalogue) -> None:
    assert convert(Decimal(1), "USD", "EUR", rates, datetime.date(2026, 8, 31)) is None


def test_two_currencies_meet_in_the_euro_and_nowhere_else(rates: Catalogue) -> None:
    by_euro = convert(Decimal(100), "USD", "GBP", rates, DAY)
    assert by_euro is not None
    assert (by_euro.amount, [rate.id for rate in by_euro.rates]) == (Decimal(40), ["later", "gbp"])
    assert convert(Decimal(1), "SEK", "EUR", rates, DAY) is None, "never by way of the Norwegian krone"


def test_the_same_currency_needs_no_rate(rates: Catalogue) -> None:
    same = convert(Decimal("1.5"), "XXX", "XXX", rates, DAY)
    assert same is not None
    assert (same.amount, same.sources) == (Decimal("1.5"), ())


@given(amount=st.decimals(min_value=0, max_value=10**9, places=2))
def test_there_and_back_is_the_amount_again(packaged: Catalogue, amount: Decimal) -> None:
    there = convert(amount, "USD", "CHF", packaged, DAY)
    assert there is not None
    back = convert(there.amount, "CHF", "USD", packaged, DAY)
    assert back is not None
    assert abs(back.amount - amount) <= amount * Decimal("1e-20")


def test_a_price_in_a_currency_without_a_rate_is_told(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(('currency = "EUR"', 'currency = "SEK"')))
    assert currencies_without_rate(catalogue, DAY) == {"SEK": ("cloud-8x",)}
    assert currencies_without_rate(load_catalogue(write_catalogue()), DAY) == {}


@pytest.mark.parametrize("as_of", ["2026-10", "2026", "2026-10-3", "2026-02-30", "2025/26", "undated", "October 2026"])
def test_a_rate_of_no_day_is_a_mistake(mistakes: Mistakes, as_of: str) -> None:
    source = f'[sources.month]\nurls = ["https://example.org"]\nas_of = "{as_of}"\nevidence = "primary"\n\n'
    entry = '[[exchange_rates]]\nid = "eur-usd"\nsource = "month"\n'
    (error,) = mistakes(('[[exchange_rates]]\nid = "eur-usd"\nsource = "report"\n', source + entry))
    assert error.key == "exchange_rates.eur-usd.rate"
    assert str(error).startswith(f"{error.file}: {error.key}: the as_of of its source names no day")
    assert str(error).endswith(f"(got '{as_of}'); allowed: a source with a day in as_of, such as 2026-10-30")
    assert isinstance(error, InputError)


def test_a_rate_without_a_source_is_a_mistake(mistakes: Mistakes) -> None:
    (error,) = mistakes(('source = "report"\nbase', 'source = "unsourced"\nbase'))
    assert (error.key, error.value) == ("exchange_rates.eur-usd.rate", "undated")


def test_a_rate_of_no_day_in_a_local_file_names_that_file(
    write_catalogue: WriteCatalogue, tmp_path_factory: pytest.TempPathFactory
) -> None:
    overlay = tmp_path_factory.mktemp("local")
    source = '[sources.own]\nurls = ["https://example.org"]\nas_of = "2026-10"\nevidence = "primary"\n'
    entry = '[[exchange_rates]]\nid = "eur-usd"\nsource = "own"\nrate = "1.2"\n'
    (overlay / "own.toml").write_text(f"schema = 1\n{source}{entry}", encoding="utf-8")
    with pytest.raises(InputErrors) as caught:
        load_catalogue(write_catalogue(), overlay=overlay)
    (error,) = caught.value.errors
    assert (error.file, error.value) == (overlay / "own.toml", "2026-10")
