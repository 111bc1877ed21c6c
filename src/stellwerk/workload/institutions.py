"""Universities and research institutions by the domain of their addresses."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from stellwerk.workload.model import ApplicantKind, InstitutionKind


@dataclass(frozen=True, slots=True)
class Institution:
    """One row of ``data/institutions.toml``; what it says is common knowledge, without a source."""

    domain: str
    name: str
    kind: ApplicantKind
    institution_kind: InstitutionKind
    country: str
    state: str


@cache
def institutions() -> Mapping[str, Institution]:
    """The table by domain, in the order of the file."""
    text = resources.files("stellwerk.workload").joinpath("data/institutions.toml").read_text("utf-8")
    rows = tomllib.loads(text)["institutions"]
    return MappingProxyType({row["domain"]: Institution(**row) for row in rows})


def find_institution(domain: str) -> Institution | None:
    """The institution of ``domain`` or of a domain above it (``mailbox.tu-dresden.de``), in any case of letters."""
    labels = domain.casefold().split(".")
    above = (".".join(labels[first:]) for first in range(len(labels)))
    return next((institutions()[name] for name in above if name in institutions()), None)
