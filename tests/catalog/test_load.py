from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from stellwerk.catalog import as_plain_data, load_catalogue
from stellwerk.catalog.files import MAX_BYTES
from stellwerk.errors import InputError
from tests.catalog.conftest import SMALL, Mistakes, WriteCatalogue, mistakes_in


def test_units_become_bytes_and_seconds_once(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue())
    system, accelerator = catalogue.systems["heim-gpu"], catalogue.accelerators["a100"]
    assert accelerator.memory_bytes.value == 40e9
    assert accelerator.bf16_flops.value == 312e12
    assert system.accelerator_memory_bytes.value == 40e9
    assert system.interconnect_bytes_per_s.value == 50e9


def test_the_reach_and_the_rates_of_links_arrive() -> None:
    catalogue = load_catalogue()
    gb200, mi300x, mi300a = (catalogue.accelerators[one] for one in ("gb200", "mi300x", "mi300a"))
    assert (gb200.link_domain.value, gb200.host_link_bytes_per_s.value) == (72, 450e9)
    assert mi300x.link_per_pair_bytes_per_s.value == 64e9
    assert mi300a.shared_host_memory.value is True
    assert catalogue.products["azure-nd128isr-gb200-v6"].link_domain.value == 72
    green = catalogue.systems["kit-horeka-green"]
    assert (green.network_adapters.value, green.blocking_factor.value) == (2, 1)
    assert green.blocking_factor.evidence == "primary"


def test_a_network_cannot_block_less_than_not_at_all(write_catalogue: WriteCatalogue) -> None:
    stated = "interconnect_gbit_s = 400\n"
    (error,) = mistakes_in(write_catalogue((stated, f"{stated}blocking_factor = 0.5\n")))
    assert (error.key, error.value) == ("systems.heim-gpu.blocking_factor", 0.5)


def test_a_later_claim_of_less_evidence_stays_beside_the_leading_one(write_catalogue: WriteCatalogue) -> None:
    nodes = load_catalogue(write_catalogue()).systems["heim-gpu"].nodes
    assert nodes.value == 10
    assert nodes.claims[0].note == "counted in spring"
    assert [claim.value for claim in nodes.rivals] == [12]


def test_an_unsourced_value_is_marked_as_such(write_catalogue: WriteCatalogue) -> None:
    system = load_catalogue(write_catalogue()).systems["heim-gpu"]
    assert system.scheduler.evidence == "unsourced"
    assert system.status.evidence == "primary"


def test_links_of_systems_and_of_programmes_are_joined_with_their_sources(write_catalogue: WriteCatalogue) -> None:
    directory = write_catalogue(
        ('id = "antrag"\nsource = "page"', 'id = "antrag"\nsource = "report"'),
    )
    system = load_catalogue(directory).systems["heim-gpu"]
    assert system.programme_ids == ("antrag",)
    assert [claim.source.evidence for claim in system.access] == ["primary", "secondary"]


def test_what_no_file_states_is_unknown(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue())
    assert not catalogue.systems["heim-gpu"].max_walltime_h.known
    assert catalogue.programmes["antrag"].eligibility["sme"].value is None
    assert catalogue.products["cloud-8x"].max_coupled_accelerators.value is None
    assert catalogue.observations[0].currency is None


def test_conditions_limits_prices_and_subjects_arrive(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue())
    programme, product = catalogue.programmes["antrag"], catalogue.products["cloud-8x"]
    assert programme.eligibility_conditions == {"academia": "with a doctorate"}
    assert [(limit.unit, limit.minimum, limit.maximum) for limit in programme.limits] == [("gpu_h", None, 5000)]
    price = product.price_at(datetime.date(2026, 11, 23))
    assert price is not None
    assert (price.amount, price.currency, price.source.as_of) == (Decimal("12.50"), "EUR", "2026-09-01")
    assert catalogue.providers["cloud"].subjects["all"]["egress_price"].value == "0"


def test_the_order_of_files_never_changes_the_result(tmp_path: Path) -> None:
    head, *entries = SMALL.split("\n[[")
    tops = [entry for entry in entries if "." not in entry.split("]]")[0]]
    whole = ["\n[[".join([top, *_parts_of(top, entries)]) for top in tops]
    results = []
    for number, order in enumerate((whole, whole[::-1])):
        directory = tmp_path / str(number)
        directory.mkdir()
        for position, entry in enumerate(order):
            (directory / f"{position}.toml").write_text(f"{head}\n[[{entry}\n", encoding="utf-8")
        results.append(as_plain_data(load_catalogue(directory)) | {"hash": ""})
    assert results[0] == results[1]


