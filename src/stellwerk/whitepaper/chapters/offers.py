"""Chapter: what private providers offer, at which price, where, and what is known about it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal

from stellwerk.catalog import Catalogue, Claim, Price, Product
from stellwerk.whitepaper.book import FigureBook, slug
from stellwerk.whitepaper.model import Chapter, Phrase, Row, RowGroup, Table

APART = ("survey", "purchase", "not_rentable")
"""Kinds of rows that are no offer and are shown apart."""


def compose_offers(catalogue: Catalogue, as_of: datetime.date, book: FigureBook) -> Chapter:
    """Price ranges per accelerator, all offers by provider, and what is no offer."""
    products = [product for product in catalogue.products.values() if product.kind == "product"]
    apart = [product for product in catalogue.products.values() if product.kind in APART]
    tables = {
        "ranges": _ranges_table(catalogue, products, as_of, book),
        "providers": _providers_table(products, as_of, book),
        "offers": _offers_table("offers", products, as_of, book),
        "apart": _apart_table(apart, as_of, book),
    }
    return Chapter("offers", _key_figures(catalogue, products, as_of, book), tables=tables)


def product_name(product: Product) -> str:
    return f"{product.provider} · {product.instance_type.value or product.id}"


def valid_prices(product: Product, as_of: datetime.date) -> list[Price]:
    """The prices of a product on a day."""
    return [
        price
        for price in product.prices
        if (price.valid_from is None or price.valid_from <= as_of)
        and (price.valid_until is None or as_of <= price.valid_until)
    ]


def price_figures(product: Product, as_of: datetime.date, book: FigureBook) -> list[tuple[Price, str]]:
    """One figure for each kind, term and currency of price that is valid on the day, per accelerator and hour where
    it is charged by the hour; prices that several sources state for the same thing are rival claims."""
    alike: dict[str, list[Price]] = {}
    for price in valid_prices(product, as_of):
        currency = (price.currency or "unknown-currency").lower()
        parts = ("price", slug(price.kind), slug(price.term), currency, "month" if price.unit == "month" else "")
        alike.setdefault("-".join(part for part in parts if part), []).append(price)
    return [(prices[0], _price_figure(product, field, prices, book)) for field, prices in alike.items()]


def _price_figure(product: Product, field: str, prices: Sequence[Price], book: FigureBook) -> str:
    claims = tuple(Claim(_amount(price, product), price.source, price.unit, price.note) for price in prices)
    return book.stated(
        product.id, field, claims, "price", unit=price_unit(prices[0], product), label=_price_label(prices[0])
    )


def price_unit(price: Price, product: Product) -> Phrase:
    """What a price of the book counts: currency, per what, with or without tax, and its kind if not on demand."""
    plain = price.kind in ("on_demand", "monthly")
    gaps: dict[str, str | int | Phrase] = {
        "currency": price.currency or Phrase("price.currency_unknown"),
        "per": Phrase(f"price.per_{'gpu_h' if is_per_gpu_hour(price, product) else price.unit}"),
        "tax": Phrase(f"price.{tax_kind(price)}"),
        "kind": "" if plain else Phrase("price.of_kind", {"kind": Phrase(f"price_kind.{price.kind}")}),
    }
    return Phrase("unit.price", gaps)


def is_per_gpu_hour(price: Price, product: Product) -> bool:
    """Whether the book shows the price per accelerator and hour: so charged, or by the instance of known size."""
    return price.unit == "gpu_h" or (price.unit == "instance_h" and product.accelerators.known)


def tax_kind(price: Price) -> str:
    return {True: "net", False: "gross", None: "tax_unknown"}[price.net]


def _price_label(price: Price) -> Phrase:
    return Phrase("field.price", {"kind": Phrase(f"price_kind.{price.kind}"), "term": price.term})


def _amount(price: Price, product: Product) -> Decimal:
    """Per accelerator and hour where an hour of a whole instance is charged."""
    if price.unit == "instance_h" and product.accelerators.value is not None:
        return price.amount / product.accelerators.value
    return price.amount


def _key_figures(
    catalogue: Catalogue, products: Sequence[Product], as_of: datetime.date, book: FigureBook
) -> tuple[str, ...]:
    accelerators = [_accelerator_figure(product, book) for product in products]
    priced = [product for product in products if valid_prices(product, as_of)]
    prices = [figure for product in priced for _, figure in price_figures(product, as_of, book)]
    method = Phrase("method.count")
    observations = len(catalogue.observations)
    without_currency = sum(observation.currency is None for observation in catalogue.observations)
    return (
        book.computed("fig-offers-products", Phrase("figure.offers_products"), len(products), method, accelerators),
        book.computed("fig-offers-priced", Phrase("figure.offers_priced"), len(priced), method, prices),
        book.computed(
            "fig-offers-observations",
            Phrase("figure.offers_observations"),
            observations,
            Phrase("method.observations"),
            (),
        ),
        book.computed(
            "fig-offers-observations-without-currency",
            Phrase("figure.offers_observations_without_currency"),
            without_currency,
            Phrase("method.observations"),
            (),
        ),
    )


def _ranges_table(catalogue: Catalogue, products: Sequence[Product], as_of: datetime.date, book: FigureBook) -> Table:
    """Groups by currency and tax, in each one row per accelerator: nothing is compared across currencies."""
    found: dict[tuple[str, str], dict[tuple[str, str], list[str]]] = {}
    for product in products:
        for price, figure in price_figures(product, as_of, book):
            if price.kind == "on_demand" and is_per_gpu_hour(price, product):
                group = found.setdefault((price.currency or "", tax_kind(price)), {})
                group.setdefault(_accelerator(product, catalogue), []).append(figure)
    groups = tuple(
        RowGroup(
            Phrase("unit.price_per_gpu_hour", _money_gaps(currency, tax)),
            tuple(
                _range_row(key, name, currency, tax, figures, book)
                for (key, name), figures in sorted(by_name.items(), key=lambda item: item[0][1].casefold())
            ),
        )
        for (currency, tax), by_name in sorted(found.items(), key=lambda item: (item[0][0] or "~", item[0][1]))
    )
    columns = tuple(
        Phrase(f"column.{name}") for name in ("accelerator", "lowest_price", "highest_price", "priced_offers")
    )
    return Table("table-price-ranges", Phrase("caption.price_ranges"), columns, groups, bare=True)


def _money_gaps(currency: str, tax: str) -> dict[str, str | int | Phrase]:
    return {"currency": currency or Phrase("price.currency_unknown"), "tax": Phrase(f"price.{tax}")}


def _accelerator(product: Product, catalogue: Catalogue) -> tuple[str, str]:
    """Key and name of the accelerator that a product is counted under."""
    if product.accelerator_id is not None:
        return product.accelerator_id, catalogue.accelerators[product.accelerator_id].name
    name = product.accelerator.value or "?"
    return slug(name), name


def _range_row(key: str, name: str, currency: str, tax: str, figures: Sequence[str], book: FigureBook) -> Row:
    amounts = sorted(book.value(figure) for figure in figures)
    gaps = {**_money_gaps(currency, tax), "name": name}
    unit = Phrase("unit.price_per_gpu_hour_of", {**_money_gaps(currency, tax), "per": "gpu_h"})
    base = f"fig-price-{slug(key)}-{slug(currency) or 'unknown-currency'}-{slug(tax)}"

    def bound(which: str, value: Decimal) -> str:
        label, method = Phrase(f"figure.price_{which}", gaps), Phrase(f"method.price_{which}")
        return book.computed(f"{base}-{which}", label, value, method, figures, form="price", unit=unit)

    label = Phrase("figure.price_count", gaps)
    count = book.computed(f"{base}-count", label, len(figures), Phrase("method.count"), figures)
    return Row(name, ((bound("lowest", amounts[0]),), (bound("highest", amounts[-1]),), (count,)))


def _providers_table(products: Sequence[Product], as_of: datetime.date, book: FigureBook) -> Table:
    """One row per provider, gathered from its products."""
    by_provider: dict[tuple[str, str], list[Product]] = {}
    for product in products:
        by_provider.setdefault((product.provider.casefold(), product.provider_id), []).append(product)
    rows = tuple(_provider_row(own, as_of, book) for _, own in sorted(by_provider.items(), key=lambda item: item[0]))
    columns = tuple(
        Phrase(f"column.{name}")
        for name in ("provider", "products", "priced", "network_known", "location", "hq", "certificates")
    )
    return Table("table-providers", Phrase("caption.providers"), columns, (RowGroup(None, rows),))


def _provider_row(products: Sequence[Product], as_of: datetime.date, book: FigureBook) -> Row:
    provider, key = products[0].provider, slug(products[0].provider_id)
    gaps: dict[str, str | int | Phrase] = {"provider": provider}

    def count(name: str, figures: Sequence[str], value: int) -> str:
        label = Phrase(f"figure.provider_{name}", gaps)
        return book.computed(f"fig-provider-{key}-{slug(name)}", label, value, Phrase("method.count_known"), figures)

    def gathered(name: str, figures: Sequence[str]) -> str:
        found = {value for figure in figures for value in _as_tuple(book.value(figure))}
        label, method = Phrase(f"figure.provider_{name}", gaps), Phrase("method.gathered")
        names = tuple(sorted(found)) or None
        return book.computed(f"fig-provider-{key}-{slug(name)}", label, names, method, figures, form="names")

    accelerators = [_accelerator_figure(product, book) for product in products]
    prices = [prices_cell(product, as_of, book)[0] for product in products]
    networks = [book.fact(product.id, "interconnect", product.interconnect, "text") for product in products]
    cells = (
        count("products", accelerators, len(products)),
        count("priced", prices, sum(book.value(figure) is not None for figure in prices)),
        count("network_known", networks, sum(book.value(figure) is not None for figure in networks)),
        gathered("location", [_countries(product, book) for product in products]),
        gathered("hq", [book.fact(product.id, "hq-country", product.hq_country, "names") for product in products]),
        gathered("certificates", [_certificates(product, book) for product in products]),
    )
    return Row(provider, tuple((cell,) for cell in cells))


def _accelerator_figure(product: Product, book: FigureBook) -> str:
    claims = product.accelerator.claims
    return book.stated(product.id, "accelerator", claims, "text", note=product.accelerator_assumption)


def _as_tuple(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


def _countries(product: Product, book: FigureBook) -> str:
    return book.fact(product.id, "countries-of-data", product.countries_of_data, "names")


def _certificates(product: Product, book: FigureBook) -> str:
    return book.fact(product.id, "certifications", product.certifications, "names")


def _offers_table(name: str, products: Sequence[Product], as_of: datetime.date, book: FigureBook) -> Table:
    providers = dict.fromkeys(product.provider for product in products)
    groups = tuple(
        RowGroup(
            Phrase("unit.name", {"name": provider}),
            tuple(_offer_row(product, as_of, book) for product in products if product.provider == provider),
        )
        for provider in sorted(providers, key=str.casefold)
    )
    columns = tuple(
        Phrase(f"column.{column}")
        for column in ("offer", "accelerator", "per_instance", "price", "location", "hq", "network", "certificates")
    )
    return Table(f"table-{name}", Phrase(f"caption.{name}"), columns, groups)


def _offer_row(product: Product, as_of: datetime.date, book: FigureBook) -> Row:
    cells = (
        (_accelerator_figure(product, book),),
        (book.fact(product.id, "accelerators", product.accelerators, "number"),),
        prices_cell(product, as_of, book),
        (_countries(product, book),),
        (book.fact(product.id, "hq-country", product.hq_country, "names"),),
        (book.fact(product.id, "interconnect", product.interconnect, "text"),),
        (_certificates(product, book),),
    )
    return Row(
        product.instance_type.value or Phrase("label.no_instance_type"),
        cells,
        small=product.region.value or "",
        anchor=f"product-{product.id}",
    )


def prices_cell(product: Product, as_of: datetime.date, book: FigureBook) -> tuple[str, ...]:
    """All prices of a product on a day; where there is none, the unknown price, which one can comment on too."""
    figures = [figure for _, figure in price_figures(product, as_of, book)]
    return tuple(figures) or (book.stated(product.id, "price", (), "price", label=Phrase("field.price_none")),)


def _apart_table(products: Sequence[Product], as_of: datetime.date, book: FigureBook) -> Table:
    groups = tuple(
        RowGroup(
            Phrase(f"product_kind.{kind}"),
            tuple(
                Row(
                    product_name(product),
                    (
                        (_accelerator_figure(product, book),),
                        prices_cell(product, as_of, book),
                    ),
                    small=product.notes,
                    anchor=f"product-{product.id}",
                )
                for product in products
                if product.kind == kind
            ),
        )
        for kind in APART
        if any(product.kind == kind for product in products)
    )
    columns = tuple(Phrase(f"column.{name}") for name in ("entry", "accelerator", "price"))
    return Table("table-apart", Phrase("caption.apart"), columns, groups)
