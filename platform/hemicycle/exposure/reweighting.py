r"""Edge weights that lower disagreement: the convex problem of a network administrator, solved exactly.

Chitra and Musco (WSDM 2020): given expressed opinions z, the administrator chooses weights

    min_W  sum_ij W_ij |z_i - z_j|^2 + gamma |W|_F^2
    with   W >= 0,  W 1 = W0 1 (degrees),  |W - W0|_F <= epsilon |W0|_F,  W_ij = 0 wherever W0_ij = 0,

W symmetric where edges have no direction. Their regularised administrator is gamma > 0. By duality the solution is

    W(t) = P[(W0 - t C) / (1 + 2 gamma t)],   C_ij = |z_i - z_j|^2,

with P the projection on {W >= 0, W 1 = W0 1} and t > 0 such that the budget is spent; |W(t) - W0| never falls with t.
For directed edges P is a projection on one simplex a row (Michelot, Journal of Optimization Theory and Applications
1986). For undirected ones it has one multiplier a user, found by Newton's method on the dual, which is
convex and piecewise quadratic; each Newton step is a sparse linear system, solved by conjugate gradients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse.linalg import LinearOperator, cg

from hemicycle.core.loops import compiled, over_entries
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions

Vector = NDArray[np.float64]
Projection = Callable[[Vector], Vector]
_FARTHEST = 2.0**20
_TOLERANCE = 1e-10
_NEWTON_STEPS = 200


def reweighted(graph: InteractionGraph, opinions: Opinions, budget: float, regularisation: float = 0.0) -> Vector:
    """Return the weights that the administrator gives to the edges of a graph, shape (n_edges,).

    Args:
        graph: W0; row u holds whom u follows. Undirected graphs keep symmetric weights.
        opinions: z, shape (n_users, n_dims).
        budget: epsilon >= 0.
        regularisation: gamma >= 0.

    Returns:
        Weights in the order of the graph's entries; the graph's own where nothing can be gained.
    """
    rows, columns = graph.rows(), np.asarray(graph.indices)
    weights = np.ones(len(rows)) if graph.weights is None else np.asarray(graph.weights, float)
    costs = np.square(np.asarray(opinions, float)[rows] - np.asarray(opinions, float)[columns]).sum(axis=1)
    if graph.directed:
        project = _row_projection(np.asarray(graph.indptr), weights)
        return _spent(_Problem(weights, costs, budget, regularisation), project)
    one = rows < columns
    ends = (rows[one].astype(np.int64), columns[one].astype(np.int64))
    problem = _Problem(weights[one], costs[one], budget, regularisation)
    found = _spent(problem, DegreeProjection(ends, graph.n_users, weights[one]))
    n = graph.n_users
    names = np.minimum(rows, columns).astype(np.int64) * n + np.maximum(rows, columns)
    return np.asarray(found[np.searchsorted(ends[0] * n + ends[1], names)])


@dataclass(frozen=True, eq=False)
class _Problem:
    weights: Vector
    costs: Vector
    budget: float
    regularisation: float

    def target(self, t: float) -> Vector:
        """Return what is projected, (W0 - t C) / (1 + 2 gamma t)."""
        return np.asarray((self.weights - t * self.costs) / (1 + 2 * self.regularisation * t))


def _spent(problem: _Problem, project: Projection) -> Vector:
    """Return W(t) for the t at which the budget is spent, or for a very large t where it never is."""
    radius = problem.budget * float(np.linalg.norm(problem.weights))
    force = float(np.linalg.norm(problem.costs)) + 2 * problem.regularisation * float(np.linalg.norm(problem.weights))
    if radius == 0 or force == 0:
        return problem.weights

    def excess(t: float) -> float:
        return float(np.linalg.norm(project(problem.target(t)) - problem.weights)) - radius

    low, high = 0.0, radius / force
    first = high
    while excess(high) < 0:
        if high > first * _FARTHEST:
            return project(problem.target(high))
        low, high = high, 2 * high
    return project(problem.target(float(brentq(excess, low, high, rtol=_TOLERANCE, xtol=_TOLERANCE * high))))


# -- projections on weights of given degrees -------------------------------------------------------------------------


class DegreeProjection:
    """Projection on {w >= 0, sum of w over the edges of u = d_u} of weights of undirected edges.

    The answer is w(m) = max(0, v + m_a + m_b) on the edge (a, b), with multipliers m that minimise the convex
    |w(m)|^2 / 2 - d.m; each call starts from the multipliers of the last one.

    Args:
        ends: users at the two ends of each edge.
        n_users: number of users.
        weights: weights that have the degrees wanted.
    """

    def __init__(self, ends: tuple[NDArray[np.int64], NDArray[np.int64]], n_users: int, weights: Vector) -> None:
        self.ends, self.n_users = ends, n_users
        self.degrees = self.sums(weights)
        self.multipliers = np.zeros(n_users)

    def sums(self, weights: Vector) -> Vector:
        """Return the sum over each user's edges, shape (n_users,)."""
        one, other = (np.bincount(end, weights, self.n_users) for end in self.ends)
        return np.asarray(one + other)

    def spread(self, values: Vector) -> Vector:
        """Return the sum of the values at the two ends of each edge."""
        return np.asarray(values[self.ends[0]] + values[self.ends[1]])

    def __call__(self, target: Vector) -> Vector:
        """Project, to 1e-10 of the largest degree."""
        m, enough = self.multipliers, _TOLERANCE * max(1.0, float(self.degrees.max()))
        for _ in range(_NEWTON_STEPS):
            weights = np.maximum(target + self.spread(m), 0)
            slope = self.sums(weights) - self.degrees
            if np.abs(slope).max() <= enough:
                break
            m = self._searched(target, m, self._direction(weights > 0, slope), slope)
        self.multipliers = m
        return np.maximum(target + self.spread(m), 0)

    def _direction(self, active: NDArray[np.bool_], slope: Vector) -> Vector:
        """Return Newton's step: minus the inverse second derivative, a signless Laplacian, times the slope."""
        kept = active.astype(float)
        diagonal = self.sums(kept) + _TOLERANCE

        def second(x: Vector) -> Vector:
            return self.sums(kept * self.spread(x)) + _TOLERANCE * x

        shape = (self.n_users, self.n_users)
        matrix = LinearOperator(shape, matvec=second, dtype=float)
        scaled = LinearOperator(shape, matvec=lambda x: x / diagonal, dtype=float)
        found, _ = cg(matrix, -slope, rtol=1e-6, atol=0.0, maxiter=500, M=scaled)
        return np.asarray(found)

    def _searched(self, target: Vector, m: Vector, direction: Vector, slope: Vector) -> Vector:
        """Halve the step until the dual falls as it should (Armijo)."""

        def dual(at: Vector) -> float:
            return float(0.5 * np.square(np.maximum(target + self.spread(at), 0)).sum() - self.degrees @ at)

        start, fall, length = dual(m), float(slope @ direction), 1.0
        while dual(m + length * direction) > start + 1e-4 * length * fall and length > 1e-8:
            length /= 2
        return m + length * direction


