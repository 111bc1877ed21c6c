"""Runs that were measured under the same conditions, as far as the table says, and yet differ."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from stellwerk.records.training_runs import COLUMNS, TrainingRun

SPREAD_ALLOWED = 0.03
"""Slowest over fastest, less one: what two measurements of the same run may differ by."""

_BESIDE = (
    *("id", "source_title", "source_ref", "source_family", "provenance", "model", "params_b", "notes"),
    *("tflops_per_gpu_reported", "mfu_reported", "hfu_reported", "flops_convention", "tokens_per_s_per_gpu"),
    *("step_time_s", "peak_memory_gb", "memory_measure"),
)
CONDITIONS = tuple(column for column in COLUMNS if column not in _BESIDE)
"""Columns that a run's speed depends on. The software's release is one more; it stands in the source's title."""
_KNOWN = ("layers", "hidden", "seq_len", "gpu", "n_gpus", "tp", "pp", "global_batch_sequences")
"""Without these two rows are not known to be of the same run."""
_RELEASE = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Rows with equal conditions, the fastest first; of one row only where its own two speeds contradict each other."""

    ids: tuple[str, ...]
    step_times_s: tuple[float, ...]

    @property
    def spread(self) -> float:
        """Slowest over fastest, less one."""
        return self.step_times_s[-1] / self.step_times_s[0] - 1


def contradictions(runs: Iterable[TrainingRun]) -> tuple[Contradiction, ...]:
    """Groups of runs whose speeds differ by more than ``SPREAD_ALLOWED`` though every condition is the same.

    Rows of different releases of the software are different runs; where a source's title names no release, it is
    taken to be the same. Runs without a step time or a token rate are left out.
    """
    groups: dict[tuple[object, ...], list[tuple[float, str]]] = defaultdict(list)
    found: list[Contradiction] = []
    for run in runs:
        times = sorted(time for time in (run.step_time_s, step_time_from_tokens_s(run)) if time is not None)
        if not times or any(getattr(run, column) is None for column in _KNOWN):
            continue
        if times[-1] / times[0] - 1 > SPREAD_ALLOWED:
            found.append(Contradiction((run.id,), tuple(times)))
        groups[_conditions(run)].append((run.step_time_s or times[0], run.id))
    for members in groups.values():
        ordered = sorted(members)
        if ordered[-1][0] / ordered[0][0] - 1 > SPREAD_ALLOWED:
            found.append(Contradiction(tuple(id_ for _, id_ in ordered), tuple(time for time, _ in ordered)))
    return tuple(found)


def step_time_from_tokens_s(run: TrainingRun) -> float | None:
    """Seconds of a step by the token rate; None where rate, batch or number of GPUs is unknown."""
    if not (run.tokens_per_s_per_gpu and run.global_batch_sequences and run.seq_len and run.n_gpus):
        return None
    return run.global_batch_sequences * run.seq_len / (run.tokens_per_s_per_gpu * run.n_gpus)


def _conditions(run: TrainingRun) -> tuple[object, ...]:
    return *(getattr(run, column) for column in CONDITIONS), tuple(_RELEASE.findall(run.source_title or ""))
