"""Whether the applicant gets in: the state of system and programme, and who is admitted."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from stellwerk.broker.model import Finding, PublicOffer
from stellwerk.catalog import Programme, System, admits_country
from stellwerk.messages import Reason
from stellwerk.workload import Applicant


def judge_public_access(offer: PublicOffer, applicant: Applicant, as_of: datetime.date) -> Iterator[Finding]:
    """Findings on one pool and programme, for one applicant."""
    yield from _judge_status(offer.system)
    if offer.programme is None:
        yield Finding("unknown", Reason("no_programme_stated", {"system": offer.system.id}))
        return
    yield from _judge_link(offer.system, offer.programme)
    yield from _judge_opening(offer.programme, offer.system, as_of)
    yield from _judge_applicant(offer.programme, applicant)
    yield from _judge_place(offer.programme, applicant)
    yield from _note_times(offer.programme)


def _note_times(programme: Programme) -> Iterator[Finding]:
    turnaround = programme.turnaround.value
    if turnaround is None:
        yield Finding("note", Reason("turnaround_unknown", {"programme": programme.id}))
    else:
        yield Finding("note", Reason("turnaround", {"text": turnaround}))
    if not programme.cutoff.known and not programme.cutoff_dates:
        yield Finding("note", Reason("cutoff_unknown", {"programme": programme.id}))


def _judge_status(system: System) -> Iterator[Finding]:
    status = system.status.value
    if status in ("planned", "building"):
        since = system.in_operation_since.value
        yield Finding(
            "impossible", Reason("system_planned", {"since": since}) if since else Reason("system_planned_undated")
        )
    elif status == "decommissioned":
        yield Finding("impossible", Reason("system_decommissioned"))
    elif status != "operational":
        yield Finding("unknown", Reason("status_unclear"))


def _judge_link(system: System, programme: Programme) -> Iterator[Finding]:
    statements = [claim for claim in system.access if claim.value == programme.id]
    if all(claim.source.evidence == "unsourced" for claim in statements):
        yield Finding("unknown", Reason("link_unsourced", {"programme": programme.id, "system": system.id}))


def _judge_opening(programme: Programme, system: System, as_of: datetime.date) -> Iterator[Finding]:
    if programme.closed is True:
        yield Finding("impossible", Reason("programme_closed", {"programme": programme.id}))
        return
    if system.id in programme.closed_system_ids:
        params = {"programme": programme.id, "system": system.id}
        yield Finding("impossible", Reason("programme_closed_for_system", params))
    if programme.purpose.value is not None:
        purpose = {"programme": programme.id, "purpose": programme.purpose.value}
        yield Finding("unknown", Reason("purpose_limited", purpose))
    if programme.closed is None:
        yield Finding("unknown", Reason("programme_opening_contradictory", {"programme": programme.id}))
    upcoming = [day for day in programme.cutoff_dates if day >= as_of]
    if upcoming:
        yield Finding("note", Reason("next_cutoff", {"date": min(upcoming).isoformat()}))
    elif programme.cutoff_dates:
        yield Finding("unknown", Reason("no_further_cutoff_known", {"date": max(programme.cutoff_dates).isoformat()}))


def _judge_applicant(programme: Programme, applicant: Applicant) -> Iterator[Finding]:
    params = {"programme": programme.id, "applicant": applicant.kind}
    eligibility = programme.eligibility.get(applicant.kind)
    admitted = eligibility.value if eligibility else None
    condition = programme.eligibility_conditions.get(applicant.kind, "")
    if admitted is None:
        yield Finding("unknown", Reason("eligibility_unknown", params))
    elif admitted == "no":
        yield Finding("impossible", Reason("applicant_not_admitted", params))
    elif admitted == "conditional":
        yield Finding("unknown", Reason("admitted_under_condition", params | {"condition": condition}))
    elif eligibility and eligibility.evidence == "unsourced":
        yield Finding("unknown", Reason("eligibility_unsourced", params))
    elif condition:
        yield Finding("note", Reason("admitted_with_remark", params | {"condition": condition}))


def _judge_place(programme: Programme, applicant: Applicant) -> Iterator[Finding]:
    codes = programme.country_codes
    if not codes:
        yield Finding("unknown", Reason("countries_unknown", {"programme": programme.id}))
    elif not admits_country(codes, applicant.country):
        yield Finding(
            "impossible", Reason("country_not_admitted", {"country": applicant.country, "countries": ", ".join(codes)})
        )
    elif programme.region and applicant.state is None:
        yield Finding("unknown", Reason("state_needed", {"region": programme.region}))
    elif programme.region and applicant.state != programme.region:
        yield Finding(
            "impossible",
            Reason("state_not_admitted", {"state": str(applicant.state), "region": programme.region}),
        )
