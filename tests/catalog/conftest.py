from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stellwerk.catalog import Catalogue, Claim, load_catalogue, named_facts
from stellwerk.errors import InputError, InputErrors

SMALL = """\
schema = 1
site = "heim"

[provider]
id = "cloud"
name = "Cloud & Co."

[sources.page]
urls = ["https://example.org/machine"]
as_of = "2026-03"
evidence = "primary"

[sources.report]
urls = ["https://example.org/report"]
as_of = "2026-09-01"
evidence = "secondary"

[sources.rates]
urls = ["https://example.org/rates"]
as_of = "2026-03-31"
evidence = "primary"

[[accelerators]]
id = "a100"
name = "A100-SXM-40GB"
family = "A100"
vendor = "NVIDIA"
source = "page"
memory_gb = 40
bf16_tflops = 312

[[systems]]
id = "heim-gpu"
source = "page"
unsourced = ["scheduler"]
operator_kind = "nhr"
country = "DE"
accelerator = "NVIDIA A100"
accelerator_id = "a100"
accel_per_node = 4
nodes = 10
accel_total = 40
accel_mem_gb = 40
interconnect_gbit_s = 400
scheduler = "Slurm"
status = "operational"
access_programmes = ["antrag"]

[systems.remarks]
nodes = "counted in spring"

[[systems.claims]]
field = "nodes"
value = 12
source = "report"

[[systems.partitions]]
name = "gpu:shared"
kind = "shared"
devices_max = 2
max_walltime_h = 24

[[systems.charges]]
unit = "core_h"
per = "node_h"
factor = 600
whole_nodes = true
source = "report"

[[programmes]]
id = "antrag"
source = "page"
eligible_academia = "conditional"
country_codes = ["DE"]
free = true
system_ids = ["heim-gpu"]
family = "stufen"
access_class = "klein"
cutoff_dates = [2026-12-01]
cutoffs = ["2027-01-04 10:00 Europe/Brussels"]

[programmes.remarks]
eligible_academia = "with a doctorate"

[[programmes.limits]]
unit = "gpu_h"
maximum = 5000

[[programmes.recurring_cutoffs]]
days = ["01-15", "07-15"]
scope = "Heim"
system_ids = ["heim-gpu"]

[[programmes.rules]]
id = "doctorate"
kinds = ["academia"]
field = "pi_doctorate"
equals = true
condition.en = "Your principal investigator must hold a doctorate."
condition.de = "Ihre Projektleitung muss promoviert sein."

[[programmes.rules]]
id = "place"
field = "institution_kind"
one_of = ["university"]
open_for = ["hospital"]
condition.en = "You must apply from a university."
condition.de = "Sie müssen von einer Universität aus beantragen."
source = "report"

[[families]]
id = "stufen"
name.en = "Steps"
name.de = "Stufen"
classes = ["klein", "gross"]

[[products]]
id = "cloud-8x"
source = "report"
gpu_count = 8
countries_of_data = ["DE"]

[[products.prices]]
amount = "12.50"
currency = "EUR"
unit = "instance_h"
kind = "on_demand"

[[subjects]]
id = "all"
source = "report"
egress_price = "0"

[[observations]]
source = "report"
instance_type = "8x"
accelerator = "A100"
accelerators = 8
on_demand_per_hour = "11.90"
currency_verified = false

[[needs]]
id = "need-heim"
source = "page"
kind = "request"
country = "DE"
user_groups = ["startup"]
statement = "twice as many applications as places"

[[exchange_rates]]
id = "eur-usd"
source = "report"
base = "EUR"
quote = "USD"
rate = "1.10"

[[carbon_intensities]]
id = "de-2025"
source = "report"
country = "DE"
year = 2025
method = "direct"
co2_g_per_kwh = 350

[[contingents]]
id = "heim-land"
source = "page"
system_ids = ["heim-gpu"]
programme_ids = ["antrag"]
user_groups = ["startup"]
share_at_least = 0.6
valid_from = 2026-01-01
funder = "Land"
statement = "at least 60%"

[[launch_profiles]]
id = "heim"
source = "page"
system_ids = ["heim-gpu"]
scheduler = "slurm"
container_runtimes = ["apptainer"]
address_suffix = "i"
internet_on_compute_nodes = "no"
environment = { NCCL_SOCKET_IFNAME = "ib0" }

[[support]]
id = "hilfe"
source = "page"
organisation = "Rechenzentrum"
support_kind = "course"
user_groups = ["academia"]
country_codes = ["DE"]
region = "DE-SN"
site_ids = ["heim"]
system_ids = ["heim-gpu"]
programme_ids = [ "antrag" ]

[[software]]
id = "heim"
source = "page"
site_system = "Heim"
system_ids = [ "heim-gpu" ]
"""
"""A whole catalogue in one file, one entry of each kind."""

WriteCatalogue = Callable[..., Path]
Mistakes = Callable[..., list[InputError]]


@pytest.fixture(scope="session")
def packaged() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def write_catalogue(tmp_path: Path) -> WriteCatalogue:
    """Writes ``SMALL`` with pieces replaced, each of which must occur in it; returns the folder."""

    def write(*replacements: tuple[str, str], name: str = "heim.toml") -> Path:
        text = SMALL
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def mistakes(write_catalogue: WriteCatalogue) -> Mistakes:
    """The mistakes that are found in ``SMALL`` with pieces replaced."""

    def find(*replacements: tuple[str, str]) -> list[InputError]:
        return mistakes_in(write_catalogue(*replacements))

    return find


def mistakes_in(directory: Path) -> list[InputError]:
    with pytest.raises(InputErrors) as found:
        load_catalogue(directory)
    return list(found.value.errors)


def all_claims(catalogue: Catalogue) -> Iterator[tuple[str, str, Claim[Any]]]:
    """(id, field, claim) of everything in a catalogue."""
    for entry_id, entry in catalogue.entries():
        for name, fact in named_facts(entry).items():
            for claim in fact.claims:
                yield entry_id, name, claim
