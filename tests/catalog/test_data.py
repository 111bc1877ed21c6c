"""What the packaged catalogue promises to those who rely on its values."""

from __future__ import annotations

import dataclasses
import datetime
import re
from decimal import Decimal
from typing import Any

import pytest

from stellwerk.catalog import (
    Catalogue,
    Fact,
    Product,
    System,
    charge_per_module_hour,
    charge_per_node_hour,
    charges_whole_nodes,
    convert,
    currencies_without_rate,
    schedulable_devices,
)
from tests.catalog.conftest import all_claims

AS_OF = datetime.date(2026, 11, 23)


def test_every_row_of_the_facts_has_an_entry(packaged: Catalogue) -> None:
    assert len(packaged.systems) == 77
    assert len(packaged.programmes) == 47
    assert len(packaged.products) == 146
    assert len(packaged.support) == 25
    assert len(packaged.software) == 19
    observed_as_prices = 8
    assert len(packaged.observations) + observed_as_prices == 85


def test_a_sourced_claim_names_an_address_and_an_unsourced_one_none(packaged: Catalogue) -> None:
    for entry_id, field, claim in all_claims(packaged):
        assert bool(claim.source.urls) == (claim.source.evidence != "unsourced"), (entry_id, field)


def test_addresses_are_addresses_and_texts_hold_no_lists(packaged: Catalogue) -> None:
    for entry_id, field, claim in all_claims(packaged):
        for url in claim.source.urls:
            assert url.startswith(("https://", "http://")), (entry_id, url)
            assert " " not in url, (entry_id, url)
        assert claim.value not in ("", []) or field == "address_suffix", (entry_id, field)
        assert claim.value != "unclear" or field == "status", (entry_id, field)


def test_no_unknown_was_filled_in(packaged: Catalogue) -> None:
    assert not packaged.systems["luh-kisski-inference"].country.known
    assert not packaged.systems["zib-gpu-pvc"].status.known
    assert not packaged.systems["kit-horeka-h200"].accelerators.known
    assert not packaged.systems["lrz-ai-mcml-hgx-h100-94x4"].accelerators.known
    for product_id in ("ovhcloud-h100-1520-gra", "ionos-h200-xl-de", "stackit-n3-104d-g8", "hyperstack-h100-sxm"):
        assert not packaged.products[product_id].interconnect.known


def test_contradictions_stand_side_by_side(packaged: Catalogue) -> None:
    systems = packaged.systems
    assert _values(systems["jsc-jupiter-booster"].nodes) == [5884, 5938, 6000]
    assert _values(systems["kit-haicore-gpu4"].nodes) == [12, 16]
    assert _values(systems["kit-horeka-green"].nodes) == [167, 162]
    assert _values(systems["kit-horeka-h100"].nodes) == [22, 20]
    assert set(_values(systems["tud-capella"].nodes)) == {154, 156}
    assert len(_values(packaged.programmes["eurohpc-aif-playground"].amount_max)) == 2
    assert set(_values(packaged.products["exoscale"].hq_country)) == {"AT", "CH"}


def test_conflicting_limits_yield_no_structured_maximum(packaged: Catalogue) -> None:
    programmes = packaged.programmes
    assert programmes["eurohpc-aif-playground"].limits == ()
    for programme_id in ("nhr-normal", "nhr-large"):
        limits = programmes[programme_id].limits
        darmstadt = [limit for limit in limits if "tuda-lichtenberg2-acc" in limit.system_ids]
        assert {limit.unit for limit in darmstadt} == {"core_h"}


def test_wildcards_are_spelt_out_as_far_as_the_rows_support_them(packaged: Catalogue) -> None:
    access = {system.id: set(system.programme_ids) for system in packaged.systems.values()}
    assert "eurohpc-ai-data-intensive" not in access["jsc-jupiter-booster"]
    assert "gcs-jupiter-regular" in access["jsc-jupiter-booster"]
    assert "eurohpc-aif-playground" in access["jsc-jupiter-booster"]
    assert access["jsc-juwels-booster"] == {"gcs-regular"}
    assert "westai" not in access["jsc-jureca-dc-gpu"]
    assert "westai" in access["jsc-westai-hwai"]
    assert {"eurohpc-ai-data-intensive", "eurohpc-development"} <= access["karolina-gpu"]
    assert not access["jsc-jedi"]
    assert not access["mpcdf-raven-gpu"]


