"""An outcome as plain data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from stellwerk.measures.outcome import Outcome


def outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    """Everything that is known of an outcome, ready for JSON; a median of no job is None."""
    size_map = outcome.size_map
    median = size_map.median_wait_s
    return {
        "changes": list(outcome.changes),
        "unit": outcome.unit,
        "capacity": outcome.capacity,
        "seeds": list(outcome.seeds),
        "whole": [asdict(whole) for whole in outcome.whole],
        "by_size": [[asdict(one) for one in seed] for seed in outcome.by_size],
        "by_group": [[asdict(one) for one in seed] for seed in outcome.by_group],
        "queue": {"edges_s": outcome.queue.edges_s.tolist(), "mean": outcome.queue.mean.tolist()},
        "size_map": {
            "sizes": [list(size) for size in size_map.sizes],
            "jobs": size_map.jobs.tolist(),
            "median_wait_s": np.where(np.isnan(median), None, median).tolist(),  # type: ignore[call-overload]
        },
    }
