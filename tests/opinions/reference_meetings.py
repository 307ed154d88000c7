"""Draws in plain Python, for the literal references: the same numbers as the kernels, one at a time."""

import numpy as np

from hemicycle.core.seeding import keyed_uniform


def uniform(key, row, slot):
    """The number of one row and slot."""
    return float(keyed_uniform(key, np.array([row]), np.array([slot]))[0, 0])


def seen_by(sources, i):
    """Source ids and weights of user i, in their order."""
    entries = slice(sources.indptr[i], sources.indptr[i + 1])
    ids = sources.indices[entries].tolist()
    return ids, [1.0] * len(ids) if sources.weights is None else sources.weights[entries].astype(float).tolist()


def drawn_source(sources, i, u, without=()):
    """A source of user i by weight, not one of ``without``; None when there is none."""
    ids, weights = seen_by(sources, i)
    kept = [(j, w) for j, w in zip(ids, weights, strict=True) if j not in without and w > 0]
    if not kept:
        return None
    rest = u * sum(w for _, w in kept)
    for j, w in kept:
        rest -= w
        if rest < 0:
            return j
    return kept[-1][0]


def drawn_panel(sources, i, drawing, size, repetition):
    """Several sources of user i, from slots 1, 2, ... of ``drawing``, a key and a row."""
    panel = []
    for m in range(size):
        without = () if repetition else (i, *panel)
        j = drawn_source(sources, i, uniform(*drawing, m + 1), without)
        if j is None:
            break
        panel.append(j)
    return panel


def all_positions(sources, opinions):
    """Positions of users and of whatever else is a source, a copy."""
    return np.concatenate([opinions, sources.positions[len(opinions) :]])
