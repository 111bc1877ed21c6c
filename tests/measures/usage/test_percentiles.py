from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.measures.usage.percentiles import quantiles_by


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 3)), max_size=60))
def test_percentiles_of_each_group_are_those_of_numpy(pairs: list[tuple[int, int]]) -> None:
    values, group = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    for number, found in enumerate(quantiles_by(values, group, 4)):
        members = values[group == number]
        assert found.jobs == len(members)
        if len(members) == 0:
            assert found[1:] == (None, None, None)
        else:
            assert found[1:] == pytest.approx(np.percentile(members, (50, 90, 99)), rel=1e-12)
