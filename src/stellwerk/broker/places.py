"""Whether the place where an offer stands is one that the data may go to."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from stellwerk.broker.model import CommercialOffer, Finding, Offer, PublicOffer
from stellwerk.catalog import EU_MEMBERS, Fact, Programme, System, admits_country
from stellwerk.messages import Reason
from stellwerk.workload import DataNeeds

BYTES_PER_TB = 1e12
EUROPEAN_COUNTRIES = EU_MEMBERS | {"AL", "BA", "CH", "GB", "IS", "LI", "ME", "MK", "NO", "RS", "UA"}


def judge_place(offer: Offer, data: DataNeeds) -> Iterator[Finding]:
    """Location, the operator's jurisdiction and its certificates, each for itself."""
    if isinstance(offer, CommercialOffer):
        product = offer.product
        yield from _judge_location(product.countries_of_data.value or (), data.locations)
        yield from _judge_evidence(product.countries_of_data, data.locations)
        yield from _judge_jurisdiction(product.hq_country.value, data.jurisdictions)
        yield from _judge_certificates(product.certifications.value or (), data.certificates)
        if data.sensitivity in ("personal", "sensitive_personal"):
            yield Finding("note", Reason("processing_contract"))
        return
    country = offer.system.country.value
    if data.locations:
        yield from _judge_location((country,) if country else (), data.locations)
        yield from _judge_evidence(offer.system.country, data.locations)
    yield from _judge_jurisdiction(country, data.jurisdictions)
    yield from _judge_certificates((), data.certificates)
    yield from _judge_sensitivity(offer, data)


def judge_storage(offer: Offer, data: DataNeeds) -> Iterator[Finding]:
    """Whether a project may store as much."""
    if data.storage_bytes is None or isinstance(offer, CommercialOffer):
        return
    quota = storage_quota_bytes(offer.programme, offer.system)
    needed = {"needed_tb": data.storage_bytes / BYTES_PER_TB}
    if quota is None:
        yield Finding("note", Reason("storage_quota_unknown", needed))
    elif data.storage_bytes > quota:
        yield Finding("unknown", Reason("storage_above_quota", needed | {"quota_tb": quota / BYTES_PER_TB}))


def storage_quota_bytes(programme: Programme | None, system: System | None) -> float | None:
    """What a project may store: by the rule of the programme, otherwise by that of the system; None where unknown."""
    of_programme = None if programme is None else programme.storage_quota_bytes.value
    return of_programme or (None if system is None else system.storage_quota_bytes.value)


def _judge_location(countries: Collection[str], wanted: tuple[str, ...]) -> Iterator[Finding]:
    if not countries:
        yield Finding("unknown" if wanted else "note", Reason("location_unknown"))
        return
    named = {"countries": ", ".join(countries)}
    if not EUROPEAN_COUNTRIES.intersection(countries):
        yield Finding("impossible", Reason("outside_europe", named))
    elif wanted:
        inside = [country for country in countries if admits_country(wanted, country)]
        named |= {"wanted": ", ".join(wanted)}
        if not inside:
            yield Finding("impossible", Reason("location_not_wanted", named))
        elif len(inside) < len(countries):
            yield Finding("unknown", Reason("location_among_several", named))


def _judge_evidence(countries: Fact[Any], wanted: tuple[str, ...]) -> Iterator[Finding]:
    """Where the data must stay somewhere, common knowledge does not settle where they lie."""
    if wanted and countries.evidence == "unsourced":
        yield Finding("unknown", Reason("location_unsourced"))


def _judge_jurisdiction(country: str | None, wanted: tuple[str, ...]) -> Iterator[Finding]:
    if not wanted:
        return
    if country is None:
        yield Finding("unknown", Reason("jurisdiction_unknown"))
    elif not admits_country(wanted, country):
        yield Finding(
            "impossible", Reason("jurisdiction_not_wanted", {"country": country, "wanted": ", ".join(wanted)})
        )


def _judge_certificates(held: Collection[str], wanted: tuple[str, ...]) -> Iterator[Finding]:
    """A list of certificates is never known to be whole: one that is missing is not stated."""
    missing = [name for name in wanted if not any(one.casefold().startswith(name.casefold()) for one in held)]
    if missing:
        yield Finding("unknown", Reason("certificate_not_stated", {"certificates": ", ".join(missing)}))


def _judge_sensitivity(offer: PublicOffer, data: DataNeeds) -> Iterator[Finding]:
    if data.sensitivity == "public":
        return
    made_for = offer.system.data_sensitivity.value
    named = {"system": offer.system.id, "sensitivity": data.sensitivity}
    if made_for is None:
        yield Finding("unknown", Reason("sensitivity_not_stated", named))
    else:
        yield Finding("unknown", Reason("sensitivity_to_be_confirmed", named | {"text": made_for}))