def _parts_of(top: str, entries: list[str]) -> list[str]:
    """The claims, limits and prices that follow an entry."""
    start = entries.index(top) + 1
    end = next((n for n in range(start, len(entries)) if "." not in entries[n].split("]]")[0]), len(entries))
    return entries[start:end]


def test_the_hash_follows_the_bytes(write_catalogue: WriteCatalogue) -> None:
    before = load_catalogue(write_catalogue()).hash
    after = load_catalogue(write_catalogue(("nodes = 10", "nodes = 11"))).hash
    assert len(before) == 64
    assert before != after


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("accel_total = 40", "acel_total = 40", "systems.heim-gpu.acel_total", "did you mean 'accel_total'?"),
        ("nodes = 10", 'nodes = "10"', "systems.heim-gpu.nodes", "should be a valid integer (got '10')"),
        ("nodes = 10", "nodes = 0", "systems.heim-gpu.nodes", "greater than 0 (got 0)"),
        ("accel_mem_gb = 40", "accel_mem_gb = nan", "systems.heim-gpu.accel_mem_gb", "finite number (got nan)"),
        ('country = "DE"', 'country = "Germany"', "systems.heim-gpu.country", "(got 'Germany')"),
        ('status = "operational"', 'status = "operatonal"', "systems.heim-gpu.status", "did you mean 'operational'?"),
        ('operator_kind = "nhr"\n', "", "systems.heim-gpu.operator_kind", "missing"),
        ('accelerator_id = "a100"', 'accelerator_id = "a1000"', "systems.heim-gpu.accelerator_id", "mean 'a100'?"),
        ('["antrag"]', '["antrrag"]', "systems.heim-gpu.access_programmes", "did you mean 'antrag'?"),
        ('["heim-gpu"]', '["heim-cpu"]', "programmes.antrag.system_ids", "did you mean 'heim-gpu'?"),
        ('unsourced = ["scheduler"]', 'unsourced = ["schedular"]', "systems.heim-gpu.unsourced", "'scheduler'?"),
        ('site_ids = ["heim"]', 'site_ids = ["heimm"]', "support.hilfe.site_ids", "did you mean 'heim'?"),
        (
            '["heim"]\nsystem_ids = ["heim-gpu"]',
            '["heim"]\nsystem_ids = ["heim-cpu"]',
            "support.hilfe.system_ids",
            "did you mean 'heim-gpu'?",
        ),
        ('programme_ids = [ "antrag" ]', 'programme_ids = ["antrg"]', "support.hilfe.programme_ids", "'antrag'?"),
        ('support_kind = "course"', 'support_kind = "curse"', "support.hilfe.support_kind", "did you mean 'course'?"),
        ('region = "DE-SN"', 'region = "Sachsen"', "support.hilfe.region", "(got 'Sachsen')"),
        ('[ "heim-gpu" ]', '["heim-gpus"]', "software.heim.system_ids", "did you mean 'heim-gpu'?"),
        ('source = "page"\nunsourced', 'source = "pgae"\nunsourced', "systems.heim-gpu.source", "did you mean 'page'?"),
        ('field = "nodes"', 'field = "node"', "systems.heim-gpu.claims[0].node", "did you mean 'nodes'?"),
        ("value = 12", 'value = "12"', "systems.heim-gpu.claims[0].nodes", "should be a valid integer"),
        ('source = "page"\nunsourced', "unsourced", "systems.heim-gpu.country", "has no source"),
        ('id = "cloud-8x"\nsource = "report"', 'id = "cloud-8x"', "products.cloud-8x.prices[0]", "has no source"),
        ('unit = "gpu_h"', 'unit = "gpuh"', "programmes.antrag.limits[0].unit", "did you mean 'gpu_h'?"),
        ('amount = "12.50"', "amount = 12.5", "products.cloud-8x.prices[0].amount", "valid string (got 12.5)"),
        ('currency = "EUR"', 'curency = "EUR"', "products.cloud-8x.prices[0].curency", "did you mean 'currency'?"),
        ('evidence = "primary"', 'evidence = "hearsay"', "sources.page.evidence", "primary, secondary, unsourced"),
        ("schema = 1", "schema = 2", "schema", "allowed: 1"),
        ("schema = 1\n", "", "schema", "missing"),
        ('site = "heim"\n', "", "systems.heim-gpu", "needs [site]"),
        ("[sources.page]", "[sorces.page]", "sorces", "did you mean 'sources'?"),
        ("[sources.page]", "[sources.unsourced]", "sources.unsourced", "'no source'"),
        ('id = "heim-gpu"\n', "", "systems.0.id", "missing"),
        ('kind = "shared"', 'kind = "shard"', "systems.heim-gpu.partitions[0].kind", "did you mean 'shared'?"),
        ("factor = 600\n", "", "systems.heim-gpu.charges[0]", "unit, per and factor go together"),
        ('unit = "core_h"\nper', 'unit = "coreh"\nper', "systems.heim-gpu.charges[0].unit", "did you mean 'core_h'?"),
        ('"01-15"', '"02-30"', "programmes.antrag.recurring_cutoffs[0].days[0]", "every year has"),
        (
            'scope = "Heim"\nsystem_ids = ["heim-gpu"]',
            'system_ids = ["heim-cpu"]',
            "programmes.antrag.recurring_cutoffs[0].system_ids",
            "did you mean 'heim-gpu'?",
        ),
        (" Europe/Brussels", "", "programmes.antrag.cutoffs[0]", "names no time zone"),
        ("Europe/Brussels", "Europe/Brüssel", "programmes.antrag.cutoffs[0]", "no such IANA time zone"),
        ("2027-01-04 10:00", "2027-01-04 25:00", "programmes.antrag.cutoffs[0]", "(got '2027-01-04 25:00"),
        ('["2027-01-04 10:00 Europe/Brussels"]', '["2027-01-04"]', "programmes.antrag.cutoffs[0]", "names no hour"),
        ('currency = "EUR"\n', "", "products.cloud-8x.prices[0]", "has no currency"),
        (
            'currency = "EUR"',
            'currency = "EUR"\ncurrency_verified = false',
            "products.cloud-8x.prices[0]",
            "marked as not verified",
        ),
        ("currency_verified = false\n", "", "observations.0", "has no currency"),
        (
            'currency = "EUR"',
            'currency = "EUR"\nvalid_from = 2026-09-01\nvalid_until = 2026-08-31',
            "products.cloud-8x.prices[0]",
            "ends on 2026-08-31, before it begins on 2026-09-01",
        ),
        ('quote = "USD"', 'quote = "EUR"', "exchange_rates.eur-usd", "are the same currency"),
        ('rate = "1.10"', "rate = 1.10", "exchange_rates.eur-usd.rate", "valid string (got 1.1)"),
        ('rate = "1.10"\n', "", "exchange_rates.eur-usd", "states no rate"),
        ("year = 2025", 'year = "2025"', "carbon_intensities.de-2025.year", "valid integer"),
        ("share_at_least = 0.6", "share_at_least = 60", "contingents.heim-land.share_at_least", "(got 60)"),
        ("valid_from = 2026-01-01", "valid_until = 2026", "contingents.heim-land.valid_until", "date"),
        ('programme_ids = ["antrag"]', 'programme_ids = ["antrg"]', "contingents.heim-land.programme_ids", "'antrag'?"),
        ('funder = "Land"', 'funder = "Land"\npart_of = "heim"', "contingents.heim-land.part_of", "mean 'heim-land'?"),
        (
            'system_ids = ["heim-gpu"]\nprogramme_ids',
            'system_ids = ["heim-cpu"]\nprogramme_ids',
            "contingents.heim-land.system_ids",
            "mean 'heim-gpu'?",
        ),
        (
            'system_ids = ["heim-gpu"]\nscheduler',
            'system_ids = ["heim-cpu"]\nscheduler',
            "launch_profiles.heim.system_ids",
            "mean 'heim-gpu'?",
        ),
        ('"2027-01-04 10:00 Europe', '"4 Jan 2027, Europe', "programmes.antrag.cutoffs[0]", "should be a day, an hour"),
        ('scheduler = "slurm"', 'scheduler = "slrum"', "launch_profiles.heim.scheduler", "slurm, pbs"),
    ],
)
def test_a_mistake_names_file_key_value_and_nearest(
    write_catalogue: WriteCatalogue, old: str, new: str, key: str, says: str
) -> None:
    found = {error.key: error for error in mistakes_in(write_catalogue((old, new)))}
    assert key in found
    assert str(found[key].file).endswith("heim.toml")
    assert says in str(found[key])


