from __future__ import annotations

from collections import Counter

from stellwerk.catalog import Catalogue, add_up, load_catalogue, openness_of, phase_of, summarise
from tests.catalog.conftest import WriteCatalogue


def test_operational_german_systems_add_up_to_the_stated_sums(packaged: Catalogue) -> None:
    summary = summarise(packaged)
    operational = summary.totals["operational"]
    assert (operational.counted, operational.accelerators) == (38, 33_212)
    assert summary.largest == "jsc-jupiter-booster"
    assert summary.without_largest.accelerators == 9_676


def test_counts_that_a_source_backs_add_up_to_the_stated_sums(packaged: Catalogue) -> None:
    summary = summarise(packaged)
    assert (summary.totals["operational"].sourced, summary.totals["operational"].sourced_accelerators) == (15, 28_548)
    assert summary.without_largest.sourced_accelerators == 5_012


def test_a_system_without_a_count_is_counted_as_such(packaged: Catalogue) -> None:
    operational = summarise(packaged).totals["operational"]
    assert operational.systems == operational.counted + operational.uncounted
    assert operational.uncounted == 15
    planned = summarise(packaged).totals["planned"]
    assert (planned.systems, planned.counted) == (6, 0)


def test_an_unclear_machine_is_in_no_operational_sum(packaged: Catalogue) -> None:
    unclear = summarise(packaged).totals["unclear"]
    assert (unclear.systems, unclear.accelerators) == (1, 3_744)


def test_systems_that_may_be_counted_twice_are_named(packaged: Catalogue) -> None:
    assert summarise(packaged).overlapping == (
        "gwdg-grete-a100-40",
        "gwdg-grete-h100",
        "gwdg-kisski-a100",
        "gwdg-kisski-h100",
    )


def test_the_groups_hold_each_system_once_and_add_up_to_the_totals(packaged: Catalogue) -> None:
    summary = summarise(packaged)
    members = Counter(system_id for group in summary.groups for system_id in group.system_ids)
    assert set(members.values()) == {1}
    for phase, total in summary.totals.items():
        of_phase = [group.total for group in summary.groups if group.phase == phase]
        assert sum(part.accelerators for part in of_phase) == total.accelerators
        assert sum(part.systems for part in of_phase) == total.systems


def test_a_system_of_unknown_country_belongs_to_none(packaged: Catalogue) -> None:
    everywhere = {system_id for group in summarise(packaged, None).groups for system_id in group.system_ids}
    german = {system_id for group in summarise(packaged).groups for system_id in group.system_ids}
    assert "luh-kisski-inference" in everywhere - german
    assert "fr-jean-zay" not in everywhere


def test_openness_follows_from_the_programmes_that_take_applications(packaged: Catalogue) -> None:
    openness = {system.id: openness_of(system, packaged) for system in packaged.systems.values()}
    assert openness["jsc-jupiter-booster"] == "companies"
    assert openness["gwdg-kisski-h100"] == "companies"
    assert openness["tud-capella"] == "academia"
    assert openness["mpcdf-viper-gpu"] == "members"
    assert openness["dkrz-levante-a100-80"] == "unknown"
    assert openness["lrz-ai-lrz-hgx-h100-94x4"] == "unknown"


def test_a_closed_programme_opens_no_system(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(("free = true", 'free = true\nclosed = "yes"')))
    assert openness_of(catalogue.systems["heim-gpu"], catalogue) == "unknown"


def test_a_status_that_nobody_states_is_unclear(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue(('status = "operational"\n', "")))
    assert phase_of(catalogue.systems["heim-gpu"]) == "unclear"


def test_nothing_adds_up_to_nothing() -> None:
    assert add_up([]).accelerators == 0
    assert add_up([]).systems == 0


def test_partitions_never_change_a_sum(write_catalogue: WriteCatalogue) -> None:
    before = summarise(load_catalogue(write_catalogue()))
    more = "".join(f'[[systems.partitions]]\nname = "part-{number}"\ndevices_max = 4000\n\n' for number in range(5))
    catalogue = load_catalogue(write_catalogue(("[[systems.charges]]", f"{more}[[systems.charges]]")))
    assert len(catalogue.systems["heim-gpu"].partitions) == 6
    assert summarise(catalogue) == before
