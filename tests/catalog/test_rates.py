"""Exchange rates and what electricity emits: what counts on a day, and what the loader refuses."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from stellwerk.catalog import Catalogue, carbon_intensity, exchange_rate, load_catalogue
from stellwerk.errors import InputError

HEAD = """schema = 1
[sources.old]
as_of = "2026-01-10"
evidence = "primary"
[sources.new]
as_of = "2026-06-10"
evidence = "secondary"
[sources.year]
as_of = "undated"
evidence = "primary"
"""


def rate(name: str, base: str, quote: str, amount: str, source: str) -> str:
    return f"""
[[exchange_rates]]
id = "{name}"
source = "{source}"
base = "{base}"
quote = "{quote}"
rate = "{amount}"
"""


def loaded(folder: Path, text: str, overlay: str = "") -> Catalogue:
    below, local = folder / "below", folder / "local"
    for directory, content in ((below, text), (local, overlay)):
        directory.mkdir()
        (directory / "rates.toml").write_text(HEAD + content, encoding="utf-8")
    return load_catalogue(below, overlay=local if overlay else None)


def test_the_latest_rate_up_to_the_day_counts_in_both_directions(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path, rate("a", "EUR", "USD", "1.25", "old") + rate("b", "EUR", "USD", "1.60", "new"))
    spring, summer = datetime.date(2026, 3, 1), datetime.date(2026, 7, 1)
    assert exchange_rate(catalogue, "EUR", "USD", spring) == 1.25
    assert exchange_rate(catalogue, "USD", "EUR", spring) == 0.8
    assert exchange_rate(catalogue, "EUR", "USD", summer) == 1.6
    assert exchange_rate(catalogue, "EUR", "EUR", spring) == 1.0
    assert exchange_rate(catalogue, "EUR", "USD", datetime.date(2026, 1, 9)) is None
    assert exchange_rate(catalogue, "CHF", "USD", summer) is None


def test_a_local_rate_leads(tmp_path: Path) -> None:
    below, local = rate("a", "EUR", "USD", "1.60", "new"), rate("mine", "EUR", "USD", "1.25", "old")
    assert exchange_rate(loaded(tmp_path, below, local), "EUR", "USD", datetime.date(2026, 7, 1)) == 1.25


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (rate("a", "EUR", "USD", "1.1", "year"), "exchange_rates.a.source"),
        (rate("a", "EUR", "EUR", "1.1", "old"), "exchange_rates.a.quote"),
        (rate("a", "EUR", "USD", "0.00", "old"), "exchange_rates.a.rate"),
        (rate("a", "EUR", "Dollar", "1.1", "old"), "exchange_rates.a.quote"),
    ],
)
def test_a_rate_that_cannot_hold_is_named(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(InputError, match=key):
        loaded(tmp_path, text)


def test_the_packaged_rates_and_intensities_serve_the_catalogue_of_today() -> None:
    catalogue = load_catalogue()
    day = datetime.date(2026, 11, 23)
    assert 0.5 < (exchange_rate(catalogue, "USD", "EUR", day) or 0) < 2
    used = {price.currency for product in catalogue.products.values() for price in product.prices if price.currency}
    assert all(exchange_rate(catalogue, currency, "EUR", day) is not None for currency in used)
    for system in catalogue.systems.values():
        country = system.country.value
        assert country is None or system.comparator or carbon_intensity(catalogue, country) is not None
    germany = carbon_intensity(catalogue, "DE")
    assert germany is not None
    assert germany.kg_co2_per_kwh.value == pytest.approx(0.34414)
    assert [claim.value for claim in germany.kg_co2_per_kwh.rivals] == [pytest.approx(0.363)]
