from __future__ import annotations

import math

import pytest

from stellwerk.training import SpikeGuard
from stellwerk.training.guard import StepGuard, TrainingStoppedError

RULE = SpikeGuard(factor=10.0, window=16, patience=2)


def warmed_up() -> StepGuard:
    guard = StepGuard(RULE)
    assert all(guard.admits(step, 3.0, 1.0) for step in range(1, 11))
    return guard


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (2.0, math.nan), (2.0, math.inf)])
def test_a_step_without_a_number_is_left_out(loss: float, norm: float) -> None:
    guard = warmed_up()
    assert not guard.admits(11, loss, norm)
    assert guard.admits(12, 3.0, 1.0)


def test_a_gradient_far_beyond_the_usual_is_left_out_and_does_not_become_usual() -> None:
    guard = warmed_up()
    assert guard.admits(11, 3.0, 9.9)
    for step in (12, 14, 16, 18):
        assert not guard.admits(step, 3.0, 10.1)
        assert guard.admits(step + 1, 3.0, 1.0)


def test_the_first_steps_have_nothing_to_be_compared_with() -> None:
    guard = StepGuard(RULE)
    assert guard.admits(1, 11.0, 1.0)
    assert guard.admits(2, 11.0, 500.0)


def test_too_many_in_a_row_stop_the_training_and_say_so() -> None:
    guard = warmed_up()
    assert not guard.admits(11, math.nan, 1.0)
    assert not guard.admits(12, math.nan, 1.0)
    with pytest.raises(TrainingStoppedError, match=r"at step 13 the loss is nan, .* 2 steps before it were left out"):
        guard.admits(13, math.nan, 1.0)


def test_without_a_rule_the_first_one_stops_the_training() -> None:
    guard = StepGuard(None)
    assert guard.admits(1, 3.0, 1e9)
    with pytest.raises(TrainingStoppedError, match="at step 2 the loss is inf"):
        guard.admits(2, math.inf, 1.0)


def test_a_guard_goes_on_from_a_checkpoint_as_if_nothing_had_happened() -> None:
    guard = warmed_up()
    guard.admits(11, math.nan, 1.0)
    restored = StepGuard(RULE)
    restored.restore(guard.state())
    assert not restored.admits(12, 3.0, 11.0)
    with pytest.raises(TrainingStoppedError):
        restored.admits(13, 3.0, 11.0)
