"""The nodes of a cluster as tables: what each holds, which partitions and windows it is in."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records import MAX_NUMBER, JobTable
from stellwerk.simulation.cluster import Cluster, Instant, Reservation
from stellwerk.simulation.nodes.accounts import accounts_below
from stellwerk.simulation.nodes.requests import Requests, partitions_of
from stellwerk.simulation.nodes.tables import (
    BY_ACCELERATORS,
    BY_CORES,
    BY_NODES,
    NEVER_S,
    NOBODY,
    NODE,
    PARTITION,
    SPAN,
    UNCOUNTED,
    UNCOUNTED_BYTES,
    WINDOW,
)

MAX_BITS = 62
"""So many partitions, and so many windows, as a node has bits for."""


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """Tables of a cluster. ``always`` marks the windows that never end, ``gap_s`` is the time between two occurrences
    of a window that comes again, else that of eternity."""

    nodes: NDArray[np.void]
    partitions: NDArray[np.void]
    spans: NDArray[np.void]
    windows: NDArray[np.void]
    at_least: NDArray[np.int64]
    level: NDArray[np.int64]
    counted: int
    always: int
    gap_s: NDArray[np.int64]


def build_machine(cluster: Cluster, zero: datetime.datetime | None) -> Machine:
    """Raises InputError for more partitions or windows than there are bits, and for dates where the log has none."""
    counted = _counted(cluster)
    nodes = _nodes(cluster)
    spans, partitions = _partitions(cluster, nodes)
    windows = _windows(cluster, nodes, zero)
    always = sum(1 << number for number, window in enumerate(windows) if window["start_s"] < -MAX_NUMBER)
    gap_s = np.where(windows["every_s"] > 0, windows["every_s"] - windows["duration_s"], NEVER_S)
    levels = {BY_ACCELERATORS: nodes["accelerators"], BY_CORES: nodes["cores"], BY_NODES: np.ones(len(nodes), int)}
    level = levels[counted]
    at_least = np.zeros((len(partitions), int(level.max()) + 2), np.int64)
    for number in range(len(partitions)):
        inside = (nodes["partitions"] >> number & 1).astype(bool)
        counts = np.bincount(level[inside], minlength=at_least.shape[1])
        at_least[number] = counts[::-1].cumsum()[::-1]
        partitions[number]["idle"] = inside.sum()
    return Machine(nodes, partitions, spans, windows, at_least, level.astype(np.int64), counted, always, gap_s)


def members_of(windows_before: int, jobs: JobTable, cluster: Cluster, requests: Requests) -> NDArray[np.int64]:
    """A bit for each window that does not keep a job out; nobody is a member of the first, those of maintenance."""
    member = np.zeros(len(jobs), np.int64)
    for number, reservation in enumerate(cluster.reservations, windows_before):
        accounts = accounts_below(cluster, reservation.accounts)
        by_account = np.array([*(name in accounts for name in jobs.account.names), False])[jobs.account.code]
        by_user = np.array([*(name in reservation.users for name in jobs.user.names), False])[jobs.user.code]
        inside = by_account | by_user
        if reservation.min_nodes is not None:
            inside |= requests.nodes >= reservation.min_nodes
        member |= inside.astype(np.int64) << number
    return member


def _counted(cluster: Cluster) -> int:
    if cluster.accelerators > 0:
        return BY_ACCELERATORS
    return BY_NODES if any(group.cores is None for group in cluster.groups) else BY_CORES


def _nodes(cluster: Cluster) -> NDArray[np.void]:
    nodes = np.zeros(cluster.nodes, NODE)
    first = 0
    for group in cluster.groups:
        rows = nodes[first : first + group.nodes]
        rows["accelerators"] = group.accelerators
        rows["cores"] = UNCOUNTED if group.cores is None else group.cores
        rows["memory"] = UNCOUNTED_BYTES if group.memory_bytes is None else group.memory_bytes
        first += group.nodes
    for amount in ("accelerators", "cores", "memory"):
        nodes[f"free_{amount}"] = nodes[amount]
    nodes["up"] = 1
    nodes["first_hold"] = nodes["last_hold"] = nodes["first_slot"] = NOBODY
    nodes["reserved_from_s"] = nodes["changes_s"] = NEVER_S
    return nodes


def _partitions(cluster: Cluster, nodes: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    stated = partitions_of(cluster)
    if len(stated) > MAX_BITS:
        raise InputError("too many to be meant", key="partitions", value=len(stated), allowed=f"at most {MAX_BITS}")
    partitions = np.zeros(len(stated), PARTITION)
    first_node = dict(
        zip((g.name for g in cluster.groups), np.cumsum([0, *(g.nodes for g in cluster.groups)]).tolist(), strict=False)
    )
    spans: list[tuple[int, int]] = []
    for number, one in enumerate(stated):
        groups = [group for group in cluster.groups if group.name in one.groups]
        partitions[number]["first_span"] = len(spans)
        for group in groups:
            first = first_node[group.name]
            spans.append((first, first + group.nodes))
            nodes["partitions"][first : first + group.nodes] |= 1 << number
        partitions[number]["spans"] = len(groups)
        partitions[number]["first_switch"] = len(spans)
        for group in groups:
            first, step = first_node[group.name], group.nodes_per_switch or group.nodes
            end = first + group.nodes
            spans += [(low, min(low + step, end)) for low in range(first, end, step)]
        partitions[number]["switches"] = len(spans) - partitions[number]["first_switch"]
        partitions[number]["overlaps"] = sum(
            1 << other for other, two in enumerate(stated) if set(one.groups) & set(two.groups)
        )
    return np.array(spans, SPAN), partitions


def _windows(cluster: Cluster, nodes: NDArray[np.void], zero: datetime.datetime | None) -> NDArray[np.void]:
    count = len(cluster.maintenance) + len(cluster.reservations)
    if count > MAX_BITS:
        raise InputError("too many to be meant", key="reservations", value=count, allowed=f"at most {MAX_BITS}")
    windows = np.zeros(count, WINDOW)
    for number, one in enumerate(cluster.maintenance):
        windows[number] = (_seconds(one.start, zero, "maintenance"), one.duration_s, one.every_s or 0)
        nodes["windows"][_rows_of(cluster, one.groups)] |= 1 << number
    for number, reservation in enumerate(cluster.reservations, len(cluster.maintenance)):
        if reservation.start is None or reservation.duration_s is None:
            windows[number] = (-2 * MAX_NUMBER, NEVER_S // 2, 0)
        else:
            start_s = _seconds(reservation.start, zero, "reservations")
            windows[number] = (start_s, reservation.duration_s, reservation.every_s or 0)
        nodes["windows"][_reserved_rows(cluster, reservation)] |= 1 << number
    return windows


def _rows_of(cluster: Cluster, groups: tuple[str, ...]) -> NDArray[np.int64]:
    """The nodes of some groups, of all where none is named."""
    inside = [not groups or group.name in groups for group in cluster.groups]
    return np.flatnonzero(np.repeat(inside, [group.nodes for group in cluster.groups]))


def _reserved_rows(cluster: Cluster, reservation: Reservation) -> NDArray[np.int64]:
    rows = _rows_of(cluster, reservation.groups)
    count = len(rows)
    if reservation.nodes is not None:
        count = reservation.nodes
    elif reservation.share is not None:
        count = max(1, math.floor(reservation.share * len(rows) + 0.5))
    return rows[len(rows) - count :]


def _seconds(start: Instant, zero: datetime.datetime | None, key: str) -> int:
    if not isinstance(start, datetime.datetime):
        return start
    if zero is None:
        raise InputError(
            "the log does not say at what date it begins", key=f"{key}.start", value=str(start),
            allowed="hours from its zero",
        )  # fmt: skip
    return round((start - zero).total_seconds())
