"""What exists: accelerators, systems, programmes, commercial offers, support and software, as immutable objects.

Every value is a *fact* (``stellwerk.catalog.facts``): the claims that sources make about it, side by side.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from stellwerk.catalog.claims import source_rank
from stellwerk.catalog.facts import Claim, Fact, Source
from stellwerk.catalog.model_parts import Charge, Cutoff, DateRange, Partition, RecurringCutoff, in_period
from stellwerk.catalog.model_tables import ApplicantKind, CarbonIntensity, Contingent, ExchangeRate, LaunchProfile
from stellwerk.catalog.rule_fields import RuleField, RuleTest
from stellwerk.messages import Words

Status = Literal["planned", "building", "operational", "transitional", "unclear", "decommissioned"]
Eligibility = Literal["yes", "no", "conditional"]
SupportKind = Literal[
    "course",
    "tutorial",
    "consulting",
    "onboarding",
    "starter_package",
    "guide",
    "brokering",
    "hosting",
    "funding",
]
NeedKind = Literal["request", "use", "refusal", "projection", "proposal"]
AmountUnit = Literal["gpu_h", "node_h", "core_h", "flop", "eur", "share"]
PriceUnit = Literal["gpu_h", "instance_h", "month"]
TurnaroundFrom = Literal["application", "cutoff"]
ApplicationField = Literal[
    "applicant",
    "abstract",
    "scientific_case",
    "previous_work",
    "methods",
    "necessity",
    "impact",
    "work_plan",
    "milestones",
    "flop",
    "gpus_per_job",
    "gpu_hours",
    "duration",
    "scalability",
    "memory",
    "storage",
    "hardware",
    "software",
    "data",
    "ethics",
    "openness",
]

ENTRY_KINDS = (
    *("accelerators", "systems", "programmes", "products", "subjects", "observations", "support", "software"),
    *("needs", "families", "exchange_rates", "carbon_intensities", "contingents", "launch_profiles"),
)
"""The tables of a catalogue file that hold entries."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One accelerator type, per module as it is sold; ``devices`` says how many a scheduler sees in it."""

    id: str
    name: str
    vendor: str
    devices: int
    memory_bytes: Fact[float]
    memory_bandwidth_bytes_per_s: Fact[float]
    bf16_flops: Fact[float]
    fp16_flops: Fact[float]
    fp8_flops: Fact[float]
    fp4_flops: Fact[float]
    bf16_measured_flops: Fact[float]
    """Best measured matrix-product rate (dense bf16)."""
    link_bytes_per_s: Fact[float]
    """Bandwidth between accelerators of one node, one direction, per accelerator."""
    link_kind: Fact[str]
    power_w: Fact[float]
    year: Fact[int]
    notes: str
    tf32_flops: Fact[float] = Fact()
    fp8_measured_flops: Fact[float] = Fact()
    family: str = ""
    """The type without form factor and memory size (``A100``), by which capacities are added up."""
    link_per_pair_bytes_per_s: Fact[float] = Fact()
    """Between two modules that are wired to each other directly, one direction; unknown where a switch joins them."""
    link_domain: Fact[int] = Fact()
    """How many modules the link joins where that is more than a node: 72 in an NVL72 rack."""
    bridged_modules: Fact[int] = Fact()
    """How many modules of a node the link joins where it is a bridge between cards."""
    host_link_bytes_per_s: Fact[float] = Fact()
    """Between a module and the memory of its host, one direction."""
    shared_host_memory: Fact[bool] = Fact()
    """Whether processor and accelerator have one memory, as in an APU."""


