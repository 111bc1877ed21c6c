"""What local files do to the catalogue that they are laid over."""

from __future__ import annotations

import datetime
import random
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.catalog import Catalogue, as_plain_data, load_catalogue
from stellwerk.errors import InputError, InputErrors
from tests.catalog.conftest import SMALL, WriteCatalogue

DAY = datetime.date(2026, 11, 23)
HEAD = """\
schema = 1

[sources.own]
urls = ["https://example.org/own"]
as_of = "2020"
evidence = "secondary"

"""
LOCAL = (
    HEAD
    + """\
[[systems]]
id = "heim-gpu"
source = "own"
unsourced = ["city"]
city = "Heim"
nodes = 20
access_programmes = ["hausantrag"]
accelerator_id = "b200"

[[systems.claims]]
field = "nodes"
value = 21
source = "unsourced"

[[accelerators]]
id = "b200"
name = "B200"
vendor = "NVIDIA"
source = "own"
memory_gb = 180

[[programmes]]
id = "hausantrag"
source = "own"
system_ids = ["heim-gpu"]

[[programmes]]
id = "antrag"
source = "own"
closed = "yes"
eligible_sme = "yes"

[[programmes.limits]]
unit = "gpu_h"
maximum = 9000

[[programmes.limits]]
unit = "node_h"
maximum = 100

[[products]]
id = "cloud-8x"
source = "own"

[[products.prices]]
amount = "14"
currency = "EUR"
unit = "instance_h"
kind = "on_demand"
"""
)


@pytest.fixture
def below(write_catalogue: WriteCatalogue, tmp_path: Path) -> Path:
    (tmp_path / "below").mkdir()
    return write_catalogue(name="below/heim.toml") / "below"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "own.toml").write_text(LOCAL, encoding="utf-8")
    return folder


@pytest.fixture
def both(below: Path, local: Path) -> Catalogue:
    return load_catalogue(below, overlay=local)


def test_a_local_value_leads_and_the_others_stay_beside_it(both: Catalogue) -> None:
    """Whatever their evidence and date: the packaged claim is primary and later."""
    nodes = both.systems["heim-gpu"].nodes
    assert [(claim.value, claim.source.local) for claim in nodes.claims] == [
        (20, True),
        (21, True),
        (10, False),
        (12, False),
    ]
    assert nodes.evidence == "secondary"


def test_what_the_local_file_does_not_state_stays_as_it_was(below: Path, both: Catalogue) -> None:
    before = load_catalogue(below)
    assert both.systems["heim-gpu"].status == before.systems["heim-gpu"].status
    assert both.systems["heim-gpu"].site_id == "heim"
    assert both.systems["heim-gpu"].operator_kind == "nhr"
    assert both.accelerators["a100"] == before.accelerators["a100"]
    assert both.programmes["antrag"].country_codes == ("DE",)
    assert both.software == before.software
    assert both.observations == before.observations


def test_an_unsourced_local_value_is_local_and_unsourced(both: Catalogue) -> None:
    source = both.systems["heim-gpu"].city.claims[0].source
    assert (source.evidence, source.local) == ("unsourced", True)


def test_keys_without_claims_are_taken_from_the_local_file_where_it_gives_them(both: Catalogue) -> None:
    assert both.systems["heim-gpu"].accelerator_id == "b200"
    assert both.programmes["antrag"].closed is True
    assert both.programmes["antrag"].free is True


def test_new_ids_are_added_and_linked_across_both(both: Catalogue) -> None:
    assert set(both.accelerators) == {"a100", "b200"}
    links = {(link.value, link.source.local) for link in both.systems["heim-gpu"].access}
    assert links == {("antrag", False), ("hausantrag", True)}


def test_a_local_limit_replaces_the_one_for_the_same_and_adds_others(both: Catalogue) -> None:
    limits = both.programmes["antrag"].limits
    assert {(limit.unit, limit.maximum, limit.source.local) for limit in limits} == {
        ("gpu_h", 9000, True),
        ("node_h", 100, True),
    }


def test_local_partitions_charges_and_cut_offs_replace_those_for_the_same(below: Path, tmp_path: Path) -> None:
    both = _with_local(
        below,
        tmp_path,
        '[[systems]]\nid = "heim-gpu"\nsource = "own"\n\n'
        '[[systems.partitions]]\nname = "gpu:shared"\nmax_walltime_h = 72\n\n'
        '[[systems.partitions]]\nname = "gpu:long"\n\n'
        '[[systems.charges]]\nunit = "core_h"\nper = "node_h"\nfactor = 500\n\n'
        '[[programmes]]\nid = "antrag"\nsource = "own"\n\n'
        '[[programmes.recurring_cutoffs]]\ndays = ["03-01"]\nscope = "Heim"\nsystem_ids = ["heim-gpu"]\n',
    )
    system = both.systems["heim-gpu"]
    assert [(part.name, part.max_walltime_h) for part in system.partitions] == [("gpu:long", None), ("gpu:shared", 72)]
    assert [charge.factor for charge in system.charges] == [500]
    assert [rule.days for rule in both.programmes["antrag"].recurring_cutoffs] == [((3, 1),)]


