"""From a log and a cluster of nodes to the tables of the scheduler, and back to a schedule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.errors import InputError
from stellwerk.records import JobTable
from stellwerk.simulation.cluster import Cluster
from stellwerk.simulation.compiled import is_compiled
from stellwerk.simulation.model import Executions, Schedule, Unsatisfiable, UnsatisfiableReason
from stellwerk.simulation.nodes.accounts import account_tree
from stellwerk.simulation.nodes.loop import run_jobs
from stellwerk.simulation.nodes.machine import MAX_BITS, Machine, build_machine, members_of
from stellwerk.simulation.nodes.requests import Requests, Unknown, partitions_of, read_requests
from stellwerk.simulation.nodes.runs import Log
from stellwerk.simulation.nodes.settings import settings_of
from stellwerk.simulation.nodes.tables import (
    BY_CORES,
    CANCEL,
    DONE,
    GIVEN_UP,
    HOLD,
    JOB,
    NOBODY,
    PART,
    QOS,
    REQUEUE,
    RUN,
    World,
)
from stellwerk.simulation.policy import Multifactor, Policy


def nodes_are_compiled() -> bool:
    """Whether the scheduler over nodes is ready; its first use in an installation compiles it for about a minute."""
    return is_compiled(run_jobs)


def simulate_nodes(jobs: JobTable, cluster: Cluster, policy: Policy, seed: int, unknown: Unknown) -> Schedule:
    """The schedule of a log on a cluster of nodes.

    Raises InputError where no job can run, where a date is given and the log has none, and for more partitions,
    windows or QOS than there are bits.
    """
    requests = read_requests(jobs, cluster, unknown)
    machine = build_machine(cluster, jobs.zero)
    member = members_of(len(cluster.maintenance), jobs, cluster, requests)
    _judge_size(requests, machine, cluster, member)
    tree, user = account_tree(jobs, cluster)
    arrival_s = np.maximum(jobs.submit_s, jobs.eligible_s)
    rows = np.flatnonzero(requests.why_not == "")
    if len(rows) == 0:
        raise InputError(
            f"no job can run on the cluster: {str(requests.why_not[0]).replace('_', ' ')}",
            file=jobs.source,
            key=f"line {jobs.line[0]}",
            value=_asked_for(jobs, str(requests.why_not[0])),
        )
    rows = rows[np.argsort(arrival_s[rows], kind="stable")]

    table = np.zeros(len(rows), JOB)
    table["arrival_s"] = arrival_s[rows]
    for name in ("run_s", "limit_s", "nodes", "whole", "partition", "qos"):
        table[name] = getattr(requests, name)[rows]
    parts = requests.parts[rows]
    used = parts["nodes"] > 0
    table["parts"] = used.sum(axis=1)
    table["first_part"] = np.cumsum(table["parts"]) - table["parts"]
    table["one_switch"] = _switch_rule(cluster, machine, table)
    table["user"] = user[rows]
    table["member"] = member[rows]
    amount = "cores" if machine.counted == BY_CORES else "accelerators"
    held = (parts["nodes"] * parts[amount].astype(np.int64)).sum(axis=1)
    table["rate"] = np.where(held > 0, held, table["nodes"])
    table["standing"] = _standing(jobs.processors[rows], table, cluster, policy)
    table["run"] = NOBODY
    table["start_s"] = table["end_s"] = -1

    room, nodes_in_all = len(table), int(table["nodes"].sum())
    log = Log(np.empty(room, RUN), np.empty(nodes_in_all, HOLD), np.zeros(6, np.int64), np.empty(room, np.int64))
    world = World(
        jobs=table,
        parts=parts[used],
        nodes=machine.nodes,
        partitions=machine.partitions,
        spans=machine.spans,
        windows=machine.windows,
        at_least=machine.at_least,
        level=machine.level,
        qos=_qos_table(cluster),
        tree=tree,
        settings=settings_of(cluster, policy, machine.counted, seed),
        candidate=_room_for(machine),
        key=_room_for(machine),
        sorted=_room_for(machine),
        busy_s=_room_for(machine),
        chosen=_room_for(machine),
        stamp=np.zeros(2, np.int64),
    )
    log = run_jobs(world, log)
    return _schedule(jobs, requests, rows, table, log)


def _room_for(machine: Machine) -> NDArray[np.int64]:
    return np.empty(len(machine.nodes), np.int64)


def _judge_size(requests: Requests, machine: Machine, cluster: Cluster, member: NDArray[np.int64]) -> None:
    """Mark the jobs that the machine, empty and up, has no room for outside the windows that never let them in."""
    never = np.full(len(member), machine.always)
    for number, gap_s in enumerate(machine.gap_s):
        never |= (requests.limit_s > gap_s).astype(np.int64) << number
    never &= ~member
    parts = requests.parts
    columns = (requests.partition, never, *(parts[name][:, part] for part in (0, 1) for name in PART.names or ()))
    first, of_job = _distinct(columns)
    distinct = np.stack([column[first] for column in columns], axis=1)
    reasons = [_too_large(machine, *column) for column in distinct.tolist()]
    only_partition = len(partitions_of(cluster)) == 1
    for number, reason in enumerate(reasons):
        if reason is not None:
            jobs = (of_job == number) & (requests.why_not == "")
            if reason == "more_than_the_partition_holds" and only_partition:
                reason = "more_than_the_machine"
            requests.why_not[jobs] = reason
    rule = cluster.switches
    if rule.rule == "require" and rule.max_nodes is not None:
        largest = _largest_switch(machine)[requests.partition]
        split = (requests.nodes <= rule.max_nodes) & (requests.nodes > largest) & (requests.why_not == "")
        requests.why_not[split] = "more_than_one_switch_group_holds"


def _distinct(columns: tuple[NDArray[np.int64], ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A row of each combination of values, and which combination each row holds."""
    code = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        if len(values) > 1:  # coded anew each time, so that the codes stay small
            code = np.unique(code * len(values) + place, return_inverse=True)[1]
    _, first, of_row = np.unique(code, return_index=True, return_inverse=True)
    return first, of_row


