"""Every measure of a lead, by name: what it is worth for each ordered pair, at which delay, and how it is tested."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations, permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.draws import draws
from hemicycle.agenda.leads import cross_correlation, granger, shifts, transfer_entropy
from hemicycle.agenda.leads.data import LeadData
from hemicycle.agenda.leads.granger_tests import robust_p_values
from hemicycle.agenda.leads.network import Measured
from hemicycle.agenda.leads.options import Measure

Floats = NDArray[np.float64]
_AT_ONCE = 1 << 22  # counts of bootstrap replications held together


def conditional(data: LeadData) -> Measured:
    """Granger measure conditional on all other groups, with cluster-robust Wald tests."""
    value = granger.measures(data.products, np.ones((1, data.clusters.number)))[0]
    drawn = granger.measures(data.products, data.weights)
    p = np.maximum.reduce([robust_p_values(each) for each in data.tested])
    return Measured("granger", value, _same_lag(data), p, drawn, f"robust to {data.clusters.name}", 0.0)


def bivariate(data: LeadData) -> Measured:
    """Granger measure given the follower's own past alone."""
    value = granger.measures_bivariate(data.products, np.ones((1, data.clusters.number)))[0]
    drawn = granger.measures_bivariate(data.products, data.weights)
    p = np.full_like(value, np.nan)
    for pair in combinations(range(len(p)), 2):
        p[np.ix_(pair, pair)] = _pair_p_values(data, pair)
    return Measured("granger bivariate", value, _same_lag(data), p, drawn, f"robust to {data.clusters.name}", 0.0)


def _pair_p_values(data: LeadData, pair: tuple[int, int]) -> Floats:
    return np.asarray(np.maximum.reduce([robust_p_values(each.only(pair)) for each in data.tested]))


def by_topic(data: LeadData) -> Measured:
    """Mean over topics of Granger measures with coefficients of their own, and Dumitrescu and Hurlin's test."""
    found = granger.by_topic(data.products_of_topics)
    each = found.measure[np.isfinite(found.measure[:, 0, 0])]
    weights = draws(len(each), data.key, data.options.replications if len(each) > 1 else 0)
    drawn = np.tensordot(weights, each, 1) / len(each)
    control = "topics independent of each other"
    return Measured("granger by topic", each.mean(0), _same_lag(data), found.p_value, drawn, control)


def gaussian(data: LeadData) -> Measured:
    """Transfer entropy of a Gaussian process, conditional on all other groups: half of its Granger measure."""
    found = conditional(data)
    value, drawn = (transfer_entropy.gaussian(each) for each in (found.value, found.drawn))
    return replace(found, measure="gaussian transfer entropy", value=value, drawn=drawn)


def _same_lag(data: LeadData) -> NDArray[np.int64]:
    return np.full((len(data.groups),) * 2, data.lags)


def correlation(data: LeadData) -> Measured:
    """Largest cross-correlation of innovations over the delays, with its sign.

    Its interval is that of the correlation at this delay. Net leads compare the sums over delays of r^2 less what
    surrogates give.
    """
    observed = cross_correlation.cross_correlations(data.whitened, _delays(data))
    shifted = shifts.surrogates(cross_correlation.Shifted(data.whitened), data.shape, data.options, data.key)
    drawn = [_drawn_correlations(data, lag) for lag in _delays(data)]
    p = shifts.p_values(np.abs(observed), shifted)
    lag, value, at_peak = _at_peak(np.abs(observed), observed, drawn)
    chance = (shifted**2).sum(1).mean(0)
    strength, sums = (observed**2).sum(0) - chance, _sum(each**2 for each in drawn) - chance
    return Measured("cross-correlation", value, lag, p, at_peak, _shifts(data), -1.0, strength, sums)


def _drawn_correlations(data: LeadData, lag: int) -> Floats:
    parts = cross_correlation.by_cluster(data.whitened, int(lag), data.clusters.labels)
    return cross_correlation.drawn(parts, data.weights)


def symbolic(data: LeadData) -> Measured:
    """Largest transfer entropy of symbols over the delays, less the mean of its surrogates.

    Its interval is that of the transfer entropy at this delay. Net leads compare the sums over delays.
    """
    symbols = _symbols(data)
    one = np.zeros(data.shape, np.int64)
    observed = np.stack([_entropies(symbols, lag, one, np.ones((1, 1)))[0] for lag in _delays(data)])
    shifted = shifts.surrogates(symbols.shifted, data.shape, data.options, data.key)
    chance = shifted.mean(0)
    drawn = [_entropies(symbols, lag, data.clusters.labels, data.weights) for lag in _delays(data)]
    p = shifts.p_values(observed, shifted)
    excess = observed - chance
    lag, value, at_peak = _at_peak(observed, excess, drawn)
    sums = _sum(drawn) - chance.sum(0)
    return Measured("transfer entropy", value, lag, p, at_peak, _shifts(data), -np.inf, excess.sum(0), sums)


def _sum(parts: Iterable[Floats]) -> Floats:
    return np.asarray(reduce(np.add, parts))


def _delays(data: LeadData) -> NDArray[np.int64]:
    return np.arange(1, data.options.reach + 1)


def _symbols(data: LeadData) -> transfer_entropy.Symbols:
    states = data.options.states
    if data.options.symbols == "ordinal":
        return transfer_entropy.Symbols(transfer_entropy.ordinal_symbols(data.whitened, states), factorial(states))
    return transfer_entropy.Symbols(transfer_entropy.quantile_symbols(data.whitened, states), states)


def _entropies(symbols: transfer_entropy.Symbols, lag: np.int64, labels: NDArray[np.int64], weights: Floats) -> Floats:
    """Transfer entropies of each replication at one delay, shape (replications, groups, groups)."""
    found = np.zeros((len(weights), symbols.groups, symbols.groups))
    step = max(1, _AT_ONCE // symbols.number**3)
    for a, b in permutations(range(symbols.groups), 2):
        counts = symbols.counts((a, b), int(lag), labels).astype(float)
        for start in range(0, len(found), step):
            some = np.tensordot(weights[start : start + step], counts, 1)
            found[start : start + step, a, b] = transfer_entropy.entropies(some)
    return found


def _at_peak(size: Floats, values: Floats, drawn: Sequence[Floats]) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return the delay of the largest size, the value there, and its replications; 0 on the diagonal.

    Replications are moved to the value's own mean by the interval, so that what chance gives need not be taken off.
    """
    at = size.argmax(0)
    off = ~np.eye(at.shape[0], dtype=bool)
    value = np.take_along_axis(values, at[None], 0)[0] * off
    replications = np.zeros_like(drawn[0])
    for place, each in enumerate(drawn):
        replications += np.where((at == place) & off, each, 0)
    return at + 1, value, replications


def _shifts(data: LeadData) -> str:
    return f"circular shifts, topics {data.options.shifts}"


MEASURES: Mapping[Measure, Callable[[LeadData], Measured]] = {
    "granger": conditional,
    "granger bivariate": bivariate,
    "granger by topic": by_topic,
    "gaussian transfer entropy": gaussian,
    "transfer entropy": symbolic,
    "cross-correlation": correlation,
}
"""Name -> what measures it."""
