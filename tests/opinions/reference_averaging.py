"""DeGroot's, Friedkin and Johnsen's, and Hegselmann and Krause's models as in the papers, one user at a time."""

import numpy as np

from hemicycle.core.seeding import keyed_uniform


def entries(sources, i):
    """(source, weight) of user i, one by one."""
    for e in range(sources.indptr[i], sources.indptr[i + 1]):
        yield int(sources.indices[e]), 1.0 if sources.weights is None else float(sources.weights[e])


def seen(sources, own, i):
    """Mean position of the sources of user i; its own without any."""
    total = sum(w for _, w in entries(sources, i))
    return sum(w * sources.positions[j] for j, w in entries(sources, i)) / total if total else own[i]


def degroot(x, sources, self_weight):
    return np.array([w * x[i] + (1 - w) * seen(sources, x, i) for i, w in enumerate(self_weight)])


def friedkin_johnsen(x, innate, sources, susceptibility):
    """``susceptibility`` None: by degree."""
    after = np.empty_like(x)
    for i in range(len(x)):
        degree = sum(w for _, w in entries(sources, i))
        p = degree / (1 + degree) if susceptibility is None else susceptibility[i]
        after[i] = (1 - p) * innate[i] + p * seen(sources, x, i)
    return after


def near(positions, sources, own, confidence, i):
    """Mean of the own opinion and of the sources of user i within the confidence."""
    close = [(positions[j], w) for j, w in entries(sources, i)]
    close = [(x, w) for x, w in close if np.sqrt(((x - own) ** 2).sum()) <= confidence]
    return (own + sum(w * x for x, w in close)) / (1 + sum(w for _, w in close))


def hegselmann_krause(x, sources, confidence, mobility):
    after = np.empty_like(x)
    for i in range(len(x)):
        after[i] = (1 - mobility[i]) * x[i] + mobility[i] * near(sources.positions, sources, x[i], confidence[i], i)
    return after


def hegselmann_krause_in_turn(x, sources, confidence, mobility, key):
    positions, n = sources.positions.copy(), len(x)
    for u in keyed_uniform(key, np.arange(n), np.arange(1))[:, 0]:
        i = int(u * n)
        there = near(positions, sources, positions[i], confidence[i], i)
        positions[i] = (1 - mobility[i]) * positions[i] + mobility[i] * there
    return positions[:n]
