from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal
from typing import Any

import pytest

from stellwerk.catalog import Catalogue, Fact
from stellwerk.whitepaper import Edition, compose_edition
from tests.whitepaper.small_catalogue import catalogue as small
from tests.whitepaper.small_catalogue import contingent, fact, price, product, programme, source, system

AS_OF = datetime.date(2026, 11, 23)


def compose(catalogue: Catalogue) -> Edition:
    return compose_edition(catalogue, as_of=AS_OF, version="1.2.3")


def value(catalogue: Catalogue, figure_id: str) -> Any:
    return compose(catalogue).figures[figure_id].value


def test_the_sums_of_the_facts_are_reproduced(edition: Edition) -> None:
    assert edition.figures["fig-capacity-rows-de"].value == 38
    assert edition.figures["fig-capacity-accelerators-de"].value == 33_212
    assert edition.figures["fig-capacity-accelerators-de-without-jupiter"].value == 9_676
    assert edition.figures["fig-capacity-accelerators-de-sourced"].value == 28_548


@pytest.mark.parametrize("group", ["operator", "accelerator", "openness"])
def test_each_breakdown_adds_up_to_the_whole(edition: Edition, group: str) -> None:
    figures = {key: figure.value for key, figure in edition.figures.items() if key.startswith(f"fig-capacity-{group}-")}
    assert sum(number or 0 for key, number in figures.items() if key.endswith("-accelerators")) == 33_212
    assert sum(number for key, number in figures.items() if key.endswith("-rows")) == 53
    assert sum(number for key, number in figures.items() if key.endswith("-rows-without-count")) == 15


def test_every_group_of_applicants_divides_the_same_accelerators(edition: Edition) -> None:
    for kind in ("academia", "startup", "sme", "large-industry", "public"):
        parts = [
            edition.figures[f"fig-reach-{kind}-{answer}"].value for answer in ("yes", "conditional", "unknown", "no")
        ]
        assert sum(parts) == 33_212


def test_a_system_without_a_count_is_no_zero() -> None:
    only = small([system("a")])
    assert value(only, "fig-capacity-accelerators-de") is None
    assert value(only, "fig-capacity-rows-de-without-count") == 1
    assert value(only, "val-a-accelerators") is None


def test_a_sum_names_the_figures_it_counted() -> None:
    figure = compose(small([system("a", fact(4)), system("b", fact(8)), system("c")])).figures[
        "fig-capacity-accelerators-de"
    ]
    assert figure.value == 12
    assert figure.counted == ("val-a-accelerators", "val-b-accelerators")
    assert figure.method is not None


def test_systems_abroad_planned_or_for_comparison_are_not_summed() -> None:
    systems = [
        system("here", fact(4)),
        system("abroad", fact(100), country=fact("FI")),
        system("planned", fact(200), status=fact("planned")),
        dataclasses.replace(system("other", fact(400)), comparator=True),
    ]
    assert value(small(systems), "fig-capacity-accelerators-de") == 4
    assert value(small(systems), "fig-capacity-accelerators-de-coming") == 200


def test_the_best_answer_of_an_open_programme_counts() -> None:
    programmes = [
        programme("no", {"startup": "no", "academia": "no"}),
        programme("yes", {"startup": "yes"}),
        programme("closed", {"academia": "yes"}, closed=True),
        programme("state", {"sme": "yes"}, region="DE-BW"),
    ]
    systems = [system("a", fact(4), programme_ids=("no", "yes", "closed", "state")), system("b", fact(8))]
    edition = compose(small(systems, programmes))
    reach = {key: figure.value for key, figure in edition.figures.items() if key.startswith("fig-reach-")}
    assert reach["fig-reach-startup-yes"] == 4
    assert reach["fig-reach-academia-yes"] == 0  # the programme that would admit them is closed
    assert reach["fig-reach-academia-unknown"] == 12  # the others do not say, and no programme leads to b
    assert reach["fig-reach-sme-conditional"] == 4  # one federal state only
    assert edition.figures["val-b-access"].value is None


def test_a_contingent_is_for_the_groups_it_names_or_those_its_open_programmes_admit() -> None:
    programmes = [
        programme("open", {"startup": "yes", "sme": "conditional", "public": "no"}),
        programme("shut", {"academia": "yes"}, closed=True),
    ]
    contingents = [
        contingent("land", ("a",), ("open", "shut"), share=fact(0.5)),
        contingent("named", ("a",), user_groups=("academia",), statement=fact("for academia")),
        contingent("over", ("a",), ("open",), valid_until=datetime.date(2026, 11, 22)),
    ]
    catalogue = dataclasses.replace(
        small(systems=[system("a", fact(8))], programmes=programmes),
        contingents={entry.id: entry for entry in contingents},
    )
    edition = compose(catalogue)
    figures = edition.figures
    answers = {kind: figures[f"fig-contingent-land-{kind}"].value for kind in ("startup", "sme", "public", "academia")}
    assert answers == {"startup": "yes", "sme": "conditional", "public": "no", "academia": None}
    assert figures["fig-contingent-named-academia"].value == "yes"
    assert figures["fig-contingent-named-startup"].value == "no"
    assert figures["val-land-share"].value == 0.5
    assert figures["val-named-share"].value is None
    rows = edition.chapters["access"].tables["contingents"].rows
    assert [row.anchor for row in rows] == ["contingent-land", "contingent-named"], "one is over"


