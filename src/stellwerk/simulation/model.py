"""What the simulation returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Policy = Literal["fcfs", "easy"]
POLICIES: tuple[Policy, ...] = get_args(Policy)


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """When each job ran and on how many processors; int64 arrays in queue order, times in seconds."""

    job_id: NDArray[np.int64]
    submit_s: NDArray[np.int64]
    start_s: NDArray[np.int64]
    end_s: NDArray[np.int64]
    processors: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.job_id)

    @property
    def wait_s(self) -> NDArray[np.int64]:
        return self.start_s - self.submit_s

    @property
    def run_s(self) -> NDArray[np.int64]:
        return self.end_s - self.start_s
