"""Compile every scheduler into numba's cache, so that the first replay of an installation need not wait for it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from stellwerk.records import read_swf
from stellwerk.simulation import POLICIES, Cluster, NodeGroup, policy_named, simulate

ONE_JOB = "1 0 -1 60 1 -1 -1 1 60 -1 1 1 1 -1 1 1 -1 -1\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.swf"
        log.write_text(ONE_JOB, encoding="utf-8")
        jobs = read_swf(log)
    for name in POLICIES:
        if name != "multifactor":  # needs nodes
            simulate(jobs, cluster=Cluster.pooled(1), policy=policy_named(name))
    nodes = Cluster.of_nodes((NodeGroup("cpu", nodes=1, cores=1),))
    simulate(jobs, cluster=nodes, policy=policy_named("multifactor"))


if __name__ == "__main__":
    main()
