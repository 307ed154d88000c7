"""How opinions lie on the social graph: echo, disagreement, controversy.

Legend: x opinions (n, n_dims), w_ij weight of the edge by which i follows j, m_i weighted mean of whom i follows.
"""

from typing import Any

import numpy as np

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.structure import correlation_of_ends, in_strengths, modularity_of_table, out_strengths
from hemicycle.opinions.base import Opinions
from hemicycle.simulations.metrics_distribution import CONSENSUS
from hemicycle.simulations.situation import Sides
from hemicycle.simulations.sums import Floats, Heard, Seen

_MOST_ITERATIONS = 1000


def neighbour_correlation(opinions: Opinions, heard: Heard) -> float:
    """Pearson correlation of x_i and m_i over the users who follow someone: how far opinions echo.

    In several dimensions, that of the centred values of all dimensions together. NaN at consensus.
    """
    follows = heard.totals > 0
    if not follows.any():
        return float("nan")
    some = slice(None) if follows.all() else follows
    x, m = (part[some].astype(np.float64) for part in (opinions, heard.means))
    x -= x.mean(axis=0)
    m -= m.mean(axis=0)
    x, m = x.ravel(), m.ravel()
    scale = np.sqrt((x @ x) * (m @ m))
    return float(x @ m / scale) if scale > CONSENSUS * len(m) / opinions.shape[1] else float("nan")


def disagreement(heard: Heard) -> float:
    """Mean of |x_i - x_j|^2 over the edges, weighted as they are; on an undirected graph 2 x'Lx / sum_ij w_ij.

    x'Lx is the disagreement of Musco, Musco and Tsourakakis (WWW 2018), before it is divided here by the edges. NaN
    without edges.
    """
    total = heard.totals.sum()
    return float(heard.squared.sum() / total) if total > 0 else float("nan")


def opinion_assortativity(x: Floats, axis: Floats, heard: Heard, graph: InteractionGraph) -> float:
    """Correlation of opinions at the two ends of edges, on the first principal axis (Newman 2003).

    Unlike :func:`neighbour_correlation` every edge counts once, so that users who follow many count more. NaN at
    consensus.

    Args:
        x: coordinates on the axis, up to a constant, shape (n,).
        axis: the axis, shape (n_dims,).
        heard: opinions of whom users follow.
        graph: who follows whom.
    """
    means = heard.means.astype(np.float64) @ axis
    return correlation_of_ends(x - x.mean(), means - x.mean(), heard.totals, in_strengths(graph))


def side_modularity(sides: Sides, seen: Seen) -> float:
    """Modularity of the two sides of the opinion axis in the graph (Leicht and Newman 2008).

    See :func:`hemicycle.graphs.structure.modularity`; here the edges between the sides are summed already.
    """
    across, known = (np.bincount(np.maximum(sides, 0), part, 2) for part in (seen.across, seen.known))
    within = known - across
    return modularity_of_table(np.array([[within[0], across[0]], [across[1], within[1]]]))


def polarization_disagreement(graph: InteractionGraph, innate: Opinions, tolerance: float = 1e-6) -> float:
    """Polarization-disagreement index s' (I + L)^-1 s / n of the innate opinions s, centred, summed over dimensions.

    At the fixed point z = (I + L)^-1 s of Friedkin and Johnsen's model it is polarization z'z plus disagreement z'Lz,
    each over n (Musco, Musco and Tsourakakis, WWW 2018, section 2). L is the Laplacian of the graph with both
    directions at half their weight; a graph that never changes has one index. Solved by conjugate gradients,
    preconditioned by the diagonal, to a relative residual of ``tolerance``. NaN without users.
    """
    n = len(innate)
    if not n:
        return float("nan")
    s = innate.astype(np.float64)
    s -= s.mean(axis=0)
    matrix = graph.to_scipy()
    degrees = (out_strengths(graph) + in_strengths(graph)) / 2
    return float(sum(column @ _solved(matrix, degrees, column, tolerance) for column in s.T) / n)


def _solved(matrix: Any, degrees: Floats, right: Floats, tolerance: float) -> Floats:
    """Solve (I + L) z = right by conjugate gradients (Hestenes and Stiefel 1952), L = D - (A + A') / 2."""
    both = (matrix, matrix.T)
    z, residual, scale = np.zeros(len(right)), right.copy(), 1 + degrees
    direction = prepared = residual / scale
    energy = residual @ prepared
    for _ in range(_MOST_ITERATIONS):
        if residual @ residual <= tolerance**2 * (right @ right):
            break
        moved = scale * direction - (both[0] @ direction + both[1] @ direction) / 2
        length = energy / (direction @ moved)
        z += length * direction
        residual -= length * moved
        prepared = residual / scale
        energy, before = residual @ prepared, energy
        direction = prepared + energy / before * direction
    return z
