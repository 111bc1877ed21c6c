from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from stellwerk.errors import InputError
from stellwerk.planner.calibration import Factor, Overlay, OverlayRun, factor_priors, overlay_text, read_overlay

OVERLAY = Overlay(
    system="here",
    accelerator="a100-sxm-80gb",
    software="megatron_core",
    factors={prior.name: Factor(1.25, prior.sd, prior.name == "pace") for prior in factor_priors()},
    runs=(OverlayRun('seven\t"billion"', 10.0, 8.0, 9.5),),
    made=datetime.date(2026, 11, 28),
    planner_model="3",
    constants_sha256="ab" * 32,
)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "here.toml"
    path.write_text(overlay_text(OVERLAY))
    assert read_overlay(path) == OVERLAY


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schema = 1", "schema = 2", "schema: is too large to be meant, at most 1 (got 2); allowed: 1"),
        ('software = "megatron_core"', 'software = "jax"', "allowed: megatron_core, torch_native"),
        ("made = 2026-11-28", 'made = "today"', "made: this value cannot stand here (got 'today'); allowed: a date"),
        ("pace = {", "pase = {", "factors.pase: no such factor; allowed: pace, attention"),
        ("pace = {", "pase = {", "factors.pace: is missing"),
        ("factor = 1.25, sd = 0.15", "factor = 0, sd = 0.15", "factors.pace.factor: must be at least 0.01 (got 0"),
        ("factor = 1.25, sd = 0.15", "factor = inf, sd = 0.15", "allowed: from 0.01 to 100"),
        ("identified = true", "identified = 1", "factors.pace.identified: this value cannot stand here (got 1)"),
        ("measured_s = 10", "measured_s = -1", "runs[0].measured_s: this value cannot stand here (got -1"),
        ("before_s = 8\n", "", "runs[0].before_s: is missing; allowed: seconds, above 0"),
        ("[[runs]]", "[[rows]]", "unknown key"),
        ('system = "here"', "system = 3", "system: this value cannot stand here (got 3)"),
    ],
)
def test_a_mistake_names_file_key_value_and_what_is_allowed(old: str, new: str, said: str, tmp_path: Path) -> None:
    text = overlay_text(OVERLAY)
    assert old in text
    path = tmp_path / "here.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as raised:
        read_overlay(path)
    assert said in str(raised.value)
    assert all(line.startswith(str(path)) for line in str(raised.value).splitlines())
