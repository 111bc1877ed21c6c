"""Times that are given as options."""

from __future__ import annotations

import math
from typing import Any

import click

from stellwerk.units import parse_duration_s


class Duration(click.ParamType[float]):
    """A time above 0 with its unit, in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        allowed = "a number with its unit, such as 90s, 30min, 2h or 3d"
        try:
            seconds = parse_duration_s(value)
        except (ValueError, OverflowError) as error:
            self.fail(f"{value!r}: {error}; allowed: {allowed}", param, ctx)
        if not 0 < seconds < math.inf:
            self.fail(f"{value!r} is no time above 0; allowed: {allowed}", param, ctx)
        return seconds
