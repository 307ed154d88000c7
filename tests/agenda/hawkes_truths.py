"""Hawkes processes whose parameters are known."""

import numpy as np

from hemicycle.agenda.hawkes.kernels import Exponential
from hemicycle.agenda.hawkes.simulation import HawkesTruth, branching_ratio, expected_rates, simulate_hawkes
from hemicycle.core.seeding import rng

PAIR = np.array([[0.3, 0.2], [0.0, 0.5]])


def pair_of_sources(kernel=None, **changes):
    return HawkesTruth(np.array([0.6, 0.4]), PAIR, kernel or Exponential(decay=2.0, estimate=False), **changes)


def random_truth(n_sources, seed, decay, radius=0.7):
    """Half of the pairs have influence, and all sources act on themselves; baselines between .5 and 1.5."""
    draw = rng("random truth", n_sources, seed)
    some = (draw.random((n_sources, n_sources)) < 0.5) | np.eye(n_sources, dtype=bool)
    branching = draw.uniform(0, 1, some.shape) * some
    branching *= radius / branching_ratio(branching)
    kernel = Exponential(decay=decay, estimate=False)
    return HawkesTruth(draw.uniform(0.5, 1.5, n_sources), branching, kernel)


def simulated(truth, n_events, seed):
    return simulate_hawkes(truth, n_events / float(expected_rates(truth).sum()), rng("simulated", seed))
