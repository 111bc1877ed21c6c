"""Rules of programmes and the classes of families: what arrives, and what the loader refuses with both places."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.catalog import Catalogue, load_catalogue
from stellwerk.catalog.rule_fields import TESTS, VALUES
from stellwerk.errors import InputError, InputErrors
from stellwerk.messages import Words
from tests.catalog.conftest import SMALL, Mistakes, WriteCatalogue, mistakes_in

DOCTORATE = 'field = "pi_doctorate"\nequals = true'
CONDITION = 'condition.en = "So."\ncondition.de = "So."\n'


def test_a_rule_arrives_with_its_condition_in_both_languages(write_catalogue: WriteCatalogue) -> None:
    doctorate, place = load_catalogue(write_catalogue()).programmes["antrag"].rules
    assert (doctorate.field, doctorate.test, doctorate.operand) == ("pi_doctorate", "equals", True)
    assert doctorate.condition == Words(
        "Your principal investigator must hold a doctorate.", "Ihre Projektleitung muss promoviert sein."
    )
    assert doctorate.source.as_of == "2026-03"
    assert (place.test, place.operand, place.open_for) == ("one_of", ("university",), ("hospital",))
    assert place.source.as_of == "2026-09-01"
    assert doctorate.holds_for("academia")
    assert not doctorate.holds_for("sme")
    assert place.holds_for("sme")


def test_a_rule_without_a_field_is_a_condition_in_words(write_catalogue: WriteCatalogue) -> None:
    rule = load_catalogue(write_catalogue((DOCTORATE + "\n", ""))).programmes["antrag"].rules[0]
    assert (rule.field, rule.test, rule.operand) == (None, None, None)


def test_a_family_names_its_classes_and_a_programme_its_own(write_catalogue: WriteCatalogue) -> None:
    catalogue = load_catalogue(write_catalogue())
    assert catalogue.families["stufen"].classes == ("klein", "gross")
    programme = catalogue.programmes["antrag"]
    assert (programme.family, programme.access_class) == ("stufen", "klein")


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        (DOCTORATE, 'field = "pi_doctrate"\nequals = true', "rules.0.field", "did you mean 'pi_doctorate'?"),
        (DOCTORATE, "equals = true", "rules[0].equals", "tests nothing: name the field"),
        (DOCTORATE, 'field = "pi_doctorate"', "rules[0].field", "needs exactly one test"),
        (DOCTORATE, 'field = "pi_doctorate"\nat_least = 1', "rules[0].at_least", "allowed: equals"),
        (DOCTORATE, DOCTORATE + "\nat_least = 1", "rules[0].field", "needs exactly one test"),
        ('["university"]', '["universty"]', "rules[1].one_of", "did you mean 'university'?"),
        ('["university"]', "[]", "rules[1].one_of", "is empty"),
        ('["hospital"]', '["hospitl"]', "rules[1].open_for", "did you mean 'hospital'?"),
        ('["hospital"]', '["university"]', "rules[1].open_for", "stands in one_of, too"),
        ('one_of = ["university"]', 'none_of = ["university"]', "rules[1].open_for", "goes with one_of"),
        (DOCTORATE, 'field = "state"\none_of = ["Sachsen"]', "rules[0].one_of", "ISO 3166-2"),
        (DOCTORATE, 'field = "institution"\nnone_of = ["TU Dresden"]', "rules[0].none_of", "a domain"),
        (DOCTORATE, 'field = "grants"\nincludes_one_of = ["antrg"]', "rules[0].includes_one_of", "mean 'antrag'?"),
        ('condition.de = "Ihre Projektleitung muss promoviert sein."\n', "", "rules[0].condition.de", "missing"),
        ('id = "place"', 'id = "doctorate"', "rules[1].id", "id used twice; it also stands in"),
        ('family = "stufen"\n', "", "access_class", "goes together with family"),
        ('access_class = "klein"\n', "", "family", "goes together with access_class"),
        ('family = "stufen"', 'family = "stuffen"', "family", "did you mean 'stufen'?"),
        ('access_class = "klein"', 'access_class = "klien"', "access_class", "did you mean 'klein'?"),
    ],
)
def test_a_mistake_names_its_key_and_what_is_allowed(
    mistakes: Mistakes, old: str, new: str, key: str, says: str
) -> None:
    found = mistakes((old, new))
    assert [str(error.key).replace("[", ".").replace("]", "") for error in found] == [
        f"programmes.antrag.{key}".replace("[", ".").replace("]", "")
    ]
    assert says in str(found[0])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (DOCTORATE, 'field = "pi_doctorate"\nequals = false'),
        ('field = "state"\none_of = ["DE-SN"]', 'field = "state"\none_of = ["DE-BW", "DE-BY"]'),
        ('field = "state"\none_of = ["DE-SN"]', 'field = "state"\nnone_of = ["DE-SN", "DE-BW"]'),
        ('field = "purpose"\none_of = ["teaching"]', 'field = "purpose"\nnone_of = ["teaching"]'),
        (
            'field = "sensitivity"\nnone_of = ["public", "confidential"]',
            'field = "sensitivity"\nnone_of = ["personal", "sensitive_personal"]',
        ),
        ('field = "institution"\none_of = ["a.de"]', 'field = "institution"\nnone_of = ["a.de"]'),
        ('field = "partners"\nincludes_one_of = ["sme"]', 'field = "partners"\nincludes_none_of = ["sme", "startup"]'),
        ('field = "employees"\nat_least = 250', 'field = "employees"\nat_most = 249'),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_rules_that_no_applicant_can_meet_together_are_named_with_both_places(
    write_catalogue: WriteCatalogue, first: str, second: str, order: int
) -> None:
    first, second = (first, second)[::order]
    directory = write_catalogue((DOCTORATE, first + "\n" + CONDITION + _next_rule(second)))
    (error,) = mistakes_in(directory)
    assert error.key == "programmes.antrag.rules[1]"
    assert f"together with 'doctorate' in {directory / 'heim.toml'}: programmes.antrag.rules[0]" in str(error)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('field = "state"\none_of = ["DE-SN", "DE-BW"]', 'field = "state"\none_of = ["DE-BW"]'),
        (
            'field = "purpose"\none_of = ["research"]\nopen_for = ["teaching"]',
            'field = "purpose"\none_of = ["teaching"]',
        ),
        ('field = "institution"\none_of = ["a.de"]', 'field = "institution"\none_of = ["x.a.de"]'),
        ('field = "institution"\nnone_of = ["a.de"]', 'field = "institution"\nnone_of = ["b.de"]'),
        ('field = "partners"\nincludes_one_of = ["sme"]', 'field = "partners"\nincludes_none_of = ["startup"]'),
        ('field = "partners"\nincludes_one_of = ["sme"]', 'field = "partners"\nincludes_one_of = ["startup"]'),
        ('field = "employees"\nat_least = 250', 'field = "employees"\nat_most = 250'),
        ('field = "pi_stage"\none_of = ["professor"]', 'field = "career_stage"\none_of = ["doctoral"]'),
    ],
)
def test_rules_that_somebody_can_meet_are_no_contradiction(
    write_catalogue: WriteCatalogue, first: str, second: str
) -> None:
    directory = write_catalogue((DOCTORATE, first + "\n" + CONDITION + _next_rule(second)))
    assert len(load_catalogue(directory).programmes["antrag"].rules) == 3


def test_rules_for_different_kinds_may_differ(write_catalogue: WriteCatalogue) -> None:
    other = _next_rule('field = "pi_doctorate"\nequals = false', 'kinds = ["sme"]\n')
    directory = write_catalogue((DOCTORATE, DOCTORATE + "\n" + CONDITION + other))
    assert len(load_catalogue(directory).programmes["antrag"].rules) == 3


def test_a_rule_for_a_kind_that_is_not_admitted_is_named_with_both_places(write_catalogue: WriteCatalogue) -> None:
    directory = write_catalogue(('eligible_academia = "conditional"', 'eligible_academia = "no"'))
    (error,) = mistakes_in(directory)
    assert error.key == "programmes.antrag.rules[0].kinds"
    assert f"by {directory / 'heim.toml'}: programmes.antrag.eligible_academia" in str(error)


def test_two_programmes_of_one_class_are_named_with_both_places(write_catalogue: WriteCatalogue) -> None:
    write_catalogue()
    twin = '[[programmes]]\nid = "zweiter"\nsource = "page"\nfamily = "stufen"\naccess_class = "klein"\n\n[[families]]'
    head = SMALL.split("[[accelerators]]", maxsplit=1)[0]
    directory = write_catalogue()
    (directory / "twin.toml").write_text(head + twin.removesuffix("[[families]]"), encoding="utf-8")
    (error,) = mistakes_in(directory)
    assert (error.file, error.key) == (directory / "twin.toml", "programmes.zweiter.access_class")
    assert f"already the class of {directory / 'heim.toml'}: programmes.antrag" in str(error)


def test_a_class_that_stands_twice_in_its_family_is_a_mistake(mistakes: Mistakes) -> None:
    (error,) = mistakes(('["klein", "gross"]', '["klein", "gross", "klein"]'))
    assert error.key == "families.stufen.classes"


def test_grants_that_need_each_other_are_named_with_both_places(write_catalogue: WriteCatalogue) -> None:
    needs = 'field = "grants"\nincludes_one_of = ["{}"]'
    second = f'[[programmes]]\nid = "zweiter"\nsource = "page"\n{_next_rule(needs.format("antrag"))}{CONDITION}\n'
    changes = ((DOCTORATE, needs.format("zweiter")), ("[[products]]", second + "[[products]]"))
    directory = write_catalogue(*changes)
    (error,) = mistakes_in(directory)
    assert error.key == "programmes.antrag.rules[0].includes_one_of"
    assert f"{directory / 'heim.toml'}: programmes.zweiter.rules[0]" in str(error)
    choice = 'field = "grants"\nincludes_one_of = ["zweiter", "dfg"]'
    assert load_catalogue(write_catalogue((DOCTORATE, choice), changes[1])), "with a choice there is a way in"


def test_a_grant_that_needs_itself_is_a_mistake(mistakes: Mistakes) -> None:
    (error,) = mistakes((DOCTORATE, 'field = "grants"\nincludes_one_of = ["antrag"]'))
    assert "needed for itself" in str(error)


LOCAL = 'schema = 1\n[sources.own]\nevidence = "primary"\nurls = ["https://example.org/own"]\n'


def test_a_local_rule_takes_the_place_of_the_one_with_its_id(write_catalogue: WriteCatalogue, tmp_path: Path) -> None:
    both = _with_local(
        write_catalogue,
        tmp_path,
        '[[programmes]]\nid = "antrag"\nsource = "own"\n'
        + _rule("doctorate", 'field = "pi_doctorate"\nequals = false')
        + _rule("small", 'field = "employees"\nat_most = 9'),
    )
    rules = {rule.id: (rule.operand, rule.source.local) for rule in both.programmes["antrag"].rules}
    assert rules == {"doctorate": (False, True), "place": (("university",), False), "small": (9, True)}


def test_a_local_contradiction_names_both_files(write_catalogue: WriteCatalogue, tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as found:
        _with_local(
            write_catalogue,
            tmp_path,
            '[[programmes]]\nid = "antrag"\nsource = "own"\n'
            + _rule("no-doctorate", 'field = "pi_doctorate"\nequals = false'),
        )
    (error,) = found.value.errors
    assert (error.file, error.key) == (tmp_path / "local/own.toml", "programmes.antrag.rules[0]")
    assert str(tmp_path / "below/heim.toml") in str(error)


def test_a_local_no_against_a_rule_below_names_both_files(write_catalogue: WriteCatalogue, tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as found:
        _with_local(
            write_catalogue, tmp_path, '[[programmes]]\nid = "antrag"\nsource = "own"\neligible_academia = "no"\n'
        )
    (error,) = found.value.errors
    assert str(tmp_path / "below/heim.toml") in str(error)
    assert f"{tmp_path / 'local/own.toml'}: programmes.antrag.eligible_academia" in str(error)


def test_a_local_class_that_is_taken_names_the_local_file(write_catalogue: WriteCatalogue, tmp_path: Path) -> None:
    with pytest.raises(InputErrors) as found:
        _with_local(
            write_catalogue,
            tmp_path,
            '[[programmes]]\nid = "zweiter"\nsource = "own"\nfamily = "stufen"\naccess_class = "klein"\n',
        )
    (error,) = found.value.errors
    assert error.file == tmp_path / "local/own.toml"
    assert str(tmp_path / "below/heim.toml") in str(error)


@given(
    field=st.sampled_from(sorted(TESTS)),
    test=st.sampled_from(["equals", "one_of", "none_of", "includes_one_of", "includes_none_of", "at_least", "at_most"]),
    value=st.sampled_from(["true", "0.5", "12", '["DE-SN"]', '["eu"]', '["university"]', '["research", "x"]', "[]"]),
    kinds=st.sampled_from(['["academia"]', '["sme", "public"]', "[]", '["nobody"]']),
)
def test_any_rule_gives_a_catalogue_or_mistakes_of_that_rule(field: str, test: str, value: str, kinds: str) -> None:
    text = SMALL.replace(f'kinds = ["academia"]\n{DOCTORATE}', f'kinds = {kinds}\nfield = "{field}"\n{test} = {value}')
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "heim.toml").write_text(text, encoding="utf-8")
        mistakes: tuple[InputError, ...] = ()
        try:
            rules = load_catalogue(Path(name)).programmes["antrag"].rules
        except InputErrors as found:
            mistakes = found.errors
    assert mistakes or (rules[0].test in TESTS[rules[0].field or "task"] and rules[0].operand != ())
    assert all(str(error.key).startswith("programmes.antrag.rules") for error in mistakes)


def test_every_field_with_fixed_values_tests_them_as_words() -> None:
    for field in VALUES:
        assert TESTS[field] in (("one_of", "none_of"), ("includes_one_of", "includes_none_of"))


def _next_rule(test: str, kinds: str = "") -> str:
    """The head of a further rule; the condition of the rule in whose middle it is put follows it."""
    return f'\n[[programmes.rules]]\nid = "further"\n{kinds}{test}\n'


def _rule(name: str, test: str) -> str:
    return f'[[programmes.rules]]\nid = "{name}"\n{test}\n{CONDITION}'


def _with_local(write_catalogue: WriteCatalogue, tmp_path: Path, text: str) -> Catalogue:
    for folder in ("below", "local"):
        (tmp_path / folder).mkdir()
    write_catalogue(name="below/heim.toml")
    (tmp_path / "local/own.toml").write_text(LOCAL + text, encoding="utf-8")
    return load_catalogue(tmp_path / "below", overlay=tmp_path / "local")
