"""Nodes that fail and are repaired, at times that depend on the seed alone."""

from __future__ import annotations

import math

import numpy as np

from stellwerk.simulation.compiled import inner
from stellwerk.simulation.nodes.tables import NEVER_S, Table


@inner
def drawn_s(seed: int, node: int, number: int, mean_s: float) -> int:
    """The ``number``-th exponential time of a node, in whole seconds, at least 1.

    Splitmix64 (Steele, Lea and Flood 2014) of the three numbers: every schedule sees the same failures, so that
    policies can be compared on them.
    """
    bits = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(node)
    bits = _mixed(bits) + np.uint64(number)
    bits = _mixed(bits)
    uniform = (np.float64(bits >> np.uint64(11)) + 0.5) * 2.0**-53
    return max(1, round(-math.log(uniform) * mean_s))


@inner
def _mixed(bits: np.uint64) -> np.uint64:
    bits += np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@inner
def next_change_s(nodes: Table) -> int:
    """When the next node fails or is repaired."""
    soonest_s = NEVER_S
    for node in range(len(nodes)):
        soonest_s = min(soonest_s, nodes[node].changes_s)
    return soonest_s


@inner
def plan_first_failures(nodes: Table, settings: Table, from_s: int) -> None:
    for node in range(len(nodes)):
        nodes[node].changes_s = from_s + drawn_s(settings[0].seed, node, 0, settings[0].mtbf_s)


@inner
def plan_next_change(node: int, now: int, nodes: Table, settings: Table) -> None:
    """After a node has gone down or come up: when it changes again."""
    rule = settings[0]
    number = 2 * nodes[node].failures
    if nodes[node].up == 1:
        nodes[node].changes_s = now + drawn_s(rule.seed, node, number, rule.mtbf_s)
    else:
        nodes[node].changes_s = now + drawn_s(rule.seed, node, number - 1, rule.repair_s)
