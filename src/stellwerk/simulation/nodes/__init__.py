"""The scheduler over nodes: jobs with accelerators, cores and memory, under every policy."""

from stellwerk.simulation.nodes.requests import UNKNOWN, Unknown
from stellwerk.simulation.nodes.simulate import nodes_are_compiled, simulate_nodes

__all__ = ["UNKNOWN", "Unknown", "nodes_are_compiled", "simulate_nodes"]
