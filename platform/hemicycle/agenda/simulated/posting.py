"""Agendas made of posts that bring about posts: a Hawkes process for each topic, counted by day.

Groups are the sources; a post of the leader brings about ``strength`` posts of the follower on average, a post of a
group ``inertia`` posts of its own, after delays that are exponential with the rate ``decay`` a day.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.hawkes.events_file import Events
from hemicycle.agenda.hawkes.kernels import Exponential
from hemicycle.agenda.hawkes.simulation import HawkesTruth, simulate_hawkes
from hemicycle.agenda.simulated.capacity import shares
from hemicycle.agenda.simulated.generators import as_attention, rounded, usual
from hemicycle.agenda.simulated.influence import AgendaSimulation, coefficients, volumes
from hemicycle.core.seeding import rng


def posting_truth(options: AgendaSimulation, seed: int) -> list[HawkesTruth]:
    """Return the process of each topic; time is in days."""
    rates = volumes(options)[:, None] * shares(usual(options, seed))
    kernel = Exponential(decay=options.decay)
    return [HawkesTruth(column, coefficients(options)[0], kernel) for column in rates.T]


def simulate_posts(options: AgendaSimulation, seed: int) -> list[Events]:
    """Simulate the posts of each topic, the burn-in left out; sources are the groups, time is in days."""
    horizon = float(options.burn_in + options.days)
    drawn = [
        simulate_hawkes(truth, horizon, rng("agenda posts", seed, name), options.groups)
        for name, truth in zip(options.topic_names, posting_truth(options, seed), strict=True)
    ]
    return [_later(events, options.burn_in, options.days) for events in drawn]


def _later(events: Events, burn_in: int, days: int) -> Events:
    kept = events.times > burn_in
    return replace(events, times=events.times[kept] - burn_in, marks=events.marks[kept], horizon=float(days))


def posted_agenda(options: AgendaSimulation, seed: int) -> Attention:
    """Return the share of each topic in each group's posts of a day; NaN where a group posted nothing."""
    counts = np.stack([daily(events, options) for events in simulate_posts(options, seed)], axis=-1).astype(np.float64)
    totals = counts.sum(axis=-1, keepdims=True)
    values = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    return as_attention(options, rounded(values, options.unit), unit=options.unit)


def daily(events: Events, options: AgendaSimulation) -> NDArray[np.int64]:
    """Count posts, shape (days, groups)."""
    day = np.minimum(events.times.astype(np.int64), options.days - 1)
    n = len(options.groups)
    return np.bincount(day * n + events.marks, minlength=options.days * n).reshape(options.days, n)