@dataclass(frozen=True, slots=True)
class System:
    """One pool of accelerators of one publicly funded machine, as a row of the catalogue.

    Memory is per module. ``programme_ids`` are the programmes that give access to it, stated by the system's
    row or by the programme's; empty means that no fact states one. Countries are ISO 3166 codes (``GB``).
    """

    id: str
    site_id: str
    operator: Fact[str]
    operator_kind: str
    alliance: Fact[str]
    system: Fact[str]
    partition: Fact[str]
    city: Fact[str]
    country: Fact[str]
    accelerator: Fact[str]
    accelerator_id: str | None
    accelerator_kind: Fact[str]
    accelerators_per_node: Fact[int]
    nodes: Fact[int]
    accelerators: Fact[int]
    accelerator_memory_bytes: Fact[float]
    cpu: Fact[str]
    memory_per_node: Fact[str]
    interconnect: Fact[str]
    interconnect_bytes_per_s: Fact[float]
    """Injection bandwidth per node, one direction, summed over its adapters, where the text of
    ``interconnect`` states it."""
    node_interconnect: Fact[str]
    scheduler: Fact[str]
    container_runtime: Fact[str]
    max_walltime_h: Fact[float]
    status: Fact[Status]
    in_operation_since: Fact[str]
    until: Fact[str]
    rmax_pflops: Fact[float]
    power_mw: Fact[float]
    energy_notes: Fact[str]
    documentation_url: str
    notes: str
    comparator: bool
    """Listed to compare with, not open to applicants from Germany."""
    access: tuple[Claim[str], ...]
    """Programme ids with the source that states the link."""
    other: Mapping[str, Fact[str]]
    """Facts that have no field of their own yet (charge, local storage, queue limits), by name."""
    shares_hardware_with: tuple[str, ...] = ()
    """Systems that may describe the same nodes: whether their counts overlap is not stated."""
    accelerator_assumption: str = ""
    """Why ``accelerator_id`` goes beyond the row's own words; empty where the row names the type."""
    interconnect_at_least_bytes_per_s: Fact[float] = Fact()
    """A lower bound of the injection bandwidth per node, one direction, where the text names a kind of adapter but no
    total; never the full rate. Unknown where ``interconnect_bytes_per_s`` is known."""
    partitions: tuple[Partition, ...] = ()
    """Of the scheduler, on this pool; never added up."""
    charges: tuple[Charge, ...] = ()
    """What use is charged, the leading statement first."""
    operation_from_earliest: Fact[datetime.date] = Fact()
    operation_from_latest: Fact[datetime.date] = Fact()
    operation_until_earliest: Fact[datetime.date] = Fact()
    operation_until_latest: Fact[datetime.date] = Fact()
    data_sensitivity: Fact[str] = Fact()
    """Which sensitive data it is stated to be made for, in words."""
    storage_quota_bytes: Fact[float] = Fact()
    """What a project may store by rule."""
    network_adapters: Fact[int] = Fact()
    """How many adapters to the network between nodes a node has, where the text of ``interconnect`` states it."""
    blocking_factor: Fact[float] = Fact()
    """By how much the network carries less than all nodes together can send; 1 where it is non-blocking."""

    @property
    def operation(self) -> DateRange:
        """When it starts and ends, as far as dates are known."""
        return DateRange(
            self.operation_from_earliest.value,
            self.operation_from_latest.value,
            self.operation_until_earliest.value,
            self.operation_until_latest.value,
        )

    @property
    def programme_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(claim.value for claim in self.access))


