"""Where clusters come from: a file, or the catalogue as far as it knows a system."""

from __future__ import annotations

from pathlib import Path

from stellwerk.catalog import System
from stellwerk.errors import InputError
from stellwerk.files import read_toml
from stellwerk.simulation.cluster import Cluster, NodeGroup

MAX_FILE_BYTES = 5_000_000


def read_cluster(path: Path) -> Cluster:
    """The cluster that a TOML file describes (docs/clusters.md); raises InputErrors with every mistake in it."""
    from stellwerk.simulation.cluster_file import cluster_in  # pydantic is slow to import

    return cluster_in(read_toml(path, limit_bytes=MAX_FILE_BYTES), path)


def cluster_of(system: System) -> Cluster:
    """Nodes with their accelerators; cores and memory are not counted, since no system's are stated as numbers.

    A log's processors are accelerators where it states no accelerators. The catalogue's partitions are left out: they
    say what a job may ask for there, not which nodes it runs on. Raises InputError where the number of nodes or of
    accelerators per node is unknown.
    """
    nodes, per_node = system.nodes.value, system.accelerators_per_node.value
    unknown = [name for name, count in (("nodes", nodes), ("accelerators_per_node", per_node)) if count is None]
    if nodes is None or per_node is None:
        raise InputError(
            f"the catalogue does not know the {' and the '.join(unknown)} of {system.id!r}",
            key="cluster",
            value=system.id,
            allowed="a system whose size is known, or the file of a cluster",
        )
    group = NodeGroup(system.id, nodes, per_node)
    return Cluster.of_nodes((group,), name=system.id, processor_is="accelerator")