def test_an_entry_that_is_wrong_is_no_missing_reference_too(mistakes: Mistakes) -> None:
    found = mistakes(("nodes = 10", "nodes = -1"))
    assert [error.key for error in found] == ["systems.heim-gpu.nodes"]


def test_all_mistakes_of_all_files_are_told_in_one_pass(write_catalogue: WriteCatalogue) -> None:
    write_catalogue(("nodes = 10", "nodes = -1"), ("maximum = 5000", "maximum = true"))
    directory = write_catalogue(('id = "heim-gpu"', 'id = "heim-2"'), ("[[support]]", "[[suport]]"), name="other.toml")
    (directory / "broken.toml").write_text("schema = 1\nid = ", encoding="utf-8")
    keys = [(Path(str(error.file)).name, error.key) for error in mistakes_in(directory)]
    assert ("broken.toml", None) in keys
    assert ("heim.toml", "systems.heim-gpu.nodes") in keys
    assert ("heim.toml", "programmes.antrag.limits[0].maximum") in keys
    assert ("other.toml", "suport") in keys


def test_an_id_used_twice_names_both_places(write_catalogue: WriteCatalogue) -> None:
    write_catalogue()
    directory = write_catalogue(name="twin.toml")
    twice = [error for error in mistakes_in(directory) if error.key == "systems.heim-gpu.id"]
    assert len(twice) == 1
    assert str(twice[0].file).endswith("twin.toml")
    assert str(directory / "heim.toml") in str(twice[0])


