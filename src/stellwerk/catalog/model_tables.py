"""Exchange rates, carbon intensities, contingents and launch profiles."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from stellwerk.catalog.facts import Fact
from stellwerk.catalog.model_parts import in_period

ApplicantKind = Literal["academia", "startup", "sme", "large_industry", "public"]
Scheduler = Literal["slurm", "pbs"]
CpuArchitecture = Literal["x86_64", "aarch64"]
Internet = Literal["yes", "no", "proxy"]


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """How much of ``quote`` one unit of ``base`` bought on a day. Currencies are ISO 4217 codes."""

    id: str
    base: str
    quote: str
    date: datetime.date
    """The day of the leading rate, which its source names."""
    rate: Fact[Decimal]


@dataclass(frozen=True, slots=True)
class CarbonIntensity:
    """Grams of CO2 for one kWh of a country's electricity, as a mean over one year, by one method (in words)."""

    id: str
    country: str
    year: int
    method: str
    co2_g_per_kwh: Fact[float]


@dataclass(frozen=True, slots=True)
class Contingent:
    """A part of one or more pools that belongs to some programmes for some time.

    Each share is that of each named system, or, with ``part_of``, of that contingent. A share is exact (``share``), or
    bounded. What nobody states is unknown: a contingent may be known by its statement alone. ``user_groups`` are the
    applicants it is for; empty: not stated.
    """

    id: str
    system_ids: tuple[str, ...]
    programme_ids: tuple[str, ...]
    user_groups: tuple[ApplicantKind, ...]
    part_of: str | None
    valid_from: datetime.date | None
    valid_until: datetime.date | None
    """Inclusive; None where no end is stated."""
    funder: Fact[str]
    share: Fact[float]
    share_at_least: Fact[float]
    share_at_most: Fact[float]
    accelerators: Fact[int]
    statement: Fact[str]

    def valid_on(self, day: datetime.date) -> bool:
        return in_period(day, self.valid_from, self.valid_until)


@dataclass(frozen=True, slots=True)
class LaunchProfile:
    """How a job is started on some systems, in a form that programs can use; the texts stand in ``Software``."""

    id: str
    system_ids: tuple[str, ...]
    scheduler: Fact[Scheduler]
    cpu_architecture: Fact[CpuArchitecture]
    container_runtimes: Fact[tuple[str, ...]]
    launcher: Fact[str]
    address_suffix: Fact[str]
    """What the name of the first node gets so that it leads over the fast network (``i``); empty: nothing."""
    internet_on_compute_nodes: Fact[Internet]
    environment: Fact[Mapping[str, str]]
    """Environment variables that a job sets, by name; a value may name other variables (``$SLURM_CPUS_PER_TASK``)."""
