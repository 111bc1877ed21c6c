"""Whether a programme admits the applicant: the kind first, then its rules, each with its condition in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from stellwerk.broker.model import Finding
from stellwerk.catalog import FUNDERS, Programme, Rule, RuleField
from stellwerk.messages import Reason, Words
from stellwerk.workload import Applicant, DataNeeds, Serving, Training

Answer = Literal["yes", "no", "unknown"]


def judge_eligibility(
    programme: Programme, applicant: Applicant, data: DataNeeds, task: Training | Serving
) -> Iterator[Finding]:
    """Findings on who asks, for what, and with which data.

    A kind that is not admitted is out, whatever the rules say. For the others the rules decide; a kind that is
    admitted under a condition without any rule for it stays open, with the words of the source.
    """
    rules = [rule for rule in programme.rules if rule.holds_for(applicant.kind)]
    yield from _judge_kind(programme, applicant, bool(rules))
    if programme.eligibility[applicant.kind].value == "no":
        return
    for rule in rules:
        yield _judge_rule(programme, rule, said(rule.field, applicant, data, task))
    # a rule about the purpose says more than the purpose in words
    if programme.purpose.value is not None and not any(rule.field == "purpose" for rule in rules):
        purpose = {"programme": programme.id, "purpose": programme.purpose.value}
        yield Finding("unknown", Reason("purpose_limited", purpose))
    yield from _note_conditions(programme)


def said(field: RuleField | None, applicant: Applicant, data: DataNeeds, task: Training | Serving) -> Any:
    """What a request says about the field of a rule; None where it says nothing."""
    match field:
        case None:
            return None
        case "task":
            return "serving" if isinstance(task, Serving) else task.method
        case "sensitivity":
            return data.sensitivity
        case _:
            return getattr(applicant, field)


def answer_rule(rule: Rule, value: Any) -> Answer:
    """Whether ``value``, what a request says about its field, meets a rule; unknown where it says nothing, and where
    no source settles it."""
    operand: Any = rule.operand
    if value is None or (isinstance(value, str) and value in rule.open_for):
        return "unknown"
    match rule.test:
        case None:
            return "unknown"
        case "equals":
            return _yes_or_no(value == operand)
        case "at_least":
            return _yes_or_no(value >= operand)
        case "at_most":
            return _yes_or_no(value <= operand)
        case "one_of":
            return _yes_or_no(_is_among(value, operand))
        case "none_of":
            return _yes_or_no(not _is_among(value, operand))
        case "includes_one_of" | "includes_none_of":
            included = not set(operand).isdisjoint(value)
            if not included and rule.field == "grants" and not set(value) <= {*FUNDERS, *operand}:
                return "unknown"  # a grant that goes by another name may be the one that is meant
            return _yes_or_no(included == (rule.test == "includes_one_of"))


def _judge_kind(programme: Programme, applicant: Applicant, has_rules: bool) -> Iterator[Finding]:
    params = {"programme": programme.id, "applicant": applicant.kind}
    eligibility = programme.eligibility[applicant.kind]
    admitted, words = eligibility.value, programme.eligibility_conditions.get(applicant.kind)
    if admitted is None:
        yield Finding("unknown", Reason("eligibility_unknown", params))
    elif admitted == "no" and words:
        yield Finding("impossible", Reason("applicant_not_admitted_because", params | {"words": words}))
    elif admitted == "no":
        yield Finding("impossible", Reason("applicant_not_admitted", params))
    elif admitted == "conditional" and not has_rules:
        yield Finding("unknown", Reason("admitted_under_condition", params | {"words": words or "–"}))
    elif eligibility.evidence == "unsourced":
        yield Finding("unknown", Reason("eligibility_unsourced", params))
    elif admitted == "yes" and words:
        yield Finding("note", Reason("admitted_with_remark", params | {"words": words}))


def _judge_rule(programme: Programme, rule: Rule, value: Any) -> Finding:
    params: dict[str, str | Words] = {"programme": programme.id, "rule": rule.id, "condition": rule.condition}
    if rule.field is None:
        return Finding("unknown", Reason("rule_in_words", params))
    key = _key(rule.field)
    answer = answer_rule(rule, value)
    if answer == "unknown" and value is None:
        return Finding("unknown", Reason("rule_open", params | {"key": key}))
    stated = params | {"key": key, "value": _shown(value)}
    if answer == "unknown":
        return Finding("unknown", Reason("rule_unsettled", stated))
    if answer == "no" and rule.attainable:
        return Finding("unknown", Reason("rule_to_be_met_first", stated))
    if answer == "no":
        return Finding("impossible", Reason("rule_not_met", stated))
    if rule.source.evidence == "unsourced":
        return Finding("unknown", Reason("rule_unsourced", stated))
    return Finding("note", Reason("rule_met", stated))


def _note_conditions(programme: Programme) -> Iterator[Finding]:
    if programme.conditions.value is not None:
        yield Finding("note", Reason("conditions", {"programme": programme.id, "words": programme.conditions.value}))
    if programme.obligations.value is not None:
        yield Finding("note", Reason("obligations", {"programme": programme.id, "words": programme.obligations.value}))


def _yes_or_no(met: bool) -> Answer:
    return "yes" if met else "no"


def _is_among(value: str, names: Iterable[str]) -> bool:
    """A domain is also among those above it."""
    return any(value == name or value.endswith(f".{name}") for name in names)


def _key(field: RuleField) -> str:
    """The key of ``workload.toml`` that answers; the task is the section that the file has."""
    return {"task": "task", "sensitivity": "data.sensitivity"}.get(field, f"applicant.{field}")


def _shown(value: Any) -> str:
    """A value as the file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) or "[]" if isinstance(value, tuple) else str(value)
