"""Compiled parts of exposures: lists of the best so far, and rows of neighbours mixed with proposals."""

from typing import Any

import numpy as np

from hemicycle.core.loops import compiled, over_rows


@compiled
def place(ids: Any, values: Any, ties: Any, new: Any) -> None:
    """Put ``new`` = (id, value, tie) where it belongs in a list sorted by value, then tie, largest first; in place.

    The last of the list falls out. Empty places hold the id -1 and the value -inf.
    """
    j, value, tie = new
    slot = len(ids) - 1
    if value < values[slot] or (value == values[slot] and tie <= ties[slot]):
        return
    while slot > 0 and (values[slot - 1] < value or (values[slot - 1] == value and ties[slot - 1] < tie)):
        ids[slot], values[slot], ties[slot] = ids[slot - 1], values[slot - 1], ties[slot - 1]
        slot -= 1
    ids[slot], values[slot], ties[slot] = j, value, tie


@compiled
def first_above(row: Any, value: Any) -> Any:
    """Return the place of the first entry of a sorted row that is larger than ``value``; its length if none is."""
    low, high = 0, len(row)
    while low < high:
        middle = (low + high) // 2
        if row[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def holds(row: Any, j: Any) -> Any:
    """Tell whether a sorted row holds j."""
    at = first_above(row, j)
    return at > 0 and row[at - 1] == j


@compiled
def order_statistic(values: Any, rank: Any) -> Any:
    """Return the value of a rank (0: the smallest), found by quickselect (Hoare 1961); puts ``values`` in disorder."""
    low, high = 0, len(values) - 1
    while low < high:
        pivot, left, right = values[(low + high) // 2], low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left, right = left + 1, right - 1
        if rank <= right:
            high = right
        elif rank >= left:
            low = left
        else:
            return values[rank]
    return values[rank]


def mixed_lengths(indptr: Any, proposals: Any, alone: bool) -> Any:
    """Return the entries of each row once proposals are mixed in, int64, shape (n,).

    A row with proposals loses its neighbours if proposals are to stand ``alone``; if not and it has none, it gets the
    user itself.
    """
    proposals, lengths = np.asarray(proposals, np.int32), np.empty(len(proposals), np.int64)
    over_rows(_count_mixed, len(lengths), indptr, proposals, alone, lengths, work=proposals.size)
    return lengths


def fill_mixed(followed: Any, weights: Any, proposals: Any, strength: float, out: Any) -> None:
    """Fill rows of neighbours at (1 - strength) of their weight and of proposals that share the rest alike."""
    proposals = np.asarray(proposals, np.int32)
    over_rows(_fill_mixed, len(proposals), followed, weights, proposals, strength, out, work=len(out[1]))


def add_blended(part: Any, weights: Any, share: float, moved: Any, out: Any) -> None:
    """Add one exposure to a blend, with ``share`` of the weight.

    ``moved`` is (first source that is no user, distance by which those move); ``out`` holds the place of the first
    new entry of each row, -1 for a row to leave alone, and the entries.
    """
    over_rows(_add_blended, len(out[0]), part, weights, share, moved, out, work=len(part[1]))


@compiled
def _count_mixed(span: Any, indptr: Any, proposals: Any, alone: bool, lengths: Any) -> None:
    for i in range(span[0], span[1]):
        shown = 0
        for slot in range(proposals.shape[1]):
            shown += proposals[i, slot] >= 0
        others = indptr[i + 1] - indptr[i]
        if shown > 0:
            others = 0 if alone else max(others, 1)
        lengths[i] = others + shown


@compiled
def _fill_mixed(  # noqa: PLR0913, PLR0917 - numba takes arrays
    span: Any, followed: Any, weights: Any, proposals: Any, strength: float, out: Any
) -> None:
    for i in range(span[0], span[1]):
        _fill_row(i, followed, weights, proposals[i], strength, out)


@compiled
def _fill_row(i: Any, followed: Any, weights: Any, proposals: Any, strength: float, out: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    indptr, indices = followed
    pointers, new_indices, new_weights = out
    at, total, shown = pointers[i], 0.0, 0
    first, last = indptr[i], indptr[i + 1]
    for slot in range(len(proposals)):
        shown += proposals[slot] >= 0
    kept = 1.0 - strength if shown > 0 else 1.0
    for e in range(first, last):
        weight = 1.0 if weights is None else np.float64(weights[e])
        total += weight
        if kept > 0:
            new_indices[at], new_weights[at] = indices[e], kept * weight
            at += 1
    if first == last and shown > 0:
        total = 1.0
        if kept > 0:
            new_indices[at], new_weights[at] = i, kept
            at += 1
    for slot in range(len(proposals)):
        if proposals[slot] >= 0:
            new_indices[at], new_weights[at] = proposals[slot], strength * total / shown
            at += 1


@compiled
def _add_blended(span: Any, part: Any, weights: Any, share: float, moved: Any, out: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    for i in range(span[0], span[1]):
        if out[0][i] >= 0:
            _add_row(i, part, weights, share, moved, out)


@compiled
def _add_row(i: Any, part: Any, weights: Any, share: float, moved: Any, out: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    indptr, indices = part
    places, new_indices, new_weights = out
    at = places[i]
    for e in range(indptr[i], indptr[i + 1]):
        j = indices[e]
        new_indices[at] = j + moved[1] if j >= moved[0] else j
        new_weights[at] = share * (1.0 if weights is None else np.float64(weights[e]))
        at += 1
    if indptr[i] == indptr[i + 1]:
        new_indices[at], new_weights[at] = i, share
