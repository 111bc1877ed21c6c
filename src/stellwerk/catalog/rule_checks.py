"""Finds rules of programmes that cannot be read, contradict each other, or that nobody can ever meet."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import get_args

from stellwerk.catalog.claims import in_order
from stellwerk.catalog.rows import Row, Rows
from stellwerk.catalog.rule_fields import FUNDERS, TESTS, VALUES, RuleField, RuleTest
from stellwerk.catalog.schema import ProgrammeEntry, RuleEntry
from stellwerk.errors import InputError

_FORMS = {
    "state": (re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}"), 'an ISO 3166-2 code, such as "DE-BW"'),
    "institution": (re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+"), 'a domain, such as "tu-dresden.de"'),
}


def wrong_rules(rows: Rows, programmes: Collection[str], local: Rows | None = None) -> Iterator[InputError]:
    """One error for each rule that is wrong by itself, and for each two things that cannot both be right.

    ``programmes`` are the ids that a rule about grants may name; ``local`` are the rows that were laid over to make
    ``rows``, whose rules are named by their own files.
    """
    local_rows = local.by_id("programmes") if local is not None else {}
    required: dict[str, tuple[_Placed, tuple[str, ...]]] = {}
    for row in rows.programmes:
        layers = [row, *(other for other in [local_rows.get(row.entry.id)] if other is not None and other is not row)]
        rules = list(_placed(row, layers))
        mistakes = [mistake for rule in rules for mistake in _wrong_by_itself(rule, programmes)]
        yield from mistakes
        if mistakes:
            continue
        yield from _contradictions(rules)
        yield from _not_admitted(row, rules, layers)
        for rule in rules:
            if rule.entry.includes_one_of and rule.entry.field == "grants":
                required[row.entry.id] = (rule, tuple(rule.entry.includes_one_of))
    yield from _circles(required)


def given_tests(rule: RuleEntry) -> list[RuleTest]:
    """The tests that a rule names; a right one names exactly one, or none and no field."""
    return [test for test in get_args(RuleTest) if getattr(rule, test) is not None]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A rule and where it stands."""

    entry: RuleEntry
    file: Path
    key: str

    def mistake(
        self, problem: str, key: str = "", value: object = None, allowed: str | Iterable[str] | None = None
    ) -> InputError:
        names = allowed if allowed is None or isinstance(allowed, str) else list(allowed)
        return InputError(problem, file=self.file, key=self.key + key, value=value, allowed=names)


def _placed(row: Row[ProgrammeEntry], layers: Iterable[Row[ProgrammeEntry]]) -> Iterator[_Placed]:
    """The rules that count: one that a local rule took the place of is not among them."""
    for layer in layers:
        for number, rule in enumerate(layer.entry.rules):
            if any(part is rule for part, _ in row.parts):
                yield _Placed(rule, layer.document.path, f"{layer.where}.rules[{number}]")


def _wrong_by_itself(rule: _Placed, programmes: Collection[str]) -> Iterator[InputError]:
    entry, tests = rule.entry, given_tests(rule.entry)
    if entry.field is None:
        if tests:
            yield rule.mistake("tests nothing: name the field", f".{tests[0]}", allowed=TESTS)
        return
    if len(tests) != 1:
        yield rule.mistake("needs exactly one test of its field", ".field", entry.field, TESTS[entry.field])
        return
    (test,) = tests
    if test not in TESTS[entry.field]:
        yield rule.mistake(f"{entry.field} cannot be tested so", f".{test}", allowed=TESTS[entry.field])
        return
    operand = getattr(entry, test)
    if operand == []:
        yield rule.mistake("is empty", f".{test}", allowed=VALUES.get(entry.field))
    if isinstance(operand, list):
        yield from _wrong_values(rule, entry.field, test, operand, programmes)
    if entry.open_for and (test != "one_of" or entry.field not in VALUES):
        yield rule.mistake("goes with one_of and a fixed set of values only", ".open_for", allowed=VALUES)
    elif entry.open_for:
        yield from _wrong_values(rule, entry.field, "open_for", entry.open_for, programmes)
        yield from (
            rule.mistake("stands in one_of, too", ".open_for", value) for value in entry.open_for if value in operand
        )


