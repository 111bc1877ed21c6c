"""A replay with its changes: what the jobs, the cluster and the policy become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args, get_type_hints

from stellwerk.errors import InputError
from stellwerk.measures.changes import (
    Change,
    Checkpoint,
    FailureTimes,
    Load,
    PolicyNamed,
    PolicySetting,
    Reserve,
    Resize,
    WallTimeLimit,
)
from stellwerk.measures.indicators import Unit
from stellwerk.measures.job_changes import compress_arrivals, cut_at_limit
from stellwerk.records import MISSING, JobTable, Labels
from stellwerk.simulation import Cluster, Failures, NodeGroup, Policy, Reservation, policy_named
from stellwerk.simulation.cluster import count_processors


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """What is replayed: jobs, on a cluster, under a policy."""

    jobs: JobTable
    cluster: Cluster
    policy: Policy

    @property
    def is_random(self) -> bool:
        """Whether anything is drawn at random: failures are, everything else follows from the log."""
        return self.cluster.failures is not None

    @property
    def unit(self) -> Unit:
        """What the sizes of jobs and of the machine count."""
        if self.cluster.is_pooled:
            return "processors"
        return "accelerators" if self.cluster.accelerators else "nodes"

    @property
    def capacity(self) -> int:
        """The size of the machine in ``unit``."""
        counts = {
            "accelerators": self.cluster.accelerators,
            "nodes": self.cluster.nodes,
            "processors": self.cluster.processors,
        }
        return counts[self.unit]

    @property
    def groups(self) -> Labels:
        """The user group of each job: its account or, in a log without accounts, its user."""
        has_accounts = bool((self.jobs.account.code != MISSING).any())
        return self.jobs.account if has_accounts else self.jobs.user


def apply_changes(scenario: Scenario, changes: Sequence[Change]) -> Scenario:
    """The scenario after all changes, one after the other; raises InputError for one that it does not admit."""
    for change in changes:
        scenario = _applied(scenario, change)
    return scenario


def _applied(scenario: Scenario, change: Change) -> Scenario:
    jobs, cluster = scenario.jobs, scenario.cluster
    match change.effect:
        case Resize() as resize:
            return replace(scenario, cluster=_resized(cluster, resize, change))
        case PolicyNamed(name):
            return replace(scenario, policy=_named(name, change))
        case PolicySetting(key, value):
            return replace(scenario, policy=_set(scenario.policy, key, value, change))
        case Reserve() as reserve:
            return replace(scenario, cluster=_reserved(scenario, reserve, change))
        case WallTimeLimit(limit_s):
            partitions = tuple(replace(partition, max_limit_s=limit_s) for partition in cluster.partitions)
            return replace(scenario, jobs=cut_at_limit(jobs, limit_s), cluster=replace(cluster, partitions=partitions))
        case Load(factor):
            return replace(scenario, jobs=compress_arrivals(jobs, factor))
        case Checkpoint(interval_s):
            _needs_nodes(cluster, change)
            return replace(scenario, cluster=replace(cluster, checkpoint_s=interval_s))
        case FailureTimes() as times:
            return replace(scenario, cluster=_failing(cluster, times, change))


def _resized(cluster: Cluster, resize: Resize, change: Change) -> Cluster:
    if resize.what == "processors":
        if not cluster.is_pooled:
            raise _mistake("the cluster is made of nodes", change, "nodes+N")
        return Cluster.pooled(_new_size(cluster.processors, resize, change))
    _needs_nodes(cluster, change)
    names = [group.name for group in cluster.groups]
    if resize.group and resize.group not in names:
        raise InputError("no such group of nodes", key="--change", value=resize.group, allowed=names)
    groups = tuple(
        _resized_group(group, resize, change) if resize.group in ("", group.name) else group for group in cluster.groups
    )
    return replace(cluster, groups=groups, processors=count_processors(groups, cluster.processor_is))


def _resized_group(group: NodeGroup, resize: Resize, change: Change) -> NodeGroup:
    return replace(group, nodes=_new_size(group.nodes, resize, change))


def _new_size(size: int, resize: Resize, change: Change) -> int:
    """A share is rounded to the nearest whole number."""
    new = round(size * (1 + resize.by)) if resize.relative else size + int(resize.by)
    if new < 1:
        raise _mistake(f"leaves none of {size:,}", change, f"at least 1 {resize.what.removesuffix('s')} left")
    return new


def _named(name: str, change: Change) -> Policy:
    try:
        return policy_named(name)
    except InputError as mistake:
        raise InputError(mistake.problem, key=f"--change {change.text}", value=name, allowed=mistake.allowed) from None


def _set(policy: Policy, key: str, value: str, change: Change) -> Policy:
    known = get_type_hints(type(policy))
    where = f"--change {change.text}"
    if key not in known:
        raise InputError(f"{type(policy).__name__} has no such parameter", key=where, value=key, allowed=tuple(known))
    changed: dict[str, Any] = {key: _of_kind(known[key], value, 1 if key.endswith("_s") else 0, where)}
    return replace(policy, **changed)


def _of_kind(kind: Any, value: str, least: int, where: str) -> Any:
    """A parameter's value, of the kind that the policy states: yes or no, a whole number (a time is 1 s at least), one
    of some words."""
    if kind is bool:
        words = {"true": True, "yes": True, "false": False, "no": False}
        if value.lower() not in words:
            raise InputError("is neither true nor false", key=where, value=value, allowed=("true", "false"))
        return words[value.lower()]
    if kind is int:
        if not (value.isascii() and value.isdigit() and len(value) <= 15 and int(value) >= least):
            raise InputError("is no such number", key=where, value=value, allowed=f"a whole number from {least}")
        return int(value)
    if value not in get_args(kind):
        raise InputError("is unknown", key=where, value=value, allowed=get_args(kind))
    return value


def _reserved(scenario: Scenario, reserve: Reserve, change: Change) -> Cluster:
    """The last nodes of each group, for the jobs of an account or, where the log knows none of that name, a user."""
    cluster = scenario.cluster
    _needs_nodes(cluster, change)
    accounts = {account.name for account in cluster.accounts} | set(scenario.jobs.account.names)
    users = set(scenario.jobs.user.names)
    if reserve.group not in accounts | users:
        problem = "the log knows no such account or user"
        raise InputError(problem, key="--change", value=reserve.group, allowed=sorted(accounts | users))
    is_account = reserve.group in accounts
    reservation = Reservation(
        name=change.text,
        accounts=(reserve.group,) if is_account else (),
        users=() if is_account else (reserve.group,),
        share=reserve.share,
    )
    return replace(cluster, reservations=(*cluster.reservations, reservation))


def _failing(cluster: Cluster, times: FailureTimes, change: Change) -> Cluster:
    _needs_nodes(cluster, change)
    if times.between_s is None:
        return replace(cluster, failures=None)
    present = cluster.failures
    repair_s = times.repair_s if times.repair_s is not None or present is None else present.repair_s
    if repair_s is None:
        raise _mistake(
            "says nothing of the time to repair", change, "failures=HOURS/HOURS: between failures / to repair"
        )
    return replace(cluster, failures=Failures(times.between_s, repair_s))


def _needs_nodes(cluster: Cluster, change: Change) -> None:
    if cluster.is_pooled:
        raise _mistake(
            "needs a cluster of nodes, and this one is pooled processors", change, "--cluster FILE with groups"
        )


def _mistake(problem: str, change: Change, allowed: str) -> InputError:
    return InputError(problem, key="--change", value=change.text, allowed=allowed)
