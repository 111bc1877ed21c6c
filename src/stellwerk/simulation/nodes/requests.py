"""What each job of a log asks for on a cluster of nodes, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records import MISSING, JobTable, Labels
from stellwerk.simulation.cluster import Cluster, NodeGroup, Partition
from stellwerk.simulation.model import UnsatisfiableReason
from stellwerk.simulation.nodes.tables import PART, UNCOUNTED, UNCOUNTED_BYTES

Int64s = NDArray[np.int64]

Unknown = Literal["skip", "default", "refuse"]
UNKNOWN: tuple[Unknown, ...] = get_args(Unknown)
"""What becomes of jobs with a partition, QOS or account that the cluster does not have: listed as unsatisfiable, run
in the first one of the file, or reason to refuse the log."""


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """One element per job of the log. ``parts`` holds two rows per job, the larger nodes first; the second may ask for
    none. ``why_not`` is empty where nothing yet keeps the job from running."""

    partition: Int64s
    qos: Int64s
    run_s: Int64s
    limit_s: Int64s
    nodes: Int64s
    whole: NDArray[np.bool_]
    parts: NDArray[np.void]
    why_not: NDArray[np.str_]


def partitions_of(cluster: Cluster) -> tuple[Partition, ...]:
    """The cluster's partitions, or the one over all groups."""
    return cluster.partitions or (Partition("all", tuple(group.name for group in cluster.groups)),)


def read_requests(jobs: JobTable, cluster: Cluster, unknown: Unknown) -> Requests:
    """What the jobs ask for; raises InputError for a name that the cluster does not have where that is refused."""
    partitions = partitions_of(cluster)
    why_not = np.zeros(len(jobs), "U40")
    partition = _coded(jobs, jobs.partition, [one.name for one in cluster.partitions], "partition", unknown, why_not)
    qos = _coded(jobs, jobs.qos, [one.name for one in cluster.qos], "qos", unknown, why_not)
    _check_accounts(jobs, cluster, unknown, why_not)
    run_s, limit_s = _times_s(jobs, partitions, partition)
    shapes = [_largest(cluster, one) for one in partitions]
    most = np.array([(s.accelerators, s.cores or UNCOUNTED, s.memory_bytes or UNCOUNTED_BYTES) for s in shapes]).T
    nodes, parts = _parts(jobs, cluster, *(column[partition] for column in most))
    exclusive = np.array([one.exclusive for one in partitions]) | cluster.exclusive | (cluster.processor_is == "node")
    longest = np.array([one.max_limit_s or np.iinfo(np.int64).max for one in partitions])
    widest = np.array([one.max_nodes or np.iinfo(np.int64).max for one in partitions])
    _mark(why_not, limit_s > longest[partition], "longer_than_the_partition_allows")
    _mark(why_not, nodes > widest[partition], "more_nodes_than_the_partition_allows")
    return Requests(partition, qos, run_s, limit_s, nodes, exclusive[partition], parts, why_not)


def _mark(why_not: NDArray[np.str_], rows: NDArray[np.bool_], reason: UnsatisfiableReason) -> None:
    why_not[rows & (why_not == "")] = reason


def _coded(
    jobs: JobTable, labels: Labels, known: list[str], what: str, unknown: Unknown, why_not: NDArray[np.str_]
) -> Int64s:
    """The place of each job's name among those known; the first where it has none."""
    if not known:
        return np.zeros(len(jobs), np.int64)
    place_of = {name: place for place, name in enumerate(known)}
    places = np.array([*(place_of.get(name, MISSING) for name in labels.names), 0])
    place: Int64s = places[labels.code]  # MISSING is the last
    _judge_unknown(jobs, labels, place == MISSING, known, what, unknown, why_not)
    return np.maximum(place, 0)


def _check_accounts(jobs: JobTable, cluster: Cluster, unknown: Unknown, why_not: NDArray[np.str_]) -> None:
    if not cluster.accounts:
        return
    known = [account.name for account in cluster.accounts]
    missing = np.array([*(name not in known for name in jobs.account.names), False])[jobs.account.code]
    _judge_unknown(jobs, jobs.account, missing, known, "account", unknown, why_not)