@dataclass(frozen=True, slots=True)
class AmountLimit:
    """A smallest or largest amount that may be asked for. ``scope`` names the centre or system it holds for;
    empty where it holds for the whole programme."""

    unit: AmountUnit
    minimum: float | None
    maximum: float | None
    per: str
    scope: str
    system_ids: tuple[str, ...]
    source: Source
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of a programme on those who apply, on their data or on what they do.

    It asks about one ``field`` of the request: ``test`` says how, ``operand`` with what. A rule without a field is a
    condition that no key of a workload answers.
    """

    id: str
    kinds: tuple[ApplicantKind, ...]
    """The kinds of applicants that it holds for; empty: all."""
    condition: Words
    """A whole sentence, addressed to the applicant."""
    source: Source
    field: RuleField | None = None
    test: RuleTest | None = None
    operand: bool | float | tuple[str, ...] | None = None
    open_for: tuple[str, ...] = ()
    """Values for which the sources do not settle whether they meet it; with ``one_of``."""
    attainable: bool = False
    """Whether who does not meet it can come to do so first: such a rule leaves the answer open."""

    def holds_for(self, kind: ApplicantKind) -> bool:
        return not self.kinds or kind in self.kinds


@dataclass(frozen=True, slots=True)
class Family:
    """Programmes that are the classes of one thing. ``classes`` go from small to large where ``ordered``."""

    id: str
    name: Words
    classes: tuple[str, ...]
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Programme:
    """A way to get access to publicly funded systems."""

    id: str
    programme: Fact[str]
    authority: Fact[str]
    systems: Fact[str]
    system_ids: tuple[str, ...]
    """Systems the row of the programme names; the loader joins them with the systems' own statements."""
    eligibility: Mapping[ApplicantKind, Fact[Eligibility]]
    eligibility_conditions: Mapping[ApplicantKind, str]
    """The condition in the words of the facts, where eligibility is conditional or limited."""
    countries: Fact[str]
    country_codes: tuple[str, ...]
    """ISO codes the text of ``countries`` stands for; ``EU`` for all member states. Empty: unknown."""
    region: str
    """Part of a country that the programme is limited to (``DE-BW``), or empty."""
    cost: Fact[str]
    free: bool | None
    """True where it is free for those who are admitted, False where it is paid, None where unknown."""
    amount_min: Fact[str]
    amount_max: Fact[str]
    amount_unit: Fact[str]
    limits: tuple[AmountLimit, ...]
    duration: Fact[str]
    duration_max_days: Fact[float]
    cutoff: Fact[str]
    cutoff_dates: tuple[datetime.date, ...]
    closed: bool | None
    """True where the facts say that it takes no more applications; None where they contradict each other."""
    turnaround: Fact[str]
    application_contents: Fact[str]
    page_limit: Fact[str]
    review: Fact[str]
    obligations: Fact[str]
    conditions: Fact[str]
    url: str
    notes: str
    kind: Literal["access", "frame", "comparator", "no_compute"]
    """``frame``: what several programmes have in common, applications go to those; ``comparator``: abroad and listed
    to compare with; ``no_compute``: gives no compute time to apply for."""
    other: Mapping[str, Fact[str]]
    closed_system_ids: tuple[str, ...] = ()
    """Systems for which the programme is stated to take no applications, though it is open otherwise."""
    purpose: Fact[str] = Fact()
    """What time is granted for, where the facts limit it (``scaling tests and benchmarks``), in words."""
    turnaround_days_min: Fact[int] = Fact()
    turnaround_days_max: Fact[int] = Fact()
    """Calendar days from ``turnaround_from`` to the decision."""
    turnaround_from: Fact[TurnaroundFrom] = Fact()
    cutoffs: tuple[Cutoff, ...] = ()
    """Those of ``cutoff_dates`` whose hour is stated."""
    recurring_cutoffs: tuple[RecurringCutoff, ...] = ()
    storage_quota_bytes: Fact[float] = Fact()
    """What a project may store by rule."""
    application_fields: Fact[tuple[ApplicationField, ...]] = Fact()
    """What an application has to say, in its order as far as a source names it."""
    rules: tuple[Rule, ...] = ()
    """In the order of their ids."""
    family: str | None = None
    access_class: str | None = None
    """Which class of its family it is."""

    def next_cutoff(self, as_of: datetime.date, system_id: str | None = None) -> Cutoff | None:
        """The first cut-off on or after a day; None where none is known. With a system also by the rules that hold
        for it, without one only by those that hold for the whole programme."""
        rules = (rule for rule in self.recurring_cutoffs if not rule.system_ids or system_id in rule.system_ids)
        known = (*self.cutoffs, *map(Cutoff, self.cutoff_dates), *(Cutoff(rule.next_day(as_of)) for rule in rules))
        coming = [cutoff for cutoff in known if cutoff.day >= as_of]
        # of one day the one with an hour
        return min(coming, key=lambda cutoff: (cutoff.day, not cutoff.zone, cutoff.time), default=None)


