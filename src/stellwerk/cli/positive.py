"""Numbers that are given as options."""

from __future__ import annotations

import math
from typing import Any

import click


class PositiveNumber(click.FloatRange):
    """A finite number above 0 and at most ``most``; click itself lets ``nan`` into every range."""

    name = "number"

    def __init__(self, most: float | None = None) -> None:
        super().__init__(min=0, min_open=True, max=most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number; allowed: {self._describe_range()}", param, ctx)
        return number
