"""Reads the file of a cluster (docs/clusters.md)."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from stellwerk.errors import InputError, InputErrors
from stellwerk.simulation.cluster import (
    Account,
    Cluster,
    Failures,
    Maintenance,
    NodeGroup,
    Partition,
    Qos,
    Reservation,
    Switches,
    count_processors,
)
from stellwerk.simulation.cluster_checks import Tables, contradictions
from stellwerk.simulation.cluster_rows import (
    AccountRow,
    ClusterFile,
    FailuresTable,
    GroupRow,
    MaintenanceRow,
    MultifactorTable,
    PartitionRow,
    QosRow,
    ReservationRow,
    SwitchesTable,
)
from stellwerk.simulation.policy import Multifactor
from stellwerk.units import SECONDS_PER_HOUR
from stellwerk.workload.boundary import Section, read_section

S = TypeVar("S", bound=Section)


def cluster_in(values: dict[str, Any], path: Path) -> Cluster:
    """The cluster in the parsed TOML ``values`` of ``path``; raises InputErrors with every mistake."""
    file = read_section(ClusterFile, values, file=path, key=None)
    reader = _Reader(path)
    tables = Tables(
        reader.rows(GroupRow, file.groups, "groups"),
        reader.rows(PartitionRow, file.partitions, "partitions"),
        reader.rows(QosRow, file.qos, "qos"),
        reader.rows(AccountRow, file.accounts, "accounts"),
        reader.rows(MaintenanceRow, file.maintenance, "maintenance"),
        reader.rows(ReservationRow, file.reservations, "reservations"),
    )
    switches = reader.table(SwitchesTable, file.switches, "switches")
    failures = reader.table(FailuresTable, file.failures, "failures")
    multifactor = reader.table(MultifactorTable, file.multifactor, "multifactor")
    if not reader.errors:
        reader.errors += contradictions(path, file, tables)
    if reader.errors:
        raise InputErrors(reader.errors)
    if file.processors is not None:
        return Cluster(name=file.name or path.stem, processors=file.processors)
    node_groups = tuple(_group(row) for row in tables.groups)
    try:
        processors = count_processors(node_groups, file.processor_is)
    except InputError as error:
        raise InputError(error.problem, file=path, key=error.key, value=error.value, allowed=error.allowed) from None
    return Cluster(
        name=file.name or path.stem,
        processors=processors,
        groups=node_groups,
        processor_is=file.processor_is,
        placement=file.placement,
        exclusive=file.exclusive,
        switches=_switches(switches),
        partitions=tuple(_partition(row) for row in tables.partitions),
        qos=tuple(Qos(row.name, row.priority, tuple(row.preempts), row.when_preempted) for row in tables.qos),
        accounts=tuple(Account(row.name, row.shares, row.parent) for row in tables.accounts),
        maintenance=tuple(_maintenance(row) for row in tables.maintenance),
        reservations=tuple(_reservation(row) for row in tables.reservations),
        failures=_failures(failures),
        checkpoint_s=_seconds(file.checkpoint_h),
        max_restarts=file.max_restarts,
        multifactor=Multifactor(**multifactor.model_dump(exclude_none=True)) if multifactor else Multifactor(),
    )


class _Reader:
    """Reads the tables of a file and keeps the mistakes of all of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.errors: list[InputError] = []

    def rows(self, section: type[S], rows: Sequence[dict[str, Any]], name: str) -> list[S]:
        found = (self.table(section, values, f"{name}[{number}]") for number, values in enumerate(rows))
        return [row for row in found if row is not None]

    def table(self, section: type[S], values: dict[str, Any] | None, key: str) -> S | None:
        if values is None:
            return None
        try:
            return read_section(section, values, file=self.path, key=key)
        except InputErrors as mistakes:
            self.errors.extend(mistakes.errors)
            return None


def _group(row: GroupRow) -> NodeGroup:
    memory_bytes = round(row.memory_gb * 1e9) if row.memory_gb is not None else None
    return NodeGroup(row.name, row.nodes, row.accelerators, row.cores, memory_bytes, row.nodes_per_switch)


def _partition(row: PartitionRow) -> Partition:
    return Partition(
        row.name,
        tuple(row.groups),
        max_limit_s=_seconds(row.max_limit_h),
        max_nodes=row.max_nodes,
        default_limit_s=_seconds(row.default_limit_h),
        priority=row.priority,
        exclusive=row.exclusive,
    )


def _maintenance(row: MaintenanceRow) -> Maintenance:
    return Maintenance(_instant(row.start), _whole_seconds(row.duration_h), _seconds(row.every_h), tuple(row.groups))


def _reservation(row: ReservationRow) -> Reservation:
    return Reservation(
        row.name,
        accounts=tuple(row.accounts),
        users=tuple(row.users),
        min_nodes=row.min_nodes,
        groups=tuple(row.groups),
        nodes=row.nodes,
        share=row.share,
        start=_instant(row.start) if row.start is not None else None,
        duration_s=_seconds(row.duration_h),
        every_s=_seconds(row.every_h),
    )


def _switches(table: SwitchesTable | None) -> Switches:
    if table is None:
        return Switches()
    return Switches(table.rule, table.max_nodes, round(table.max_wait_h * SECONDS_PER_HOUR))


def _failures(table: FailuresTable | None) -> Failures | None:
    if table is None:
        return None
    return Failures(table.mtbf_h * SECONDS_PER_HOUR, table.repair_h * SECONDS_PER_HOUR)


def _instant(start: datetime.datetime | float) -> datetime.datetime | int:
    return start if isinstance(start, datetime.datetime) else round(start * SECONDS_PER_HOUR)


def _seconds(hours: float | None) -> int | None:
    return None if hours is None else _whole_seconds(hours)


def _whole_seconds(hours: float) -> int:
    return max(1, round(hours * SECONDS_PER_HOUR))
