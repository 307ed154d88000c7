"""Polarization of a state of opinions on a social graph.

Legend: x opinions (n, n_dims), w_ij weight of the edge by which i follows j, m_i weighted mean of whom i follows.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.kernels import squared_differences, weighted_mean

Metric = Callable[[Opinions, Sources], float]
"""Opinions and the social graph as sources, the users at these opinions -> value."""


def mean(opinions: Opinions, network: Sources) -> float:
    """Mean opinion, over users and dimensions."""
    del network
    return float(opinions.mean(dtype=np.float64))


def variance(opinions: Opinions, network: Sources) -> float:
    """Trace of the covariance matrix: mean squared distance to the mean opinion."""
    del network
    return float((_centred(opinions) ** 2).sum() / len(opinions))


def extremity(opinions: Opinions, network: Sources) -> float:
    """Mean distance to the origin."""
    del network
    return float(np.linalg.norm(opinions.astype(np.float64), axis=1).mean())


def bimodality(opinions: Opinions, network: Sources) -> float:
    """Sarle's bimodality coefficient along the leading principal axis.

    (g^2 + 1) / (k + 3 (n - 1)^2 / ((n - 2) (n - 3))) with the bias-corrected sample skewness g and excess kurtosis k
    (SAS Institute 1990; Pfister, Schwarz, Janczyk, Dale and Freeman, Front. Psychol. 4:700, 2013). A uniform
    distribution has 5/9, a normal one 1/3; values above 5/9 point to two modes. NaN for fewer than four users or at
    consensus.
    """
    del network
    n, x = len(opinions), _leading(_centred(opinions))
    second = (x**2).mean()
    if n < 4 or second <= CONSENSUS:
        return float("nan")
    skewness = np.sqrt(n * (n - 1)) / (n - 2) * (x**3).mean() / second**1.5
    kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ((x**4).mean() / second**2 - 3) + 6)
    return float((skewness**2 + 1) / (kurtosis + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


def neighbour_correlation(opinions: Opinions, network: Sources) -> float:
    """Pearson correlation of x_i and m_i over the users who follow someone: how far opinions echo.

    In several dimensions, that of the centred values of all dimensions together. NaN at consensus.
    """
    means, totals = weighted_mean(network, opinions)
    x, m = _centred(opinions[totals > 0]), _centred(means[totals > 0])
    scale = np.sqrt((x**2).sum() * (m**2).sum())
    return float((x * m).sum() / scale) if scale > CONSENSUS * len(x) else float("nan")


def disagreement(opinions: Opinions, network: Sources) -> float:
    """Mean of |x_i - x_j|^2 over the edges, weighted as they are; on an undirected graph 2 x'Lx / sum_ij w_ij.

    x'Lx is the disagreement of Musco, Musco and Tsourakakis (WWW 2018), before it is divided here by the edges.
    """
    return float(squared_differences(network, opinions).sum() / network.totals.sum())


CONSENSUS = 1e-6
"""Variance below which opinions agree, so that the shape of their distribution means nothing."""
METRICS: Mapping[str, Metric] = {
    "mean": mean,
    "variance": variance,
    "bimodality": bimodality,
    "neighbour_correlation": neighbour_correlation,
    "disagreement": disagreement,
    "extremity": extremity,
}


def measure(opinions: Opinions, network: Sources) -> dict[str, float]:
    """Every metric of a state.

    Args:
        opinions: shape (n, n_dims).
        network: the social graph as sources; its users are moved to ``opinions`` here.
    """
    here = network.at(opinions)
    return {name: metric(opinions, here) for name, metric in METRICS.items()}


def _centred(opinions: Opinions) -> NDArray[np.float64]:
    """Opinions less their mean, shape (n, n_dims)."""
    x = opinions.astype(np.float64)
    return np.asarray(x - x.mean(axis=0)) if len(x) else x


def _leading(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates on the first principal axis, shape (n,)."""
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    return np.asarray(centred @ axis)
