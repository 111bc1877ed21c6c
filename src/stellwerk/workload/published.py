"""Published decoder models: their architecture and the parameter count that is stated for them."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, TypeVar

from stellwerk.catalog.facts import Claim, Source
from stellwerk.workload.model import Architecture, architecture_from_values

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One model of the table.

    ``parameters`` is what its source states, rounded to ``rounded_to`` (1 where it prints every digit). It stands
    beside the architecture and is not derived from it; the tests hold the two against each other.
    """

    name: str
    title: str
    architecture_claim: Claim[Architecture]
    parameters: Claim[int]
    rounded_to: int
    note: str

    @property
    def architecture(self) -> Architecture:
        return self.architecture_claim.value


@cache
def published_models() -> Mapping[str, PublishedModel]:
    """The table by name, in the order of ``data/published_models.toml``."""
    text = resources.files("stellwerk.workload").joinpath("data/published_models.toml").read_text("utf-8")
    table = tomllib.loads(text)
    sources = table["sources"]
    models = {
        name: PublishedModel(
            name=name,
            title=row["title"],
            architecture_claim=_read_claim(
                architecture_from_values(row["architecture"]), sources[row["architecture_source"]]
            ),
            parameters=_read_claim(row["parameters"], sources[row["parameters_source"]]),
            rounded_to=row.get("rounded_to", 1),
            note=row.get("note", ""),
        )
        for name, row in table["models"].items()
    }
    return MappingProxyType(models)


def _read_claim(value: T, source: dict[str, Any]) -> Claim[T]:
    as_of = source["as_of"]
    return Claim(
        value,
        Source(
            urls=tuple(source["urls"]),
            as_of=as_of,
            as_of_date=None if as_of == "undated" else datetime.date.fromisoformat(as_of),
            evidence=source["evidence"],
        ),
        note=source.get("note", ""),
    )
