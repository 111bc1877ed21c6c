"""What jobs run on: pooled processors, or nodes in groups with partitions, accounts, reservations and failures."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from stellwerk.errors import InputError
from stellwerk.records import MAX_NUMBER
from stellwerk.simulation.policy import SLURM_DEFAULTS, Multifactor

Instant = int | datetime.datetime
"""Seconds from the log's own zero, or a zone-aware date for logs that state when their zero is."""

Placement = Literal["packed", "spread", "first"]
"""Which of the nodes that fit a job takes: those with the fewest free accelerators (or cores), those with the most,
or the first in the order of the file."""

ProcessorIs = Literal["core", "accelerator", "node"]
SwitchRule = Literal["anywhere", "prefer", "require"]
PreemptionMode = Literal["requeue", "cancel", "off"]


@dataclass(frozen=True, slots=True)
class NodeGroup:
    """Nodes that are alike. None: not counted, so that it never keeps a job from a node.

    ``nodes_per_switch`` cuts the group into switch groups, in the order of the nodes; None: one for all.
    """

    name: str
    nodes: int
    accelerators: int = 0
    cores: int | None = None
    memory_bytes: int | None = None
    nodes_per_switch: int | None = None


@dataclass(frozen=True, slots=True)
class Partition:
    """Where jobs are submitted to: node groups and what one job may ask for there. None: no limit.

    ``priority`` is a share of the highest priority of a partition. Jobs in an ``exclusive`` partition take whole
    nodes. A job that states no limit is given ``default_limit_s``.
    """

    name: str
    groups: tuple[str, ...]
    max_limit_s: int | None = None
    max_nodes: int | None = None
    default_limit_s: int | None = None
    priority: int = 0
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Qos:
    """A quality of service: its priority, which others its jobs may preempt, and what happens to its own then."""

    name: str
    priority: int = 0
    preempts: tuple[str, ...] = ()
    when_preempted: PreemptionMode = "requeue"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the fair-share tree; ``parent`` is None right below the root."""

    name: str
    shares: int = 1
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Nodes that nothing runs on from ``start`` for ``duration_s``, again after every ``every_s`` seconds if given.

    Jobs whose limit reaches into it do not start before it. No groups: all nodes.
    """

    start: Instant
    duration_s: int
    every_s: int | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reservation:
    """Nodes that only some jobs may use, always or from ``start`` for ``duration_s``, again after every ``every_s``.

    Jobs of ``accounts`` (their sub-accounts count) or ``users``, or, where ``min_nodes`` is given, jobs that ask for at
    least so many nodes: the run on the full machine. The nodes are ``nodes`` in number or a ``share`` (0 to 1) of those
    of ``groups`` (none: of all), the last in the order of the file; all where neither is given.
    """

    name: str
    accounts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    min_nodes: int | None = None
    groups: tuple[str, ...] = ()
    nodes: int | None = None
    share: float | None = None
    start: Instant | None = None
    duration_s: int | None = None
    every_s: int | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Nodes that fail: exponential times between failures with mean ``mtbf_s`` per node, and to repair."""

    mtbf_s: float
    repair_s: float


@dataclass(frozen=True, slots=True)
class Switches:
    """Within one switch group: whether jobs of at most ``max_nodes`` nodes (None: all that fit one) must run in one.

    With ``prefer`` a job waits ``max_wait_s`` for one, from its submission, and then runs anywhere.
    """

    rule: SwitchRule = "anywhere"
    max_nodes: int | None = None
    max_wait_s: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """What jobs run on. Without ``groups``: ``processors`` identical ones of which a job takes any.

    With ``groups``, ``processor_is`` says what a log's processors are where it states no accelerators or nodes, and
    ``processors`` is the sum of that. Without partitions there is one over all groups; the first one is the default.
    A stopped job goes on from its last checkpoint, every ``checkpoint_s`` of its run; None: from its start. One that
    was started again ``max_restarts`` times and is stopped once more is given up. ``multifactor`` is what the cluster's
    own scheduler is set to.
    """

    name: str
    processors: int
    groups: tuple[NodeGroup, ...] = ()
    processor_is: ProcessorIs = "core"
    placement: Placement = "packed"
    exclusive: bool = False
    switches: Switches = Switches()
    partitions: tuple[Partition, ...] = ()
    qos: tuple[Qos, ...] = ()
    accounts: tuple[Account, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    failures: Failures | None = None
    checkpoint_s: int | None = None
    max_restarts: int = 100
    multifactor: Multifactor = SLURM_DEFAULTS

    @classmethod
    def pooled(cls, processors: int) -> Cluster:
        """Raises InputError for a number of processors that no machine has."""
        if not 1 <= processors <= MAX_NUMBER:
            raise InputError("no size of a machine", key="processors", value=processors, allowed=f"1 to {MAX_NUMBER:,}")
        return cls(name=f"{processors} processors", processors=processors)

    @classmethod
    def of_nodes(
        cls,
        groups: tuple[NodeGroup, ...],
        *,
        name: str = "nodes",
        processor_is: ProcessorIs = "core",
        placement: Placement = "packed",
        exclusive: bool = False,
    ) -> Cluster:
        """A cluster of nodes with nothing else about it; ``dataclasses.replace`` adds partitions and the rest."""
        return cls(
            name=name,
            processors=count_processors(groups, processor_is),
            groups=groups,
            processor_is=processor_is,
            placement=placement,
            exclusive=exclusive,
        )

    @property
    def is_pooled(self) -> bool:
        return not self.groups

    @property
    def nodes(self) -> int:
        return sum(group.nodes for group in self.groups)

    @property
    def accelerators(self) -> int:
        return sum(group.nodes * group.accelerators for group in self.groups)


def count_processors(groups: tuple[NodeGroup, ...], processor_is: ProcessorIs) -> int:
    """How many of what a log's processors are the groups hold; raises InputError where that is unknown or none."""
    counts = [_processors_of_a_node(group, processor_is) for group in groups]
    unknown = [group.name for group, count in zip(groups, counts, strict=True) if count is None]
    if unknown:
        raise InputError(
            f"a processor is a {processor_is}, but the group {unknown[0]!r} does not say how many its nodes have",
            key="processor_is",
            value=processor_is,
            allowed=("core", "accelerator", "node"),
        )
    total = sum(group.nodes * (count or 0) for group, count in zip(groups, counts, strict=True))
    if not 1 <= total <= MAX_NUMBER:
        raise InputError(
            f"the nodes hold {total} of what a processor is",
            key="processor_is",
            value=processor_is,
            allowed=("core", "accelerator", "node"),
        )
    return total


def _processors_of_a_node(group: NodeGroup, processor_is: ProcessorIs) -> int | None:
    if processor_is == "node":
        return 1
    return group.cores if processor_is == "core" else group.accelerators
