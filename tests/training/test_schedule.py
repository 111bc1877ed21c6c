from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.training import Optimization
from stellwerk.training.schedule import learning_rate

WSD = Optimization(learning_rate=2.0, warm_up_share=0.1, decay_share=0.2)
COSINE = Optimization(learning_rate=2.0, schedule="cosine", warm_up_share=0.1, final_share=0.1)


def test_the_rate_rises_holds_and_falls() -> None:
    rates = [learning_rate(step, 100, WSD) for step in range(1, 101)]
    assert rates[:10] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0])
    assert set(rates[10:80]) == {2.0}
    assert rates[80:] == pytest.approx([share / 10 for share in range(20, 0, -1)])


def test_the_cosine_falls_to_its_last_share() -> None:
    rates = [learning_rate(step, 100, COSINE) for step in range(1, 101)]
    assert max(rates) == rates[9] == 2.0
    assert rates[54] == pytest.approx(2.0 * 0.55), "half way between 1 and 0.1"
    assert rates[99] == pytest.approx(0.2)
    assert all(later < earlier for earlier, later in pairwise(rates[9:]))


@given(
    steps=st.integers(1, 40),
    schedule=st.sampled_from(["wsd", "cosine"]),
    warm_up=st.floats(0, 1),
    decay=st.floats(0, 1),
    final=st.floats(0, 1),
)
def test_a_rate_is_never_above_the_full_one_and_the_first_step_learns(
    steps: int, schedule: str, warm_up: float, decay: float, final: float
) -> None:
    optimization = Optimization(1.0, "cosine" if schedule == "cosine" else "wsd", warm_up, decay, final)
    rates = [learning_rate(step, steps, optimization) for step in range(1, steps + 1)]
    assert all(0 <= rate <= 1 for rate in rates)
    assert rates[0] > 0
