"""Write fitted constants as the file that the planner reads."""

from __future__ import annotations

import datetime
import math
from collections import defaultdict
from collections.abc import Mapping

from stellwerk.planner.calibration.calibrate import Calibration

HEAD = """\
# Written by `make calibrate`; docs/accuracy.md explains it. A constant is its common value, times the factors of the
# software and of the accelerator. `sd` is the standard deviation of its logarithm. Where the runs say nothing of a
# number it keeps what is assumed of it (planner/calibration/priors.toml), and `identified` is false.
schema = 1
"""


def constants_text(
    calibration: Calibration,
    *,
    fitted: datetime.date,
    table_sha256: str,
    errors: Mapping[str, float],
    spreads: Mapping[str, float],
) -> str:
    """A TOML document. ``errors`` are those of the cross-validation by family, for whoever opens the file."""
    about = f'fitted = {fitted.isoformat()}\nrows = {calibration.runs}\ntable_sha256 = "{table_sha256}"\n'
    tables: dict[str, list[str]] = defaultdict(list)
    tables["errors_on_left_out_families"] = [f"{name} = {value:.4f}" for name, value in errors.items()]
    tables["spreads"] = [f"{name} = {value:.4f}" for name, value in spreads.items()]
    tables["measured_rows"] = [
        f"{accelerator} = {count}" for accelerator, count in sorted(calibration.constants.measured_rows.items())
    ]
    found = calibration.fit
    for parameter, logarithm, sd, identified in zip(
        calibration.parameters, found.vector.tolist(), found.sd.tolist(), found.identified.tolist(), strict=True
    ):
        kind = "value" if parameter.software is None and parameter.accelerator is None else "factor"
        table = "common"
        if parameter.software:
            table = f"software.{parameter.software}"
        elif parameter.accelerator:
            table = f"accelerator.{parameter.accelerator}"
        value = f"{math.exp(logarithm):.5g}"
        tables[table].append(
            f"{parameter.constant} = {{ {kind} = {value}, sd = {sd:.3f}, identified = {str(identified).lower()} }}"
        )
    return HEAD + about + "".join(f"\n[{name}]\n" + "\n".join(lines) + "\n" for name, lines in tables.items())
