"""What entries say together, each contradiction told with all its places."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.catalog import load_catalogue
from stellwerk.errors import InputError, InputErrors
from tests.catalog.conftest import Mistakes, WriteCatalogue, mistakes_in

HEAD = """\
schema = 1

[sources.other]
urls = ["https://example.org/other"]
as_of = "2026"
evidence = "primary"

"""


def _contingent(name: str, **keys: str) -> str:
    stated = {"id": f'"{name}"', "source": '"other"', "system_ids": '["heim-gpu"]'} | keys
    return "[[contingents]]\n" + "".join(f"{key} = {value}\n" for key, value in stated.items()) + "\n"


def _with(write_catalogue: WriteCatalogue, *contingents: str) -> Path:
    """``SMALL``, in which at least 60% belong to one contingent from 2026 on, and another file."""
    directory = write_catalogue()
    (directory / "other.toml").write_text(HEAD + "".join(contingents), encoding="utf-8")
    return directory


def test_contingents_above_the_whole_name_all_files_and_entries(write_catalogue: WriteCatalogue) -> None:
    directory = _with(write_catalogue, _contingent("heim-bund", share="0.5"))
    (error,) = mistakes_in(directory)
    text = str(error)
    assert "contingents of the system 'heim-gpu' add up to 1.1" in text
    for place in (f"contingents.heim-land in {directory / 'heim.toml'}", f"heim-bund in {directory / 'other.toml'}"):
        assert place in text


@pytest.mark.parametrize(
    "contingent",
    [
        _contingent("heim-bund", share="0.4"),
        _contingent("heim-bund", share_at_most="0.5"),
        _contingent("heim-bund", share="0.5", valid_until="2025-12-31"),
        _contingent("heim-bund", share="0.5", part_of='"heim-land"'),
        _contingent("heim-bund", accelerators="16"),
        _contingent("heim-bund", statement='"the rest"'),
    ],
)
def test_contingents_that_can_be_true_together_are_right(write_catalogue: WriteCatalogue, contingent: str) -> None:
    """At most half may be less; another period, a part of a part and 16 of 40 leave room."""
    assert "heim-bund" in load_catalogue(_with(write_catalogue, contingent)).contingents


@pytest.mark.parametrize(
    "contingent",
    [
        _contingent("heim-bund", share="0.5", valid_from="2027-01-01", valid_until="2027-01-01"),
        _contingent("heim-bund", share_at_least="0.41"),
        _contingent("heim-bund", accelerators="17"),
    ],
)
def test_shares_counts_and_one_day_together_are_enough(write_catalogue: WriteCatalogue, contingent: str) -> None:
    (error,) = mistakes_in(_with(write_catalogue, contingent))
    assert "add up to" in str(error)


def test_parts_of_one_contingent_add_up_to_it_at_most(write_catalogue: WriteCatalogue) -> None:
    parts = [_contingent(f"part-{name}", share="0.6", part_of='"heim-land"') for name in "ab"]
    (error,) = mistakes_in(_with(write_catalogue, *parts))
    assert "contingents of the contingent 'heim-land' add up to 1.2" in str(error)


def test_contingents_that_are_parts_of_each_other_are_named(write_catalogue: WriteCatalogue) -> None:
    directory = _with(
        write_catalogue,
        _contingent("a", part_of='"b"'),
        _contingent("b", part_of='"c"'),
        _contingent("c", part_of='"a"'),
    )
    (error,) = mistakes_in(directory)
    assert error.key == "contingents.a.part_of"
    for name in "abc":
        assert f"contingents.{name} in {directory / 'other.toml'}" in str(error)


def test_the_order_of_files_changes_no_contradiction(write_catalogue: WriteCatalogue) -> None:
    texts = []
    for name in ("other.toml", "a.toml"):
        directory = write_catalogue()
        for old in directory.glob("[oa]*.toml"):
            old.unlink()
        (directory / name).write_text(HEAD + _contingent("heim-bund", share="0.5"), encoding="utf-8")
        texts.append([str(error).replace(name, "FILE") for error in mistakes_in(directory)])
    assert texts[0] == texts[1]


def test_a_contingent_that_ends_before_it_begins_is_a_mistake(mistakes: Mistakes) -> None:
    (error,) = mistakes(("valid_from = 2026-01-01", "valid_from = 2026-01-01\nvalid_until = 2025-01-01"))
    assert error.key == "contingents.heim-land"
    assert "ends on 2025-01-01, before it begins on 2026-01-01" in str(error)


@pytest.mark.parametrize(
    ("dates", "key"),
    [
        (("operation_from_earliest = 2026-02-01", "operation_from_latest = 2026-01-01"), "operation_from_latest"),
        (("operation_from_latest = 2026-02-01", "operation_until_latest = 2026-01-01"), "operation_until_latest"),
        (("operation_until_earliest = 2026-02-01", "operation_until_latest = 2026-01-01"), "operation_until_latest"),
    ],
)
def test_operation_that_ends_before_it_begins_is_a_mistake(
    mistakes: Mistakes, dates: tuple[str, str], key: str
) -> None:
    (error,) = mistakes(("nodes = 10", "\n".join(("nodes = 10", *dates))))
    assert error.key == f"systems.heim-gpu.{key}"
    assert f"is before {dates[0].split(' ')[0]}, 2026-02-01 (got '2026-01-01')" in str(error)


@pytest.mark.parametrize(
    ("below", "local", "key", "said"),
    [
        (
            "operation_until_latest = 2026-06-30",
            "operation_from_earliest = 2026-07-01",
            "operation_from_earliest",
            "is after operation_until_latest, 2026-06-30 in {below} (got '2026-07-01')",
        ),
        (
            "operation_from_latest = 2026-07-01",
            "operation_until_earliest = 2026-06-30",
            "operation_until_earliest",
            "is before operation_from_latest, 2026-07-01 in {below} (got '2026-06-30')",
        ),
        (
            "operation_until_latest = 2030-01-01",
            "operation_from_latest = 2026-07-01\noperation_until_latest = 2026-06-30",
            "operation_until_latest",
            "is before operation_from_latest, 2026-07-01 (got '2026-06-30')",
        ),
    ],
)
def test_dates_of_operation_that_contradict_a_local_file_name_both_files(
    write_catalogue: WriteCatalogue,
    tmp_path_factory: pytest.TempPathFactory,
    below: str,
    local: str,
    key: str,
    said: str,
) -> None:
    directory, overlay = write_catalogue(("nodes = 10", f"nodes = 10\n{below}")), tmp_path_factory.mktemp("local")
    own = overlay / "own.toml"
    own.write_text(f'{HEAD}[[systems]]\nid = "heim-gpu"\nsource = "other"\n{local}\n', encoding="utf-8")
    with pytest.raises(InputErrors) as caught:
        load_catalogue(directory, overlay=overlay)
    (error,) = caught.value.errors
    assert str(error) == f"{own}: systems.heim-gpu.{key}: {said.format(below=directory / 'heim.toml')}"


def test_a_system_that_shares_hardware_with_itself_is_a_mistake(mistakes: Mistakes) -> None:
    (error,) = mistakes(("nodes = 10", 'nodes = 10\nshares_hardware_with = ["heim-gpu"]'))
    assert error.key == "systems.heim-gpu.shares_hardware_with"


def test_two_launch_profiles_for_one_system_name_both(write_catalogue: WriteCatalogue) -> None:
    directory = write_catalogue()
    second = '[[launch_profiles]]\nid = "second"\nsource = "other"\nsystem_ids = ["heim-gpu"]\n'
    (directory / "other.toml").write_text(HEAD + second, encoding="utf-8")
    (error,) = mistakes_in(directory)
    assert isinstance(error, InputError)
    assert str(error.file).endswith("other.toml")
    assert f"launch_profiles.heim in {directory / 'heim.toml'}" in str(error)
