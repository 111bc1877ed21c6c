"""Who is admitted: the kind decides first, then the rules, each with its words and the key that would answer it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.broker.eligibility import answer_rule, judge_eligibility
from stellwerk.broker.model import Finding, verdict_of
from stellwerk.catalog import Catalogue, Claim, Fact, Programme, Rule, Source, load_catalogue
from stellwerk.catalog.rule_fields import TESTS, VALUES
from stellwerk.messages import LANGUAGES, Words, render
from stellwerk.workload import Applicant, DataNeeds, Method, Serving, Training
from tests.planner import examples

READ = Source(("https://example.org",), "2026-01-01", None, "primary")
UNREAD = Source((), "undated", None, "unsourced")
TRAINING = examples.workload().training
NO_NEEDS = DataNeeds()
SERVING = Serving(
    users=200,
    concurrent_requests=20,
    prompt_tokens=1000,
    output_tokens=300,
    tokens_per_s=20.0,
    first_token_s=2.0,
    weights="bf16",
    duration_s=3600.0,
)
CALL = load_catalogue(Path(__file__).parent / "catalogue").programmes["open-call"]


def rule(field: Any = "pi_doctorate", test: Any = "equals", operand: Any = True, **more: Any) -> Rule:
    given = {"id": "r", "kinds": (), "condition": Words("It must be so.", "So muss es sein."), "source": READ} | more
    return Rule(field=field, test=test, operand=operand, **given)


def programme(*rules: Rule, admitted: str | None = "yes", source: Source = READ, remark: str = "") -> Programme:
    fact: Fact[Any] = Fact(()) if admitted is None else Fact((Claim(admitted, source),))
    kinds = dict.fromkeys(CALL.eligibility, fact)
    conditions = dict.fromkeys(CALL.eligibility, remark) if remark else {}
    return replace(CALL, eligibility=kinds, eligibility_conditions=conditions, rules=rules)


def judge(
    asked: Programme, task: Training | Serving = TRAINING, data: DataNeeds = NO_NEEDS, **said: Any
) -> list[Finding]:
    return list(judge_eligibility(asked, Applicant(**{"kind": "academia", "country": "DE"} | said), data, task))


def codes(findings: Iterable[Finding]) -> list[str]:
    return [finding.reason.code for finding in findings]


@pytest.mark.parametrize(
    ("field", "test", "operand", "yes", "no"),
    [
        ("pi_doctorate", "equals", True, True, False),
        ("open_results", "equals", True, True, False),
        ("institution_kind", "one_of", ("university", "hospital"), "hospital", "company"),
        ("state", "one_of", ("DE-BW",), "DE-BW", "DE-SN"),
        ("purpose", "none_of", ("teaching",), "research", "teaching"),
        ("institution", "one_of", ("tu-dresden.de",), "tu-dresden.de", "not-tu-dresden.de"),
        ("institution", "one_of", ("tu-dresden.de",), "inf.tu-dresden.de", "de"),
        ("institution", "none_of", ("tu-dresden.de",), "dresden.de", "inf.tu-dresden.de"),
        ("partners", "includes_one_of", ("academia", "public"), ("sme", "public"), ()),
        ("partners", "includes_none_of", ("academia",), (), ("academia", "sme")),
        ("grants", "includes_one_of", ("eu",), ("dfg", "eu"), ("dfg",)),
        ("grants", "includes_none_of", ("nhr-starter",), ("dfg",), ("nhr-starter",)),
        ("employees", "at_most", 250, 250, 251),
        ("employees", "at_least", 10, 10, 9),
        ("career_stage", "one_of", ("doctoral",), "doctoral", "student"),
        ("sensitivity", "none_of", ("sensitive_personal",), "personal", "sensitive_personal"),
    ],
)
def test_each_test_answers_yes_no_and_unknown(field: str, test: str, operand: Any, yes: Any, no: Any) -> None:
    asked = rule(field, test, operand)
    assert [answer_rule(asked, value) for value in (yes, no, None)] == ["yes", "no", "unknown"]


def test_what_no_source_settles_stays_open() -> None:
    asked = rule("institution_kind", "one_of", ("university",), open_for=("hospital",))
    assert [answer_rule(asked, value) for value in ("university", "hospital", "company")] == ["yes", "unknown", "no"]


def test_a_grant_by_another_name_leaves_a_rule_about_grants_open() -> None:
    """ "Horizon Europe" may be the EU, "NHR Starter" the programme; nobody is ruled out for a spelling."""
    assert answer_rule(rule("grants", "includes_one_of", ("eu",)), ("Horizon Europe",)) == "unknown"
    assert answer_rule(rule("grants", "includes_none_of", ("nhr-starter",)), ("NHR Starter",)) == "unknown"
    assert answer_rule(rule("grants", "includes_one_of", ("eu",)), ("Horizon Europe", "eu")) == "yes"


@pytest.mark.parametrize(
    ("asked", "said", "verdict", "expected"),
    [
        (programme(rule()), {"pi_doctorate": True}, "possible", ["rule_met"]),
        (programme(rule()), {"pi_doctorate": False}, "impossible", ["rule_not_met"]),
        (programme(rule()), {}, "unknown", ["rule_open"]),
        (programme(rule(), admitted="conditional"), {"pi_doctorate": True}, "possible", ["rule_met"]),
        (programme(admitted="conditional", remark="only so"), {}, "unknown", ["admitted_under_condition"]),
        (programme(rule(kinds=("sme",)), admitted="conditional"), {}, "unknown", ["admitted_under_condition"]),
        (programme(remark="hello"), {}, "possible", ["admitted_with_remark"]),
        (programme(admitted="no"), {}, "impossible", ["applicant_not_admitted"]),
        (programme(admitted="no", remark="ask there"), {}, "impossible", ["applicant_not_admitted_because"]),
        (programme(rule(), admitted="no"), {"pi_doctorate": True}, "impossible", ["applicant_not_admitted"]),
        (programme(rule(), admitted=None), {"pi_doctorate": True}, "unknown", ["eligibility_unknown", "rule_met"]),
        (
            programme(rule(), admitted=None),
            {"pi_doctorate": False},
            "impossible",
            ["eligibility_unknown", "rule_not_met"],
        ),
        (programme(rule(), source=UNREAD), {"pi_doctorate": True}, "unknown", ["eligibility_unsourced", "rule_met"]),
        (programme(rule(source=UNREAD)), {"pi_doctorate": True}, "unknown", ["rule_unsourced"]),
        (programme(rule(source=UNREAD)), {"pi_doctorate": False}, "impossible", ["rule_not_met"]),
        (programme(rule(field=None, test=None, operand=None)), {}, "unknown", ["rule_in_words"]),
        (
            programme(rule("purpose", "one_of", ("development",), open_for=("research",))),
            {"purpose": "research"},
            "unknown",
            ["rule_unsettled"],
        ),
    ],
)
def test_the_kind_decides_first_and_then_the_rules(
    asked: Programme, said: dict[str, Any], verdict: str, expected: list[str]
) -> None:
    findings = judge(asked, **said)
    assert codes(findings) == expected
    assert verdict_of(findings) == verdict


def test_a_rule_for_other_kinds_says_nothing() -> None:
    assert judge(programme(rule(kinds=("sme",))), pi_doctorate=False) == []


def test_task_and_data_are_asked_too() -> None:
    no_service = programme(rule("task", "none_of", ("serving",)))
    assert codes(judge(no_service)) == ["rule_met"]
    assert codes(judge(no_service, task=SERVING)) == ["rule_not_met"]
    open_data = programme(rule("sensitivity", "one_of", ("public",)))
    assert codes(judge(open_data, data=DataNeeds(sensitivity="personal"))) == ["rule_not_met"]


def test_a_rule_about_the_purpose_takes_the_place_of_the_purpose_in_words() -> None:
    purpose: Fact[str] = Fact((Claim("development of methods", READ),))
    limited = replace(programme(), purpose=purpose)
    ruled = replace(programme(rule("purpose", "one_of", ("development",))), purpose=purpose)
    assert codes(judge(limited, purpose="development")) == ["purpose_limited"]
    assert codes(judge(ruled, purpose="development")) == ["rule_met"]
    assert codes(judge(ruled, purpose="teaching")) == ["rule_not_met"]


def test_conditions_and_obligations_are_noted_in_the_words_of_the_source() -> None:
    words: Fact[str] = Fact((Claim("civilian purpose", READ),))
    findings = judge(replace(programme(), obligations=words, conditions=words))
    assert [(finding.effect, finding.reason.code) for finding in findings] == [
        ("note", "conditions"),
        ("note", "obligations"),
    ]
    assert "“civilian purpose”" in render(findings[0].reason, "en")
    assert "„civilian purpose“" in render(findings[0].reason, "de")


def test_an_open_rule_names_its_condition_and_the_key_that_answers() -> None:
    (finding,) = judge(programme(rule("partners", "includes_one_of", ("academia",))))
    assert render(finding.reason, "en").startswith(
        "It must be so. The request does not say; the key applicant.partners"
    )
    assert render(finding.reason, "de").startswith("So muss es sein. Das Vorhaben sagt dazu nichts; der Schlüssel")
    assert finding.reason.as_dict()["params"]["condition"] == {"en": "It must be so.", "de": "So muss es sein."}


def test_a_rule_that_is_not_met_shows_what_was_said() -> None:
    (finding,) = judge(programme(rule("partners", "includes_one_of", ("academia",))), partners=())
    assert "applicant.partners = []" in render(finding.reason, "en")
    (finding,) = judge(programme(rule()), pi_doctorate=False)
    assert "applicant.pi_doctorate = false" in render(finding.reason, "de")


def test_every_field_and_value_of_the_vocabulary_is_one_of_the_workload_file() -> None:
    hints = get_type_hints(Applicant)
    for field in TESTS:
        if field == "task":
            assert set(VALUES[field]) == {*get_args(Method), "serving"}
            continue
        hint = get_type_hints(DataNeeds)[field] if field == "sensitivity" else hints[field]
        assert set(VALUES.get(field, ())) == {value for value in _leaves(hint) if isinstance(value, str)}, field


def _leaves(hint: Any) -> set[Any]:
    inner = get_args(hint)
    return {leaf for part in inner for leaf in _leaves(part)} if inner else {hint}


SAID: dict[str, st.SearchStrategy[Any]] = {
    "pi_doctorate": st.booleans(),
    "open_results": st.booleans(),
    "employees": st.integers(1, 500),
    "state": st.sampled_from(["DE-SN", "DE-BW"]),
    "institution": st.sampled_from(["a.de", "x.a.de", "b.de"]),
    "partners": st.lists(st.sampled_from(VALUES["partners"]), max_size=2).map(tuple),
    "grants": st.lists(st.sampled_from(["eu", "dfg", "nhr-starter", "Horizon Europe"]), max_size=2).map(tuple),
} | {field: st.sampled_from(VALUES[field]) for field in ("institution_kind", "career_stage", "pi_stage", "purpose")}


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    field = draw(st.sampled_from([*SAID, "task", None]))
    given: dict[str, Any] = {
        "id": draw(st.text("abc", min_size=1, max_size=4)),
        "kinds": draw(st.sampled_from([(), ("academia",), ("sme",)])),
        "source": draw(st.sampled_from([READ, UNREAD])),
    }
    if field is None:
        return rule(None, None, None, **given)
    test = draw(st.sampled_from(TESTS[field]))  # type: ignore[index]
    if test == "equals":
        return rule(field, test, draw(st.booleans()), **given)
    if test in ("at_least", "at_most"):
        return rule(field, test, draw(st.integers(1, 500)), **given)
    values = VALUES.get(field, ("DE-SN", "a.de", "eu", "nhr-starter"))  # type: ignore[call-overload]
    operand = tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3)))
    others = [value for value in values if value not in operand]
    open_for = tuple(draw(st.lists(st.sampled_from(others), max_size=1))) if test == "one_of" and others else ()
    return rule(field, test, operand, open_for=open_for, **given)


programmes = st.builds(
    lambda some, admitted, source: programme(*some, admitted=admitted, source=source),
    st.lists(rules(), max_size=5),
    st.sampled_from(["yes", "conditional", "no", None]),
    st.sampled_from([READ, UNREAD]),
)
applicants = st.fixed_dictionaries({}, optional=SAID)


@given(asked=programmes, said=applicants, kept=st.sets(st.sampled_from(sorted(SAID))))
def test_who_says_more_never_reopens_an_answer(asked: Programme, said: dict[str, Any], kept: set[str]) -> None:
    less = verdict_of(judge(asked, **{field: value for field, value in said.items() if field in kept}))
    more = verdict_of(judge(asked, **said))
    assert less in ("unknown", more)


@given(asked=programmes, said=applicants, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_rules_never_changes_the_answer(asked: Programme, said: dict[str, Any], shuffled: Any) -> None:
    order = list(asked.rules)
    shuffled.shuffle(order)
    one, other = judge(asked, **said), judge(replace(asked, rules=tuple(order)), **said)
    assert verdict_of(one) == verdict_of(other)
    assert sorted(map(str, one)) == sorted(map(str, other))


@given(asked=programmes, said=applicants)
def test_every_finding_reads_in_both_languages(asked: Programme, said: dict[str, Any]) -> None:
    for finding in judge(asked, **said):
        assert all(render(finding.reason, language) for language in LANGUAGES)


PHD = {"career_stage": "doctoral", "pi_stage": "professor", "pi_doctorate": True, "institution_kind": "university"}


@pytest.mark.parametrize(
    ("programme_id", "said", "verdict", "deciding"),
    [
        ("nhr-normal", {}, "unknown", {"german-university", "pi-doctorate"}),
        ("nhr-normal", PHD, "possible", set()),
        ("nhr-normal", PHD | {"pi_doctorate": False}, "impossible", {"pi-doctorate"}),
        ("nhr-normal", PHD | {"institution_kind": "research_institution"}, "unknown", {"german-university"}),
        ("nhr-large", PHD | {"institution_kind": "research_institution"}, "impossible", {"german-university"}),
        ("nhr-starter", PHD, "unknown", {"first-proposal", "one-starter"}),
        ("nhr-starter", PHD | {"grants": ("nhr-starter",)}, "impossible", {"one-starter"}),
        ("gcs-regular", PHD, "possible", set()),
        ("gcs-regular", {"kind": "public", "institution_kind": "authority"}, "impossible", {"research-institution"}),
        ("gcs-regular", {"kind": "startup"}, "impossible", set()),
        ("gauss-ai-competition", {"kind": "sme", "partners": ()}, "impossible", {"academic-partner"}),
        ("gauss-ai-competition", {"kind": "sme", "partners": ("academia",)}, "possible", set()),
        ("eurohpc-aif-playground", {"kind": "public"}, "impossible", set()),
        ("eurohpc-ai-for-science", {"kind": "startup", "grants": ()}, "impossible", {"eu-consortium"}),
        ("eurohpc-ai-for-science", {"kind": "startup", "grants": ("eu",)}, "possible", set()),
        ("eurohpc-ai-for-science", {"task": SERVING}, "impossible", {"no-service"}),
        ("eurohpc-development", {"purpose": "teaching"}, "impossible", {"method-development"}),
        ("eurohpc-development", {"purpose": "research"}, "unknown", {"method-development"}),
        ("eurohpc-benchmark", {"purpose": "research"}, "unknown", set()),
        (
            "eurohpc-extreme",
            {"kind": "large_industry", "open_results": False, "purpose": "research", "grants": ("eurohpc-benchmark",)},
            "impossible",
            {"open-results"},
        ),
        ("eurohpc-extreme", {"kind": "sme", "grants": ("eurohpc-benchmark",)}, "possible", set()),
        ("tud-local", PHD, "possible", set()),
        ("tud-local", PHD | {"pi_stage": "postdoc"}, "impossible", {"group-leader"}),
        ("bwunicluster", PHD, "possible", set()),
        ("bwunicluster", PHD | {"institution_kind": "company"}, "impossible", {"university-of-the-state"}),
        ("pc2-small", PHD, "unknown", {"no-own-centre"}),
        ("rwth-small", PHD, "unknown", set()),
        ("haicore", PHD, "unknown", set()),
    ],
)
def test_the_packaged_rules_decide_as_the_facts_say(
    packaged: Catalogue, programme_id: str, said: dict[str, Any], verdict: str, deciding: set[str]
) -> None:
    findings = judge(packaged.programmes[programme_id], **said)
    assert verdict_of(findings) == verdict
    named = {finding.reason.params.get("rule") for finding in findings if finding.effect == verdict}
    assert named - {None} == deciding


def test_a_public_body_learns_where_else_to_apply(packaged: Catalogue) -> None:
    (finding,) = judge(packaged.programmes["eurohpc-aif-fastlane"], kind="public")
    assert "public authorities apply through AI for Science" in render(finding.reason, "de")


def test_the_guide_to_the_workload_file_names_every_key_that_a_rule_asks_for(packaged: Catalogue) -> None:
    guide = (Path(__file__).parents[2] / "docs/workload.md").read_text(encoding="utf-8")
    questions = guide.partition("| key | question | asked by |")[2].partition("\n\n")[0]
    asked = {rule.field for one in packaged.programmes.values() for rule in one.rules} - {None}
    for field in asked:
        assert f"| `{'[serving]' if field == 'task' else field}` |" in questions, field


@pytest.fixture(scope="module")
def packaged() -> Catalogue:
    return load_catalogue()
