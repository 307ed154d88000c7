"""Dandekar, Goel and Lee's update as in the paper, opinions in [-1, 1] brought to [0, 1]."""

import numpy as np
from opinions.reference_meetings import seen_by


def step(model, opinions, sources):
    low, high = -1.0, 1.0
    n, dims = opinions.shape
    bias, own = model.values("bias", n), model.values("self_weight", n)
    after = opinions.copy()
    for i in range(n):
        for d in range(dims):
            x = (opinions[i, d] - low) / (high - low)
            s = sum(
                weight * (sources.positions[j, d] - low) / (high - low)
                for j, weight in zip(*seen_by(sources, i), strict=True)
            )
            degree = sum(weight for _, weight in zip(*seen_by(sources, i), strict=True))
            if degree:
                top = own[i] * x + x ** bias[i] * s
                x = top / (own[i] + x ** bias[i] * s + (1 - x) ** bias[i] * (degree - s))
            after[i, d] = low + (high - low) * x
    return np.asarray(after)
