"""Commercial products, their prices, price observations and providers from their entries."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from stellwerk.catalog.build_systems import GB, GBIT_PER_S, times
from stellwerk.catalog.claims import source_rank
from stellwerk.catalog.facts import Fact, Source
from stellwerk.catalog.model import Price, PriceObservation, Product, Provider
from stellwerk.catalog.rows import Row, Rows
from stellwerk.catalog.schema import ObservationEntry, PriceEntry, ProductEntry


def build_product(row: Row[ProductEntry], provider_names: Mapping[str, str]) -> Product:
    entry, take = row.entry, row.claims.fact
    return Product(
        id=entry.id,
        provider_id=row.owner,
        provider=provider_names[row.owner],
        instance_type=take("instance_type"),
        accelerator=take("gpu_model"),
        accelerator_id=entry.accelerator_id,
        accelerators=take("gpu_count"),
        accelerator_memory_bytes=take("gpu_mem_gb", times(GB)),
        interconnect=take("interconnect"),
        interconnect_bytes_per_s=take("interconnect_gbit_s", times(GBIT_PER_S)),
        interconnect_at_least_bytes_per_s=take("interconnect_at_least_gbit_s", times(GBIT_PER_S)),
        node_interconnect=take("node_interconnect"),
        network_adapters=take("network_adapters"),
        blocking_factor=take("blocking_factor", float),
        link_domain=take("nvlink_domain_gpus"),
        max_coupled_accelerators=take("max_coupled_accelerators"),
        prices=_latest_first([_build_price(price, source) for price, source in row.parts]),
        region=take("region"),
        countries_of_data=take("countries_of_data", tuple),
        hq_country=take("hq_country"),
        certifications=take("certifications", tuple),
        url=entry.url,
        notes=entry.notes,
        kind=entry.kind,
        other=row.claims.rest(),
        accelerator_assumption=entry.accelerator_assumption,
    )


def build_observation(row: Row[ObservationEntry]) -> PriceObservation:
    entry = row.entry
    return PriceObservation(
        provider_id=row.owner,
        instance_type=entry.instance_type,
        accelerator=entry.accelerator,
        accelerators=entry.accelerators,
        memory_gib=entry.memory_gib,
        region=entry.region,
        country=entry.country,
        on_demand_per_hour=None if entry.on_demand_per_hour is None else Decimal(entry.on_demand_per_hour),
        spot_per_hour=None if entry.spot_per_hour is None else Decimal(entry.spot_per_hour),
        currency=entry.currency,
        source=row.source,
        vcpus=entry.vcpus,
        host_memory_gib=entry.host_memory_gib,
    )


def build_providers(rows: Rows) -> dict[str, Provider]:
    subjects: dict[str, dict[str, Mapping[str, Fact[str]]]] = {
        provider_id: {} for provider_id in sorted(rows.providers)
    }
    for row in sorted(rows.subjects, key=lambda row: row.entry.id):
        subjects[row.owner][row.entry.id] = row.claims.rest()
    return {
        provider_id: Provider(provider_id, rows.providers[provider_id], about)
        for provider_id, about in subjects.items()
    }


def _build_price(price: PriceEntry, source: Source) -> Price:
    return Price(
        amount=Decimal(price.amount),
        currency=price.currency,
        unit=price.unit,
        kind=price.kind,
        term=price.term,
        net=price.net,
        valid_from=price.valid_from,
        valid_until=price.valid_until,
        source=source,
        note=price.note,
        commitment_days=price.commitment_days,
        least_accelerators=price.least_accelerators,
    )


def _latest_first(prices: list[Price]) -> tuple[Price, ...]:
    """Local prices first, then the one that came into force last, then the one read last, then the better evidenced,
    then as written."""

    def newest(price: Price) -> tuple[bool, int, int, int]:
        in_force = price.valid_from.toordinal() if price.valid_from else 0
        packaged, evidence, read = source_rank(price.source)
        return packaged, -in_force, read, evidence

    return tuple(sorted(prices, key=newest))
