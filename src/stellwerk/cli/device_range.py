"""Ranges of devices that are given as options."""

from __future__ import annotations

import re
from typing import Any

import click

_MOST = 10**7


class DeviceRange(click.ParamType[tuple[int, int]]):
    """``8..4096``: the fewest and the most, both included."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        allowed = "two whole numbers from 1 on, the smaller one first, such as 8..4096"
        found = re.fullmatch(r"\s*(\d{1,8})\s*\.\.\s*(\d{1,8})\s*", value, re.ASCII)
        if found is None:
            self.fail(f"{value!r} is no range; allowed: {allowed}", param, ctx)
        low, high = int(found[1]), int(found[2])
        if not 1 <= low <= high <= _MOST:
            why = "is reversed" if low > high else "holds a number below 1" if low < 1 else f"ends above {_MOST:,}"
            self.fail(f"{value!r} {why}; allowed: {allowed}", param, ctx)
        return low, high
