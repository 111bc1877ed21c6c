"""Readers of values that people write in quotes: counts, durations, money, places, moments."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from stellwerk.units import Money, parse_count, parse_duration_s, parse_money
from stellwerk.workload.places import COUNTRIES

MAX_TOKENS = 10**18
MAX_DURATION_S = 100 * 365 * 86400.0
MAX_BUDGET = 10**15
T = TypeVar("T")

_COUNT = 'a whole number, or a string such as "1T", "300B" or "4M"'
_DURATION = 'a string with its unit, such as "36h", "90d" or "12w"'
_BUDGET = 'a string with amount and currency, such as "500000 EUR"'
_COUNTRY = 'a two-letter ISO 3166 code in capitals, such as "DE"'
_COUNTRY_OR_EU = f'{_COUNTRY}, or "EU"'
_DATE = "a date without quotes, such as 2027-03-01"
_MOMENT = 'a text with day, hour and time zone, such as "2027-06-30 18:00 Europe/Berlin"'
_MOMENT_FORM = re.compile(r"(\d{4}-\d{2}-\d{2})(?: (\d{2}:\d{2}))?(?: ([A-Za-z_+-]+(?:/[A-Za-z_+-]+)*))?", re.ASCII)


def read_text(parse: Callable[[str], T], allowed: str) -> Callable[[Any], T]:
    """A validator that reads a quoted value, with its unit where it has one."""

    def read(value: Any) -> T:
        if not isinstance(value, str):
            raise wrong_value("must be a string in quotes", allowed)
        try:
            return parse(value)
        except (ValueError, OverflowError) as error:
            raise wrong_value(str(error), allowed) from None

    return read


def wrong_value(problem: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("value", "{problem}", {"problem": problem, "allowed": allowed})


def parse_moment(text: str) -> datetime.datetime:
    """``"2027-06-30 18:00 Europe/Berlin"``, or without an hour the end of that day.

    Raises ValueError for anything else, a moment without a zone included.
    """
    found = _MOMENT_FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a day, an hour and a time zone")
    day, hour, zone = found.groups()
    if zone is None:
        raise ValueError("has no time zone")
    try:
        zone_info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone of the IANA data base is called {zone!r}") from None
    moment = datetime.datetime.fromisoformat(f"{day} {hour or '00:00'}").replace(tzinfo=zone_info)
    return moment if hour else moment + datetime.timedelta(days=1)


def _read_count(value: Any) -> Any:
    """Reads ``"1T"``; a bare number passes on to the field's own check."""
    return read_text(parse_count, _COUNT)(value) if isinstance(value, str) else value


def _parse_duration_s(text: str) -> float:
    duration_s = parse_duration_s(text)
    if not 0 < duration_s <= MAX_DURATION_S:
        raise ValueError("must be longer than nothing and at most a century")
    return duration_s


def _parse_budget(text: str) -> Money:
    budget = parse_money(text)
    if budget.amount > MAX_BUDGET:
        raise ValueError("is too large to be meant")
    return budget


def _known_country(code: str) -> str:
    if code in COUNTRIES:
        return code
    capital = code.upper()
    hint = f"; did you mean {capital!r}?" if capital in COUNTRIES else ""
    raise ValueError(f"not an ISO 3166 country code{hint}")


def _known_countries(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise wrong_value("must be a list", f"a list of codes: {_COUNTRY_OR_EU}")
    read = read_text(lambda code: code if code == "EU" else _known_country(code), _COUNTRY_OR_EU)
    return tuple(read(value) for value in values)


def _moment_with_zone(value: Any) -> datetime.datetime:
    if isinstance(value, datetime.date | datetime.datetime):
        raise wrong_value("has no time zone", _MOMENT)
    return read_text(parse_moment, _MOMENT)(value)


Count = Annotated[int, BeforeValidator(_read_count)]
Tokens = Annotated[Count, Field(ge=1, le=MAX_TOKENS, description=_COUNT)]
BatchTokens = Annotated[Count | None, Field(ge=1, le=10**13, description=_COUNT)]
Date = Annotated[datetime.date | None, Field(description=_DATE)]
Duration = Annotated[float, PlainValidator(read_text(_parse_duration_s, _DURATION)), Field(description=_DURATION)]
Budget = Annotated[Money, PlainValidator(read_text(_parse_budget, _BUDGET)), Field(description=_BUDGET)]
Country = Annotated[str, PlainValidator(read_text(_known_country, _COUNTRY)), Field(description=_COUNTRY)]
Countries = Annotated[tuple[str, ...], PlainValidator(_known_countries)]
Moment = Annotated[datetime.datetime, PlainValidator(_moment_with_zone), Field(description=_MOMENT)]
