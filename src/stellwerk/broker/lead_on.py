"""What an offer leads on to: people who help, courses, and the software environment of the system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from stellwerk.broker.model import CommercialOffer, Offer
from stellwerk.catalog import Catalogue, Software, Support, admits_country
from stellwerk.workload import Applicant, Workload

MOST = 4
"""Of support offers, and of courses, for one offer."""
COURSES = ("course", "tutorial")


@dataclass(frozen=True, slots=True)
class LeadOn:
    """Help, courses and software for one offer, the most specific first.

    ``software`` describes the offer's system; where no entry does, ``generic_software`` is what holds for any machine.
    """

    support: tuple[Support, ...]
    courses: tuple[Support, ...]
    software: Software | None
    generic_software: tuple[Software, ...]


class LeadOnIndex:
    """The help that is open to the applicant of one workload, ready to be looked up for many offers."""

    def __init__(self, catalogue: Catalogue, workload: Workload) -> None:
        self._tied: dict[tuple[str, str], list[Support]] = defaultdict(list)
        self._general: list[Support] = []
        for support in sorted(catalogue.support.values(), key=_stated_first):
            if not _is_open_to(workload.applicant, support):
                continue
            for tie in _ties(support):
                self._tied[tie].append(support)
            if not support.tied:
                self._general.append(support)
        self._software: dict[str, Software] = {}
        for software in catalogue.software.values():
            for system_id in software.system_ids:
                self._software.setdefault(system_id, software)
        self._generic_software = tuple(one for one in catalogue.software.values() if not one.is_centre)

    def of(self, offer: Offer) -> LeadOn:
        """What is tied to the system or the programme, then to the site, then to nothing in particular.

        Within each of these, what names the applicant's kind comes before what names nobody, then what names the
        country, then by id. What is tied to another place is left out.
        """
        if isinstance(offer, CommercialOffer):
            return _lead_on(self._general, None, self._generic_software)
        system, programme_id = offer.system, offer.programme.id if offer.programme else ""
        nearest = [*self._tied.get(("system", system.id), ()), *self._tied.get(("programme", programme_id), ())]
        found = [*sorted(nearest, key=_stated_first), *self._tied.get(("site", system.site_id), ()), *self._general]
        return _lead_on(found, self._software.get(system.id), self._generic_software)


def _stated_first(support: Support) -> tuple[bool, bool, str]:
    return not support.user_groups, not support.country_codes, support.id


def _is_open_to(applicant: Applicant, support: Support) -> bool:
    """Whether neither the audience nor the country shuts the applicant out; what is not stated shuts nobody out."""
    if support.user_groups and applicant.kind not in support.user_groups:
        return False
    if support.country_codes and not admits_country(support.country_codes, applicant.country):
        return False
    if not support.region:
        return True
    if applicant.state is None:
        return support.region.startswith(f"{applicant.country}-")
    return applicant.state == support.region


def _ties(support: Support) -> Iterable[tuple[str, str]]:
    kinds = {"system": support.system_ids, "programme": support.programme_ids, "site": support.site_ids}
    return ((kind, name) for kind, names in kinds.items() for name in dict.fromkeys(names))


def _lead_on(found: Iterable[Support], software: Software | None, generic: tuple[Software, ...]) -> LeadOn:
    each_once = {support.id: support for support in found}.values()
    return LeadOn(
        support=tuple(islice((one for one in each_once if one.kind not in COURSES), MOST)),
        courses=tuple(islice((one for one in each_once if one.kind in COURSES), MOST)),
        software=software,
        generic_software=generic if software is None else (),
    )