def _too_large(machine: Machine, partition: int, never: int, *amounts: int) -> UnsatisfiableReason | None:
    nodes = machine.nodes
    inside = (nodes["partitions"] >> partition & 1).astype(bool)
    if _has_room(nodes[inside & (nodes["windows"] & never == 0)], *amounts):
        return None
    return "kept_out_by_windows" if _has_room(nodes[inside], *amounts) else "more_than_the_partition_holds"


def _has_room(nodes: NDArray[np.void], *amounts: int) -> bool:
    """Whether empty nodes hold both parts; the nodes of the second are never larger than those of the first."""
    wanted = 0
    for count, accelerators, cores, memory in (amounts[:4], amounts[4:]):
        if count == 0:
            continue
        wanted += count
        large = (nodes["accelerators"] >= accelerators) & (nodes["cores"] >= cores) & (nodes["memory"] >= memory)
        if large.sum() < wanted:
            return False
    return True


def _largest_switch(machine: Machine) -> NDArray[np.int64]:
    """The number of nodes of the largest switch group of each partition."""
    size = machine.spans["end"] - machine.spans["first"]
    return np.array(
        [size[one["first_switch"] : one["first_switch"] + one["switches"]].max() for one in machine.partitions]
    )


def _switch_rule(cluster: Cluster, machine: Machine, table: NDArray[np.void]) -> NDArray[np.int8]:
    rule = cluster.switches
    if rule.rule == "anywhere":
        return np.zeros(len(table), np.int8)
    largest = _largest_switch(machine)[table["partition"]]
    within = table["nodes"] <= (largest if rule.max_nodes is None else np.minimum(rule.max_nodes, largest))
    return np.where(within & (table["nodes"] > 1), 2 if rule.rule == "require" else 1, 0).astype(np.int8)