def test_a_local_share_that_breaks_the_whole_is_told_of_the_local_file(below: Path, tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as found:
        _with_local(
            below,
            tmp_path,
            '[[contingents]]\nid = "heim-land"\nsource = "own"\nshare_at_least = 0.9\n\n'
            '[[contingents]]\nid = "heim-bund"\nsource = "own"\nsystem_ids = ["heim-gpu"]\nshare = 0.2\n',
        )
    (error,) = found.value.errors
    assert error.file == tmp_path / "own/own.toml"
    assert "add up to 1.1" in str(error)


def test_a_local_price_leads_and_the_other_stays(both: Catalogue) -> None:
    product = both.products["cloud-8x"]
    price = product.price_at(DAY)
    assert price is not None
    assert (price.amount, price.source.local) == (Decimal(14), True)
    assert [other.amount for other in product.prices] == [Decimal(14), Decimal("12.50")]


def test_a_subject_of_a_known_provider_takes_local_claims(below: Path, tmp_path: Path) -> None:
    both = _with_local(
        below,
        tmp_path,
        '[provider]\nid = "cloud"\nname = "Cloud & Co."\n\n[[subjects]]\nid = "all"\nsource = "own"\n'
        'egress_price = "0.01 EUR/GB"\n',
    )
    fact = both.providers["cloud"].subjects["all"]["egress_price"]
    assert [claim.value for claim in fact.claims] == ["0.01 EUR/GB", "0"]


def test_an_overlay_that_changes_nothing_leaves_every_value(below: Path, tmp_path: Path) -> None:
    both = _with_local(below, tmp_path, '[[systems]]\nid = "heim-gpu"\n')
    assert as_plain_data(both) | {"hash": ""} == as_plain_data(load_catalogue(below)) | {"hash": ""}


def test_the_hash_follows_both_folders(below: Path, local: Path) -> None:
    hashes = {load_catalogue(below).hash, load_catalogue(below, overlay=local).hash}
    (local / "own.toml").write_text(LOCAL + "\n", encoding="utf-8")
    assert len(hashes | {load_catalogue(below, overlay=local).hash}) == 3


def test_the_packaged_catalogue_takes_an_overlay(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        HEAD + '[[systems]]\nid = "tud-capella"\nsource = "own"\nnodes = 170\n', encoding="utf-8"
    )
    capella = load_catalogue(overlay=tmp_path).systems["tud-capella"]
    assert capella.nodes.value == 170
    assert {claim.value for claim in capella.nodes.rivals} == {154, 156}


@pytest.mark.parametrize(
    ("entry", "key", "says"),
    [
        ('[[systems]]\nid = "heim-gpu"\nsource = "own"\nnodes = 0', "systems.heim-gpu.nodes", "greater than 0"),
        ('[[systems]]\nid = "heim-gpu"\nsource = "own"\nnode = 1', "systems.heim-gpu.node", "did you mean 'nodes'?"),
        ('[[systems]]\nid = "heim-gpu"\nnodes = 1', "systems.heim-gpu.nodes", "has no source"),
        (
            '[[systems]]\nid = "heim-gpu"\nsource = "page"\nnodes = 1',
            "systems.heim-gpu.source",
            "no such source in this file",
        ),
        (
            '[[systems]]\nid = "heim-gpu"\nsource = "own"\naccess_programmes = ["antrg"]',
            "systems.heim-gpu.access_programmes",
            "did you mean 'antrag'?",
        ),
        (
            '[[systems]]\nid = "heim-gpu"\naccelerator_id = "a10"',
            "systems.heim-gpu.accelerator_id",
            "did you mean 'a100'?",
        ),
        (
            'site = "fern"\n[[systems]]\nid = "heim-gpu"',
            "systems.heim-gpu",
            "belongs to another site in the catalogue; name that one at the top of the file, or none (got 'fern')",
        ),
        ('[[systems]]\nid = "heim-new"\noperator_kind = "nhr"', "systems.heim-new", "needs [site]"),
        ('site = "heim"\n[[systems]]\nid = "heim-new"', "systems.heim-new.operator_kind", "missing"),
        ('[provider]\nid = "cloud"\nname = "Clown & Co."', "provider.name", "is called 'Cloud & Co.'"),
    ],
)
def test_a_mistake_names_the_local_file_and_no_other(
    below: Path, tmp_path: Path, entry: str, key: str, says: str
) -> None:
    with pytest.raises(InputErrors) as found:
        _with_local(below, tmp_path, entry)
    (error,) = found.value.errors
    assert (error.file, error.key) == (tmp_path / "own/own.toml", key)
    assert says in str(error)


def test_an_id_that_two_local_files_give_names_both(below: Path, local: Path) -> None:
    (local / "twin.toml").write_text(HEAD + '[[systems]]\nid = "heim-gpu"\n', encoding="utf-8")
    with pytest.raises(InputErrors) as found:
        load_catalogue(below, overlay=local)
    (error,) = found.value.errors
    assert error.file == local / "twin.toml"
    assert str(local / "own.toml") in str(error)


def test_an_overlay_that_is_missing_or_empty_is_named(below: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such catalogue folder"):
        load_catalogue(below, overlay=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no catalogue file"):
        load_catalogue(below, overlay=tmp_path / "empty")


def test_the_catalogue_below_cannot_refer_to_local_entries(tmp_path: Path) -> None:
    for name, text in (("below", SMALL.replace('["antrag"]', '["hausantrag"]', 1)), ("local", LOCAL)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputErrors) as found:
        load_catalogue(tmp_path / "below", overlay=tmp_path / "local")
    assert {error.file for error in found.value.errors} == {tmp_path / "below/a.toml"}


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), files=st.integers(1, 4))
def test_neither_the_order_nor_the_names_of_local_files_change_the_result(seed: int, files: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "below").mkdir()
        (root / "below/heim.toml").write_text(SMALL, encoding="utf-8")
        whole = _plain(root, [LOCAL])
        shuffled = random.Random(seed)  # noqa: S311 - no secret
        pieces = _entries()
        shuffled.shuffle(pieces)
        split = [HEAD + "".join(pieces[start::files]) for start in range(files)]
        assert _plain(root, split) == whole


@settings(max_examples=100)
@given(
    line=st.integers(0, LOCAL.count("\n") - 1), value=st.sampled_from(["true", "[]", "-1", '"x"', "nan", "2026-01-01"])
)
def test_another_value_in_a_local_file_gives_a_catalogue_or_mistakes_in_that_file(line: int, value: str) -> None:
    lines = LOCAL.splitlines()
    key, equals, _ = lines[line].partition(" = ")
    lines[line] = f"{key} = {value}" if equals else f"new = {value}"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "below").mkdir()
        (root / "below/heim.toml").write_text(SMALL, encoding="utf-8")
        mistakes: tuple[InputError, ...] = ()
        try:
            _plain(root, ["\n".join(lines)])
        except InputErrors as found:
            mistakes = found.errors
        assert all(str(error.file).startswith(str(root / "local-")) for error in mistakes)


