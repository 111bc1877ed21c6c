from __future__ import annotations

import json

from stellwerk.catalog import Catalogue, as_plain_data, named_facts


def test_plain_data_of_the_whole_catalogue_is_json_and_keeps_amounts_exact(packaged: Catalogue) -> None:
    data = json.loads(json.dumps(as_plain_data(packaged), allow_nan=False))
    product = data["products"]["scaleway-h100-sxm-2-80g-fr-par-2"]
    assert product["prices"][0]["amount"] == "6.6198"
    assert data["systems"]["jsc-jupiter-booster"]["nodes"]["value"] == 5884
    assert data["systems"]["jsc-jupiter-booster"]["nodes"]["claims"][0]["source"]["evidence"] == "secondary"


def test_every_fact_of_an_entry_is_named(packaged: Catalogue) -> None:
    facts = named_facts(packaged.programmes["nhr-normal"])
    assert facts["eligibility: academia"].value == "conditional"
    assert "duration" in facts
    assert named_facts(packaged.systems["zib-gpu-a100"])["charge"].known
