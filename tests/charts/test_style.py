"""The colours are readable: WCAG 2.2 contrast of text 4.5:1, of graphics 3:1, in light and in dark."""

from __future__ import annotations

import re

import pytest

from stellwerk.charts import style_sheet

_TEXT = ("ink", "muted", "accent", "accent-strong", "good", "warn", "bad")
_GRAPHICS = tuple(f"series-{index}" for index in range(8))


def _palette(block: int) -> dict[str, str]:
    rules = re.findall(r":root \{(.*?)\}", style_sheet(), re.DOTALL)[block]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rules))


def _luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("block", [0, 1], ids=["light", "dark"])
def test_text_stands_out(block: int) -> None:
    colours = _palette(block)
    for name in _TEXT:
        for ground in ("paper", "surface", "highlight"):
            assert _contrast(colours[name], colours[ground]) >= 4.5, (name, ground)


@pytest.mark.parametrize("block", [0, 1], ids=["light", "dark"])
def test_graphics_stand_out(block: int) -> None:
    colours = _palette(block)
    for name in _GRAPHICS:
        assert _contrast(colours[name], colours["paper"]) >= 3, name


@pytest.mark.parametrize("block", [0, 1], ids=["light", "dark"])
def test_values_stand_out_from_the_shades_that_they_are_written_on(block: int) -> None:
    colours = _palette(block)
    for shade in range(7):
        written_in = "ink" if shade < 3 else "paper"
        assert f".on-heat-{shade}" not in style_sheet() or written_in == "paper"
        assert _contrast(colours[written_in], colours[f"heat-{shade}"]) >= 4.5, shade


def test_the_style_sheet_asks_for_nothing_from_elsewhere() -> None:
    assert "url(" not in style_sheet()
    assert "@import" not in style_sheet()
