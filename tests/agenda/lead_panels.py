"""Panels in which it is known who leads."""

import numpy as np

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.leads.data import LeadData, prepared
from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.core.seeding import rng

GROUPS = ("a", "b", "c", "d")


def panel(seed=0, shape=(12, 120, 4), leads=((0, 1), (0, 2)), strength=0.3, **more):
    """First-order panel VAR: a leads b and c by a day; (topics, times, groups).

    ``common``: share of the innovations' variance that a day's topics have in common; ``sizes``: spread of the topics'
    log standard deviations; ``inertia``: how far the topics' own inertia strays; ``daily``: size of a lasting shock
    that all topics and groups of a day share.
    """
    topics, times, groups = shape
    random = rng("lead panels", seed)
    matrix = 0.4 * np.eye(groups)
    for leader, follower in (pair for pair in leads if max(pair) < groups):
        matrix[follower, leader] = strength
    mixing = np.linalg.cholesky(0.3 + 0.7 * np.eye(groups))
    share = more.get("common", 0.0)
    own, shared = random.normal(size=(topics, times + 50, groups)), random.normal(size=(1, times + 50, groups))
    noise = (np.sqrt(1 - share) * own + np.sqrt(share) * shared) @ mixing
    noise *= np.exp(more.get("sizes", 0.0) * random.normal(size=(topics, 1, 1)))
    inertia = more.get("inertia", 0.0) * random.uniform(-1, 1, (topics, 1))
    values, shock = np.zeros_like(noise), np.zeros(times + 50)
    for day in range(1, times + 50):
        values[:, day] = values[:, day - 1] @ matrix.T + inertia * values[:, day - 1] + noise[:, day]
        shock[day] = 0.7 * shock[day - 1] + random.normal()
    values += more.get("daily", 0.0) * shock[:, None] * np.linspace(0.5, 1.5, groups)
    return values[:, 50:] + random.normal(size=(topics, 1, groups))


def data(values, seed=0, **options):
    """What measures take, without the scale of shares."""
    chosen = LeadOptions(**{"lags": 2, "reach": 3, "replications": 0, "fewest": 5, "block": 10} | options)
    groups = GROUPS if values.shape[2] == len(GROUPS) else tuple(map(str, range(values.shape[2])))
    return LeadData(prepared(values, chosen), groups, chosen, seed)


def attention(values):
    """Attention whose log odds are a panel's, about .02."""
    topics, times, groups = values.shape
    days = np.datetime64("2024-01-01") + np.arange(times)
    shares = 1 / (1 + np.exp(4 - 0.5 * values))
    return Attention(shares, tuple(f"t{i}" for i in range(topics)), GROUPS[:groups], days.astype("datetime64[s]"))