def test_nhr_projects_lead_to_the_systems_named_and_to_no_share_of_another_programme(packaged: Catalogue) -> None:
    def leads_to(programme_id: str) -> set[str]:
        return {system.id for system in packaged.systems.values() if programme_id in system.programme_ids}

    assert leads_to("nhr-normal") == leads_to("nhr-large")
    assert {"fau-alex-a40", "tud-alpha", "zib-gpu-a100", "gwdg-grete-h100"} <= leads_to("nhr-normal")
    assert leads_to("nhr-test") - leads_to("nhr-normal") == {"mainz-mogon", "ffm-goethe"}
    for programme_id in ("nhr-normal", "nhr-test"):
        assert not leads_to(programme_id) & {"gwdg-kisski-a100", "gwdg-kisski-h100", "gwdg-react"}


def test_programmes_that_take_no_applications_are_marked(packaged: Catalogue) -> None:
    closed = {programme.id for programme in packaged.programmes.values() if programme.closed}
    assert closed == {"gauss-ai-competition", "ffplus-innovation", "eurohpc-frontier-gc", "eu-gigafactories"}
    assert packaged.programmes["eurohpc-aif-largescale"].closed is None
    assert packaged.programmes["eurohpc-aif-fastlane"].closed_system_ids == ("mn5-acc",)


def test_comparators_and_what_gives_no_compute_are_marked_by_field(packaged: Catalogue) -> None:
    assert {system.id for system in packaged.systems.values() if system.comparator} == {
        "fr-jean-zay",
        "uk-isambard-ai",
        "uk-dawn",
    }
    kinds = {programme.id: programme.kind for programme in packaged.programmes.values() if programme.kind != "access"}
    assert {name for name, kind in kinds.items() if kind == "no_compute"} == {"eu-gigafactories", "gwdg-ai-services"}
    assert {name.split("-")[0] for name, kind in kinds.items() if kind == "comparator"} == {"uk", "fr", "us"}


def test_a_text_that_says_unclear_is_no_answer(packaged: Catalogue) -> None:
    assert packaged.programmes["eurohpc-aif-payperuse"].eligibility["public"].value is None
    assert packaged.programmes["eurohpc-aif-playground"].eligibility["public"].value == "no"


def test_funding_and_successors_are_no_end_of_life(packaged: Catalogue) -> None:
    assert not packaged.systems["hlrs-hammerhai"].until.known
    assert not packaged.systems["lrz-blue-lion"].until.known
    assert packaged.systems["hlrs-hammerhai"].other["funding_until"].known
    assert not packaged.programmes["kisski"].duration.known


def test_modules_of_two_dies_are_two_devices(packaged: Catalogue) -> None:
    assert packaged.accelerators["mi250x"].devices == 2
    assert packaged.accelerators["pvc-1550"].devices == 2
    assert packaged.systems["lumi-g"].accelerators_per_node.value == 4
    assert packaged.systems["lumi-g"].accelerator_memory_bytes.value == 128e9


def test_mixed_systems_have_no_accelerator_type(packaged: Catalogue) -> None:
    for system_id in ("fr-jean-zay", "tuda-lichtenberg2-acc", "deucalion-gpu", "hpi-kisz-bb", "dfki-pegasus"):
        assert packaged.systems[system_id].accelerator_id is None


def test_memory_of_a_system_agrees_with_its_accelerator_type(packaged: Catalogue) -> None:
    for system in packaged.systems.values():
        if system.accelerator_id is not None and system.accelerator_memory_bytes.known:
            known = packaged.accelerators[system.accelerator_id].memory_bytes.value
            assert known in (None, system.accelerator_memory_bytes.value), system.id


def test_memory_of_a_product_agrees_with_its_accelerator_type(packaged: Catalogue) -> None:
    as_the_vendor_lists_it = {"hyperstack-b200"}
    for product in packaged.products.values():
        if product.accelerator_id is not None and product.accelerator_memory_bytes.known:
            known = packaged.accelerators[product.accelerator_id].memory_bytes.value
            agrees = known in (None, product.accelerator_memory_bytes.value)
            assert agrees or product.id in as_the_vendor_lists_it, product.id


