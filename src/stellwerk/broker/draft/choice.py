"""Which offer a draft is written for, and why there is none for what nobody applies to."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.broker.classes import classes_of
from stellwerk.broker.model import JudgedOffer, Match, PublicOffer
from stellwerk.catalog import Catalogue, Programme, System
from stellwerk.errors import InputError, did_you_mean

KEY = "--draft"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A programme with the system that the match ranks first, and its ``others``; without either where no source names
    a system that it leads to."""

    programme: Programme
    system: System | None = None
    judged: JudgedOffer | None = None
    others: tuple[JudgedOffer, ...] = ()


def choose_offer(match: Match, wanted: str) -> Chosen:
    """The best offer with that id or of that programme: among those with its verdict, one with a plan first.

    Raises InputError where ``wanted`` is nothing that one applies to.
    """
    offers = [
        (judged, judged.offer.system, judged.offer.programme)
        for judged in match.offers
        if isinstance(judged.offer, PublicOffer) and judged.offer.programme
    ]
    found = [one for one in offers if wanted in (one[0].offer.id, one[2].id)]
    if found:
        verdict = found[0][0].verdict
        like_it = [one for one in found if one[0].verdict == verdict]
        judged, system, programme = next((one for one in like_it if one[0].plan is not None), found[0])
        others = tuple(one[0] for one in offers if one[2].id == programme.id and one[0] is not judged)
        return Chosen(programme, system, judged, others)
    named = match.catalogue.programmes.get(wanted)
    if named is not None and named.kind == "access":
        return Chosen(named)
    if named is not None:
        raise _no_application(named, match.catalogue)
    raise _no_programme(wanted, match)


def _no_application(programme: Programme, catalogue: Catalogue) -> InputError:
    """A programme of the catalogue through which nobody here gets compute time."""
    name, page = programme.programme.value or programme.id, f"its page: {programme.url}"
    if programme.kind == "comparator":
        admitted = ", ".join(programme.country_codes) or "other countries"
        problem = f"{name} is listed to compare with and admits applicants from {admitted} only; {page}"
    elif programme.kind == "frame":
        members = _members(programme, catalogue)
        problem = f"{name} takes no applications itself; name one of its programmes: {', '.join(members)}"
    else:
        about = programme.purpose.value or programme.conditions.value
        problem = f"{name} gives no compute time to apply for{f' ({about})' if about else ''}; {page}"
    return InputError(problem, key=KEY, value=programme.id)


def _members(frame: Programme, catalogue: Catalogue) -> list[str]:
    """The classes of the families that lead to systems of the frame and to no others."""
    systems: dict[str, set[str]] = {}
    for system in catalogue.systems.values():
        for programme_id in system.programme_ids:
            systems.setdefault(programme_id, set()).add(system.id)
    inside = {name for name, reached in systems.items() if reached <= set(frame.system_ids)}
    members: list[str] = []
    for family in catalogue.families:
        classes = [programme.id for programme in catalogue.programmes.values() if programme.family == family]
        members += classes if inside.issuperset(classes) else []
    return members


def _no_programme(wanted: str, match: Match) -> InputError:
    """What else the catalogue calls by this id, or the nearest programme."""
    catalogue = match.catalogue
    system, _, programme = wanted.partition("/")
    if system in catalogue.systems:
        return _no_such_way(wanted, system, programme, match)
    if system in catalogue.products:
        problem = (
            f"{system} is a commercial product, rented and not applied for; see `stellwerk plan FILE --on {system}`"
        )
    elif wanted in catalogue.families:
        named = ", ".join(one.id for one in classes_of(catalogue.families[wanted], catalogue))
        problem = f"a family of programmes; name one of them ({named}); `stellwerk classes FILE` says which fits"
    elif wanted in catalogue.support:
        problem = f"help, and no compute time to apply for; see `stellwerk catalog show {wanted}`"
    else:
        offers = [judged.offer.id for judged in match.offers if isinstance(judged.offer, PublicOffer)]
        nearest = did_you_mean(wanted, [*catalogue.programmes, *offers])
        problem = f"no such programme{nearest or '; see `stellwerk catalog list --kind programmes`'}"
    return InputError(problem, key=KEY, value=wanted)


def _no_such_way(wanted: str, system: str, programme: str, match: Match) -> InputError:
    """A system that was named without a programme, or with one that no source ties to it."""
    ways = [
        judged.offer.id
        for judged in match.offers
        if isinstance(judged.offer, PublicOffer) and judged.offer.system.id == system and judged.offer.programme
    ]
    if programme in match.catalogue.programmes:
        problem = f"no source says that {programme} leads to {system}"
    elif ways:
        problem = f"{system} is a system; name it with a programme that leads to it"
    else:
        problem = f"no source names a programme for applicants here that leads to {system}"
    return InputError(problem, key=KEY, value=wanted, allowed=", ".join(ways) or None)
