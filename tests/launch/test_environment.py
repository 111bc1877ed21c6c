from __future__ import annotations

import re

import pytest

from stellwerk.launch import environment_lock
from stellwerk.training import Accelerators


def test_it_names_python_system_hardware_and_every_package() -> None:
    lock = environment_lock(Accelerators(2, "NVIDIA H100 80GB HBM3", 80_000_000_000)).splitlines()
    head, packages = [line for line in lock if line[0] == "#"], [line for line in lock if line[0] != "#"]
    for word in ("python 3.", "system ", "processor ", "memory ", "accelerators 2 x NVIDIA H100 80GB HBM3"):
        assert any(line.startswith(f"# {word}") for line in head), word
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+-]+", package) for package in packages)
    assert any(package.startswith("numpy==") for package in packages)
    assert packages == sorted(packages, key=lambda package: package.partition("==")[0].casefold())


def test_no_variable_of_the_environment_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_very_secret")
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:password@example.org/simple")
    lock = environment_lock(None)
    assert "hf_very_secret" not in lock
    assert "password" not in lock
    assert "# accelerators none" in lock
