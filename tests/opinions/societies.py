"""Small societies for closed forms: many equal ones side by side in one graph, each of which is a run of its own.

Updates of all of them are drawn from the whole, which changes when a society moves and not how.
"""

import numpy as np

from hemicycle.opinions.base import People, Sources
from hemicycle.opinions.catalogue import OPINION


def complete(n, copies=1):
    """``copies`` complete graphs of n users."""
    block = np.tile(np.arange(n), (n, 1))[~np.eye(n, dtype=bool)]
    indices = (block + n * np.arange(copies)[:, None]).ravel().astype(np.int32)
    return Sources(np.arange(n * copies + 1) * (n - 1), indices, None, np.zeros((n * copies, 1)))


def ring(n, copies=1):
    """``copies`` rings of n users, each with the two nearest on both sides: a regular graph."""
    near = np.arange(n)[:, None] + np.array([-2, -1, 1, 2])
    indices = (near % n + n * np.arange(copies)[:, None, None]).ravel().astype(np.int32)
    return Sources(np.arange(n * copies + 1) * 4, indices, None, np.zeros((n * copies, 1)))


def shares(n, copies, k):
    """Opinions of societies in which k of n users hold +1, the others -1."""
    return np.tile(np.where(np.arange(n) < k, 1.0, -1.0), copies)[:, None]


def bound(config, n):
    """The model of a configuration for n users."""
    return OPINION.build(config).bound(People(n))


def until_agreed(config, sources, opinions, n, most=20_000):
    """Run until every society of n users agrees; return each one's final state and the step in which it was found."""
    model, agreed_at = bound(config, len(opinions)), np.zeros(len(opinions) // n)
    for step in range(1, most):
        opinions = model.step(opinions, opinions, sources.at(opinions), step)
        table = opinions[:, 0].reshape(-1, n)
        agreed = (table == table[:, :1]).all(axis=1)
        agreed_at[agreed & (agreed_at == 0)] = step
        if agreed.all():
            return table[:, 0], agreed_at
    raise AssertionError("no consensus")
