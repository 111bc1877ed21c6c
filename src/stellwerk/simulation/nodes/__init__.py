"""The scheduler over nodes: jobs with accelerators, cores and memory, under every policy."""

from stellwerk.simulation.nodes.simulate import Unknown, simulate_nodes

__all__ = ["Unknown", "simulate_nodes"]
