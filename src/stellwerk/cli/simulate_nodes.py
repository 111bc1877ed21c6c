"""What ``stellwerk simulate`` says about a cluster of nodes: how busy its accelerators were, restarts, lost work."""

from __future__ import annotations

from typing import Any

import numpy as np

from stellwerk.simulation import OUTCOMES, Cluster, Schedule

_SECONDS_PER_HOUR = 3600


def nodes_as_dict(schedule: Schedule, cluster: Cluster) -> dict[str, Any] | None:
    """Figures of the runs on nodes; None for pooled processors.

    Utilisation is what the jobs held, work that was lost included, over all accelerators (nodes, where there are none)
    from the first submit to the last end.
    """
    runs = schedule.executions
    if runs is None:
        return None
    ran_s = (runs.end_s - runs.start_s).astype(np.float64)
    nodes_of_run = np.diff(runs.node_offset)
    run_of_node = np.repeat(np.arange(len(runs)), nodes_of_run)
    accelerator_s = float(ran_s[run_of_node] @ runs.accelerators)
    makespan_s = int(schedule.end_s.max() - schedule.submit_s.min())
    lost = schedule.lost_s.astype(np.float64)
    outcomes = np.bincount(runs.outcome, minlength=len(OUTCOMES)).tolist()
    return {
        "nodes": cluster.nodes,
        "accelerators": cluster.accelerators,
        "node_utilisation": float(ran_s @ nodes_of_run) / (cluster.nodes * makespan_s),
        "accelerator_utilisation": accelerator_s / (cluster.accelerators * makespan_s)
        if cluster.accelerators
        else None,
        "runs": dict(zip(OUTCOMES, outcomes, strict=True)),
        "restarts": int(schedule.restarts.sum()),
        "lost_accelerator_h": float(lost @ schedule.accelerators) / _SECONDS_PER_HOUR,
        "lost_node_h": float(lost @ schedule.nodes) / _SECONDS_PER_HOUR,
    }


def node_rows(found: dict[str, Any]) -> dict[str, str]:
    """The same as rows of the table."""
    rows = {"nodes": f"{found['nodes']:,}", "nodes in use": f"{found['node_utilisation']:.4f}"}
    if found["accelerators"]:
        rows["accelerators"] = f"{found['accelerators']:,}"
        rows["accelerators in use"] = f"{found['accelerator_utilisation']:.4f}"
    if found["restarts"] or any(count for outcome, count in found["runs"].items() if outcome != "completed"):
        runs = found["runs"]
        stops = f"{runs['node_failed']:,} by failures, {runs['preempted'] + runs['cancelled']:,} by preemption"
        lost = f"{found['lost_accelerator_h']:,.1f} accelerator-h" if found["accelerators"] else ""
        rows["runs that were stopped"] = stops
        rows["started again"] = f"{found['restarts']:,}"
        rows["work lost"] = lost or f"{found['lost_node_h']:,.1f} node-h"
    return rows
