"""Who asks, in one word: a kind of applicant with a place, or a role at an institution."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import get_args

from stellwerk.errors import InputError, did_you_mean
from stellwerk.workload.filled_in import FilledIn, said_or
from stellwerk.workload.institutions import find_institution, institutions
from stellwerk.workload.model import ApplicantKind, CareerStage

ROLES: dict[str, CareerStage] = {
    "student": "student",
    "phd": "doctoral",
    "postdoc": "postdoc",
    "group": "group_leader",
    "prof": "professor",
    "staff": "staff",
    "studierende": "student",
    "promovierende": "doctoral",
    "gruppe": "group_leader",
    "professur": "professor",
    "personal": "staff",
}
"""The words before the @, English first, and the stage of a career that each stands for."""

OTHER_WORDS: dict[str, CareerStage] = {
    "studentin": "student",
    "doktorand": "doctoral",
    "doktorandin": "doctoral",
    "promovend": "doctoral",
    "promovendin": "doctoral",
    "gruppenleitung": "group_leader",
    "professor": "professor",
    "professorin": "professor",
}
"""What else people write there; a refusal does not list them, or the list would be too long to be printed."""


@dataclass(frozen=True, slots=True)
class ApplicantRequest:
    """Who asks, as the file has it; None where nothing is said.

    With an ``institution`` all values were derived from a role and a domain.
    """

    kind: str
    country: str | None = None
    state: str | None = None
    institution: str | None = None
    institution_kind: str | None = None
    career_stage: str | None = None


def parse_applicant(text: str) -> ApplicantRequest:
    """Reads ``kind[:country or state]`` (``academia:DE-SN``) or ``role@domain`` (``phd@tu-dresden.de``).

    Raises InputError for a role or a domain that is not known, so that no person's address gets into a file.
    """
    if "@" in text:
        role, _, domain = text.rpartition("@")
        return _from_role(role, domain)
    kind, _, place = text.partition(":")
    return ApplicantRequest(kind, place.split("-")[0] or None, place if "-" in place else None)


def applicant_section(request: ApplicantRequest) -> dict[str, object]:
    """The values of the file's ``[applicant]``, each as it was said or a FilledIn."""
    if request.institution is None:
        return {
            "kind": request.kind,
            "country": said_or(request.country, "applicant.country", "DE", "country"),
            "state": said_or(request.state, "applicant.state", None, "state"),
        }
    why = {"institution": "institution", "career_stage": "from_role"}
    derived: dict[str, object] = {
        key: FilledIn(f"applicant.{key}", value, why.get(key, "from_institution"))
        for key, value in asdict(request).items()
    }
    signs = ("pi_stage", "pi_doctorate")
    return derived | {key: FilledIn(f"applicant.{key}", None, "who_signs") for key in signs}


def _from_role(role: str, domain: str) -> ApplicantRequest:
    stage = (ROLES | OTHER_WORDS).get(role.casefold())
    if stage is None:
        raise InputError(
            "a role stands before the @, and nobody's own address",
            key="applicant.career_stage",
            value=role,
            allowed=list(ROLES),
        )
    institution = find_institution(domain)
    if institution is None:
        raise InputError(
            f"no institution of this domain is known{did_you_mean(domain, institutions())}",
            key="applicant.institution",
            value=domain,
            allowed="a domain of the table (docs/workload.md), or without one: kind:country or kind:state, such as "
            f"academia:DE-SN (kinds: {', '.join(get_args(ApplicantKind))})",
        )
    return ApplicantRequest(
        kind=institution.kind,
        country=institution.country,
        state=institution.state,
        institution=institution.domain,
        institution_kind=institution.institution_kind,
        career_stage=stage,
    )
