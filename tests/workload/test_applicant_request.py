from __future__ import annotations

import pytest

from stellwerk.errors import InputError
from stellwerk.workload import ApplicantRequest, parse_applicant


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("startup", ApplicantRequest("startup")),
        ("academia:DE-SN", ApplicantRequest("academia", "DE", "DE-SN")),
        ("sme:FR", ApplicantRequest("sme", "FR")),
        ("sme:", ApplicantRequest("sme")),
    ],
)
def test_an_applicant_is_a_kind_and_perhaps_a_place(text: str, asked: ApplicantRequest) -> None:
    assert parse_applicant(text) == asked


@pytest.mark.parametrize(
    ("role", "stage"),
    [
        ("student", "student"),
        ("studierende", "student"),
        ("phd", "doctoral"),
        ("Promovierende", "doctoral"),
        ("doktorand", "doctoral"),
        ("Doktorandin", "doctoral"),
        ("promovend", "doctoral"),
        ("professorin", "professor"),
        ("postdoc", "postdoc"),
        ("group", "group_leader"),
        ("gruppe", "group_leader"),
        ("prof", "professor"),
        ("professur", "professor"),
        ("staff", "staff"),
        ("personal", "staff"),
    ],
)
def test_a_role_at_an_institution_says_kind_place_and_stage(role: str, stage: str) -> None:
    assert parse_applicant(f"{role}@fz-juelich.de") == ApplicantRequest(
        "academia", "DE", "DE-NW", "fz-juelich.de", "research_institution", stage
    )


def test_a_domain_below_that_of_an_institution_belongs_to_it() -> None:
    assert parse_applicant("prof@Mailbox.TU-Dresden.de").institution == "tu-dresden.de"


@pytest.mark.parametrize("address", ["erika.mustermann@tu-dresden.de", "@tu-dresden.de", "a@phd@tu-dresden.de"])
def test_nobodys_own_address_is_taken(address: str) -> None:
    with pytest.raises(InputError, match="a role stands before the @") as caught:
        parse_applicant(address)
    assert "allowed: student, phd, postdoc, group, prof, staff" in str(caught.value)


def test_an_unknown_domain_is_refused_with_the_nearest_and_the_way_around() -> None:
    with pytest.raises(InputError, match=r"did you mean 'tu-dresden\.de'") as caught:
        parse_applicant("phd@tu-dresdn.de")
    assert "kind:country or kind:state, such as academia:DE-SN" in str(caught.value)
    for domain in ("", "de", "notu-dresden.de", "tu-dresden.de.example"):
        with pytest.raises(InputError, match="no institution of this domain"):
            parse_applicant(f"phd@{domain}")
