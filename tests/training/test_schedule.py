from __future__ import annotations

import pytest

from stellwerk.training.schedule import warm_up_stable_decay


def test_the_rate_rises_holds_and_falls() -> None:
    shares = [warm_up_stable_decay(step, 100, warm_up_share=0.1, decay_share=0.2) for step in range(1, 101)]
    assert shares[:10] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert set(shares[10:80]) == {1.0}
    assert shares[80:] == pytest.approx([share / 20 for share in range(20, 0, -1)])


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_a_run_of_few_steps_still_learns_in_each(steps: int) -> None:
    assert all(0 < warm_up_stable_decay(step, steps, 0.05, 0.3) <= 1 for step in range(1, steps + 1))
