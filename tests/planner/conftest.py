from __future__ import annotations

import pytest

from stellwerk.planner import Machine
from stellwerk.workload import Workload
from tests.planner import examples


@pytest.fixture
def machine() -> Machine:
    return examples.machine()


@pytest.fixture
def workload() -> Workload:
    return examples.workload()
