"""Capacities added up: by operator kind, accelerator and openness, each pool once, the uncounted ones named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from stellwerk.catalog.model import Catalogue, Programme, Status, System

Openness = Literal["companies", "academia", "members", "unknown"]
"""Who can get in through a programme that takes applications: ``companies`` too; ``academia`` (or the public sector)
only; ``members`` of the owner only; ``unknown`` where no programme is stated or none says for whom it is."""

Phase = Literal["operational", "planned", "unclear", "decommissioned"]

_PHASES: dict[Status | None, Phase] = {
    "operational": "operational",
    "transitional": "operational",
    "planned": "planned",
    "building": "planned",
    "unclear": "unclear",
    None: "unclear",
    "decommissioned": "decommissioned",
}


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over systems. ``accelerators`` adds up the ``counted`` ones; nothing is assumed about ``uncounted``.

    ``sourced`` systems are those whose count a source backs; they hold ``sourced_accelerators``.
    """

    systems: int
    counted: int
    accelerators: int
    sourced: int
    sourced_accelerators: int

    @property
    def uncounted(self) -> int:
        return self.systems - self.counted


@dataclass(frozen=True, slots=True)
class Group:
    """The systems of one phase that share operator kind, accelerator and openness, and their sum."""

    phase: Phase
    operator_kind: str
    accelerator: str
    openness: Openness
    system_ids: tuple[str, ...]
    total: Total


@dataclass(frozen=True, slots=True)
class Summary:
    """Capacities of one country (or of all). ``largest`` is the operational system with the most accelerators;
    ``overlapping`` names counted operational systems that may describe the same nodes."""

    country: str | None
    groups: tuple[Group, ...]
    totals: dict[Phase, Total]
    largest: str | None
    without_largest: Total
    overlapping: tuple[str, ...]


def summarise(catalogue: Catalogue, country: str | None = "DE") -> Summary:
    """Capacities of the systems that stand in a country; None takes all, without those listed to compare with.

    A system whose country no source states belongs to no country.
    """
    systems = [
        system
        for system in catalogue.systems.values()
        if (not system.comparator if country is None else system.country.value == country)
    ]
    operational = [system for system in systems if phase_of(system) == "operational"]
    counted = [system for system in operational if system.accelerators.known]
    largest = max(counted, key=lambda system: system.accelerators.value or 0, default=None)
    return Summary(
        country=country,
        groups=_groups(catalogue, systems),
        totals={
            phase: add_up(system for system in systems if phase_of(system) == phase)
            for phase in dict.fromkeys(_PHASES.values())
        },
        largest=largest.id if largest else None,
        without_largest=add_up(system for system in operational if system is not largest),
        overlapping=tuple(
            system.id for system in counted if any(other.id in system.shares_hardware_with for other in counted)
        ),
    )


def openness_of(system: System, catalogue: Catalogue) -> Openness:
    """Who can get into a system, as far as the programmes say that lead to it and take applications."""
    programmes = [catalogue.programmes[programme_id] for programme_id in system.programme_ids]
    open_ones = [programme for programme in programmes if _is_open(programme, system)]
    if any(_admits(programme, ("startup", "sme", "large_industry")) for programme in open_ones):
        return "companies"
    if any(_admits(programme, ("academia", "public")) for programme in open_ones):
        return "academia"
    return "members" if "access_rule" in system.other else "unknown"


def phase_of(system: System) -> Phase:
    """Where a system is in its life, as far as it matters for a sum; a status that nobody states is unclear."""
    return _PHASES[system.status.value]


def add_up(systems: Iterable[System]) -> Total:
    """The sum over some systems."""
    listed = list(systems)
    counted = [system for system in listed if system.accelerators.known]
    sourced = [system for system in counted if system.accelerators.evidence != "unsourced"]
    return Total(
        systems=len(listed),
        counted=len(counted),
        accelerators=sum(system.accelerators.value or 0 for system in counted),
        sourced=len(sourced),
        sourced_accelerators=sum(system.accelerators.value or 0 for system in sourced),
    )


def _groups(catalogue: Catalogue, systems: list[System]) -> tuple[Group, ...]:
    found: dict[tuple[Phase, str, str, Openness], list[System]] = {}
    for system in systems:
        key = (
            phase_of(system),
            system.operator_kind,
            accelerator_name(system, catalogue),
            openness_of(system, catalogue),
        )
        found.setdefault(key, []).append(system)
    return tuple(
        Group(*key, system_ids=tuple(system.id for system in members), total=add_up(members))
        for key, members in sorted(found.items())
    )


def accelerator_name(system: System, catalogue: Catalogue) -> str:
    """The type and memory size, without a form factor that the row may not state: ``A100 40 GB``."""
    if system.accelerator_id is None:
        return "unclear or mixed" if system.accelerator.known else "not stated"
    family = catalogue.accelerators[system.accelerator_id].family
    memory_bytes = system.accelerator_memory_bytes.value
    return f"{family} {memory_bytes / 1e9:g} GB" if memory_bytes else family


def _is_open(programme: Programme, system: System) -> bool:
    return (
        programme.kind != "no_compute" and programme.closed is not True and system.id not in programme.closed_system_ids
    )


def _admits(
    programme: Programme, kinds: tuple[Literal["academia", "startup", "sme", "large_industry", "public"], ...]
) -> bool:
    return any(programme.eligibility[kind].value in ("yes", "conditional") for kind in kinds)