def test_injection_bandwidth_is_the_sum_over_adapters(packaged: Catalogue) -> None:
    assert packaged.systems["jsc-jupiter-booster"].interconnect_bytes_per_s.value == 100e9
    assert packaged.systems["pc2-noctua2-gpu"].interconnect_bytes_per_s.value == 50e9
    assert packaged.products["aws-p5.48xlarge-eu-north-1"].interconnect_bytes_per_s.value == 400e9
    assert not packaged.systems["jsc-jureca-dc-gpu"].interconnect_bytes_per_s.known
    assert not packaged.systems["hlrs-hunter-apu"].interconnect_bytes_per_s.known


@pytest.mark.parametrize(
    ("product_id", "before", "after"),
    [
        ("nebius-hgx-h100-eu-(fi-fr)", "3.85", "4.50"),
        ("nebius-hgx-h200-eu-(fi-fr)", "4.5", "5.40"),
        ("nebius-hgx-b200-eu", "7.15", "8.50"),
    ],
)
def test_a_price_holds_for_its_time(packaged: Catalogue, product_id: str, before: str, after: str) -> None:
    product = packaged.products[product_id]
    old, new = product.price_at(datetime.date(2026, 9, 30)), product.price_at(AS_OF)
    assert old is not None
    assert new is not None
    assert (old.amount, new.amount) == (Decimal(before), Decimal(after))


def test_a_price_without_verified_currency_has_none_and_does_not_lead(packaged: Catalogue) -> None:
    product = packaged.products["ovhcloud-a100-180-gra"]
    price = product.price_at(AS_OF)
    assert price is not None
    assert (price.amount, price.currency) == (Decimal("2.75"), "EUR")
    assert [(other.amount, other.currency) for other in product.prices if other.currency is None] == [
        (Decimal("3.07"), None)
    ]
    unverified = {"ovhcloud", "scaleway", "seeweb"}
    assert all(seen.currency is None for seen in packaged.observations if seen.provider_id in unverified)


def test_a_price_of_the_united_states_is_no_price_of_a_european_product(packaged: Catalogue) -> None:
    for product_id in ("google-cloud-a3-highgpu-8g-europe-west4", "aws-p5.48xlarge-eu-north-1"):
        product = packaged.products[product_id]
        assert len(product.prices) == 1
        assert any(name.startswith(("price_capacity", "price_reserved")) for name in product.other)


def test_monthly_spot_and_reserved_prices_are_told_apart(packaged: Catalogue) -> None:
    def kinds(product_id: str) -> set[tuple[str, str]]:
        return {(price.kind, price.unit) for price in packaged.products[product_id].prices}

    assert kinds("hetzner-gex131") == {("monthly", "month")}
    assert kinds("coreweave-hgx-h100") == {("on_demand", "instance_h"), ("spot", "gpu_h")}
    assert kinds("hyperstack-h200-sxm") == {("on_demand", "gpu_h"), ("reserved", "gpu_h")}
    assert kinds("lambda-1cc-h100") == {("cluster", "gpu_h")}
    assert packaged.products["netcup-rs2000-vgpu7"].price_at(AS_OF) is None


def test_what_cannot_be_rented_is_no_product(packaged: Catalogue) -> None:
    kinds = {product.id: product.kind for product in packaged.products.values() if product.kind != "product"}
    assert kinds == {
        "alephalpha": "not_rentable",
        "gcp-h100-cud3": "not_rentable",
        "hw-h100-purchase": "purchase",
        "market-eu-2026-01": "survey",
        "market-h100-2026-05": "survey",
        "noris": "not_rentable",
    }


def test_several_countries_are_a_list_and_cover_the_region(packaged: Catalogue) -> None:
    countries = {product.id: product.countries_of_data.value for product in packaged.products.values()}
    assert countries["taiga"] == ("SE", "NO", "PT", "GB")
    assert countries["stackit-gpu"] == ("DE", "AT")
    assert countries["lambda-v100"] == ("DE",)
    assert packaged.products["ionos-h200-s-de"].countries_of_data.evidence == "unsourced"


