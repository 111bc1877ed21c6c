from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.training import memory


def test_the_peak_contains_what_was_held_once() -> None:
    held = bytearray(b"x" * 64_000_000)
    assert memory.peak_memory_bytes() > len(held)


@pytest.mark.parametrize(("limit", "expected"), [("1000000\n", 1_000_000), ("max\n", None)])
def test_a_container_limit_counts_where_there_is_one(
    limit: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", tmp_path / "none")
    physical = memory.machine_memory_bytes()
    (tmp_path / "memory.max").write_text(limit, encoding="ascii")
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", tmp_path / "memory.max")
    assert memory.machine_memory_bytes() == (expected or physical)
