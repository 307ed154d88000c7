"""Attention of limited capacity in plain Python: the equations one number at a time."""

import math

PANEL, LOG_SHARE, SHARE = 0, 1, 2


def softmax(values):
    """Shares in proportion to exp."""
    weights = [math.exp(value) for value in values]
    return [weight / sum(weights) for weight in weights]


def signal(x, base, kind):
    """What followers see of a leader's topics."""
    if kind != SHARE:
        return [a - b for a, b in zip(x, base, strict=True)]
    return [a / b - 1 for a, b in zip(softmax(x), softmax(base), strict=True)]


def advance(dynamics, before, force):
    """Log attention day by day."""
    days = [[list(row) for row in day] for day in before]
    n, topics, lags = len(dynamics.inertia), len(dynamics.base[0]), len(before)
    for push in force:
        today = []
        for g in range(n):
            u = []
            for k in range(topics):
                base = dynamics.base[g][k]
                value = base + dynamics.inertia[g] * (days[-1][g][k] - base) + push[g][k]
                for lag in range(lags):
                    for h in range(n):
                        seen = signal(days[-1 - lag][h], dynamics.base[h], dynamics.kind)[k]
                        value += dynamics.influence[lag][g][h] * seen
                u.append(min(max(value, -50), 50))
            middle = 0 if dynamics.kind == PANEL else sum(u) / topics
            today.append([value - middle for value in u])
        days.append(today)
    return days[lags:]