def test_a_provider_with_two_names_is_a_mistake(write_catalogue: WriteCatalogue) -> None:
    write_catalogue()
    directory = write_catalogue(("Cloud & Co.", "Cloud GmbH"), name="twin.toml")
    assert "provider.name" in [error.key for error in mistakes_in(directory)]


def test_broken_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "heim.toml").write_bytes(SMALL.encode().replace(b"NVIDIA A100", b"NVIDIA \xff", 1))
    (error,) = mistakes_in(tmp_path)
    assert str(error.file).endswith("heim.toml")
    assert f"line {1 + SMALL.split('NVIDIA A100', maxsplit=1)[0].count(chr(10))}" in str(error)


def test_a_syntax_error_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "heim.toml").write_text("schema = 1\nsite = heim\n", encoding="utf-8")
    (error,) = mistakes_in(tmp_path)
    assert "line 2" in str(error)


@pytest.mark.parametrize("text", ["x = " + "[" * 5000, "x = " + "9" * 10_000])
def test_what_the_parser_cannot_take_is_a_mistake_and_no_crash(tmp_path: Path, text: str) -> None:
    (tmp_path / "deep.toml").write_text(text, encoding="utf-8")
    (error,) = mistakes_in(tmp_path)
    assert str(error.file).endswith("deep.toml")


def test_a_file_above_the_cap_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.toml").open("wb") as file:
        file.truncate(1_000_000_000)
    (error,) = mistakes_in(tmp_path)
    assert f"at most {MAX_BYTES:,}" in str(error)


def test_a_folder_named_like_a_file_is_a_mistake(write_catalogue: WriteCatalogue) -> None:
    directory = write_catalogue()
    (directory / "folder.toml").mkdir()
    (error,) = mistakes_in(directory)
    assert "directory, not a file" in str(error)


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such catalogue folder"):
        load_catalogue(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no catalogue file"):
        load_catalogue(tmp_path)


@pytest.mark.parametrize(
    ("term", "term_id"),
    [("", "reserved"), ("3 years", "reserved-3-years"), ("256+ GPUs, 2 weeks", "reserved-256-gpus-2-weeks")],
)
def test_kind_and_term_tell_the_terms_of_a_product_apart(
    write_catalogue: WriteCatalogue, term: str, term_id: str
) -> None:
    directory = write_catalogue(
        ('kind = "on_demand"', f'kind = "reserved"\nterm = "{term}"\ncommitment_days = 14\nleast_accelerators = 256')
    )
    (price,) = load_catalogue(directory).products["cloud-8x"].prices
    assert (price.term_id, price.commitment_days, price.least_accelerators) == (term_id, 14, 256)
