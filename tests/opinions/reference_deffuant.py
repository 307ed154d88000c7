"""Deffuant et al. (2000) in plain loops."""

import numpy as np
from opinions.reference_meetings import all_positions, drawn_source, uniform


def deffuant_step(model, opinions, sources, key):
    """One step of a bound model."""
    x, n = all_positions(sources, opinions), len(opinions)
    epsilon, mu = model.values("confidence", n), model.values("mobility", n)
    for pair in range(model.pairs(n)):
        i = int(uniform(key, pair, 0) * n)
        j = drawn_source(sources, i, uniform(key, pair, 1))
        if j is None:
            continue
        here, there = x[i].copy(), x[j].copy()
        distance = np.sqrt(((there - here) ** 2).sum())
        if distance <= epsilon[i]:
            x[i] = here + mu[i] * (there - here)
        if model.config.moves == "both" and j < n and distance <= epsilon[j]:
            x[j] = there + mu[j] * (here - there)
    return x[:n]