def _wrong_values(
    rule: _Placed, field: RuleField, key: str, values: Iterable[str], programmes: Collection[str]
) -> Iterator[InputError]:
    known = [*FUNDERS, *programmes] if field == "grants" else VALUES.get(field)
    for value in values:
        if known is not None and value not in known:
            yield rule.mistake("not one of the allowed values", f".{key}", value, known)
        elif field in _FORMS and not _FORMS[field][0].fullmatch(value):
            yield rule.mistake("this value cannot stand here", f".{key}", value, _FORMS[field][1])


def _contradictions(rules: Iterable[_Placed]) -> Iterator[InputError]:
    for first, second in combinations(rules, 2):
        if first.entry.id == second.entry.id:
            yield second.mistake(f"id used twice; it also stands in {_place(first)}", ".id", second.entry.id)
        elif _same_applicants(first.entry, second.entry) and _exclude_each_other(first.entry, second.entry):
            yield second.mistake(
                f"no applicant can meet it together with {first.entry.id!r} in {_place(first)}", "", second.entry.id
            )


def _same_applicants(first: RuleEntry, second: RuleEntry) -> bool:
    return not first.kinds or not second.kinds or not set(first.kinds).isdisjoint(second.kinds)


def _exclude_each_other(first: RuleEntry, second: RuleEntry) -> bool:
    """Whether no value of the field meets both rules, or is left open by one of them."""
    if first.field is None or first.field != second.field:
        return False
    by_test = {test: getattr(rule, test) for rule in (first, second) for test in given_tests(rule)}
    if first.equals is not None and second.equals is not None:
        return first.equals != second.equals
    if first.one_of is not None and second.one_of is not None:
        ours, theirs = [*first.one_of, *first.open_for], [*second.one_of, *second.open_for]
        return not any(_within(name, theirs) for name in ours) and not any(_within(name, ours) for name in theirs)
    if "one_of" in by_test and "none_of" in by_test:
        admitted = [*by_test["one_of"], *first.open_for, *second.open_for]
        return all(_within(name, by_test["none_of"]) for name in admitted)
    if first.none_of is not None and second.none_of is not None:
        return set(VALUES.get(first.field, ["any other"])) <= {*first.none_of, *second.none_of}
    if "includes_one_of" in by_test and "includes_none_of" in by_test:
        return set(by_test["includes_one_of"]) <= set(by_test["includes_none_of"])
    if "at_least" in by_test and "at_most" in by_test:
        return bool(by_test["at_least"] > by_test["at_most"])
    return False


def _within(name: str, names: Iterable[str]) -> bool:
    """Whether a value is among others; a domain is also within those above it."""
    return any(name == other or name.endswith(f".{other}") for other in names)


def _not_admitted(
    row: Row[ProgrammeEntry], rules: Iterable[_Placed], layers: list[Row[ProgrammeEntry]]
) -> Iterator[InputError]:
    """Rules for kinds of applicants that the programme does not admit anyway."""
    for rule in rules:
        for kind in rule.entry.kinds:
            claims = in_order(row.claims.of(f"eligible_{kind}"))
            if claims and claims[0].value == "no":
                layer = layers[-1] if claims[0].source.local else layers[0]
                place = f"{layer.document.path}: {layer.where}.eligible_{kind}"
                yield rule.mistake(f"this kind is not admitted at all, by {place}", ".kinds", kind)


def _circles(required: Mapping[str, tuple[_Placed, tuple[str, ...]]]) -> Iterator[InputError]:
    """Programmes each of which asks for a grant of the other, so that nobody can be the first."""
    told: set[str] = set()
    for start in required:
        circle = [start]
        while circle[-1] in required and len(required[circle[-1]][1]) == 1:  # with a choice there is a way out
            (following,) = required[circle[-1]][1]
            if following in circle:
                ring = circle[circle.index(following) :]
                if told.isdisjoint(ring):
                    told.update(ring)
                    first, *others = (required[name][0] for name in ring)
                    via = "".join(f" and {_place(other)}" for other in others)
                    yield first.mistake(
                        f"asks for a grant that this grant is needed for{via or ' itself'}",
                        ".includes_one_of",
                        required[ring[0]][1][0],
                    )
                break
            circle.append(following)


def _place(rule: _Placed) -> str:
    return f"{rule.file}: {rule.key}"