def _qos_table(cluster: Cluster) -> NDArray[np.void]:
    if len(cluster.qos) > MAX_BITS:
        raise InputError("too many to be meant", key="qos", value=len(cluster.qos), allowed=f"at most {MAX_BITS}")
    table = np.zeros(max(1, len(cluster.qos)), QOS)
    number_of = {one.name: number for number, one in enumerate(cluster.qos) if one.when_preempted != "off"}
    for number, one in enumerate(cluster.qos):
        table[number]["preempts"] = sum(1 << number_of[name] for name in one.preempts if name in number_of)
        table[number]["when_preempted"] = CANCEL if one.when_preempted == "cancel" else REQUEUE
    return table


def _standing(
    processors: NDArray[np.int64], table: NDArray[np.void], cluster: Cluster, policy: Policy
) -> NDArray[np.float64]:
    """What size, QOS and partition add to a job's priority: as in Slurm, shares of the machine and of the highest."""
    if not isinstance(policy, Multifactor):
        return np.zeros(len(table))
    size = (table["nodes"] / cluster.nodes + np.maximum(processors, 0) / cluster.processors) / 2
    size = np.clip(1 - size if policy.favour_small else size, 0, 1)
    qos = np.array([one.priority for one in cluster.qos] or [0])
    partition = np.array([one.priority for one in partitions_of(cluster)])
    standing: NDArray[np.float64] = (
        policy.weight_size * size
        + policy.weight_qos * qos[table["qos"]] / max(1, qos.max())
        + policy.weight_partition * partition[table["partition"]] / max(1, partition.max())
    )
    return standing


def _schedule(
    jobs: JobTable, requests: Requests, rows: NDArray[np.int64], table: NDArray[np.void], log: Log
) -> Schedule:
    """The jobs that ran, in the order of the log, and why the others did not."""
    why_not = requests.why_not
    unfinished = table["state"] != DONE
    given_up = unfinished & (table["state"] == GIVEN_UP)
    cancelled = np.zeros(len(table), bool)
    runs = log.runs[: log.used[0]]
    cancelled[runs["job"][runs["outcome"] == 3]] = True
    why_not[rows[given_up & ~cancelled]] = "restarted_too_often"
    why_not[rows[unfinished & ~given_up]] = "never_enough_nodes_up"
    left_out = tuple(
        Unsatisfiable(int(jobs.job_id[row]), int(jobs.line[row]), str(why_not[row]))  # type: ignore[arg-type]
        for row in np.flatnonzero(why_not != "")
    )
    ran = np.flatnonzero(table["start_s"] >= 0)
    order = ran[np.argsort(rows[ran], kind="stable")]
    row_of_job = np.full(len(table), -1)
    row_of_job[order] = np.arange(len(order))
    log_rows, done = rows[order], table[order]
    accelerators = (requests.parts["nodes"] * requests.parts["accelerators"].astype(np.int64)).sum(axis=1)
    return Schedule(
        job_id=jobs.job_id[log_rows],
        submit_s=jobs.submit_s[log_rows],
        start_s=done["start_s"].copy(),
        end_s=done["end_s"].copy(),
        processors=jobs.processors[log_rows],
        accelerators=accelerators[log_rows],
        nodes=requests.nodes[log_rows],
        restarts=done["restarts"].copy(),
        lost_s=done["lost_s"].copy(),
        executions=_executions(log, row_of_job),
        unsatisfiable=left_out,
    )


def _executions(log: Log, row_of_job: NDArray[np.int64]) -> Executions:
    runs, holds = log.runs[: log.used[0]], log.holds[: log.used[1]]
    return Executions(
        job=row_of_job[runs["job"]],
        start_s=runs["start_s"].copy(),
        end_s=runs["end_s"].copy(),
        outcome=runs["outcome"].copy(),
        node_offset=np.append(runs["first_hold"], log.used[1]),
        node=holds["node"].copy(),
        accelerators=holds["accelerators"].copy(),
        cores=holds["cores"].copy(),
        memory_bytes=holds["memory"].copy(),
    )


def _asked_for(jobs: JobTable, why_not: str) -> str | None:
    """The name that the first job gives and the cluster does not know, where that is the reason."""
    columns = {"unknown_partition": jobs.partition, "unknown_qos": jobs.qos, "unknown_account": jobs.account}
    column = columns.get(why_not)
    return None if column is None else column.names[column.code[0]]
