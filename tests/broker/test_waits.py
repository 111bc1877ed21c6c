from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.broker import read_waits
from stellwerk.errors import InputError
from stellwerk.units import Interval

ROW = """
[[waits]]
system_id = "capella"
devices_min = 1
devices_max = 32
p10_h = 0.5
p50_h = 2
p90_h = 12
as_of = 2026-11-01
source = "log of October 2026"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "waits.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_wait_holds_for_its_system_and_sizes(tmp_path: Path) -> None:
    waits = read_waits(written(tmp_path, f"schema = 1\n{ROW}"), ["capella", "alpha"])
    wait = waits.of("capella", 32)
    assert wait is not None
    assert wait.wait_s == Interval(1800, 7200, 43200)
    assert waits.of("capella", 33) is None
    assert waits.of("alpha", 1) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema = 2", ["schema", "at most 1"]),
        ("", ["schema: is missing"]),
        ("schema = 1\nwait = []", ["wait", "did you mean 'waits'?"]),
        (f"schema = 1\n{ROW}{ROW}", ["waits[1].devices_min", "waits[0] holds for, too (1 to 32)"]),
        (f"schema = 1\n{ROW.replace('capella', 'capela')}", ["waits[0].system_id", "did you mean 'capella'?"]),
        (f"schema = 1\n{ROW.replace('p50_h = 2', 'p50_h = 13')}", ["waits[0].p90_h", "at least p50_h = 13"]),
        (f"schema = 1\n{ROW.replace('p10_h = 0.5', 'p10_h = -1')}", ["waits[0].p10_h", "hours, 0 or more"]),
        (f"schema = 1\n{ROW.replace('p10_h = 0.5', 'p10_h = inf')}", ["waits[0].p10_h", "hours, 0 or more"]),
        (f"schema = 1\n{ROW.replace('devices_max = 32', 'devices_max = 0')}", ["waits[0].devices_max"]),
        (f"schema = 1\n{ROW.replace('as_of', 'asof')}", ["waits[0].as_of: is missing", "did you mean 'as_of'?"]),
    ],
)
def test_every_mistake_is_named_with_file_and_place(tmp_path: Path, text: str, words: list[str]) -> None:
    file = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_waits(file, ["capella"])
    for word in [str(file), *words]:
        assert word in str(caught.value)
