from __future__ import annotations

from collections.abc import Mapping

import pytest

from stellwerk.catalog import Accelerator, load_catalogue


@pytest.fixture(scope="session")
def accelerators() -> Mapping[str, Accelerator]:
    return load_catalogue().accelerators
