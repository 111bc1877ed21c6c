from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from tests.cli.conftest import Verb


@pytest.fixture
def catalog(in_process: Verb) -> Verb:
    return partial(in_process, "catalog")


def test_summary_prints_the_stated_sums(catalog: Verb) -> None:
    printed = catalog("summary").stdout
    assert "33,212" in printed
    assert "28,548 (15)" in printed
    assert "without jsc-jupiter-booster: 9,676 accelerators in 37 systems" in printed
    assert "may count the same nodes twice: gwdg-grete-a100-40" in printed


def test_summary_as_json_carries_schema_version_hash_and_groups(catalog: Verb) -> None:
    answer = json.loads(catalog("summary", "--json").stdout)
    assert answer["schema"] == 1
    assert len(answer["catalogue_sha256"]) == 64
    assert answer["summary"]["totals"]["operational"]["accelerators"] == 33_212
    assert sum(len(group["system_ids"]) for group in answer["summary"]["groups"]) == 61


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("systems", 77), ("programmes", 47), ("products", 146), ("support", 25), ("software", 19), ("accelerators", 51)],
)
def test_list_counts_and_names_every_entry(catalog: Verb, kind: str, rows: int) -> None:
    printed = catalog("list", "--kind", kind).stdout
    assert f"{rows} {kind}" in printed
    entries = json.loads(catalog("list", "--kind", kind, "--json").stdout)["entries"]
    assert len(entries) == rows
    assert all(entry["id"] in printed for entry in entries)


def test_lines_fit_into_100_columns(catalog: Verb) -> None:
    for arguments in (["list"], ["list", "--kind", "products"], ["list", "--kind", "programmes"], ["summary"]):
        assert max(map(len, catalog(*arguments).stdout.splitlines())) <= 100


def test_list_of_a_country_holds_no_other(catalog: Verb) -> None:
    systems = json.loads(catalog("list", "--country", "de", "--json").stdout)["entries"]
    assert {system["country"]["value"] for system in systems} == {"DE"}
    products = json.loads(catalog("list", "--kind", "products", "--country", "DE", "--json").stdout)["entries"]
    assert all("DE" in product["countries_of_data"]["value"] for product in products)
    programmes = json.loads(catalog("list", "--kind", "programmes", "--country", "FR", "--json").stdout)["entries"]
    assert {"eurohpc-regular", "fr-dynamic"} <= {programme["id"] for programme in programmes}
    assert "nhr-normal" not in {programme["id"] for programme in programmes}


def test_a_country_for_a_kind_without_one_is_refused(catalog: Verb) -> None:
    ended = catalog("list", "--kind", "support", "--country", "DE")
    assert ended.exit_code == 2
    assert "--country" in ended.stderr


def test_unsourced_and_unknown_values_are_visible_in_the_list(catalog: Verb) -> None:
    lines = {line.split()[0]: line for line in catalog("list").stdout.splitlines() if line.split()}
    assert "160*" in lines["fau-alex-a100-40"]
    assert "–" in lines["kit-horeka-h200"]
    assert "*" not in lines["jsc-jupiter-booster"]


def test_show_gives_each_value_with_rivals_evidence_date_and_source(catalog: Verb) -> None:
    printed = catalog("show", "jsc-jupiter-booster").stdout
    assert "but also: 5,938 (press)" in printed
    assert "unsourced *" in printed
    assert "2026-03" in printed
    assert "https://apps.fz-juelich.de/jsc/hps/jupiter/configuration.html" in printed
    assert "unknown: max walltime h" in printed


def test_show_of_an_id_that_two_kinds_share_gives_both(catalog: Verb) -> None:
    assert set(json.loads(catalog("show", "lrz-ai", "--json").stdout)) >= {"programmes", "software"}


@pytest.mark.parametrize("entry", ["nhr-normal", "nebius-hgx-b200-eu", "nebius", "mi250x", "lumi", "epicure"])
def test_every_kind_can_be_shown(catalog: Verb, entry: str) -> None:
    ended = catalog("show", entry)
    assert ended.exit_code == 0
    assert ended.stdout.startswith(entry)


def test_an_unknown_id_exits_with_2_and_names_the_nearest(catalog: Verb) -> None:
    ended = catalog("show", "jsc-jupiter-boster")
    assert ended.exit_code == 2
    assert "did you mean 'jsc-jupiter-booster'?" in ended.stderr
    assert ended.stdout == ""