@dataclass(frozen=True, slots=True)
class Price:
    """One price of one product. ``amount`` is per ``unit``; ``valid_from`` and ``valid_until`` are inclusive."""

    amount: Decimal
    currency: str | None
    unit: PriceUnit
    kind: Literal["on_demand", "spot", "reserved", "monthly", "cluster", "average", "from"]
    term: str
    net: bool | None
    valid_from: datetime.date | None
    valid_until: datetime.date | None
    source: Source
    note: str = ""
    commitment_days: float | None = None
    """The shortest time that is paid for; None: none is stated."""
    least_accelerators: int | None = None
    """The fewest accelerators that the price is for; None: none is stated."""

    @property
    def term_id(self) -> str:
        """What tells the terms of one product apart: ``on_demand``, ``reserved-1-year``."""
        words = re.sub(r"[^a-z0-9]+", "-", self.term.casefold()).strip("-")
        return f"{self.kind}-{words}" if words else self.kind

    def valid_on(self, day: datetime.date) -> bool:
        return in_period(day, self.valid_from, self.valid_until)


@dataclass(frozen=True, slots=True)
class Product:
    """One commercial product: an instance type in a region."""

    id: str
    provider_id: str
    provider: str
    instance_type: Fact[str]
    accelerator: Fact[str]
    accelerator_id: str | None
    accelerators: Fact[int]
    """Per instance."""
    accelerator_memory_bytes: Fact[float]
    interconnect: Fact[str]
    interconnect_bytes_per_s: Fact[float]
    """Injection bandwidth per instance, one direction, where stated."""
    node_interconnect: Fact[str]
    max_coupled_accelerators: Fact[int]
    prices: tuple[Price, ...]
    region: Fact[str]
    countries_of_data: Fact[tuple[str, ...]]
    hq_country: Fact[str]
    certifications: Fact[tuple[str, ...]]
    url: str
    notes: str
    kind: Literal["product", "survey", "purchase", "not_rentable"]
    other: Mapping[str, Fact[str]]
    accelerator_assumption: str = ""
    """Why ``accelerator_id`` goes beyond the row's own words; empty where the row names the type."""
    interconnect_at_least_bytes_per_s: Fact[float] = Fact()
    """A lower bound of the injection bandwidth per instance, one direction, where the text names a kind of adapter but
    no total; never the full rate. Unknown where ``interconnect_bytes_per_s`` is known."""
    network_adapters: Fact[int] = Fact()
    """How many adapters to the network an instance has, where the text of ``interconnect`` states it."""
    blocking_factor: Fact[float] = Fact()
    """By how much the network carries less than all instances together can send; 1 where it is non-blocking."""
    link_domain: Fact[int] = Fact()
    """How many accelerators the link joins, where that is stated of this product: 72 in an NVL72 rack."""

    def price_at(self, day: datetime.date, kind: str = "on_demand") -> Price | None:
        """The price of one kind that is valid on a day, the latest claim first; None where none is known."""
        return next((price for price in self.prices if price.kind == kind and price.valid_on(day)), None)


@dataclass(frozen=True, slots=True)
class PriceObservation:
    """A list price read in a public price catalogue, not matched to a product of ours.

    ``memory_gib`` is the memory of one accelerator, ``host_memory_gib`` that of the instance.
    """

    provider_id: str
    instance_type: str
    accelerator: str
    accelerators: int
    memory_gib: float | None
    region: str
    country: str
    on_demand_per_hour: Decimal | None
    spot_per_hour: Decimal | None
    currency: str | None
    source: Source
    vcpus: int | None = None
    host_memory_gib: float | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """Who sells. ``subjects`` holds what is known about the provider as a whole (``all``) and about things that are
    no product of the catalogue (object storage, an instance type sold elsewhere), by subject and field."""

    id: str
    name: str
    subjects: Mapping[str, Mapping[str, Fact[str]]]


