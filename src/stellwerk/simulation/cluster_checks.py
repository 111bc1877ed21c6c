"""What is well written in the file of a cluster and cannot be meant."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stellwerk.errors import InputError, did_you_mean
from stellwerk.simulation.cluster_rows import (
    MAX_NODES,
    AccountRow,
    ClusterFile,
    GroupRow,
    MaintenanceRow,
    PartitionRow,
    QosRow,
    ReservationRow,
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one file, each in its order."""

    groups: list[GroupRow]
    partitions: list[PartitionRow]
    qos: list[QosRow]
    accounts: list[AccountRow]
    maintenance: list[MaintenanceRow]
    reservations: list[ReservationRow]


def contradictions(path: Path, file: ClusterFile, tables: Tables) -> Iterator[InputError]:
    """Every mistake between the tables of a file whose tables are right by themselves."""
    yield from _kind_mistakes(path, file, tables)
    yield from _name_mistakes(path, tables)
    for number, partition in enumerate(tables.partitions):
        yield from _partition_mistakes(path, f"partitions[{number}]", partition, tables.groups)
    for number, one in enumerate(tables.qos):
        key = f"qos[{number}].preempts"
        yield from _unknown(path, key, one.preempts, [other.name for other in tables.qos])
        if one.name in one.preempts:
            yield InputError("preempts itself", file=path, key=key, value=one.name)
    yield from _broken_tree(path, tables.accounts)
    for number, window in enumerate(tables.maintenance):
        yield from _window_mistakes(path, f"maintenance[{number}]", window.start, window.duration_h, window.every_h)
    for number, reservation in enumerate(tables.reservations):
        yield from _reservation_mistakes(path, f"reservations[{number}]", reservation, tables)


def _kind_mistakes(path: Path, file: ClusterFile, tables: Tables) -> Iterator[InputError]:
    if (file.processors is None) == (not tables.groups):
        yield InputError(
            "a cluster is either of groups of nodes or of pooled processors",
            file=path,
            key="groups",
            value=f"{len(tables.groups)} groups, processors {'not ' if file.processors is None else ''}stated",
            allowed="tables [[groups]], or the key processors",
        )
    if file.processors is not None:
        for key in sorted(file.model_fields_set - {"schema_", "name", "processors", "groups"}):
            yield InputError("says nothing about pooled processors", file=path, key=key, allowed="only with groups")
    total = sum(group.nodes for group in tables.groups)
    if total > MAX_NODES:
        problem = "the groups together have too many nodes"
        yield InputError(problem, file=path, key="groups", value=total, allowed=f"at most {MAX_NODES:,}")


def _name_mistakes(path: Path, tables: Tables) -> Iterator[InputError]:
    """Names that stand twice in a table, and groups that there are none of."""
    names = {
        "groups": [row.name for row in tables.groups],
        "partitions": [row.name for row in tables.partitions],
        "qos": [row.name for row in tables.qos],
        "accounts": [row.name for row in tables.accounts],
        "reservations": [row.name for row in tables.reservations],
    }
    for table, stated in names.items():
        yield from _stated_twice(path, table, stated)
    named_groups = {
        "partitions": [row.groups for row in tables.partitions],
        "maintenance": [row.groups for row in tables.maintenance],
        "reservations": [row.groups for row in tables.reservations],
    }
    for table, rows in named_groups.items():
        for number, groups in enumerate(rows):
            yield from _unknown(path, f"{table}[{number}].groups", groups, names["groups"])


def _stated_twice(path: Path, table: str, names: Sequence[str]) -> Iterator[InputError]:
    for number, name in enumerate(names):
        if name in names[:number]:
            problem = f"{table}[{names.index(name)}] has the same name"
            yield InputError(problem, file=path, key=f"{table}[{number}].name", value=name)


def _unknown(path: Path, key: str, names: Sequence[str], known: Collection[str]) -> Iterator[InputError]:
    for name in names:
        if name not in known:
            problem = f"no such name in this file{did_you_mean(name, known)}"
            yield InputError(problem, file=path, key=key, value=name, allowed=", ".join(known) or "none is stated")


def _partition_mistakes(
    path: Path, where: str, partition: PartitionRow, groups: Sequence[GroupRow]
) -> Iterator[InputError]:
    if not partition.groups:
        names = [group.name for group in groups]
        yield InputError("a partition without nodes", file=path, key=f"{where}.groups", allowed=names)
    limit_h, default_h = partition.max_limit_h, partition.default_limit_h
    if limit_h is not None and default_h is not None and default_h > limit_h:
        key, allowed = f"{where}.default_limit_h", f"at most {limit_h:g}"
        yield InputError("is longer than max_limit_h", file=path, key=key, value=default_h, allowed=allowed)


def _broken_tree(path: Path, accounts: Sequence[AccountRow]) -> Iterator[InputError]:
    parent_of = {account.name: account.parent for account in accounts}
    for number, account in enumerate(accounts):
        key = f"accounts[{number}].parent"
        if account.parent is None:
            continue
        yield from _unknown(path, key, [account.parent], list(parent_of))
        above: str | None = account.parent
        seen = set()
        while above is not None and above not in seen:
            seen.add(above)
            above = parent_of.get(above)
        if account.name in seen:
            yield InputError("the account stands below itself", file=path, key=key, value=account.parent)


def _window_mistakes(
    path: Path, where: str, start: datetime.datetime | float, duration_h: float, every_h: float | None
) -> Iterator[InputError]:
    if isinstance(start, datetime.datetime) and start.tzinfo is None:
        yield InputError("says no time zone", file=path, key=f"{where}.start", value=str(start),
                         allowed="a date and time with its offset, such as 2027-03-01T08:00:00+01:00")  # fmt: skip
    if every_h is not None and every_h < duration_h:
        yield InputError("comes again before it has ended", file=path, key=f"{where}.every_h", value=every_h,
                         allowed=f"at least duration_h = {duration_h:g}")  # fmt: skip


def _reservation_mistakes(path: Path, where: str, row: ReservationRow, tables: Tables) -> Iterator[InputError]:
    if not (row.accounts or row.users or row.min_nodes):
        yield InputError("says nobody who may use it", file=path, key=where, allowed="accounts, users or min_nodes")
    if row.nodes is not None and row.share is not None:
        yield InputError(
            "says its size twice", file=path, key=f"{where}.share", value=row.share, allowed="nodes or share"
        )
    held = sum(group.nodes for group in tables.groups if not row.groups or group.name in row.groups)
    if row.nodes is not None and row.nodes > held:
        yield InputError("is more than its groups hold", file=path, key=f"{where}.nodes", value=row.nodes,
                         allowed=f"at most {held:,}")  # fmt: skip
    if tables.accounts:
        known = [account.name for account in tables.accounts]
        yield from _unknown(path, f"{where}.accounts", row.accounts, known)
    if row.start is not None and row.duration_h is not None:
        yield from _window_mistakes(path, where, row.start, row.duration_h, row.every_h)
    elif row.start is not None or row.duration_h is not None or row.every_h is not None:
        yield InputError("start and duration_h go together", file=path, key=where, allowed="both, or neither: always")
