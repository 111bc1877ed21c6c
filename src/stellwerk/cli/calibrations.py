"""What ``--calibration`` names: overlays that ``stellwerk calibrate`` wrote, each of one system or product."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from stellwerk.broker import NO_CALIBRATIONS, hardware_of
from stellwerk.catalog import Catalogue
from stellwerk.cli.target import offer_at
from stellwerk.errors import InputError
from stellwerk.planner import MachineCalibration, packaged_constants

calibration_option: Callable[[Any], Any] = click.option(
    "--calibration",
    "calibrations",
    type=click.Path(path_type=Path),
    multiple=True,
    help="What runs on a system say of it, as `stellwerk calibrate` writes it; once for each file.",
)


def calibrations_in(
    files: Sequence[Path], catalogue: Catalogue, only: str | None = None
) -> Mapping[str, MachineCalibration]:
    """By the id of a system or product; one made with other constants is said on standard error.

    Raises InputError for a target that the catalogue does not know or that is not ``only``, for another accelerator
    than it has, and for two files of the same target.
    """
    if not files:
        return NO_CALIBRATIONS
    # pydantic is slow to import
    from stellwerk.planner.calibration import machine_calibration, read_overlay

    constants = packaged_constants()
    found: dict[str, MachineCalibration] = {}
    for file in files:
        overlay = read_overlay(file)
        offer = offer_at(catalogue, overlay.system, file=file, key="system")
        if only is not None and overlay.system != only:
            raise InputError(
                "is a calibration of another system", file=file, key="system", value=overlay.system, allowed=only
            )
        if overlay.system in found:
            raise InputError("another file calibrates it, too", file=file, key="system", value=overlay.system)
        accelerator = hardware_of(offer, catalogue).accelerator
        if accelerator is None or accelerator.id != overlay.accelerator:
            raise InputError(
                f"is not the accelerator of {overlay.system}",
                file=file,
                key="accelerator",
                value=overlay.accelerator,
                allowed="none" if accelerator is None else accelerator.id,
            )
        if overlay.constants_sha256 != constants.sha256:
            click.echo(
                f"{file}: made with other constants than those of this version; its factors are used, the intervals "
                "stay as wide as without it. Run `stellwerk calibrate` again.",
                err=True,
            )
        found[overlay.system] = machine_calibration(overlay, constants)
    return found