def _entries() -> list[str]:
    """The entries of ``LOCAL``, each with its claims, limits and prices."""
    pieces: list[str] = []
    for piece in LOCAL.removeprefix(HEAD).split("\n[["):
        text = "\n[[" + piece.removeprefix("[[") + "\n"
        if "." in piece.split("]]")[0]:
            pieces[-1] += text
        else:
            pieces.append(text)
    return pieces


def _plain(root: Path, texts: list[str]) -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp(prefix="local-", dir=root))
    for number, text in enumerate(texts):
        (folder / f"{number}.toml").write_text(text, encoding="utf-8")
    plain: dict[str, Any] = as_plain_data(load_catalogue(root / "below", overlay=folder))
    return plain | {"hash": ""}


def _with_local(below: Path, tmp_path: Path, text: str) -> Catalogue:
    """The catalogue with one local file; a top-level key of ``text`` may come before its first table."""
    top, table, rest = text.partition("[")
    (tmp_path / "own").mkdir()
    content = HEAD.replace("schema = 1\n", f"schema = 1\n{top}\n", 1) + table + rest
    (tmp_path / "own/own.toml").write_text(content, encoding="utf-8")
    return load_catalogue(below, overlay=tmp_path / "own")


def test_a_local_file_gives_help_other_links_and_keeps_its_words(
    write_catalogue: WriteCatalogue, tmp_path: Path
) -> None:
    below, local = write_catalogue(), tmp_path.parent / f"{tmp_path.name}-local"
    local.mkdir()
    (local / "own.toml").write_text(
        'schema = 1\nsite = "werk"\n\n[[systems]]\nid = "werk-gpu"\nunsourced = "all"\noperator_kind = "project"\n\n'
        '[[support]]\nid = "hilfe"\nsite_ids = ["heim", "werk"]\nuser_groups = []\n',
        encoding="utf-8",
    )
    support = load_catalogue(below, overlay=local).support["hilfe"]
    assert support.site_ids == ("heim", "werk")
    assert support.user_groups == ()
    assert (support.organisation.value, support.region, support.kind) == ("Rechenzentrum", "DE-SN", "course")
