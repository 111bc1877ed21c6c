"""What contradicts itself or another entry: each error names file, key, value and every place."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.catalog import load_catalogue
from stellwerk.errors import InputError, InputErrors
from tests.catalog.conftest import Mistakes, WriteCatalogue, mistakes_in

SHARE = "share = 0.4\n"
HEAD = 'schema = 1\n\n[sources.own]\nas_of = "2026-11-20"\nevidence = "primary"\n\n'
SECOND = """
[[contingents]]
id = "heim-zweit"
source = "page"
system_ids = ["heim-gpu"]
share_at_least = 0.7
"""
SECOND_PROFILE = '\n[[launch_profiles]]\nid = "zweit"\nsource = "page"\nsystem_ids = ["heim-gpu"]\n'
RATE = 'quote = "USD"\nrate = "1.25"\n'
PRICE = 'amount = "12.50"\ncurrency = "EUR"\n'


def only(errors: list[InputError]) -> InputError:
    (error,) = errors
    return error


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        (PRICE, 'amount = "12.50"\n', "products.cloud-8x.prices[0]", "currency_verified = false where nobody"),
        (PRICE, PRICE + "currency_verified = false\n", "products.cloud-8x.prices[0]", "leave out one of the two keys"),
        (
            PRICE,
            PRICE + "valid_from = 2026-02-01\nvalid_until = 2026-01-31\n",
            "products.cloud-8x.prices[0]",
            "2026-02",
        ),
        (SHARE, "share = 1.01\n", "contingents.heim-antrag.share", "(got 1.01)"),
        (SHARE, SHARE + 'part_of = "heim-antrg"\n', "contingents.heim-antrag.part_of", "did you mean 'heim-antrag'?"),
        (SHARE, SHARE + 'part_of = "heim-antrag"\n', "contingents.heim-antrag.part_of", "parts of each other"),
        (
            SHARE,
            SHARE + "valid_from = 2026-02-01\nvalid_until = 2026-01-31\n",
            "contingents.heim-antrag",
            "ends on 2026-01-31, before it begins on 2026-02-01",
        ),
        ('quote = "USD"', 'quote = "EUR"', "exchange_rates.eur-usd", "base and quote are the same currency"),
        (RATE, RATE.replace("1.25", "0.00"), "exchange_rates.eur-usd.rate", "greater than 0 (got '0.00')"),
        (RATE, 'quote = "USD"\n', "exchange_rates.eur-usd", "states no rate"),
        ('as_of = "2026-03-31"', 'as_of = "2026-03"', "exchange_rates.eur-usd.rate", "names the day of the rate"),
        ('as_of = "2026-03-31"', 'as_of = "undated"', "exchange_rates.eur-usd.rate", "names the day of the rate"),
        (
            'status = "operational"',
            'status = "operational"\nshares_hardware_with = ["heim-gpu"]',
            "systems.heim-gpu.shares_hardware_with",
            "does not share hardware with itself (got 'heim-gpu')",
        ),
        (
            'family = "stufen"',
            'cutoffs = ["2026-11-30 10:00"]\nfamily = "stufen"',
            "programmes.antrag.cutoffs[0]",
            "names no time zone; write the IANA one, as in '2026-11-30 10:00 Europe/Brussels' (got '2026-11-30 10:00')",
        ),
        (
            'family = "stufen"',
            'cutoffs = ["2026-11-30 10:00 Europe/Bruxelles"]\nfamily = "stufen"',
            "programmes.antrag.cutoffs[0]",
            "no such IANA time zone: 'Europe/Bruxelles'",
        ),
        (
            'family = "stufen"',
            'cutoffs = ["2026-11-30"]\nfamily = "stufen"',
            "programmes.antrag.cutoffs[0]",
            "a day alone belongs into cutoff_dates",
        ),
        (
            "[[programmes.limits]]",
            '[[programmes.recurring_cutoffs]]\ndays = ["02-29"]\n\n[[programmes.limits]]',
            "programmes.antrag.recurring_cutoffs[0].days[0]",
            "a day that every year has, as in '01-15' (got '02-29')",
        ),
        (
            "[[programmes.limits]]",
            '[[programmes.recurring_cutoffs]]\ndays = ["01-15"]\nsystem_ids = ["heim-gp"]\n\n[[programmes.limits]]',
            "programmes.antrag.recurring_cutoffs[0].system_ids",
            "did you mean 'heim-gpu'?",
        ),
        (
            "[[systems.claims]]",
            '[[systems.charges]]\nunit = "core_h"\nfactor = 24\n\n[[systems.claims]]',
            "systems.heim-gpu.charges[0]",
            "unit, per and factor go together",
        ),
    ],
)
def test_a_mistake_names_file_key_and_what_is_wrong(
    write_catalogue: WriteCatalogue, old: str, new: str, key: str, says: str
) -> None:
    directory = write_catalogue((old, new))
    error = only(mistakes_in(directory))
    assert (error.file, error.key) == (directory / "heim.toml", key)
    assert says in str(error)


@pytest.mark.parametrize("overlap", ["", "valid_from = 2026-06-01\n", "valid_until = 2026-12-31\n"])
def test_contingents_of_one_time_above_the_whole_name_both_places(
    write_catalogue: WriteCatalogue, overlap: str
) -> None:
    directory = write_catalogue((SHARE, SHARE + "valid_from = 2026-01-01\nvalid_until = 2026-12-31\n"))
    (directory / "zweit.toml").write_text(_with_page(SECOND + overlap), encoding="utf-8")
    error = only(mistakes_in(directory))
    assert "contingents of the system 'heim-gpu' add up to 1.1 of it" in str(error)
    assert f"contingents.heim-antrag in {directory / 'heim.toml'} (0.4)" in str(error)
    assert f"contingents.heim-zweit in {directory / 'zweit.toml'} (0.7)" in str(error)


def test_contingents_that_follow_each_other_or_fill_the_whole_are_right(write_catalogue: WriteCatalogue) -> None:
    directory = write_catalogue((SHARE, SHARE + "valid_until = 2026-06-30\n"))
    for rest in (SECOND + "valid_from = 2026-07-01\n", SECOND.replace("0.7", "0.6")):
        (directory / "zweit.toml").write_text(_with_page(rest), encoding="utf-8")
        catalogue = load_catalogue(directory)
        assert [one.id for one in catalogue.contingents_of("heim-gpu")] == ["heim-antrag", "heim-zweit"]


def test_a_share_at_most_and_a_statement_alone_are_never_added_up(write_catalogue: WriteCatalogue) -> None:
    directory = write_catalogue()
    for claim in ("share_at_most = 1.0\n", 'statement = "most of it"\n'):
        text = _with_page(SECOND.replace("share_at_least = 0.7\n", claim))
        (directory / "zweit.toml").write_text(text, encoding="utf-8")
        assert load_catalogue(directory).contingents["heim-zweit"].share.value is None


def test_counts_of_accelerators_are_added_as_shares_of_the_pool(mistakes: Mistakes) -> None:
    """The pool counts 40, so that 25 are 0.625 of it."""
    error = only(mistakes((SHARE, SHARE + SECOND.replace("share_at_least = 0.7", "accelerators = 25"))))
    assert "add up to 1.025 of it" in str(error)


def test_parts_of_one_contingent_are_added_apart_from_the_whole_machine(mistakes: Mistakes) -> None:
    parts = "".join(
        SECOND.replace("heim-zweit", name) + 'part_of = "heim-antrag"\n' for name in ("heim-erst", "heim-zweit")
    )
    error = only(mistakes((SHARE, SHARE + parts)))
    assert "contingents of the contingent 'heim-antrag' add up to 1.4 of it" in str(error)
    assert "contingents.heim-erst in" in str(error)
    assert "contingents.heim-zweit in" in str(error)


def test_contingents_that_are_parts_of_each_other_are_told_once_with_every_place(
    write_catalogue: WriteCatalogue,
) -> None:
    directory = write_catalogue((SHARE, SHARE + 'part_of = "heim-zweit"\n'))
    (directory / "zweit.toml").write_text(_with_page(SECOND + 'part_of = "heim-antrag"\n'), encoding="utf-8")
    error = only(mistakes_in(directory))
    assert (error.key, error.value) == ("contingents.heim-antrag.part_of", "heim-zweit")
    assert str(directory / "heim.toml") in str(error)
    assert f"contingents.heim-zweit in {directory / 'zweit.toml'}" in str(error)


def test_two_launch_profiles_for_one_system_name_both_places(write_catalogue: WriteCatalogue) -> None:
    directory = write_catalogue()
    (directory / "zweit.toml").write_text(_with_page(SECOND_PROFILE), encoding="utf-8")
    error = only(mistakes_in(directory))
    assert (error.file, error.key, error.value) == (
        directory / "zweit.toml",
        "launch_profiles.zweit.system_ids",
        "heim-gpu",
    )
    assert f"launch_profiles.heim in {directory / 'heim.toml'}" in str(error)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("operation_from_earliest", "operation_from_latest"),
        ("operation_from_latest", "operation_until_earliest"),
        ("operation_until_earliest", "operation_until_latest"),
        ("operation_from_earliest", "operation_until_latest"),
    ],
)
def test_dates_of_operation_in_the_wrong_order_name_both_keys_and_days(
    mistakes: Mistakes, one: str, other: str
) -> None:
    days = f'status = "operational"\n{one} = 2027-01-01\n{other} = 2026-12-31'
    error = only(mistakes(('status = "operational"', days)))
    assert (error.key, error.value) == (f"systems.heim-gpu.{other}", "2026-12-31")
    assert f"is before {one}, 2027-01-01" in str(error)


def test_only_leading_dates_of_operation_have_to_be_in_order(write_catalogue: WriteCatalogue) -> None:
    """A rival claim that contradicts them stays beside them."""
    days = 'status = "operational"\noperation_from_earliest = 2026-01-01\noperation_from_latest = 2026-06-30'
    rival = '[[systems.claims]]\nfield = "operation_from_latest"\nvalue = 2025-12-31\nsource = "report"\n\n'
    directory = write_catalogue(('status = "operational"', days), ("[[systems.claims]]", rival + "[[systems.claims]]"))
    assert len(load_catalogue(directory).systems["heim-gpu"].operation_from_latest.rivals) == 1


@pytest.mark.parametrize(
    ("below", "local", "key"),
    [
        (
            ('status = "operational"', 'status = "operational"\noperation_from_earliest = 2027-01-01'),
            '[[systems]]\nid = "heim-gpu"\nsource = "own"\noperation_until_latest = 2026-12-31\n',
            "systems.heim-gpu.operation_until_latest",
        ),
        (
            (SHARE, SHARE + SECOND.replace("0.7", "0.6")),
            '[[contingents]]\nid = "heim-zweit"\nsource = "own"\nshare = 0.8\n',
            "contingents.heim-zweit",
        ),
        (
            (SHARE, SHARE + SECOND.replace("0.7", "0.6")),
            '[[contingents]]\nid = "heim-dritt"\nsource = "own"\nsystem_ids = ["heim-gpu"]\nshare = 0.1\n',
            "contingents.heim-zweit",
        ),
        (
            (SHARE, SHARE + SECOND.replace("0.7", "0.6") + 'part_of = "heim-antrag"\n'),
            '[[contingents]]\nid = "heim-antrag"\npart_of = "heim-zweit"\n',
            "contingents.heim-antrag.part_of",
        ),
        (
            (SHARE, SHARE),
            '[[launch_profiles]]\nid = "zweit"\nsource = "own"\nsystem_ids = ["heim-gpu"]\n',
            "launch_profiles.zweit.system_ids",
        ),
    ],
)
def test_a_local_file_that_contradicts_the_catalogue_is_named_with_the_file_below(
    write_catalogue: WriteCatalogue, tmp_path: Path, below: tuple[str, str], local: str, key: str
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "own").mkdir()
    file = write_catalogue(below, name="below/heim.toml") / "below/heim.toml"
    load_catalogue(file.parent)
    (tmp_path / "own/own.toml").write_text(HEAD + local, encoding="utf-8")
    with pytest.raises(InputErrors) as found:
        load_catalogue(file.parent, overlay=tmp_path / "own")
    error = only(list(found.value.errors))
    assert error.key == key
    assert str(file) in str(error)
    assert str(tmp_path / "own/own.toml") in str(error)


def test_all_contradictions_are_found_in_one_pass(mistakes: Mistakes) -> None:
    errors = mistakes(
        ('as_of = "2026-03-31"', 'as_of = "2026-03"'),
        (SHARE, SHARE + SECOND),
        ('scheduler = "slurm"\n', 'scheduler = "slurm"\n' + SECOND_PROFILE),
    )
    assert {error.key for error in errors} == {
        "exchange_rates.eur-usd.rate",
        "contingents.heim-zweit",
        "launch_profiles.zweit.system_ids",
    }


def _with_page(text: str) -> str:
    return HEAD.replace("sources.own", "sources.page") + text
