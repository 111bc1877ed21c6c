from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.broker.hardware import Ground, ground_of
from stellwerk.broker.model import Finding
from stellwerk.broker.offers import offers_of
from stellwerk.catalog import Catalogue, Claim, Fact, load_catalogue
from stellwerk.messages import render
from stellwerk.workload import Limits, Precision, Serving, Workload
from tests.broker.test_match import DAY, codes, judged
from tests.planner import examples

SERVICE = Serving(200, 20, 2000, 500, 15.0, 5.0, "fp8", 365 * 86400.0)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(Path(__file__).parent / "catalogue")


@pytest.fixture(scope="module")
def packaged() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def workload() -> Workload:
    return examples.workload()


def ground(catalogue: Catalogue, beginning: str, *, serving: bool = False) -> Ground:
    """Of the first offer whose id begins so."""
    offer = next(offer for offer in offers_of(catalogue, DAY) if offer.id.startswith(beginning))
    return ground_of(offer, catalogue, SERVICE if serving else examples.workload().training)


def codes_of(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.reason.code for finding in findings]


def test_what_blocks_is_said_where_a_plan_uses_the_network(workload: Workload, catalogue: Catalogue) -> None:
    assert "blocking_factor_unknown" in codes(judged(workload, catalogue, "complete/open-call"), "note")
    at_leisure = judged(replace(workload, limits=Limits()), catalogue, "no-network/open-call")
    assert at_leisure.plan is not None
    assert "blocking_factor_unknown" not in codes(at_leisure, "note")


def test_inside_the_domain_of_the_link_the_network_does_not_matter(workload: Workload, catalogue: Catalogue) -> None:
    h100 = catalogue.accelerators["h100-test"]
    everywhere = Fact((Claim(10**6, h100.bf16_flops.claims[0].source),))
    wide = replace(catalogue, accelerators={**catalogue.accelerators, h100.id: replace(h100, link_domain=everywhere)})
    notes = codes(judged(workload, wide, "complete/open-call"), "note")
    assert "blocking_factor_unknown" not in notes
    assert "link_domain_assumed" in notes


def test_a_stated_blocking_factor_reaches_the_machine_and_is_no_open_question(packaged: Catalogue) -> None:
    horeka = ground(packaged, "kit-horeka-green/")
    assert horeka.machine is not None
    assert (horeka.machine.blocking_factor, horeka.machine.network_adapters) == (1, 2)
    assert codes_of(horeka.notes_on_network) == []
    assert codes_of(ground(packaged, "tud-alpha/").notes_on_network) == ["blocking_factor_unknown"]


def test_a_domain_that_the_offer_states_is_not_assumed(packaged: Catalogue) -> None:
    stated, unstated = ground(packaged, "azure-nd128isr-gb200-v6"), ground(packaged, "coreweave-gb200-nvl72-slice")
    for one in (stated, unstated):
        assert one.machine is not None
        assert one.machine.domain_devices == 72
    assert "link_domain_assumed" not in codes_of(stated.notes_on_several_nodes)
    assert "link_domain_assumed" in codes_of(unstated.notes_on_several_nodes)


def test_replicas_that_serve_ask_for_no_network(packaged: Catalogue) -> None:
    serving = ground(packaged, "azure-nd128isr-gb200-v6", serving=True)
    assert serving.notes_on_network == ()
    assert "link_domain_assumed" not in codes_of(serving.notes_on_several_nodes)


@pytest.mark.parametrize(
    ("system", "precision", "bits"),
    [
        ("jsc-jupiter-booster/", "fp8", None),
        ("jsc-jupiter-booster/", "nvfp4", 8),
        ("jsc-juwels-booster/", "mxfp8", 16),
        ("jsc-juwels-booster/", "nvfp4", 16),
        ("jsc-juwels-booster/", "bf16", None),
    ],
)
def test_products_in_a_format_without_a_known_rate_run_in_the_next_wider_one(
    packaged: Catalogue, system: str, precision: Precision, bits: int | None
) -> None:
    """GH200 has rates in 8 bits and none in 4, A100 neither."""
    training = replace(examples.workload().training, precision=precision)
    offer = next(offer for offer in offers_of(packaged, DAY) if offer.id.startswith(system))
    said = [one.reason for one in ground_of(offer, packaged, training).notes]
    wider = [reason for reason in said if reason.code == "products_in_wider_format"]
    assert [reason.params["bits"] for reason in wider] == ([] if bits is None else [bits])
    for reason in wider:
        assert f"products in {precision}" in render(reason, "en")
        assert f"in {bits} Bit" in render(reason, "de")