def test_only_centres_are_centres(packaged: Catalogue) -> None:
    assert {software.id for software in packaged.software.values() if not software.is_centre} == {"eessi", "generic"}
    assert packaged.software["jsc-common"].launch_pattern.known


def test_charges_lead_from_core_hours_to_hours_of_nodes_and_modules(packaged: Catalogue) -> None:
    systems = packaged.systems
    assert charge_per_node_hour(systems["gwdg-grete-a100-40"], "core_h") == 600
    assert charge_per_node_hour(systems["jsc-jureca-dc-gpu"], "core_h") == 128
    assert charge_per_module_hour(systems["zib-gpu-a100"], "core_h") == 150
    assert charge_per_module_hour(systems["tuda-lichtenberg2-acc"], "core_h") == 24
    whole = {system.id for system in systems.values() if charges_whole_nodes(system)}
    assert whole == {"hlrs-hunter-apu", "jsc-jureca-dc-gpu", "jsc-westai-hwai", "mn5-acc"}


def test_days_until_a_decision_stand_only_where_a_text_is_a_number(packaged: Catalogue) -> None:
    """A working day counts 7/5, rounded up; a month is a twelfth of 365 days, rounded down."""
    days = {
        programme.id: (programme.turnaround_days_min.value, programme.turnaround_days_max.value)
        for programme in packaged.programmes.values()
        if programme.turnaround_days_max.known
    }
    assert days == {
        "denbi-cloud": (14, 14),
        "eurohpc-ai-for-science": (None, 30),
        "eurohpc-aif-fastlane": (None, 6),
        "eurohpc-aif-largescale": (None, 14),
        "eurohpc-aif-playground": (None, 3),
        "eurohpc-development": (14, 21),
        "eurohpc-regular": (None, 121),
        "nhr-normal": (42, 42),
        "tuda-small": (7, 7),
        "uk-airr-rapid": (None, 60),
    }
    for programme_id in days:
        for claim in packaged.programmes[programme_id].turnaround_days_max.claims:
            assert claim.note.startswith("from the text of turnaround"), programme_id


def test_cut_offs_with_an_hour_keep_their_zone(packaged: Catalogue) -> None:
    large = packaged.programmes["eurohpc-aif-largescale"].next_cutoff(AS_OF)
    assert large is not None
    assert (large.day, large.zone) == (datetime.date(2026, 11, 30), "Europe/Brussels")
    assert large.instant == datetime.datetime(2026, 11, 30, 9, 0, tzinfo=datetime.UTC)


def test_both_lists_of_the_alliance_in_hesse_and_nrw_stand(packaged: Catalogue) -> None:
    large = packaged.programmes["nhr-large"]
    assert [rule.days[0] for rule in large.recurring_cutoffs] == [(1, 1), (2, 1)]
    coming = large.next_cutoff(AS_OF, "tuda-lichtenberg2-acc")
    assert coming is not None
    assert coming.day == datetime.date(2027, 1, 1), "the earlier of the two"
    normal = packaged.programmes["nhr-normal"].next_cutoff(AS_OF, "zib-gpu-a100")
    assert normal is not None
    assert normal.day == datetime.date(2027, 1, 15)
    assert packaged.programmes["nhr-normal"].next_cutoff(AS_OF, "tud-capella") is None


def test_dates_of_operation_follow_the_texts_and_no_funding_or_successor(packaged: Catalogue) -> None:
    systems = packaged.systems
    assert systems["tud-capella"].operation.from_earliest == datetime.date(2024, 1, 1)
    assert systems["tud-capella"].operation.from_latest == datetime.date(2024, 12, 31)
    for system_id in ("hlrs-hunter-apu", "hlrs-hammerhai", "lrz-blue-lion"):
        assert systems[system_id].operation.until_latest is None
    assert systems["hpi-kisz-bb"].operation.from_earliest is None
    assert systems["hlrs-hawk-ai"].operation.covers(AS_OF) is False
    assert systems["fau-helma-h200"].operation_from_earliest.evidence == "unsourced"


