"""A catalogue small enough to count by hand."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from stellwerk.catalog import (
    AmountLimit,
    Catalogue,
    Claim,
    Contingent,
    Evidence,
    Fact,
    Price,
    Product,
    Programme,
    Software,
    Source,
    Support,
    System,
)

KINDS = ("academia", "startup", "sme", "large_industry", "public")


def source(evidence: Evidence = "primary", host: str = "operator.example") -> Source:
    urls = () if evidence == "unsourced" else (f"https://{host}/page",)
    return Source(urls, "2026-03", datetime.date(2026, 3, 1), evidence)


def fact(*values: Any, evidence: Evidence = "primary") -> Fact[Any]:
    return Fact(tuple(Claim(value, source(evidence)) for value in values))


def system(system_id: str, accelerators: Fact[Any] = Fact(), **changes: Any) -> System:  # noqa: B008 - immutable
    known = {
        "country": fact("DE"),
        "status": fact("operational"),
        "system": fact(system_id.upper()),
        "accelerators": accelerators,
        "programme_ids": (),
        "operator_kind": "nhr",
    } | changes
    access = tuple(Claim(key, source()) for key in known.pop("programme_ids"))
    return _filled(
        System,
        id=system_id,
        site_id="site",
        accelerator_id=None,
        documentation_url="",
        notes="",
        comparator=False,
        access=access,
        other={},
        **known,
    )


def programme(programme_id: str, eligibility: dict[str, str] | None = None, **changes: Any) -> Programme:
    answers = {
        kind: fact(*((eligibility or {}).get(kind),)) if kind in (eligibility or {}) else Fact() for kind in KINDS
    }
    fixed = {
        "system_ids": (),
        "eligibility_conditions": {},
        "country_codes": (),
        "region": "",
        "free": None,
        "limits": (),
        "cutoff_dates": (),
        "closed": False,
        "url": "",
        "notes": "",
        "kind": "access",
        "other": {},
        "programme": fact(programme_id.title()),
    }
    return _filled(Programme, id=programme_id, eligibility=answers, **(fixed | changes))


def contingent(
    contingent_id: str, system_ids: tuple[str, ...], programme_ids: tuple[str, ...] = (), **changes: Any
) -> Contingent:
    fixed = {"user_groups": (), "part_of": None, "valid_from": None, "valid_until": None}
    identity = {"id": contingent_id, "system_ids": system_ids, "programme_ids": programme_ids}
    return _filled(Contingent, **identity, **(fixed | changes))


def price(amount: str, **changes: Any) -> Price:
    fixed: dict[str, Any] = {
        "currency": "EUR",
        "unit": "gpu_h",
        "kind": "on_demand",
        "term": "",
        "net": True,
        "valid_from": None,
        "valid_until": None,
        "source": source(),
    }
    return Price(Decimal(amount), **(fixed | changes))


def product(product_id: str, prices: Sequence[Price] = (), **changes: Any) -> Product:
    fixed = {
        "provider_id": "cloud",
        "provider": "Cloud",
        "accelerator": fact("H100"),
        "accelerator_id": None,
        "accelerators": fact(8),
        "url": "",
        "notes": "",
        "kind": "product",
        "other": {},
    }
    return _filled(Product, id=product_id, prices=tuple(prices), **(fixed | changes))


def catalogue(
    systems: Sequence[System] = (), programmes: Sequence[Programme] = (), products: Sequence[Product] = ()
) -> Catalogue:
    return Catalogue(
        accelerators={},
        systems=MappingProxyType({entry.id: entry for entry in systems}),
        programmes=MappingProxyType({entry.id: entry for entry in programmes}),
        products=MappingProxyType({entry.id: entry for entry in products}),
        observations=(),
        support={},
        software={},
        hash="0" * 64,
    )


def full_catalogue() -> Catalogue:
    """One or two entries of each kind, with something known, unknown, unsourced and contradictory."""
    systems = [
        system(
            "alpha",
            Fact((Claim(96, source(), note="operator page"), Claim(88, source("secondary", "press.example")))),
            partition=fact("gpu"),
            operator=fact("Centre"),
            city=fact("Aachen"),
            accelerator=fact("NVIDIA H100"),
            accelerator_memory_bytes=fact(80e9, evidence="unsourced"),
            interconnect=fact("InfiniBand NDR"),
            programme_ids=("open-call",),
        ),
        system("beta"),
        system("gamma", fact(8), country=fact("FI"), operator_kind="eurohpc"),
    ]
    programmes = [
        programme(
            "open-call",
            {"academia": "yes", "startup": "conditional", "large_industry": "no"},
            eligibility_conditions={"startup": "with academic partner"},
            free=True,
            cost=fact("free"),
            cutoff=fact("twice a year"),
            cutoff_dates=(datetime.date(2027, 1, 15),),
            limits=(AmountLimit("gpu_h", 1000.0, 50_000.0, "project", "", ("alpha",), source()),),
        )
    ]
    products = [
        product(
            "cloud-8xh100",
            [price("26.4", unit="instance_h"), price("1.5", kind="spot", currency="USD", net=None)],
            instance_type=fact("8xh100"),
            countries_of_data=fact(("DE", "FR")),
            hq_country=fact("DE"),
            certifications=fact(("ISO 27001",), evidence="unsourced"),
        ),
        product("survey-h100", kind="survey", notes="a range, no offer"),
    ]
    support = _filled(Support, id="help-desk", url="", organisation=fact("Help Desk"), offer=fact("consulting"))
    contingents = [
        contingent(
            "alpha-state",
            ("alpha",),
            ("open-call",),
            share_at_least=fact(0.6),
            funder=fact("Land"),
            statement=fact("at least 60% belong to the Land"),
        ),
        contingent("alpha-rest", ("alpha",), user_groups=("academia",), statement=fact("the rest is for academia")),
        contingent("alpha-past", ("alpha",), share=fact(0.4), valid_until=datetime.date(2020, 12, 31)),
    ]
    software = _filled(Software, id="alpha-software", url="", is_centre=True, other={}, site_system=fact("Alpha"))
    return dataclasses.replace(
        catalogue(systems, programmes, products),
        support={support.id: support},
        software={software.id: software},
        contingents={entry.id: entry for entry in contingents},
    )


def _filled(entry_type: type[Any], /, **known: Any) -> Any:
    """An entry with every fact that is not given left unknown."""
    gaps = {field.name: Fact() for field in fields(entry_type) if str(field.type).startswith("Fact")}
    return entry_type(**(gaps | known))
