"""A short run of scripts/fuzz_records.py; the long one is run by hand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("polars")
SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz_records.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_records", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_records"] = module
    spec.loader.exec_module(module)
    return module


def test_every_sound_file_is_read(script: ModuleType, tmp_path: Path) -> None:
    for reader in script.readers(tmp_path).values():
        for sound in reader.seeds:
            (tmp_path / "input").write_bytes(sound)
            reader.read(tmp_path / "input")


def test_a_thousand_broken_files_raise_nothing_but_input_errors(script: ModuleType, tmp_path: Path) -> None:
    tallies = script.fuzz(script.readers(tmp_path), inputs=1000, seconds=120, seed=5, folder=tmp_path)
    assert {name: tally.failures for name, tally in tallies.items() if tally.failures} == {}
    assert sum(tally.inputs for tally in tallies.values()) == 1000
    assert all(tally.read < tally.inputs for tally in tallies.values()), "some inputs must be broken"


def test_a_reader_that_breaks_is_reported_and_its_input_kept(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(path: Path) -> int:
        return int(path.read_bytes()[:1])

    (tmp_path / "kept").mkdir()
    tallies = script.fuzz(
        {"odd": script.Reader(read, (b"1 2",), 1)},
        inputs=200,
        seconds=10,
        seed=1,
        folder=tmp_path,
        keep=tmp_path / "kept",
    )
    assert script.report(tallies) == 1
    assert "ValueError" in capsys.readouterr().out
    assert list((tmp_path / "kept").iterdir())
