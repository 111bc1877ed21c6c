"""What all models at the file boundary share: kinds of values, sources, claims and entries."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stellwerk.catalog.facts import Evidence

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._()-]*$", max_length=100)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Region = Annotated[str, Field(pattern=r"^([A-Z]{2}-[A-Z0-9]{1,3})?$")]
Count = Annotated[int, Field(gt=0, le=10**9)]
Amount = Annotated[float, Field(gt=0, le=1e30)]
Money = Annotated[str, Field(pattern=r"^\d{1,12}(\.\d{1,12})?$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Sentence = Annotated[str, Field(pattern=r"\S")]


class Strict(BaseModel):
    # Many are only parts or bases of others; each is built when something is first checked against it.
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class SourceTable(Strict):
    """``[sources.<name>]``"""

    urls: list[str] = []
    as_of: str = "undated"
    evidence: Evidence
    note: str = ""


class ClaimEntry(Strict):
    """``[[<kind>.claims]]``: a rival or later claim about one field."""

    field: str
    value: Any
    source: str | None = None
    unit: str = ""
    note: str = ""


class Entry(Strict):
    """What every entry has. ``source`` backs all plain keys but those in ``unsourced``; ``remarks`` says more about
    the value of a key."""

    id: Id
    source: str | None = None
    unsourced: list[str] | Literal["all"] = []
    remarks: dict[str, str] = {}
    claims: list[ClaimEntry] = []


def check_period(start: datetime.date | None, end: datetime.date | None) -> None:
    """Raises ValueError where a period ends before it begins."""
    if start is not None and end is not None and end < start:
        raise ValueError(f"ends on {end}, before it begins on {start}")


def check_currency(currency: str | None, verified: bool) -> None:
    """Raises ValueError where a price has no currency and does not say that nobody verified it, or says both."""
    if currency is None and verified:
        raise ValueError("has no currency: name it, or write currency_verified = false where nobody verified it")
    if currency is not None and not verified:
        raise ValueError("names a currency that is marked as not verified: leave out one of the two keys")
