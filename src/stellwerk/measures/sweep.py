"""Many scenarios of one log, over the cores of a machine."""

from __future__ import annotations

import itertools
import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from stellwerk.measures.changes import Change
from stellwerk.measures.outcome import Outcome
from stellwerk.measures.replays import evaluate
from stellwerk.measures.scenario import Scenario
from stellwerk.measures.shared import open_shared, share


def scenarios_of(
    dimensions: Sequence[Sequence[Change]], common: Sequence[Change] = ()
) -> tuple[tuple[Change, ...], ...]:
    """Every combination of one change per dimension, after the ``common`` ones; the last dimension runs fastest."""
    return tuple((*common, *chosen) for chosen in itertools.product(*dimensions))


def run_sweep(
    base: Scenario, scenarios: Sequence[Sequence[Change]], *, seeds: Sequence[int] = (0,), workers: int = 1
) -> tuple[Outcome, ...]:
    """The outcome of each scenario, in their order: the same as ``evaluate`` gives, on ``workers`` processes.

    The processes have one copy of the log in common, a file that they map (see ``shared``).
    """
    if workers <= 1 or len(scenarios) <= 1:
        return tuple(evaluate(base, scenario, seeds=seeds) for scenario in scenarios)
    with tempfile.TemporaryDirectory(prefix="stellwerk-sweep-") as folder:
        shared = Path(folder) / "base"
        share(base, shared)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            min(workers, len(scenarios)), mp_context=context, initializer=_open_base, initargs=(shared,)
        ) as pool:
            return tuple(pool.map(partial(_evaluate_shared, seeds=tuple(seeds)), map(tuple, scenarios)))


_base: list[Scenario] = []
"""The base that this process works on; empty in the process that hands out the work."""


def _open_base(shared: Path) -> None:
    _base[:] = [open_shared(shared)]


def _evaluate_shared(scenario: tuple[Change, ...], *, seeds: tuple[int, ...]) -> Outcome:
    return evaluate(_base[0], scenario, seeds=seeds)