def _row_projection(indptr: NDArray[np.int64], weights: Vector) -> Projection:
    """Return the projection that keeps the sum of each row of compressed sparse rows."""

    def project(target: Vector) -> Vector:
        out = np.empty_like(target)
        over_entries(project_rows, indptr, indptr, weights, target, out)
        return out

    return project


@compiled
def project_rows(span: Any, indptr: Any, weights: Any, target: Any, out: Any) -> None:
    """Project each row of ``target`` on {w >= 0, sum of w = sum of the row of ``weights``}, into ``out``."""
    for i in range(span[0], span[1]):
        _project_row(
            weights[indptr[i] : indptr[i + 1]], target[indptr[i] : indptr[i + 1]], out[indptr[i] : indptr[i + 1]]
        )


@compiled
def _project_row(weights: Any, target: Any, out: Any) -> None:
    """Raise the level below which weights are 0 until those above it sum to the total (Michelot 1986)."""
    total = 0.0
    for weight in weights:
        total += weight
    level, kept, before = -np.inf, -1, -2
    while kept not in (before, 0):
        above, before, kept = -total, kept, 0
        for value in target:
            if value > level:
                above += value
                kept += 1
        if kept > 0:
            level = above / kept
    for e in range(len(target)):
        out[e] = max(target[e] - level, 0.0)
