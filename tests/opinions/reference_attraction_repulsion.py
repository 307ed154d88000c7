"""Axelrod, Daymude and Forrest's attraction and repulsion as in the paper, one update at a time."""

import numpy as np
from opinions.reference_meetings import all_positions, drawn_source, uniform


def step(model, opinions, innate, sources, key):
    n = len(opinions)
    tolerance, exposure, share, interest = (
        model.values(name, n) for name in ("tolerance", "exposure", "responsiveness", "self_interest")
    )
    scales = np.array(model.config.scales or [1.0] * opinions.shape[1])
    at_once = model.config.schedule == "synchronous"
    x = all_positions(sources, opinions)
    before = x.copy() if at_once else x
    for k in range(n if at_once else model.config.updates_per_step or n):
        i = k if at_once else int(uniform(key, k, 0) * n)
        if uniform(key, k, 3) < interest[i]:
            x[i] = before[i] + share[i] * (innate[i] - before[i])
            continue
        j = drawn_source(sources, i, uniform(key, k, 1))
        if j is None:
            continue
        difference = before[j] - before[i]
        delta = np.sqrt(((difference / (exposure[i] * scales)) ** 2).sum())
        if uniform(key, k, 2) > 0.5**delta:
            continue
        if np.sqrt((difference**2).sum()) <= tolerance[i]:
            x[i] = before[i] + share[i] * difference
        else:
            x[i] = before[i] - share[i] * difference
        x[i] = np.clip(x[i], -1, 1)
    return x[:n]
