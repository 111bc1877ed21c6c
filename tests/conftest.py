"""In CI a skipped test is a failed one: a promise that nobody checked. And one real Slurm for all that ask for it."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.slurm.testbed import Slurm, why_not_here

# How long an example takes is for the benchmarks: a busy machine breaks no promise.
settings.register_profile("promises", deadline=None)
settings.load_profile("promises")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting imports stays until the end: the garbage collector need not go through it again and again."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A real Slurm of 16 nodes with 8 GPUs each. A test that changes its configuration or accounts puts them back."""
    reason = why_not_here()
    if reason is not None:
        pytest.skip(f"no Slurm to test with: {reason}")
    cluster = Slurm(tmp_path_factory.mktemp("slurm"), nodes=16, gpus=8)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
