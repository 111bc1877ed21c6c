from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from stellwerk.broker import Wait, read_waits
from stellwerk.measures import waits_as_toml, waits_by_size

DAY = datetime.date(2026, 11, 27)
WAIT_S = np.concatenate((np.arange(0, 101) * 36, np.full(20, 7_200), np.full(3, 5), [-1, 9]))
DEVICES = np.concatenate((np.full(101, 4), np.full(20, 7), np.full(3, 2), [7, 0]))


def _waits() -> tuple[Wait, ...]:
    return waits_by_size(wait_s=WAIT_S, devices=DEVICES, system_id="juwels", as_of=DAY, source='a "log"', min_jobs=10)


def test_a_class_of_sizes_has_its_percentiles_and_says_where_they_are_from() -> None:
    first, second = _waits()
    assert (first.devices_min, first.devices_max) == (3, 4)
    assert (first.wait_s.low, first.wait_s.best, first.wait_s.high) == (360, 1800, 3240)
    assert first.source == 'a "log"; 101 jobs of this size'
    assert (second.devices_min, second.devices_max, second.wait_s.best) == (5, 8, 7_200)


def test_a_class_of_few_jobs_is_left_out_and_stays_unknown(tmp_path: Path) -> None:
    path = tmp_path / "waits.toml"
    path.write_text(waits_as_toml(_waits()))
    assert read_waits(path, {"juwels"}).of("juwels", 2) is None


def test_the_broker_reads_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "waits.toml"
    path.write_text(waits_as_toml(_waits()))
    found = read_waits(path, {"juwels"}).by_system["juwels"]
    for read, written in zip(found, _waits(), strict=True):
        assert (read.system_id, read.devices_min, read.devices_max) == (
            "juwels",
            written.devices_min,
            written.devices_max,
        )
        assert (read.as_of, read.source) == (DAY, written.source)
        assert read.wait_s.best == pytest.approx(written.wait_s.best, abs=0.2)
        assert read.wait_s.low == pytest.approx(written.wait_s.low, abs=0.2)
        assert read.wait_s.high == pytest.approx(written.wait_s.high, abs=0.2)
