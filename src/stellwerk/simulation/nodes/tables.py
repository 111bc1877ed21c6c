"""What the node scheduler works on: structured arrays, one row per thing, changed in place.

A thing is its row number. Amounts on nodes are accelerators, cores and bytes of memory; times are whole seconds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Table = Any
"""A structured array of one of the types below; compiled code reads its columns as attributes of a row."""

NOBODY = -1
NEVER_S = 2**62
UNCOUNTED = 2**30
"""Cores of a node that nobody counts."""
UNCOUNTED_BYTES = 2**60

WAITING, RUNNING, DONE, GIVEN_UP = 1, 2, 3, 4
"""States of a job; 0 before it has arrived."""

COMPLETED, PREEMPTED, NODE_FAILED, CANCELLED = 0, 1, 2, 3
"""Outcomes of a run, as in ``model.OUTCOMES``."""

NODE = np.dtype(
    [
        # what every look at a node asks for, in one line of the cache
        ("free_accelerators", np.int32),
        ("free_cores", np.int32),
        ("free_memory", np.int64),
        ("reserved_from_s", np.int64),
        ("windows", np.int64),  # a bit for each window that the node is in
        ("taken", np.int64),  # the last choice of nodes that this one is part of
        ("first_slot", np.int64),  # what the current pass has planned here
        ("jobs", np.int32),
        ("accelerators", np.int32),
        ("cores", np.int32),
        ("up", np.int32),
        ("memory", np.int64),
        ("partitions", np.int64),  # a bit for each partition that the node is in
        ("first_hold", np.int64),  # what runs here, by expected end
        ("last_hold", np.int64),
        ("changes_s", np.int64),  # next failure, or next repair
        ("failures", np.int64),
    ]
)

PART = np.dtype([("nodes", np.int64), ("accelerators", np.int32), ("cores", np.int32), ("memory", np.int64)])
"""Alike nodes that a job asks for, and how much on each; all parts of a job start together."""

JOB = np.dtype(
    [
        ("arrival_s", np.int64),
        ("run_s", np.int64),
        ("limit_s", np.int64),
        ("first_part", np.int64),
        ("parts", np.int64),
        ("nodes", np.int64),
        ("whole", np.bool_),
        ("one_switch", np.int8),  # 0 anywhere, 1 preferred, 2 required
        ("partition", np.int64),
        ("qos", np.int64),
        ("user", np.int64),  # its row in the fair-share tree
        ("member", np.int64),  # a bit for each window that does not keep it out
        ("rate", np.float64),  # what a second of it adds to its user's usage
        ("standing", np.float64),  # the part of its priority that never changes
        ("state", np.int8),
        ("run", np.int64),
        ("done_s", np.int64),
        ("lost_s", np.int64),
        ("restarts", np.int64),
        ("start_s", np.int64),
        ("end_s", np.int64),
        ("priority", np.int64),
    ]
)

SPAN = np.dtype([("first", np.int64), ("end", np.int64)])
"""Nodes in a row: a group, or a switch group of it."""

PARTITION = np.dtype(
    [
        ("first_span", np.int64),
        ("spans", np.int64),
        ("first_switch", np.int64),  # its switch groups are spans, too
        ("switches", np.int64),
        ("overlaps", np.int64),  # a bit for each partition that it shares nodes with, itself included
        ("idle", np.int64),  # nodes that are up and empty
    ]
)

WINDOW = np.dtype([("start_s", np.int64), ("duration_s", np.int64), ("every_s", np.int64)])
"""When nodes are kept from those who are no members; ``every_s`` 0: once."""

QOS = np.dtype([("preempts", np.int64), ("when_preempted", np.int8), ("running", np.int64)])
REQUEUE, CANCEL = 0, 1

RUN = np.dtype(
    [
        ("job", np.int64),
        ("start_s", np.int64),
        ("end_s", np.int64),
        ("expected_s", np.int64),
        ("first_hold", np.int64),
        ("outcome", np.int8),
        ("active", np.bool_),
    ]
)

HOLD = np.dtype(
    [
        ("node", np.int32),
        ("run", np.int32),
        ("accelerators", np.int32),
        ("cores", np.int32),
        ("memory", np.int64),
        ("expected_s", np.int64),
        ("before", np.int32),  # on the same node, by expected end
        ("behind", np.int32),
    ]
)
"""One node of one run: what it holds there, all of it where it takes whole nodes."""

SLOT = np.dtype([("start_s", np.int64), ("end_s", np.int64), ("next", np.int64)])
"""A node that a pass has planned for somebody."""

TREE = np.dtype(
    [
        ("parent", np.int64),
        ("first_child", np.int64),
        ("end_child", np.int64),
        ("is_user", np.bool_),
        ("shares", np.float64),
        ("usage", np.float64),
        ("recent", np.float64),  # usage since the last calculation
        ("rate", np.float64),
        ("since_s", np.int64),
        ("level", np.float64),
        ("factor", np.float64),
    ]
)
"""Accounts and users, the root first; the children of one parent stand together, behind it."""

FCFS, EASY, CONSERVATIVE, MULTIFACTOR = 0, 1, 2, 3
PACKED, SPREAD, FIRST = 0, 1, 2
BY_ACCELERATORS, BY_CORES, BY_NODES = 0, 1, 2

SETTINGS = np.dtype(
    [
        ("policy", np.int8),
        ("arrivals_first", np.bool_),
        ("placement", np.int8),
        ("counted", np.int8),  # what says how full a node is
        ("checkpoint_s", np.int64),
        ("max_restarts", np.int64),
        ("mtbf_s", np.float64),
        ("repair_s", np.float64),
        ("seed", np.int64),
        ("switch_wait_s", np.int64),
        ("weight_age", np.float64),
        ("max_age_s", np.float64),
        ("weight_fair_share", np.float64),
        ("classic", np.bool_),
        ("half_life_s", np.float64),
        ("calc_interval_s", np.int64),
        ("sched_interval_s", np.int64),
        ("queue_depth", np.int64),
        ("bf_interval_s", np.int64),
        ("bf_grouped_ends", np.bool_),
        ("bf_window_s", np.int64),
        ("bf_resolution_s", np.int64),
        ("bf_max_job_test", np.int64),
        ("bf_max_job_user", np.int64),
        ("youngest_first", np.bool_),
    ]
)


class World(NamedTuple):
    """All that a simulation works on but what grows with the restarts.

    ``level[n]`` of what counts is free on node n; ``at_least[p, a]`` nodes of partition p have a or more. The last six
    are room to work in: nodes that come into question, what they are sorted by, twice, until when they are in use,
    those chosen, and how many choices there were and how many nodes the current pass keeps for somebody.
    """

    jobs: Table
    parts: Table
    nodes: Table
    partitions: Table
    spans: Table
    windows: Table
    at_least: NDArray[np.int64]
    level: NDArray[np.int64]
    qos: Table
    tree: Table
    settings: Table
    candidate: NDArray[np.int64]
    key: NDArray[np.int64]
    sorted: NDArray[np.int64]
    busy_s: NDArray[np.int64]
    chosen: NDArray[np.int64]
    stamp: NDArray[np.int64]
