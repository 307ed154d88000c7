"""Baumann et al.'s model with a dense network A, as in the papers."""

import numpy as np
from opinions.reference_meetings import seen_by, uniform

from hemicycle.core.seeding import key_of


def network(model, x, sources, phi, key):
    """A_ij = 1 where source j influences user i in this step."""
    n, config = sources.n_users, model.config
    activity, homophily = model.values("activity", n), model.values("homophily", n)
    drawn = np.zeros((n, len(x)))
    for i in range(n):
        if uniform(key_of("active", key), i, 0) >= activity[i]:
            continue
        clocks = []
        for slot, (j, weight) in enumerate(zip(*seen_by(sources, i), strict=True)):
            distance = np.sqrt((x[i] - x[j]) @ phi @ (x[i] - x[j]))
            clock = -np.log(uniform(key_of("contacts", key), i, slot)) * max(distance, 1e-12) ** homophily[i] / weight
            if j != i:
                clocks.append((clock, j))
        for s, (_, j) in enumerate(sorted(clocks)[: config.contacts]):
            back = uniform(key_of("reciprocity", key), i, s) < config.reciprocity
            inward, outward = (True, back) if config.direction == "received" else (back, True)
            drawn[i, j] = max(drawn[i, j], inward)
            if j < n:
                drawn[j, i] = max(drawn[j, i], outward)
    return drawn


def step(model, opinions, sources, key):
    n, dims = opinions.shape
    config, given = model.config, model.config.overlap
    phi = np.array(given) if isinstance(given, tuple) else np.where(np.eye(dims), 1.0, given)
    strength, steepness = model.values("influence", n), model.values("controversialness", n)
    rest = sources.positions[n:]
    drawn = network(model, np.concatenate([opinions, rest]), sources, phi, key)

    def slope(x):
        everyone = np.concatenate([x, rest])
        heard = [
            sum(drawn[i, j] * np.tanh(steepness[i] * phi @ everyone[j]) for j in range(len(everyone))) for i in range(n)
        ]
        return -x + strength[:, None] * np.array(heard)

    x, h = opinions, config.dt
    if config.method == "euler":
        return np.clip(x + h * slope(x), -1, 1)
    k1 = slope(x)
    k2 = slope(x + h / 2 * k1)
    k3 = slope(x + h / 2 * k2)
    k4 = slope(x + h * k3)
    return np.clip(x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), -1, 1)
