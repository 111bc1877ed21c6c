"""The fair-share tree of a cluster: its accounts, and below each the users that the log has there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from stellwerk.records import MISSING, JobTable
from stellwerk.simulation.cluster import Account, Cluster
from stellwerk.simulation.nodes.tables import TREE


def account_tree(jobs: JobTable, cluster: Cluster) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """The tree and each job's user in it.

    Where the cluster states no accounts, each of the log has one share below the root, as an unknown one has. Users
    have one share of their account; jobs without an account belong to users right below the root.
    """
    pairs = np.stack([jobs.account.code, jobs.user.code])
    distinct, user_of_job = np.unique(pairs, axis=1, return_inverse=True)
    accounts = cluster.accounts
    stated = {account.name for account in accounts}
    accounts += tuple(
        Account(jobs.account.names[code])
        for code in np.unique(distinct[0])
        if code != MISSING and jobs.account.names[code] not in stated
    )
    children: dict[str | None, list[Account | int]] = {}
    for account in accounts:
        children.setdefault(account.parent, []).append(account)
    for number, code in enumerate(distinct[0].tolist()):
        name = None if code == MISSING else jobs.account.names[code]
        children.setdefault(name, []).append(number)
    tree = np.zeros(1 + len(accounts) + distinct.shape[1], TREE)
    row_of_user = _fill(tree, children)
    return tree, row_of_user[user_of_job.ravel()]


def accounts_below(cluster: Cluster, names: tuple[str, ...]) -> set[str]:
    """Some accounts and all below them."""
    below = set(names)
    while more := {account.name for account in cluster.accounts if account.parent in below} - below:
        below |= more
    return below


def _fill(tree: NDArray[np.void], children: Mapping[str | None, list[Account | int]]) -> NDArray[np.int64]:
    """Level by level, so that siblings stand together; the row of each user."""
    row_of_user = np.zeros(len(tree), np.int64)
    waiting: list[tuple[int, str | None]] = [(0, None)]
    used = 1
    for row, name in waiting:
        tree[row]["first_child"] = used
        for child in children.get(name, []):
            tree[used]["parent"] = row
            if isinstance(child, Account):
                tree[used]["shares"] = child.shares
                waiting.append((used, child.name))
            else:
                tree[used]["shares"] = 1
                tree[used]["is_user"] = True
                tree[used]["first_child"] = tree[used]["end_child"] = 0
                row_of_user[child] = used
            used += 1
        tree[row]["end_child"] = used
    return row_of_user
