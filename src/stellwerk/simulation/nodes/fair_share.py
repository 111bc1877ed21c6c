"""What accounts and users have used, and what share of the machine is due to them.

Usage decays with a half-life; the factors are those of Slurm's Fair Tree or of its classic formula.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stellwerk.simulation.compiled import inner, inner_making_arrays
from stellwerk.simulation.nodes.sorting import sort_rows
from stellwerk.simulation.nodes.tables import Table

_UNUSED = 1e300
"""The level of those who have used nothing: above all others."""


@inner
def apply_usage(tree: Table, now: int, interval_s: int, half_life_s: float) -> None:
    """One calculation: the old usage decays over an interval, what was used since is added in full."""
    kept = 0.5 ** (interval_s / half_life_s) if half_life_s > 0 else 1.0
    for row in range(len(tree)):
        if tree[row].is_user:
            recent = tree[row].recent + tree[row].rate * (now - tree[row].since_s)
            tree[row].usage = tree[row].usage * kept + recent
            tree[row].recent = 0.0
            tree[row].since_s = now
        else:
            tree[row].usage = 0.0
    for row in range(len(tree) - 1, 0, -1):
        tree[tree[row].parent].usage += tree[row].usage


@inner_making_arrays
def apply_factors(tree: Table, classic: bool, order: NDArray[np.int64]) -> None:
    """The fair-share factor of each user, 0 to 1. ``order`` is room for one number per row."""
    shares = np.zeros(len(tree))
    for row in range(1, len(tree)):
        shares[tree[row].parent] += tree[row].shares
    if classic:
        _classic(tree, shares)
    else:
        _fair_tree(tree, shares, order)


@inner_making_arrays
def _classic(tree: Table, shares: NDArray[np.float64]) -> None:
    """2^(-U/S): U the effective usage, a user's own and, by their shares, that of the accounts above."""
    due = np.ones(len(tree))
    effective = np.ones(len(tree))
    total = tree[0].usage
    for row in range(1, len(tree)):
        parent = tree[row].parent
        share = tree[row].shares / shares[parent]
        due[row] = due[parent] * share
        used = tree[row].usage / total if total > 0 else 0.0
        above = effective[parent] if parent > 0 else used
        effective[row] = used + (above - used) * share if parent > 0 else used
        tree[row].factor = 2.0 ** (-effective[row] / due[row]) if due[row] > 0 else 0.0


@inner_making_arrays
def _fair_tree(tree: Table, shares: NDArray[np.float64], order: NDArray[np.int64]) -> None:
    """Users ranked by walking the tree, at each account the children with the largest level first.

    A level is the share due among siblings over the share used. Siblings of the same level count as one: their users
    have the same rank, their children are ranked together.
    """
    users = 0
    for row in range(1, len(tree)):
        users += tree[row].is_user
        above = tree[tree[row].parent].usage
        used = tree[row].usage / above if above > 0 else 0.0
        due = tree[row].shares / shares[tree[row].parent]
        tree[row].level = due / used if used > 0 else _UNUSED
    rank = users
    # Groups of siblings of one level wait on a stack, the next to be ranked on top; their members stand in order.
    first = np.empty(len(tree) + 1, np.int64)
    end = np.empty(len(tree) + 1, np.int64)
    order[0] = 0
    filled = 1
    first[0], end[0] = 0, 1
    waiting = 1
    while waiting > 0:
        waiting -= 1
        low, high = first[waiting], end[waiting]
        same = rank
        children_from = filled
        for place in range(low, high):
            row = order[place]
            if tree[row].is_user:
                tree[row].factor = same / users
                rank -= 1
            for child in range(tree[row].first_child, tree[row].end_child):
                order[filled] = child
                filled += 1
        level = np.empty(filled - children_from)
        for place in range(children_from, filled):
            level[place - children_from] = -tree[order[place]].level
        sort_rows(order[children_from:filled], level)
        place = filled
        while place > children_from:
            group_end = place
            place -= 1
            while place > children_from and tree[order[place - 1]].level == tree[order[group_end - 1]].level:
                place -= 1
            first[waiting], end[waiting] = place, group_end
            waiting += 1
