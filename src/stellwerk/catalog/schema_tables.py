"""What may stand in the tables of exchange rates, carbon intensities, contingents and launch profiles."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from stellwerk.catalog.model_tables import ApplicantKind, CpuArchitecture, Internet, Scheduler
from stellwerk.catalog.schema_base import Count, Country, Currency, Entry, Money, Strict, check_period


def _above_zero(amount: str) -> str:
    if not Decimal(amount):
        raise ValueError("should be greater than 0")
    return amount


Share = Annotated[float, Field(gt=0, le=1)]
Rate = Annotated[Money, AfterValidator(_above_zero)]


class ExchangeRateValues(Strict):
    rate: Rate | None = None


class ExchangeRateEntry(Entry):
    """``[[exchange_rates]]``: what one unit of ``base`` buys of ``quote`` on the day that the source names."""

    base: Currency
    quote: Currency

    @model_validator(mode="after")
    def _two_currencies(self) -> Self:
        if self.base == self.quote:
            raise ValueError("base and quote are the same currency")
        return self


class CarbonIntensityValues(Strict):
    co2_g_per_kwh: Annotated[float, Field(ge=0, le=5000)] | None = None


class CarbonIntensityEntry(Entry):
    """``[[carbon_intensities]]``: the mean of one year for one country by one method."""

    country: Country
    year: Annotated[int, Field(ge=1990, le=2100)]
    method: str


class ContingentValues(Strict):
    funder: str | None = None
    share: Share | None = None
    share_at_least: Share | None = None
    share_at_most: Share | None = None
    accelerators: Count | None = None
    statement: str | None = None


class ContingentEntry(Entry):
    """``[[contingents]]``: a part of pools that belongs to some programmes."""

    system_ids: Annotated[list[str], Field(min_length=1)]
    programme_ids: list[str] = []
    user_groups: list[ApplicantKind] = []
    part_of: str | None = None
    valid_from: datetime.date | None = None
    valid_until: datetime.date | None = None

    @model_validator(mode="after")
    def _period(self) -> Self:
        check_period(self.valid_from, self.valid_until)
        return self


class LaunchProfileValues(Strict):
    scheduler: Scheduler | None = None
    cpu_architecture: CpuArchitecture | None = None
    container_runtimes: list[str] | None = None
    launcher: str | None = None
    address_suffix: str | None = None
    internet_on_compute_nodes: Internet | None = None
    environment: dict[str, str] | None = None


class LaunchProfileEntry(Entry):
    """``[[launch_profiles]]``: how jobs start on some systems."""

    system_ids: Annotated[list[str], Field(min_length=1)]