def _judge_unknown(
    jobs: JobTable,
    labels: Labels,
    missing: NDArray[np.bool_],
    known: list[str],
    what: str,
    unknown: Unknown,
    why_not: NDArray[np.str_],
) -> None:
    if unknown == "skip":
        why_not[missing & (why_not == "")] = f"unknown_{what}"
    elif unknown == "refuse" and missing.any():
        first = int(np.flatnonzero(missing)[0])
        raise InputError(
            f"job {jobs.job_id[first]} names a {what} that the cluster does not have, as {missing.sum() - 1} others do",
            file=jobs.source,
            key=f"line {jobs.line[first]}",
            value=labels.names[labels.code[first]],
            allowed=known,
        )


def _times_s(jobs: JobTable, partitions: tuple[Partition, ...], partition: Int64s) -> tuple[Int64s, Int64s]:
    """Run time and limit; a job that states no limit gets its partition's, or its run time."""
    default_s = np.array([one.default_limit_s or 0 for one in partitions])[partition]
    limit_s = np.where((jobs.requested_s <= 0) & (default_s > 0), default_s, jobs.limit_s)
    return np.minimum(jobs.run_s, limit_s), limit_s


def _largest(cluster: Cluster, partition: Partition) -> NodeGroup:
    """A node as large as the largest of a partition in each respect."""
    groups = [group for group in cluster.groups if group.name in partition.groups]
    return NodeGroup(
        "largest",
        0,
        max(group.accelerators for group in groups),
        max(UNCOUNTED if group.cores is None else group.cores for group in groups),
        max(UNCOUNTED_BYTES if group.memory_bytes is None else group.memory_bytes for group in groups),
    )


def _parts(
    jobs: JobTable, cluster: Cluster, accelerators_of_node: Int64s, cores_of_node: Int64s, memory_of_node: Int64s
) -> tuple[Int64s, NDArray[np.void]]:
    """How many nodes each job takes and how much on each.

    A job that states its nodes spreads over them as evenly as whole numbers allow. One that does not takes as few as
    hold it: accelerators fill up all but the last.
    """
    processors = np.maximum(jobs.processors, 0)
    accelerators = jobs.accelerators
    if cluster.processor_is == "accelerator":
        accelerators = np.where(accelerators < 0, processors, accelerators)
    accelerators = np.maximum(accelerators, 0)
    cores = processors if cluster.processor_is == "core" else np.zeros_like(processors)
    memory = np.maximum(jobs.memory_bytes, 0)
    stated = jobs.nodes
    if cluster.processor_is == "node":
        stated = np.where(stated > 0, stated, processors)
    by_accelerators = _ceil(accelerators, np.maximum(accelerators_of_node, 1))
    fewest = np.maximum.reduce(
        [np.ones_like(cores), by_accelerators, _ceil(cores, cores_of_node), _ceil(memory, memory_of_node)]
    )
    nodes = np.where(stated > 0, stated, fewest)
    fill = (stated <= 0) & (nodes == by_accelerators) & (accelerators_of_node > 0)

    each, rest = np.divmod(accelerators, nodes)
    parts = np.zeros((len(jobs), 2), PART)
    parts["nodes"][:, 0] = np.where(rest > 0, rest, nodes)
    parts["nodes"][:, 1] = np.where(rest > 0, nodes - rest, 0)
    parts["accelerators"][:, 0] = np.where(rest > 0, each + 1, each)
    parts["accelerators"][:, 1] = each
    full, last = np.divmod(accelerators, np.maximum(accelerators_of_node, 1))
    filled = fill & (nodes > 1) & (last > 0)
    parts["nodes"][filled, 0] = full[filled]
    parts["nodes"][filled, 1] = 1
    parts["accelerators"][filled, 0] = accelerators_of_node[filled]
    parts["accelerators"][filled, 1] = last[filled]
    parts["cores"] = _ceil(cores, nodes)[:, np.newaxis]
    parts["memory"] = _ceil(memory, nodes)[:, np.newaxis]
    return nodes, parts


def _ceil(amount: Int64s, size: Int64s) -> Int64s:
    return -(-amount // size)
