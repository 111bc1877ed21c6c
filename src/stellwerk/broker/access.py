"""Whether the applicant gets in: the state of system and programme, and who is admitted."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from stellwerk.broker.eligibility import judge_eligibility
from stellwerk.broker.model import Finding, PublicOffer
from stellwerk.catalog import Programme, System, admits_country
from stellwerk.messages import Reason
from stellwerk.workload import Applicant, Workload


def judge_state(offer: PublicOffer, as_of: datetime.date) -> Iterator[Finding]:
    """Whether one pool can be reached through one programme on a day, whoever asks."""
    system, programme = offer.system, offer.programme
    yield from _judge_status(system, as_of)
    if programme is None:
        yield Finding("unknown", Reason("no_programme_stated", {"system": system.id}))
        return
    yield from _judge_link(system, programme)
    if system.id in programme.closed_system_ids and programme.closed is not True:
        params = {"programme": programme.id, "system": system.id}
        yield Finding("impossible", Reason("programme_closed_for_system", params))
    yield from judge_opening(programme, as_of, system.id)


def judge_opening(programme: Programme, as_of: datetime.date, system_id: str | None = None) -> Iterator[Finding]:
    """Whether a programme takes applications on a day and until when, for all of its systems or for one."""
    if programme.closed is True:
        yield Finding("impossible", Reason("programme_closed", {"programme": programme.id}))
        return
    if programme.closed is None:
        yield Finding("unknown", Reason("programme_opening_contradictory", {"programme": programme.id}))
    cutoff = programme.next_cutoff(as_of, system_id)
    if cutoff is not None:
        moment = " ".join(part for part in (cutoff.day.isoformat(), cutoff.time, cutoff.zone) if part)
        yield Finding("note", Reason("next_cutoff", {"date": moment}))
    elif programme.cutoff_dates:
        yield Finding("unknown", Reason("no_further_cutoff_known", {"date": max(programme.cutoff_dates).isoformat()}))


def judge_programme(programme: Programme, workload: Workload, as_of: datetime.date) -> Iterator[Finding]:
    """What holds for a programme on any of its systems."""
    yield from judge_opening(programme, as_of)
    yield from judge_admission(programme, workload)


def judge_admission(programme: Programme, workload: Workload) -> Iterator[Finding]:
    """Whom a programme admits, and how long it takes to decide: the same on all of its systems."""
    yield from judge_eligibility(programme, workload.applicant, workload.data, workload.task)
    yield from _judge_place(programme, workload.applicant)
    yield from _note_times(programme)


def _note_times(programme: Programme) -> Iterator[Finding]:
    turnaround = programme.turnaround.value
    if turnaround is None:
        yield Finding("note", Reason("turnaround_unknown", {"programme": programme.id}))
    else:
        yield Finding("note", Reason("turnaround", {"text": turnaround}))
    if not (programme.cutoff.known or programme.cutoff_dates or programme.recurring_cutoffs):
        yield Finding("note", Reason("cutoff_unknown", {"programme": programme.id}))


def _judge_status(system: System, as_of: datetime.date) -> Iterator[Finding]:
    """A day within the range in which a planned system may start leaves open whether it has."""
    status = system.status.value
    if status in ("planned", "building") and _may_run(system, as_of):
        yield Finding("unknown", Reason("status_unclear"))
    elif status in ("planned", "building"):
        since = system.in_operation_since.value
        yield Finding(
            "impossible", Reason("system_planned", {"since": since}) if since else Reason("system_planned_undated")
        )
    elif status == "decommissioned":
        yield Finding("impossible", Reason("system_decommissioned"))
    elif status != "operational":
        yield Finding("unknown", Reason("status_unclear"))


def _may_run(system: System, as_of: datetime.date) -> bool:
    return system.operation.from_earliest is not None and system.operation.covers(as_of) is not False


def _judge_link(system: System, programme: Programme) -> Iterator[Finding]:
    statements = [claim for claim in system.access if claim.value == programme.id]
    if all(claim.source.evidence == "unsourced" for claim in statements):
        yield Finding("unknown", Reason("link_unsourced", {"programme": programme.id, "system": system.id}))


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
