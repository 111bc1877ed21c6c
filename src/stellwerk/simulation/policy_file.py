"""Reads and writes the file of a policy: what schedules, and how much of the machine it has to schedule on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from stellwerk.errors import InputError, InputErrors
from stellwerk.files import read_toml
from stellwerk.simulation.cluster import Cluster, count_processors
from stellwerk.simulation.policy import POLICIES, Policy, policy_named

_SCHEMA = 1
_MAX_BYTES = 1_000_000
_MAX_INTEGER = 10**15
_AT_LEAST_1 = {"max_age_s", "calc_interval_s", "sched_interval_s", "bf_interval_s", "bf_window_s", "bf_resolution_s"}


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """A policy by its name, with its parameters, and the share of the machine (0 to below 1) that is out of service."""

    name: str
    policy: Policy
    out_of_service: float = 0.0

    def in_service(self, cluster: Cluster) -> Cluster:
        """The cluster less what is out of service: of each group of nodes, or of the pooled processors; at least one
        stays."""
        if self.out_of_service == 0:
            return cluster
        if cluster.is_pooled:
            return replace(cluster, processors=self._left(cluster.processors))
        groups = tuple(replace(group, nodes=self._left(group.nodes)) for group in cluster.groups)
        return replace(cluster, groups=groups, processors=count_processors(groups, cluster.processor_is))

    def _left(self, size: int) -> int:
        return max(1, round(size * (1 - self.out_of_service)))


def read_policy(path: Path) -> PolicySettings:
    """The policy that a TOML file describes (docs/fit.md); raises InputErrors with every mistake in it."""
    values = read_toml(path, limit_bytes=_MAX_BYTES)
    if values.pop("schema", None) != _SCHEMA:
        raise InputError("the file of a policy starts with its schema", file=path, key="schema", allowed="schema = 1")
    name = values.pop("policy", None)
    if name not in POLICIES:
        raise InputError("unknown policy", file=path, key="policy", value=name, allowed=POLICIES)
    policy = policy_named(name)
    errors: list[InputError] = []
    out_of_service = values.pop("out_of_service", 0.0)
    if type(out_of_service) not in (int, float) or not 0 <= out_of_service < 1:
        allowed = "a share of the machine from 0 to below 1"
        errors.append(InputError("no share", file=path, key="out_of_service", value=out_of_service, allowed=allowed))
    errors += _mistakes(policy, values, path)
    if errors:
        raise InputErrors(errors)
    return PolicySettings(name, replace(policy, **values), float(out_of_service))


def policy_as_toml(settings: PolicySettings, remarks: tuple[str, ...] = ()) -> str:
    """The file that ``read_policy`` reads as these settings, with every parameter, after comment lines."""
    rows = [*(f"# {remark}" for remark in remarks), f"schema = {_SCHEMA}", f'policy = "{settings.name}"']
    rows.append(f"out_of_service = {settings.out_of_service}")
    for field in fields(settings.policy):
        value = getattr(settings.policy, field.name)
        rows.append(f"{field.name} = {_as_toml(value)}")
    return "\n".join(rows) + "\n"


def _mistakes(policy: Policy, values: dict[str, Any], path: Path) -> Iterator[InputError]:
    known = get_type_hints(type(policy))
    for key, value in values.items():
        if key not in known:
            problem = f"{type(policy).__name__} has no such parameter"
            yield InputError(problem, file=path, key=key, allowed=("out_of_service", *known))
        elif known[key] is bool:
            if type(value) is not bool:
                yield InputError("neither true nor false", file=path, key=key, value=value, allowed="true or false")
        elif known[key] is int:
            least = 1 if key in _AT_LEAST_1 else 0
            if type(value) is not int or not least <= value <= _MAX_INTEGER:
                allowed = f"{least} to {_MAX_INTEGER:,}"
                yield InputError("no such whole number", file=path, key=key, value=value, allowed=allowed)
        elif value not in get_args(known[key]):
            yield InputError("unknown", file=path, key=key, value=value, allowed=get_args(known[key]))


def _as_toml(value: bool | int | str) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