def test_modules_that_hold_two_devices_are_counted_as_modules(packaged: Catalogue) -> None:
    lumi = packaged.systems["lumi-g"]
    assert lumi.accelerators.value == 11_912
    assert schedulable_devices(lumi, packaged.accelerators) == 23_824
    assert schedulable_devices(packaged.systems["kit-horeka-h200"], packaged.accelerators) is None


def test_contingents_say_what_the_facts_say(packaged: Catalogue) -> None:
    shares = {entry.id: entry.share.value for entry in packaged.contingents_of("jsc-jupiter-booster")}
    assert shares == {"jupiter-eurohpc": 0.5, "jupiter-gcs": 0.5, "eurohpc-development-share": None}
    counts = {entry.funder.value: entry.accelerators.value for entry in packaged.contingents_of("hessianai-42")}
    assert counts == {"Land Hessen": 304, "Bund": 328}
    lichtenberg = packaged.contingents_of("tuda-lichtenberg2-acc")
    assert [entry.share_at_least.value for entry in lichtenberg] == [0.8, None]
    assert [entry.share_at_most.value for entry in lichtenberg] == [None, 0.2]


def test_launch_profiles_know_the_suffix_of_juelich_and_where_it_is_not_used(packaged: Catalogue) -> None:
    def suffix(system_id: str) -> str | None:
        profile = packaged.launch_profile(system_id)
        return profile.address_suffix.value if profile else None

    assert suffix("jsc-juwels-booster") == suffix("jsc-jureca-dc-gpu") == "i"
    assert suffix("jsc-jupiter-booster") == suffix("jsc-jedi") == ""
    assert suffix("mpcdf-raven-gpu") is None
    hunter = packaged.launch_profile("hlrs-hunter-apu")
    assert hunter is not None
    assert (hunter.scheduler.value, hunter.internet_on_compute_nodes.value) == ("pbs", "no")


def test_no_exchange_rate_and_no_carbon_intensity_is_unsourced(packaged: Catalogue) -> None:
    facts = [rate.rate for rate in packaged.exchange_rates.values()]
    assert all(claim.source.urls for fact in facts for claim in fact.claims)
    countries = {system.country.value for system in packaged.systems.values()} - {None}
    for country in countries:
        intensity = packaged.carbon_intensity(country, AS_OF)
        assert intensity.evidence in ("primary", "secondary"), country


def test_every_currency_of_a_price_leads_to_euros(packaged: Catalogue) -> None:
    assert currencies_without_rate(packaged, AS_OF) == {}
    dollars = convert(Decimal(100), "USD", "EUR", packaged, AS_OF)
    assert dollars is not None
    assert round(dollars.amount, 2) == Decimal("89.51")
    assert dollars.rates[0].date == datetime.date(2026, 10, 30)


def _values(fact: Fact[Any]) -> list[Any]:
    return list(dict.fromkeys(claim.value for claim in fact.claims))


AT_LEAST_GBIT_PER_S = {
    "dkrz-levante-a100-40": 200,
    "dkrz-levante-a100-80": 200,
    "gwdg-grete-a100-40": 100,
    "hlrs-hunter-apu": 800,
    "jsc-jureca-dc-gpu": 100,
    "kit-haicore-gpu4": 100,
    "kit-horeka-h100": 200,
    "kit-horeka-h200": 200,
    "lrz-sng2": 200,
    "mpcdf-raven-gpu": 100,
    "mpcdf-viper-gpu": 200,
    "pc2-otus-gpu": 200,
}


def test_a_named_kind_of_adapter_gives_a_lower_bound_and_no_rate(packaged: Catalogue) -> None:
    bounds = {
        entry_id: bound * 8 / 1e9
        for entry_id, entry in _machines(packaged)
        if (bound := entry.interconnect_at_least_bytes_per_s.value) is not None
    }
    assert bounds == AT_LEAST_GBIT_PER_S
    for entry_id in bounds:
        system = packaged.systems[entry_id]
        assert not system.interconnect_bytes_per_s.known
        (claim,) = system.interconnect_at_least_bytes_per_s.claims
        assert claim.note, "the derivation"
        if entry_id != "hlrs-hunter-apu":  # whose generation of the network has no source
            assert claim.source == system.interconnect.claims[0].source


