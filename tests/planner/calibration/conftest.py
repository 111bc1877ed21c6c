from __future__ import annotations

from collections.abc import Mapping

import pytest

from stellwerk.catalog import Accelerator, load_catalogue
from stellwerk.planner import Machine, machine_of_run
from tests.planner.evaluation.published import run


@pytest.fixture(scope="session")
def accelerators() -> Mapping[str, Accelerator]:
    return load_catalogue().accelerators


@pytest.fixture(scope="session")
def machine(accelerators: Mapping[str, Accelerator]) -> Machine:
    """16 A100 in nodes of eight."""
    found = machine_of_run(run(), accelerators)
    assert found is not None
    return found
