"""Hawkes processes as the papers write them: sums over all pairs of events."""

import numpy as np


def exponential(beta):
    """Density and distribution function of a delay."""
    return lambda s: beta * np.exp(-beta * s), lambda s: 1 - np.exp(-beta * s)


def power_law(c, eta):
    return lambda s: eta * c**eta / (s + c) ** (1 + eta), lambda s: 1 - (c / (s + c)) ** eta


def intensity(events, baseline, terms, target, time):
    """lambda_i(t); ``terms``: list of (branching matrix [target, source], kernels [target][source] of (h, H))."""
    total = baseline(target, time)
    for branching, kernels in terms:
        for past, source in zip(events.times, events.marks, strict=True):
            if past < time:
                total += branching[target, source] * kernels[target][source][0](time - past)
    return total


def integral(events, model, target, span, steps=1):
    """Integral of lambda_i over a span of time; the baseline must be constant on each of so many equal steps."""
    (baseline, terms), (first, last) = model, span
    grid = np.linspace(first, last, steps + 1)
    middles = (grid[1:] + grid[:-1]) / 2
    total = sum(baseline(target, t) for t in middles) * (last - first) / len(middles)
    for branching, kernels in terms:
        for past, source in zip(events.times, events.marks, strict=True):
            done = kernels[target][source][1]
            mass = (done(last - past) if past < last else 0.0) - (done(first - past) if past < first else 0.0)
            total += branching[target, source] * mass
    return total


def log_likelihood(events, baseline, terms, target, steps=1):
    own = events.times[events.marks == target]
    logs = sum(np.log(intensity(events, baseline, terms, target, t)) for t in own)
    return logs - integral(events, (baseline, terms), target, (events.start, events.horizon), steps)


def products(events, rates, sources):
    """Integral over the observation of R_a R_b, R = sum of beta exp(-beta s) over earlier events of a source."""
    total = 0.0
    for t in events.times[events.marks == sources[0]]:
        for u in events.times[events.marks == sources[1]]:
            later = max(t, u)
            start = np.prod(rates) * np.exp(-rates[0] * (later - t) - rates[1] * (later - u))
            total += start * (1 - np.exp(-sum(rates) * (events.horizon - later))) / sum(rates)
    return total