def test_the_next_deadline_is_the_first_that_has_not_passed() -> None:
    days = tuple(datetime.date(2026, month, 23) for month in (10, 11, 12))
    edition = compose(small(programmes=[programme("p", cutoff=fact("monthly"), cutoff_dates=days)]))
    assert edition.figures["fig-cutoff-p-next"].value == (datetime.date(2026, 11, 23),)
    past = compose(small(programmes=[programme("p", cutoff=fact("monthly"), cutoff_dates=days[:1])]))
    assert "fig-cutoff-p-next" not in past.figures


def test_prices_of_different_currency_or_tax_never_share_a_range() -> None:
    products = [
        product("eur-low", [price("2.50")]),
        product("eur-high", [price("4.00")]),
        product("eur-gross", [price("1.00", net=False)]),
        product("usd", [price("0.50", currency="USD")]),
        product("untold", [price("0.10", currency=None, net=None)]),
    ]
    edition = compose(small(products=products))
    ranges = {key: figure.value for key, figure in edition.figures.items() if key.startswith("fig-price-")}
    assert ranges["fig-price-h100-eur-net-lowest"] == Decimal("2.50")
    assert ranges["fig-price-h100-eur-net-highest"] == Decimal("4.00")
    assert ranges["fig-price-h100-eur-gross-lowest"] == Decimal("1.00")
    assert ranges["fig-price-h100-usd-net-lowest"] == Decimal("0.50")
    assert ranges["fig-price-h100-unknown-currency-tax-unknown-lowest"] == Decimal("0.10")


def test_only_prices_valid_on_the_day_are_shown() -> None:
    old = price("1.00", valid_until=datetime.date(2026, 9, 30))
    new = price("2.00", valid_from=datetime.date(2026, 10, 1))
    only = small(products=[product("p", [old, new])])
    assert value(only, "fig-price-h100-eur-net-lowest") == Decimal("2.00")
    assert value(small(products=[product("p", [old])]), "val-p-price") is None


def test_an_instance_price_is_divided_only_by_a_known_number() -> None:
    known = small(products=[product("p", [price("16", unit="instance_h")])])
    assert value(known, "val-p-price-on-demand-eur") == Decimal(2)
    assert value(known, "fig-price-h100-eur-net-lowest") == Decimal(2)
    unknown = compose(small(products=[product("p", [price("16", unit="instance_h")], accelerators=Fact())]))
    assert unknown.figures["val-p-price-on-demand-eur"].value == Decimal(16)
    assert not any(key.startswith("fig-price-") for key in unknown.figures)


def test_what_is_no_offer_enters_no_range_and_no_count() -> None:
    products = [
        product("offer", [price("3")]),
        product("survey", [price("1")], kind="survey"),
        product("purchase", [price("30000")], kind="purchase"),
    ]
    edition = compose(small(products=products))
    assert edition.figures["fig-offers-products"].value == 1
    assert edition.figures["fig-price-h100-eur-net-lowest"].value == Decimal(3)
    assert [row.anchor for row in edition.chapters["offers"].tables["apart"].rows] == [
        "product-survey",
        "product-purchase",
    ]


def test_unknown_values_are_counted_with_their_ids() -> None:
    edition = compose(small([system("a", interconnect=fact("InfiniBand")), system("b")]))
    figure = edition.figures["fig-unknown-system-interconnect"]
    assert figure.value == 1
    assert figure.counted == ("val-b-interconnect",)
    assert edition.figures["fig-unknown-system-interconnect-of"].value == 2
    assert edition.figures["fig-unknown-system-waiting-time"].value == 2


def test_rival_claims_are_figures_also_where_no_table_shows_them() -> None:
    edition = compose(small([system("a", nodes=fact(5884, 5938))]))
    figure = edition.figures["val-a-nodes"]
    assert figure.value == 5884
    assert [claim.value for claim in figure.rivals] == [5938]


def test_sources_are_listed_once_under_an_id_that_follows_from_them() -> None:
    edition = compose(small([system("a", fact(1)), system("b", fact(2, evidence="unsourced"))]))
    assert set(edition.sources.values()) == {source(), source("unsourced")}
    again = compose(small([system("b", fact(2)), system("a", fact(1))]))
    assert set(again.sources) < set(edition.sources)


def test_the_order_of_the_catalogue_changes_no_figure(catalogue: Catalogue, edition: Edition) -> None:
    turned = dataclasses.replace(
        catalogue,
        **{
            kind: dict(reversed(getattr(catalogue, kind).items()))
            for kind in ("accelerators", "systems", "programmes", "products", "support", "software")
        },
    )
    turned_figures = compose(turned).figures
    assert set(turned_figures) == set(edition.figures)
    for key, figure in edition.figures.items():
        if figure.form != "ids":
            assert turned_figures[key].value == figure.value
