"""Write an overlay as the file that people keep and share."""

from __future__ import annotations

from collections.abc import Iterator

from stellwerk.planner.calibration.overlay import Overlay

HEAD = """\
# Written by `stellwerk calibrate`; read by --calibration of plan, explain and match. A factor multiplies constants of
# the planner on this one system; `sd` is the standard deviation of its logarithm. One that the runs do not identify
# stays 1. Seconds of a step: measured, and predicted without and with these factors.
schema = 1
"""


def overlay_text(overlay: Overlay) -> str:
    """A TOML document; the same overlay gives the same text."""
    return HEAD + "\n".join(_lines(overlay)) + "\n"


def _lines(overlay: Overlay) -> Iterator[str]:
    for name in ("system", "accelerator", "software"):
        yield f"{name} = {_quoted(getattr(overlay, name))}"
    yield f"made = {overlay.made.isoformat()}"
    yield f"planner_model = {_quoted(overlay.planner_model)}"
    yield f"constants_sha256 = {_quoted(overlay.constants_sha256)}"
    yield ""
    yield "[factors]"
    for name, factor in overlay.factors.items():
        yield (
            f"{name} = {{ factor = {factor.value:.5g}, sd = {factor.sd:.3g}, "
            f"identified = {str(factor.identified).lower()} }}"
        )
    for run in overlay.runs:
        yield ""
        yield "[[runs]]"
        yield f"id = {_quoted(run.id)}"
        for name in ("measured_s", "before_s", "after_s"):
            yield f"{name} = {getattr(run, name):.6g}"


def _quoted(value: str) -> str:
    """A TOML string; what a row's id may hold beside letters is escaped."""
    escaped = "".join(
        f"\\{letter}" if letter in '"\\' else letter if letter.isprintable() else f"\\U{ord(letter):08x}"
        for letter in value
    )
    return f'"{escaped}"'
