"""Puts the checked entries together into one catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from stellwerk.catalog.build_products import build_observation, build_product, build_providers
from stellwerk.catalog.build_programmes import build_family, build_programme
from stellwerk.catalog.build_systems import access_claims, build_accelerator, build_system
from stellwerk.catalog.build_tables import (
    build_carbon_intensity,
    build_contingent,
    build_exchange_rate,
    build_launch_profile,
)
from stellwerk.catalog.claims import source_rank
from stellwerk.catalog.consistency import contradictions
from stellwerk.catalog.families import wrong_families
from stellwerk.catalog.files import Document
from stellwerk.catalog.model import Catalogue, Need, PriceObservation, Software, Support
from stellwerk.catalog.overlay import lay_over
from stellwerk.catalog.references import unknown_references
from stellwerk.catalog.rows import Row, Rows, read_rows
from stellwerk.catalog.rule_checks import wrong_rules
from stellwerk.catalog.schema import NeedEntry, SoftwareEntry, SupportEntry
from stellwerk.errors import InputError

T = TypeVar("T")


def build(
    documents: Sequence[Document], local: Sequence[Document], digest: str, errors: list[InputError]
) -> Catalogue | None:
    """The catalogue of some documents with ``local`` ones laid over them; None where anything is wrong, with the
    reasons added to ``errors``. The documents below refer to each other only, the local ones to both."""
    rows = read_rows(documents, errors)
    errors.extend(unknown_references(rows, rows.ids))
    known, local_rows = rows.ids, None
    if local:
        local_rows = read_rows(local, errors, below=rows)
        known = {kind: rows.ids[kind] | local_rows.ids[kind] for kind in rows.ids}
        errors.extend(unknown_references(local_rows, known))
        rows = lay_over(rows, local_rows)
    errors.extend(wrong_rules(rows, known["programmes"], local_rows))
    errors.extend(wrong_families(rows, known["families"], local_rows))
    errors.extend(contradictions(rows))
    return None if errors else _assemble(rows, digest)


def _assemble(rows: Rows, digest: str) -> Catalogue:
    access = access_claims(rows)
    return Catalogue(
        accelerators=_by_id(rows.accelerators, build_accelerator),
        systems=_by_id(rows.systems, lambda row: build_system(row, access.get(row.entry.id, ()))),
        programmes=_by_id(rows.programmes, build_programme),
        products=_by_id(rows.products, lambda row: build_product(row, rows.providers)),
        observations=tuple(sorted(map(build_observation, rows.observations), key=_observation_order)),
        support=_by_id(rows.support, _build_support),
        needs=_by_id(rows.needs, _build_need),
        families=_by_id(rows.families, build_family),
        software=_by_id(rows.software, _build_software),
        hash=digest,
        providers=build_providers(rows),
        exchange_rates=_by_id(rows.exchange_rates, build_exchange_rate),
        carbon_intensities=_by_id(rows.carbon_intensities, build_carbon_intensity),
        contingents=_by_id(rows.contingents, build_contingent),
        launch_profiles=_by_id(rows.launch_profiles, build_launch_profile),
    )


def _by_id(rows: Iterable[Row[Any]], build_one: Callable[[Row[Any]], T]) -> dict[str, T]:
    return {row.entry.id: build_one(row) for row in sorted(rows, key=lambda row: row.entry.id)}


def _observation_order(observation: PriceObservation) -> tuple[Any, ...]:
    return (
        observation.provider_id,
        observation.accelerator,
        observation.accelerators,
        observation.instance_type,
        observation.region,
        source_rank(observation.source),
    )


def _build_support(row: Row[SupportEntry]) -> Support:
    entry, take = row.entry, row.claims.fact
    return Support(
        id=entry.id,
        organisation=take("organisation"),
        offer_type=take("offer_type"),
        offer=take("offer"),
        audience=take("audience"),
        eligibility=take("eligibility"),
        cost=take("cost"),
        url=entry.url,
        kind=entry.support_kind,
        user_groups=tuple(entry.user_groups),
        country_codes=tuple(entry.country_codes),
        region=entry.region,
        site_ids=tuple(entry.site_ids),
        system_ids=tuple(entry.system_ids),
        programme_ids=tuple(entry.programme_ids),
    )


def _build_need(row: Row[NeedEntry]) -> Need:
    entry = row.entry
    return Need(
        id=entry.id,
        kind=entry.kind,
        country=entry.country,
        user_groups=tuple(entry.user_groups),
        statement=row.claims.fact("statement"),
    )


def _build_software(row: Row[SoftwareEntry]) -> Software:
    take = row.claims.fact
    return Software(
        id=row.entry.id,
        site_system=take("site_system"),
        software_stack=take("software_stack"),
        container_runtime=take("container_runtime"),
        launch_pattern=take("launch_pattern"),
        master_address_rule=take("master_address_rule"),
        environment_variables=take("environment_variables"),
        scheduler_flags=take("scheduler_flags"),
        pitfalls=take("pitfalls"),
        url=row.entry.url,
        is_centre=row.entry.is_centre,
        other=row.claims.rest(),
        system_ids=tuple(row.entry.system_ids),
    )
