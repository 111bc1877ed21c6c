"""A catalogue of many generated offers, varied over the hardware, prices, programmes and places of the packaged one."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from stellwerk.catalog import Accelerator, Catalogue, Claim, Fact, Product, Source, System

OFFERS_PER_POOL = 4
"""Programmes that lead to a system, terms of a product."""
TERMS = (("on_demand", ""), ("reserved", "1 year"), ("reserved", "3 years"), ("spot", ""))
PER_NODE = (1, 2, 4, 8)
NETWORKS_GBIT_S = (100, 200, 400, 800, 1600, 3200)


def generated_catalogue(catalogue: Catalogue, offers: int, seed: int = 1) -> Catalogue:
    """``catalogue`` with so many offers in place of its own, half of them public: each pool another size, drawn from
    ``seed``."""
    draw = random.Random(seed)  # noqa: S311 - not for security
    pools = offers // OFFERS_PER_POOL // 2
    systems = {one.id: one for one in (_system(catalogue, number, draw) for number in range(pools))}
    products = {one.id: one for one in (_product(catalogue, number, draw) for number in range(pools))}
    return replace(catalogue, systems=systems, products=products)


def _system(catalogue: Catalogue, number: int, draw: random.Random) -> System:
    like = draw.choice([one for one in catalogue.systems.values() if not one.comparator and one.status.known])
    programmes = draw.sample([one.id for one in catalogue.programmes.values() if one.kind == "access"], OFFERS_PER_POOL)
    source = like.status.claims[0].source
    accelerator, per_node, nodes = _accelerator(catalogue, draw), draw.choice(PER_NODE), draw.randint(1, 1000)
    return replace(
        like,
        id=f"generated-system-{number:05}",
        accelerator_id=accelerator.id,
        accelerators_per_node=_stated(per_node, source),
        nodes=_stated(nodes, source),
        accelerators=_stated(nodes * per_node, source),
        accelerator_memory_bytes=accelerator.memory_bytes,
        interconnect_bytes_per_s=_stated(draw.choice(NETWORKS_GBIT_S) * 1e9 / 8, source),
        access=tuple(Claim(programme, source) for programme in programmes),
    )


def _product(catalogue: Catalogue, number: int, draw: random.Random) -> Product:
    like = draw.choice([one for one in catalogue.products.values() if one.kind == "product" and one.prices])
    price = like.prices[0]
    accelerator, per_instance = _accelerator(catalogue, draw), draw.choice(PER_NODE)
    return replace(
        like,
        id=f"generated-product-{number:05}",
        accelerator_id=accelerator.id,
        accelerators=_stated(per_instance, price.source),
        accelerator_memory_bytes=accelerator.memory_bytes,
        interconnect_bytes_per_s=_stated(draw.choice(NETWORKS_GBIT_S) * 1e9 / 8, price.source),
        max_coupled_accelerators=_stated(per_instance * draw.randint(1, 512), price.source),
        prices=tuple(
            replace(price, amount=price.amount * draw.randint(50, 150) / 100, kind=kind, term=term, valid_until=None)
            for kind, term in TERMS
        ),
        countries_of_data=_stated((draw.choice(("DE", "FR", "FI", "NL", "US")),), price.source),
    )


def _accelerator(catalogue: Catalogue, draw: random.Random) -> Accelerator:
    return draw.choice([one for one in catalogue.accelerators.values() if one.bf16_flops.known])


def _stated(value: Any, source: Source) -> Fact[Any]:
    return Fact((Claim(value, source),))
