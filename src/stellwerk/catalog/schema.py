"""What may stand in a catalogue file: the pydantic models at the file boundary.

Each kind of entry has two models that share its keys. ``*Values`` names the fields that sources make claims about,
every one optional; ``*Entry`` names what is ours (the id, the links, the notes) and how the values are sourced. A
claim is checked against ``*Values`` as well, so that a misspelt field is found wherever it stands.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from stellwerk.catalog.model import (
    AmountUnit,
    ApplicationField,
    Eligibility,
    NeedKind,
    PriceUnit,
    Status,
    SupportKind,
    TurnaroundFrom,
)
from stellwerk.catalog.model_tables import ApplicantKind
from stellwerk.catalog.rule_fields import RuleField
from stellwerk.catalog.schema_base import (
    Amount,
    Count,
    Country,
    Currency,
    Entry,
    Id,
    Money,
    Region,
    Sentence,
    Strict,
    check_currency,
    check_period,
)
from stellwerk.catalog.schema_parts import ChargeEntry, PartitionEntry, RecurringCutoffEntry, ZonedTime


class AcceleratorValues(Strict):
    memory_gb: Amount | None = None
    memory_bandwidth_gb_s: Amount | None = None
    bf16_tflops: Amount | None = None
    fp16_tflops: Amount | None = None
    tf32_tflops: Amount | None = None
    fp8_tflops: Amount | None = None
    fp4_tflops: Amount | None = None
    bf16_measured_tflops: Amount | None = None
    fp8_measured_tflops: Amount | None = None
    link_gb_s: Amount | None = None
    link_kind: str | None = None
    link_per_pair_gb_s: Amount | None = None
    link_domain: Count | None = None
    bridged_modules: Count | None = None
    host_link_gb_s: Amount | None = None
    shared_host_memory: bool | None = None
    power_w: Amount | None = None
    year: Annotated[int, Field(ge=2000, le=2100)] | None = None


class AcceleratorEntry(Entry):
    name: str
    family: str = ""
    vendor: str
    devices: Count = 1
    notes: str = ""


class SystemValues(Strict):
    operator: str | None = None
    alliance: str | None = None
    system: str | None = None
    partition: str | None = None
    city: str | None = None
    country: Country | None = None
    accelerator: str | None = None
    accel_kind: str | None = None
    accel_per_node: Count | None = None
    nodes: Count | None = None
    accel_total: Count | None = None
    accel_mem_gb: Amount | None = None
    cpu: str | None = None
    ram_per_node: str | None = None
    interconnect: str | None = None
    interconnect_gbit_s: Amount | None = None
    interconnect_at_least_gbit_s: Amount | None = None
    network_adapters: Count | None = None
    blocking_factor: Annotated[float, Field(ge=1, le=100)] | None = None
    node_interconnect: str | None = None
    scheduler: str | None = None
    container_runtime: str | None = None
    max_walltime_h: Amount | None = None
    status: Status | None = None
    in_operation_since: str | None = None
    until: str | None = None
    rmax_pflops: Amount | None = None
    power_mw: Amount | None = None
    energy_notes: str | None = None
    access_programmes: list[str] | None = None
    operation_from_earliest: datetime.date | None = None
    operation_from_latest: datetime.date | None = None
    operation_until_earliest: datetime.date | None = None
    operation_until_latest: datetime.date | None = None
    data_sensitivity: str | None = None
    storage_quota_tb: Amount | None = None
    # no field of the model yet: read as text and kept in ``System.other``
    access_rule: str | None = None
    charge: str | None = None
    funding_until: str | None = None
    internet_on_compute_nodes: str | None = None
    max_nodes_seen: str | None = None
    max_walltime: str | None = None
    measured_allreduce: str | None = None
    node_local_storage: str | None = None
    peak_pflops: str | None = None
    queue_limits: str | None = None
    walltime_requested: str | None = None
    site_power: str | None = None


class SystemEntry(Entry):
    operator_kind: Literal[
        "gcs", "nhr", "ki_service_centre", "research_organisation", "state", "project", "eurohpc", "comparator"
    ]
    accelerator_id: str | None = None
    accelerator_assumption: str = ""
    shares_hardware_with: list[str] = []
    comparator: bool = False
    partitions: list[PartitionEntry] = []
    charges: list[ChargeEntry] = []
    doc_url: str = ""
    notes: str = ""


class ProgrammeValues(Strict):
    programme: str | None = None
    authority: str | None = None
    systems: str | None = None
    system_ids: list[str] | None = None
    eligible_academia: Eligibility | None = None
    eligible_startup: Eligibility | None = None
    eligible_sme: Eligibility | None = None
    eligible_large_industry: Eligibility | None = None
    eligible_public: Eligibility | None = None
    countries: str | None = None
    cost: str | None = None
    amount_min: str | None = None
    amount_max: str | None = None
    amount_unit: str | None = None
    duration: str | None = None
    duration_max_days: Amount | None = None
    cutoff: str | None = None
    turnaround: str | None = None
    turnaround_days_min: Count | None = None
    turnaround_days_max: Count | None = None
    turnaround_from: TurnaroundFrom | None = None
    storage_quota_tb: Amount | None = None
    application_contents: str | None = None
    application_fields: list[ApplicationField] | None = None
    page_limit: str | None = None
    review: str | None = None
    obligations: str | None = None
    conditions: str | None = None
    purpose: str | None = None
    # no field of the model yet: kept in ``Programme.other``
    amount_of_call: str | None = None
    confirmed_unknowns: str | None = None
    cutoff_past: str | None = None
    funding_period: str | None = None
    status: str | None = None


class LimitEntry(Strict):
    """``[[programmes.limits]]``"""

    unit: AmountUnit
    minimum: Amount | None = None
    maximum: Amount | None = None
    per: Literal["", "application", "project", "quarter", "year"] = ""
    scope: str = ""
    system_ids: list[str] = []
    source: str | None = None
    note: str = ""


class WordsTable(Strict):
    """A text in both languages."""

    en: Sentence
    de: Sentence


class RuleEntry(Strict):
    """``[[programmes.rules]]``: ``field`` with exactly one test, or neither."""

    id: Id
    kinds: list[ApplicantKind] = []
    field: RuleField | None = None
    equals: bool | None = None
    one_of: list[str] | None = None
    none_of: list[str] | None = None
    includes_one_of: list[str] | None = None
    includes_none_of: list[str] | None = None
    at_least: Amount | None = None
    at_most: Amount | None = None
    open_for: list[str] = []
    attainable: bool = False
    condition: WordsTable
    source: str | None = None


class ProgrammeEntry(Entry):
    kind: Literal["access", "frame", "comparator", "no_compute"] = "access"
    country_codes: list[Country] = []
    region: Region = ""
    free: bool | None = None
    closed: Literal["no", "yes", "unknown"] = "no"
    closed_system_ids: list[str] = []
    cutoff_dates: list[datetime.date] = []
    cutoffs: list[ZonedTime] = []
    recurring_cutoffs: list[RecurringCutoffEntry] = []
    limits: list[LimitEntry] = []
    url: str = ""
    notes: str = ""
    family: Id | None = None
    access_class: Id | None = None
    rules: list[RuleEntry] = []


class FamilyEntry(Strict):
    """``[[families]]``: programmes that are the classes of one thing, from small to large where ``ordered``."""

    id: Id
    source: str | None = None
    name: WordsTable
    classes: list[Id]
    ordered: bool = True


class PriceEntry(Strict):
    """``[[products.prices]]``"""

    amount: Money
    currency: Currency | None = None
    currency_verified: bool = True
    unit: PriceUnit
    kind: Literal["on_demand", "spot", "reserved", "monthly", "cluster", "average", "from"]
    term: str = ""
    net: bool | None = None
    valid_from: datetime.date | None = None
    valid_until: datetime.date | None = None
    source: str | None = None
    note: str = ""
    commitment_days: Amount | None = None
    least_accelerators: Count | None = None

    @model_validator(mode="after")
    def _price(self) -> Self:
        check_currency(self.currency, self.currency_verified)
        check_period(self.valid_from, self.valid_until)
        return self


class OfferValues(Strict):
    """Texts about what is sold that have no field of the model yet; they are kept in ``Product.other``."""

    availability: str | None = None
    billing_when_stopped: str | None = None
    confirmed_unknowns: str | None = None
    count: str | None = None
    currency: str | None = None
    data_location: str | None = None
    egress_price: str | None = None
    front_end_network: str | None = None
    gpu_config: str | None = None
    gpu_per_node: str | None = None
    host_memory: str | None = None
    host_per_gpu: str | None = None
    inter_node_bandwidth_confirmation: str | None = None
    inter_node_bandwidth_per_gpu: str | None = None
    internet_bandwidth: str | None = None
    jurisdiction: str | None = None
    local_storage: str | None = None
    max_coupled_gpus: str | None = None
    network_bandwidth: str | None = None
    network_bandwidth_max_assured: str | None = None
    price: str | None = None
    price_average_per_gpu_h: str | None = None
    price_basis: str | None = None
    price_capacity_block_per_instance_h: str | None = None
    price_confirmation: str | None = None
    price_flex_start_per_gpu_h_us: str | None = None
    price_from_per_gpu_h: str | None = None
    price_history_per_gpu_h: str | None = None
    price_kind: str | None = None
    price_on_demand_per_gpu_h: str | None = None
    price_on_demand_per_gpu_h_us: str | None = None
    price_per_gpu_h: str | None = None
    price_preemptible_per_gpu_h: str | None = None
    price_reserved_1y_per_gpu_h_us: str | None = None
    price_reserved_3y_per_gpu_h_us: str | None = None
    rdma_support: str | None = None
    reserved_terms: str | None = None
    setup_price: str | None = None
    status: str | None = None
    storage_price: str | None = None
    vcpu_memory: str | None = None
    vcpus: str | None = None


class ProductValues(OfferValues):
    instance_type: str | None = None
    gpu_model: str | None = None
    gpu_count: Count | None = None
    gpu_mem_gb: Amount | None = None
    interconnect: str | None = None
    interconnect_gbit_s: Amount | None = None
    interconnect_at_least_gbit_s: Amount | None = None
    nvlink_domain_gpus: Count | None = None
    network_adapters: Count | None = None
    blocking_factor: Annotated[float, Field(ge=1, le=100)] | None = None
    node_interconnect: str | None = None
    max_coupled_accelerators: Count | None = None
    region: str | None = None
    countries_of_data: list[Country] | None = None
    hq_country: Country | None = None
    certifications: list[str] | None = None


class ProductEntry(Entry):
    kind: Literal["product", "survey", "purchase", "not_rentable"] = "product"
    accelerator_id: str | None = None
    accelerator_assumption: str = ""
    prices: list[PriceEntry] = []
    url: str = ""
    notes: str = ""


class SubjectValues(OfferValues):
    certifications: str | None = None
    inter_node_bandwidth_per_node: str | None = None
    inter_node_fabric: str | None = None
    intra_node_link: str | None = None
    nvlink_domain_gpus: str | None = None


class SubjectEntry(Entry):
    """``[[subjects]]``: what is known about the provider itself (id ``all``) or about what is no product here."""

    id: str


class ObservationEntry(Strict):
    """``[[observations]]``"""

    source: str
    instance_type: str
    accelerator: str
    accelerators: Count
    memory_gib: Amount | None = None
    vcpus: Count | None = None
    host_memory_gib: Amount | None = None
    region: str = ""
    country: Country | Literal[""] = ""
    on_demand_per_hour: Money | None = None
    spot_per_hour: Money | None = None
    currency: Currency | None = None
    currency_verified: bool = True

    @model_validator(mode="after")
    def _price(self) -> Self:
        check_currency(self.currency, self.currency_verified)
        return self


class SupportValues(Strict):
    organisation: str | None = None
    offer_type: str | None = None
    offer: str | None = None
    audience: str | None = None
    eligibility: str | None = None
    cost: str | None = None


class SupportEntry(Entry):
    url: str = ""
    support_kind: SupportKind | None = None
    user_groups: list[ApplicantKind] = []
    country_codes: list[Country] = []
    region: Region = ""
    site_ids: list[str] = []
    system_ids: list[str] = []
    programme_ids: list[str] = []


class NeedValues(Strict):
    statement: str | None = None


class NeedEntry(Entry):
    """``[[needs]]``: a signal of need."""

    kind: NeedKind
    country: Country
    user_groups: list[ApplicantKind] = []


class SoftwareValues(Strict):
    site_system: str | None = None
    software_stack: str | None = None
    container_runtime: str | None = None
    launch_pattern: str | None = None
    master_address_rule: str | None = None
    environment_variables: str | None = None
    scheduler_flags: str | None = None
    pitfalls: str | None = None
    # no field of the model yet: kept in ``Software.other``
    automation_rule: str | None = None


class SoftwareEntry(Entry):
    is_centre: bool = True
    url: str = ""
    system_ids: list[str] = []


class ProviderTable(Strict):
    """``[provider]``"""

    id: Id
    name: str


class CatalogueFile(Strict):
    """A whole file. The entries are checked one by one, so that one wrong entry hides no other."""

    schema_: Literal[1] = Field(alias="schema")
    site: Id | None = None
    provider: ProviderTable | None = None
    sources: dict[str, dict[str, Any]] = {}
    accelerators: list[dict[str, Any]] = []
    systems: list[dict[str, Any]] = []
    programmes: list[dict[str, Any]] = []
    products: list[dict[str, Any]] = []
    subjects: list[dict[str, Any]] = []
    observations: list[dict[str, Any]] = []
    support: list[dict[str, Any]] = []
    needs: list[dict[str, Any]] = []
    software: list[dict[str, Any]] = []
    families: list[dict[str, Any]] = []
    exchange_rates: list[dict[str, Any]] = []
    carbon_intensities: list[dict[str, Any]] = []
    contingents: list[dict[str, Any]] = []
    launch_profiles: list[dict[str, Any]] = []
