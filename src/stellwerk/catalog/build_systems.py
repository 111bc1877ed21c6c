"""Accelerators and systems from their entries; the one place where human units become ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stellwerk.catalog.build_parts import build_charges, build_partitions
from stellwerk.catalog.claims import source_rank
from stellwerk.catalog.facts import Claim
from stellwerk.catalog.model import Accelerator, System
from stellwerk.catalog.rows import Row, Rows
from stellwerk.catalog.schema import AcceleratorEntry, SystemEntry

GB = 1e9
TB = 1e12
GBIT_PER_S = 1e9 / 8
TFLOPS = 1e12


def times(factor: float) -> Callable[[float], float]:
    """A conversion from a human unit, a multiple of ours."""
    return lambda value: value * factor


def access_claims(rows: Rows) -> dict[str, tuple[Claim[str], ...]]:
    """Which programmes give access to which system: what the systems state, joined with what the programmes state."""
    found: dict[str, list[Claim[str]]] = {}
    for system in rows.systems:
        for claim in system.claims.of("access_programmes"):
            for programme_id in claim.value:
                link = Claim(programme_id, claim.source, note=claim.note)
                found.setdefault(system.entry.id, []).append(link)
    for programme in rows.programmes:
        for claim in programme.claims.of("system_ids"):
            for system_id in claim.value:
                link = Claim(programme.entry.id, claim.source, note=claim.note)
                found.setdefault(system_id, []).append(link)
    return {system_id: _in_order(links) for system_id, links in found.items()}


def _in_order(links: list[Claim[str]]) -> tuple[Claim[str], ...]:
    """By programme, then better evidence first; the same statement is kept once."""
    ordered = sorted(links, key=lambda link: (link.value, source_rank(link.source), link.source.urls, link.note))
    return tuple(dict.fromkeys(ordered))


def build_accelerator(row: Row[AcceleratorEntry]) -> Accelerator:
    entry, take = row.entry, row.claims.fact
    return Accelerator(
        id=entry.id,
        name=entry.name,
        vendor=entry.vendor,
        devices=entry.devices,
        memory_bytes=take("memory_gb", times(GB)),
        memory_bandwidth_bytes_per_s=take("memory_bandwidth_gb_s", times(GB)),
        bf16_flops=take("bf16_tflops", times(TFLOPS)),
        fp16_flops=take("fp16_tflops", times(TFLOPS)),
        fp8_flops=take("fp8_tflops", times(TFLOPS)),
        fp4_flops=take("fp4_tflops", times(TFLOPS)),
        bf16_measured_flops=take("bf16_measured_tflops", times(TFLOPS)),
        link_bytes_per_s=take("link_gb_s", times(GB)),
        link_kind=take("link_kind"),
        power_w=take("power_w", float),
        year=take("year"),
        notes=entry.notes,
        tf32_flops=take("tf32_tflops", times(TFLOPS)),
        fp8_measured_flops=take("fp8_measured_tflops", times(TFLOPS)),
        family=entry.family or entry.name,
        link_per_pair_bytes_per_s=take("link_per_pair_gb_s", times(GB)),
        link_domain=take("link_domain"),
        bridged_modules=take("bridged_modules"),
        host_link_bytes_per_s=take("host_link_gb_s", times(GB)),
        shared_host_memory=take("shared_host_memory"),
    )


def build_system(row: Row[SystemEntry], access: Sequence[Claim[str]]) -> System:
    entry, take = row.entry, row.claims.fact
    take("access_programmes")  # already in ``access``
    return System(
        id=entry.id,
        site_id=row.owner,
        operator=take("operator"),
        operator_kind=entry.operator_kind,
        alliance=take("alliance"),
        system=take("system"),
        partition=take("partition"),
        city=take("city"),
        country=take("country"),
        accelerator=take("accelerator"),
        accelerator_id=entry.accelerator_id,
        accelerator_kind=take("accel_kind"),
        accelerators_per_node=take("accel_per_node"),
        nodes=take("nodes"),
        accelerators=take("accel_total"),
        accelerator_memory_bytes=take("accel_mem_gb", times(GB)),
        cpu=take("cpu"),
        memory_per_node=take("ram_per_node"),
        interconnect=take("interconnect"),
        interconnect_bytes_per_s=take("interconnect_gbit_s", times(GBIT_PER_S)),
        interconnect_at_least_bytes_per_s=take("interconnect_at_least_gbit_s", times(GBIT_PER_S)),
        node_interconnect=take("node_interconnect"),
        scheduler=take("scheduler"),
        container_runtime=take("container_runtime"),
        max_walltime_h=take("max_walltime_h", float),
        status=take("status"),
        in_operation_since=take("in_operation_since"),
        until=take("until"),
        rmax_pflops=take("rmax_pflops", float),
        power_mw=take("power_mw", float),
        energy_notes=take("energy_notes"),
        operation_from_earliest=take("operation_from_earliest"),
        operation_from_latest=take("operation_from_latest"),
        operation_until_earliest=take("operation_until_earliest"),
        operation_until_latest=take("operation_until_latest"),
        data_sensitivity=take("data_sensitivity"),
        storage_quota_bytes=take("storage_quota_tb", times(TB)),
        network_adapters=take("network_adapters"),
        blocking_factor=take("blocking_factor", float),
        documentation_url=entry.doc_url,
        notes=entry.notes,
        comparator=entry.comparator,
        access=tuple(access),
        other=row.claims.rest(),
        shares_hardware_with=tuple(entry.shares_hardware_with),
        accelerator_assumption=entry.accelerator_assumption,
        partitions=build_partitions(row),
        charges=build_charges(row),
    )
