"""Keeps one bad batch from spoiling the weights."""

from __future__ import annotations

import math
import statistics
from collections import deque

from stellwerk.training.model import SpikeGuard

LEAST_HISTORY = 8
"""Steps before a norm can be called unusual."""


class TrainingStoppedError(Exception):
    """The training cannot go on; the text says why."""


class StepGuard:
    """Says of each step whether it may change the weights; all processes see the same figures and decide alike."""

    def __init__(self, rule: SpikeGuard | None) -> None:
        self._rule = rule
        self._norms: deque[float] = deque(maxlen=rule.window if rule else 1)
        self._left_out = 0

    def admits(self, step: int, loss: float, gradient_norm: float) -> bool:
        """False for a step to leave out. Raises TrainingStoppedError where too many in a row are, or, without a rule,
        at the first loss or gradient that is no number."""
        finite = math.isfinite(loss) and math.isfinite(gradient_norm)
        if finite and not self._is_spike(gradient_norm):
            self._norms.append(gradient_norm)
            self._left_out = 0
            return True
        self._left_out += 1
        if self._rule is None or self._left_out > self._rule.patience:
            before = f", and {self._left_out - 1} steps before it were left out" if self._left_out > 1 else ""
            raise TrainingStoppedError(f"at step {step} the loss is {loss}, the gradient norm {gradient_norm}{before}")
        return False

    def state(self) -> dict[str, list[float] | int]:
        """For a checkpoint."""
        return {"norms": list(self._norms), "left_out": self._left_out}

    def restore(self, state: dict[str, list[float] | int]) -> None:
        """From a checkpoint."""
        norms, left_out = state["norms"], state["left_out"]
        if isinstance(norms, list) and isinstance(left_out, int):
            self._norms.clear()
            self._norms.extend(norms)
            self._left_out = left_out

    def _is_spike(self, gradient_norm: float) -> bool:
        if self._rule is None or len(self._norms) < LEAST_HISTORY:
            return False
        return gradient_norm > self._rule.factor * statistics.median(self._norms)