@dataclass(frozen=True, slots=True)
class Support:
    """Consulting, training or other help."""

    id: str
    organisation: Fact[str]
    offer_type: Fact[str]
    offer: Fact[str]
    audience: Fact[str]
    eligibility: Fact[str]
    cost: Fact[str]
    url: str
    kind: SupportKind | None = None
    user_groups: tuple[ApplicantKind, ...] = ()
    """Whom the audience names, where it names everybody by kind; empty: it does not."""
    country_codes: tuple[str, ...] = ()
    """ISO codes of the countries that it is limited to, ``EU`` for all member states; empty: not stated."""
    region: str = ""
    """Part of a country that it is limited to (``DE-NW``), or empty."""
    site_ids: tuple[str, ...] = ()
    """With ``system_ids`` and ``programme_ids``: what it is tied to. All three empty: to nothing in particular."""
    system_ids: tuple[str, ...] = ()
    programme_ids: tuple[str, ...] = ()

    @property
    def tied(self) -> bool:
        return bool(self.site_ids or self.system_ids or self.programme_ids)


@dataclass(frozen=True, slots=True)
class Software:
    """The software environment and launch rules of a site."""

    id: str
    site_system: Fact[str]
    software_stack: Fact[str]
    container_runtime: Fact[str]
    launch_pattern: Fact[str]
    master_address_rule: Fact[str]
    environment_variables: Fact[str]
    scheduler_flags: Fact[str]
    pitfalls: Fact[str]
    url: str
    is_centre: bool
    other: Mapping[str, Fact[str]]
    system_ids: tuple[str, ...] = ()
    """The systems whose environment this is."""


@dataclass(frozen=True, slots=True)
class Need:
    """A signal of need: something that was asked for, used, refused, expected or proposed, as its source states it.

    Signals are no forecast of ours and are never added up. ``user_groups`` are those it speaks of; empty: not stated.
    """

    id: str
    kind: NeedKind
    country: str
    user_groups: tuple[ApplicantKind, ...]
    statement: Fact[str]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole catalogue; each mapping is in the order of its permanent ids, whatever file they stand in.

    ``hash`` is the SHA-256 of the files it was read from.
    """

    accelerators: Mapping[str, Accelerator]
    systems: Mapping[str, System]
    programmes: Mapping[str, Programme]
    products: Mapping[str, Product]
    observations: tuple[PriceObservation, ...]
    support: Mapping[str, Support]
    software: Mapping[str, Software]
    hash: str
    providers: Mapping[str, Provider] = field(default_factory=dict)
    needs: Mapping[str, Need] = field(default_factory=dict)
    families: Mapping[str, Family] = field(default_factory=dict)
    exchange_rates: Mapping[str, ExchangeRate] = field(default_factory=dict)
    carbon_intensities: Mapping[str, CarbonIntensity] = field(default_factory=dict)
    contingents: Mapping[str, Contingent] = field(default_factory=dict)
    launch_profiles: Mapping[str, LaunchProfile] = field(default_factory=dict)

    def entries(self) -> Iterator[tuple[str, object]]:
        """(id, object) of everything that has an id."""
        named = (self.accelerators, self.systems, self.programmes, self.products, self.support, self.software)
        tables = (self.exchange_rates, self.carbon_intensities, self.contingents, self.launch_profiles)
        for kind in (*named, self.needs, *tables):
            yield from kind.items()

    def carbon_intensity(self, country: str, as_of: datetime.date) -> Fact[float]:
        """Grams of CO2 per kWh of a country's electricity as far as it was known for years up to that of ``as_of``: a
        local claim leads, then the latest year, then the better evidence. The note names year and method."""
        found = [
            (entry, claim)
            for entry in self.carbon_intensities.values()
            if entry.country == country and entry.year <= as_of.year
            for claim in entry.co2_g_per_kwh.claims
        ]
        found.sort(key=lambda pair: (not pair[1].source.local, -pair[0].year, source_rank(pair[1].source)))
        claims = []
        for entry, claim in found:
            note = ", ".join(part for part in (str(entry.year), entry.method, claim.note) if part)
            claims.append(Claim(claim.value, claim.source, "g/kWh", note))
        return Fact(tuple(claims))

    def contingents_of(self, system_id: str) -> tuple[Contingent, ...]:
        return tuple(contingent for contingent in self.contingents.values() if system_id in contingent.system_ids)

    def launch_profile(self, system_id: str) -> LaunchProfile | None:
        """How jobs start on a system; the loader takes no more than one profile for each."""
        return next((profile for profile in self.launch_profiles.values() if system_id in profile.system_ids), None)