def test_check_counts_what_the_packaged_catalogue_holds(catalog: Verb) -> None:
    ended = catalog("check")
    assert ended.exit_code == 0
    assert "77  systems" in ended.stdout
    assert "unsourced" in ended.stdout


def test_check_lists_every_mistake_of_a_folder_and_exits_with_2(catalog: Verb, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('schema = 1\nsite = "x"\n[[systems]]\nid = "y"\nnode = 3\n', encoding="utf-8")
    (tmp_path / "b.toml").write_text("schema = ", encoding="utf-8")
    ended = catalog("check", tmp_path)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    for part in ("a.toml: systems.y.node: unknown key", "mean 'nodes'?", "a.toml: systems.y.operator_kind", "b.toml"):
        assert part in ended.stderr
    assert "Traceback" not in ended.stderr


def test_check_of_a_folder_that_is_missing_exits_with_2(catalog: Verb, tmp_path: Path) -> None:
    ended = catalog("check", tmp_path / "nowhere")
    assert ended.exit_code == 2
    assert "nowhere" in ended.stderr


OWN = """\
schema = 1
[sources.own]
urls = ["https://example.org/own"]
as_of = "2026-11-20"
evidence = "primary"
[[systems]]
id = "tud-capella"
source = "own"
nodes = 160
accel_total = 640
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    return tmp_path


def test_local_files_lead_in_every_verb(catalog: Verb, own: Path) -> None:
    shown = catalog("show", "tud-capella", "--catalogue", own).stdout
    assert "primary, local" in shown
    assert shown.index("160") < shown.index("but also: 154")
    assert "640" in next(line for line in catalog("list", "--catalogue", own).stdout.splitlines() if "capella" in line)
    summed = json.loads(catalog("summary", "--json", "--catalogue", own).stdout)["summary"]
    assert summed["totals"]["operational"]["accelerators"] == 33_212 - 624 + 640
    checked = catalog("check", "--catalogue", own).stdout
    assert "77  systems" in checked
    assert "      2  local" in checked


def test_a_mistake_in_a_local_file_exits_with_2_in_every_verb(catalog: Verb, own: Path) -> None:
    (own / "own.toml").write_text(OWN.replace("nodes = 160", "node = 160"), encoding="utf-8")
    for arguments in (["list"], ["show", "tud-capella"], ["summary"], ["check"]):
        ended = catalog(*arguments, "--catalogue", own)
        assert ended.exit_code == 2
        assert ended.stdout == ""
        assert f"{own / 'own.toml'}: systems.tud-capella.node: unknown key" in ended.stderr


def test_show_marks_stale_and_undated_values_of_a_day(catalog: Verb) -> None:
    def line(field: str, day: str) -> str:
        printed = catalog("show", "jsc-jupiter-booster", "--as-of", day).stdout
        return next(line for line in printed.splitlines() if line.strip().startswith(field))

    assert "stale" not in line("status", "2026-11-23")
    assert "stale" in line("status", "2028-11-23")
    assert "stale" not in line("nodes", "2028-11-23")
    assert "undated" in line("container runtime", "2026-11-23")
    answer = json.loads(catalog("show", "jsc-jupiter-booster", "--json", "--as-of", "2028-11-23").stdout)
    assert answer["as_of"] == "2028-11-23"
    assert "status" in {value["field"] for value in answer["stale"]}


@pytest.mark.parametrize(
    ("kind", "rows", "cell"),
    [
        ("contingents", 17, "at least 80%"),
        ("launch_profiles", 16, "apptainer"),
        ("exchange_rates", 12, "1.1172"),
        ("carbon_intensities", 29, "342.06"),
    ],
)
def test_the_smaller_tables_are_listed_too(catalog: Verb, kind: str, rows: int, cell: str) -> None:
    printed = catalog("list", "--kind", kind).stdout
    assert f"{rows} {kind.replace('_', ' ')}" in printed
    assert cell in printed
    assert len(json.loads(catalog("list", "--kind", kind, "--json").stdout)["entries"]) == rows


def test_show_names_partitions_charges_contingents_and_the_launch_profile(catalog: Verb) -> None:
    capella = catalog("show", "tud-capella").stdout
    assert "partitions, never added up" in capella
    assert "interactive, slices of 1/7, 12 h" in capella
    assert "0.142857 gpu-h per slice-hour of 1/7" in capella
    assert "launch profile launch-zih" in capella
    assert "128 core-h per node-hour, whole nodes only" in catalog("show", "jsc-jureca-dc-gpu").stdout
    assert "50%: time is split evenly" in catalog("show", "jsc-jupiter-booster").stdout
    assert "a scheduler sees 23,824 devices" in catalog("show", "lumi-g").stdout


def test_show_names_hours_zones_and_rules_of_cut_offs(catalog: Verb) -> None:
    assert "2026-11-30 10:00 Europe/Brussels" in catalog("show", "eurohpc-aif-largescale").stdout
    rules = catalog("show", "nhr-large").stdout
    assert "01-01, 04-01, 07-01, 10-01" in rules
    assert "02-01, 05-01, 08-01, 11-01" in rules


def test_show_says_what_an_entry_of_a_smaller_table_is_about(catalog: Verb) -> None:
    assert "a part of eurohpc-pre-exascale" in catalog("show", "eurohpc-pre-exascale-extreme").stdout
    assert "(launch profile)" in catalog("show", "launch-jsc-common").stdout
    assert "NCCL_SOCKET_IFNAME=ib0" in catalog("show", "launch-jsc-common").stdout
    assert "USD for one EUR on 2026-10-30" in catalog("show", "eur-usd-2026-10-30").stdout
    assert "mean of 2024" in catalog("show", "de-2024-uba").stdout


def test_check_warns_of_a_currency_without_a_rate_and_does_not_fail(catalog: Verb, tmp_path: Path) -> None:
    assert "warning" not in catalog("check", "--as-of", "2026-11-23").stdout
    price = '[[products.prices]]\namount = "9"\ncurrency = "DKK"\nunit = "gpu_h"\nkind = "spot"\nsource = "own"\n'
    own = 'schema = 1\n[sources.own]\nas_of = "2026-11"\nevidence = "primary"\nurls = ["https://example.org"]\n'
    entry = f'[[products]]\nid = "coreweave-hgx-h100"\nsource = "own"\n{price}'
    (tmp_path / "own.toml").write_text(own + entry, encoding="utf-8")
    ended = catalog("check", "--catalogue", tmp_path, "--as-of", "2026-11-23")
    assert ended.exit_code == 0
    assert "no exchange rate from DKK to EUR is known; priced in it: coreweave-hgx-h100" in ended.stdout
    assert "from USD to EUR" in catalog("check", "--as-of", "2026-01-01").stdout


def test_check_counts_stale_values_and_names_them_when_asked(catalog: Verb) -> None:
    few = catalog("check", "--as-of", "2026-11-23").stdout
    many = catalog("check", "--as-of", "2030-11-23", "--stale").stdout
    assert "55  status older than 365 days" in few
    assert "stale:" not in few
    assert "stale: systems.jsc-jupiter-booster: status (as of" in many


def test_schema_prints_that_of_a_file_or_of_one_kind(catalog: Verb) -> None:
    whole = json.loads(catalog("schema").stdout)
    assert "systems" in whole["properties"]
    one = json.loads(catalog("schema", "systems").stdout)
    assert one["required"] == ["id", "operator_kind"]
    assert json.loads(catalog("schema", "systems", "--overlay").stdout)["required"] == ["id"]
    assert catalog("schema", "sytems").exit_code == 2


def test_check_warns_of_a_currency_without_a_rate_and_names_the_products(catalog: Verb, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        'schema = 1\n\n[provider]\nid = "own"\nname = "Own"\n\n[[products]]\nid = "own-8x"\nsource = "unsourced"\n\n'
        '[[products.prices]]\namount = "90"\ncurrency = "XTS"\nunit = "gpu_h"\nkind = "on_demand"\n',
        encoding="utf-8",
    )
    ended = catalog("check", "--catalogue", tmp_path, "--as-of", "2026-11-23")
    assert ended.exit_code == 0
    assert "warning: no exchange rate from XTS to EUR is known; priced in it: own-8x\n" in ended.stdout
    assert "warning" not in catalog("check", "--as-of", "2026-11-23").stdout