def test_every_text_that_names_a_kind_of_adapter_has_a_rate_or_a_bound(packaged: Catalogue) -> None:
    for entry_id, entry in _machines(packaged):
        named = any(re.search(r"HDR|NDR|XDR|EDR", claim.value) for claim in entry.interconnect.claims)
        known = entry.interconnect_bytes_per_s.known or entry.interconnect_at_least_bytes_per_s.known
        assert known or not named, entry_id


def _machines(catalogue: Catalogue) -> list[tuple[str, System | Product]]:
    return [*catalogue.systems.items(), *catalogue.products.items()]


def test_every_condition_is_a_sentence_in_both_languages(packaged: Catalogue) -> None:
    for programme in packaged.programmes.values():
        for rule in programme.rules:
            for sentence in (rule.condition.en, rule.condition.de):
                assert re.fullmatch(r"[A-ZÄÖÜ].*\.", sentence), (programme.id, rule.id)
            assert rule.condition.en != rule.condition.de
            assert bool(rule.source.urls) == (rule.source.evidence != "unsourced")


def test_conditions_that_stay_in_words_are_known_by_name(packaged: Catalogue) -> None:
    """Conditional without a rule: what the facts state there fits no field of a request."""
    in_words = {
        programme.id
        for programme in packaged.programmes.values()
        if programme.kind == "access"
        for kind, fact in programme.eligibility.items()
        if fact.value == "conditional" and not any(rule.holds_for(kind) for rule in programme.rules)
    }
    assert in_words == {"gwdg-scc", "haicore", "rwth-small"}


def test_every_class_of_a_family_has_its_programme(packaged: Catalogue) -> None:
    for family in packaged.families.values():
        members = {one.access_class for one in packaged.programmes.values() if one.family == family.id}
        assert members == set(family.classes)


def test_every_support_offer_says_what_kind_of_help_it_is(packaged: Catalogue) -> None:
    assert [support.id for support in packaged.support.values() if support.kind is None] == []


def test_links_of_support_say_no_more_than_its_words(packaged: Catalogue) -> None:
    support = packaged.support
    assert support["jaif-support"].system_ids == ("jsc-jupiter-booster", "jsc-jarvis")
    assert support["jsc-dl-course"].user_groups == ()  # users of the machines may be of any kind
    assert support["hessian-lab"].country_codes == ()  # a focus is no limit
    assert support["hpcnrw"].region == "DE-NW"
    assert not support["minerva"].tied
    assert "eurohpc-development" in support["epicure"].programme_ids
    for one in support.values():
        assert bool(one.country_codes) == (one.eligibility.value in ("EU", "DE", "NRW", "PhD at German university"))


def test_a_system_has_at_most_one_software_environment(packaged: Catalogue) -> None:
    described = [name for software in packaged.software.values() for name in software.system_ids]
    assert len(described) == len(set(described)) == 46
    assert {software.id for software in packaged.software.values() if not software.system_ids} == {"eessi", "generic"}
    assert "jsc-jedi" not in described  # no entry names it


@pytest.mark.parametrize("kind", ["systems", "programmes", "products", "software"])
def test_what_has_a_field_of_its_own_is_not_kept_among_the_other_facts_too(packaged: Catalogue, kind: str) -> None:
    for entry in getattr(packaged, kind).values():
        assert not set(entry.other) & {field.name for field in dataclasses.fields(entry)}, entry.id


_TERM_DAYS = {"year": 365, "week": 7}


def test_terms_are_paid_for_as_their_words_state_and_never_guessed(packaged: Catalogue) -> None:
    """Of a range the first duration is the shortest; "reserved" or "DWS defined duration" states none."""
    stated = 0
    for product in packaged.products.values():
        for price in product.prices:
            duration = re.search(r"(\d+) (year|week)s?", price.term)
            number = re.match(r"(\d+)\+? GPUs", price.term)
            days = int(duration[1]) * _TERM_DAYS[duration[2]] if duration else None
            least = int(number[1]) if number else None
            assert (price.commitment_days, price.least_accelerators) == (days, least), (product.id, price.term)
            stated += days is not None
    assert stated == 8
