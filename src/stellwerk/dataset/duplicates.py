"""Which documents say the same as an earlier one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stellwerk.dataset.fingerprints import BANDS, ROWS
from stellwerk.dataset.mixing import mixed

SIMILARITY = 0.8
"""Two documents are near duplicates from this estimate of their Jaccard similarity on."""


class Pairs(NamedTuple):
    """Near duplicates: ``later[i]`` is one of ``earlier[i]``; both are places in the list of signatures."""

    earlier: NDArray[np.int64]
    later: NDArray[np.int64]


def first_of_equal(digests: NDArray[np.void]) -> NDArray[np.bool_]:
    """Whether no earlier document has the same digest."""
    first = np.zeros(len(digests), dtype=bool)
    first[np.unique(digests, return_index=True)[1]] = True
    return first


def first_of_similar(signatures: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Whether a document is the first of all that are near duplicates of each other, directly or through others.

    No two documents that share a band and whose estimate reaches ``SIMILARITY`` both remain.
    """
    pairs = near_duplicates(signatures)
    first = np.arange(len(signatures))
    while True:
        lowest = np.minimum(first[pairs.earlier], first[pairs.later])
        lowered = first.copy()
        np.minimum.at(lowered, pairs.earlier, lowest)
        np.minimum.at(lowered, pairs.later, lowest)
        lowered = lowered[lowered]
        if np.array_equal(lowered, first):
            is_first: NDArray[np.bool_] = first == np.arange(len(first))
            return is_first
        first = lowered


def near_duplicates(signatures: NDArray[np.uint32]) -> Pairs:
    """Pairs from which all near duplicates follow.

    Locality-sensitive hashing: only documents with all ``ROWS`` values of one of ``BANDS`` bands in common are
    compared. In each group of these, all are compared with the first; those unlike it are compared with the first of
    them, and so on. Whatever a later comparison leaves out has been found to be a duplicate already.
    """
    found = [np.empty((2, 0), dtype=np.int64)]
    for band in range(BANDS):
        keys = _band_keys(signatures[:, band * ROWS : (band + 1) * ROWS])
        members = np.argsort(keys, kind="stable")
        while len(members := _in_company(members, keys)):
            begins = np.diff(keys[members], prepend=~keys[members[:1]]) != 0
            leaders = members[np.flatnonzero(begins)][np.cumsum(begins) - 1]
            similar = (signatures[members] == signatures[leaders]).mean(axis=1) >= SIMILARITY
            found.append(np.stack([leaders, members])[:, similar & ~begins])
            members = members[~similar]
    earlier, later = np.unique(np.concatenate(found, axis=1), axis=1)
    return Pairs(earlier, later)


def _band_keys(rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """One number for the values of a band."""
    keys = np.zeros(len(rows), dtype=np.uint64)
    for column in rows.T:
        keys = mixed(keys ^ column) + np.uint64(1)
    return keys


def _in_company(members: NDArray[np.int64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Those that share their key with another member; they come sorted by key."""
    same = keys[members[1:]] == keys[members[:-1]]
    company: NDArray[np.int64] = members[np.append(same, False) | np.append(False, same)] if len(members) else members
    return company
