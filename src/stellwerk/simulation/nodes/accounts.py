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
    users = len(jobs.user.names) + 1
    pair = (jobs.account.code.astype(np.int64) + 1) * users + jobs.user.code + 1
    distinct, user_of_job = np.unique(pair, return_inverse=True)
    account_of_user = distinct // users - 1
    accounts = cluster.accounts
    stated = {account.name for account in accounts}
    accounts += tuple(
        Account(jobs.account.names[code])
        for code in np.unique(account_of_user)
        if code != MISSING and jobs.account.names[code] not in stated
    )
    children: dict[str | None, list[Account | int]] = {}
    for account in accounts:
        children.setdefault(account.parent, []).append(account)
    for number, code in enumerate(account_of_user.tolist()):
        name = None if code == MISSING else jobs.account.names[code]
        children.setdefault(name, []).append(number)
    tree = np.zeros(1 + len(accounts) + len(distinct), TREE)
    row_of_user = _fill(tree, children)
    return tree, row_of_user[user_of_job]


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
