"""Programmes from their entries."""

from __future__ import annotations

from typing import get_args

from stellwerk.catalog.build_parts import build_cutoff, build_recurring_cutoffs
from stellwerk.catalog.build_systems import TB, times
from stellwerk.catalog.facts import Fact, Source
from stellwerk.catalog.model import AmountLimit, Eligibility, Family, Programme, Rule
from stellwerk.catalog.model_tables import ApplicantKind
from stellwerk.catalog.rows import Row
from stellwerk.catalog.rule_checks import given_tests
from stellwerk.catalog.schema import FamilyEntry, LimitEntry, ProgrammeEntry, RuleEntry, WordsTable
from stellwerk.messages import Words

_CLOSED = {"no": False, "yes": True, "unknown": None}


def build_programme(row: Row[ProgrammeEntry]) -> Programme:
    entry, take = row.entry, row.claims.fact
    eligibility: dict[ApplicantKind, Fact[Eligibility]] = {
        kind: take(f"eligible_{kind}") for kind in get_args(ApplicantKind)
    }
    cutoffs = tuple(sorted(map(build_cutoff, entry.cutoffs)))
    named = [system_id for claim in take("system_ids").claims for system_id in claim.value]
    rules = [_build_rule(part, source) for part, source in row.parts if isinstance(part, RuleEntry)]
    return Programme(
        id=entry.id,
        programme=take("programme"),
        authority=take("authority"),
        systems=take("systems"),
        system_ids=tuple(dict.fromkeys(named)),
        eligibility=eligibility,
        eligibility_conditions={
            kind: fact.claims[0].note for kind, fact in eligibility.items() if fact.known and fact.claims[0].note
        },
        countries=take("countries"),
        country_codes=tuple(entry.country_codes),
        region=entry.region,
        cost=take("cost"),
        free=entry.free,
        amount_min=take("amount_min"),
        amount_max=take("amount_max"),
        amount_unit=take("amount_unit"),
        limits=tuple(_build_limit(part, source) for part, source in row.parts if isinstance(part, LimitEntry)),
        duration=take("duration"),
        duration_max_days=take("duration_max_days", float),
        cutoff=take("cutoff"),
        cutoff_dates=tuple(sorted({*entry.cutoff_dates, *(cutoff.day for cutoff in cutoffs)})),
        closed=_CLOSED[entry.closed],
        turnaround=take("turnaround"),
        application_contents=take("application_contents"),
        application_fields=take("application_fields", tuple),
        page_limit=take("page_limit"),
        review=take("review"),
        obligations=take("obligations"),
        conditions=take("conditions"),
        url=entry.url,
        notes=entry.notes,
        kind=entry.kind,
        closed_system_ids=tuple(entry.closed_system_ids),
        purpose=take("purpose"),
        rules=tuple(sorted(rules, key=lambda rule: rule.id)),
        family=entry.family,
        access_class=entry.access_class,
        turnaround_days_min=take("turnaround_days_min"),
        turnaround_days_max=take("turnaround_days_max"),
        turnaround_from=take("turnaround_from"),
        cutoffs=cutoffs,
        recurring_cutoffs=build_recurring_cutoffs(row),
        storage_quota_bytes=take("storage_quota_tb", times(TB)),
        other=row.claims.rest(),  # what no field above has taken
    )


def build_family(row: Row[FamilyEntry]) -> Family:
    entry = row.entry
    return Family(entry.id, _words(entry.name), tuple(entry.classes), entry.ordered)


def _build_limit(limit: LimitEntry, source: Source) -> AmountLimit:
    return AmountLimit(
        unit=limit.unit,
        minimum=limit.minimum,
        maximum=limit.maximum,
        per=limit.per,
        scope=limit.scope,
        system_ids=tuple(limit.system_ids),
        source=source,
        note=limit.note,
    )


def _build_rule(rule: RuleEntry, source: Source) -> Rule:
    test = next(iter(given_tests(rule)), None)
    operand = None if test is None else getattr(rule, test)
    return Rule(
        id=rule.id,
        kinds=tuple(rule.kinds),
        condition=_words(rule.condition),
        source=source,
        field=rule.field,
        test=test,
        operand=tuple(operand) if isinstance(operand, list) else operand,
        open_for=tuple(rule.open_for),
        attainable=rule.attainable,
    )


def _words(table: WordsTable) -> Words:
    return Words(en=table.en, de=table.de)
