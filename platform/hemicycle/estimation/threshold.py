"""The likelihood of bounded confidence at every confidence, from one pass over the edges in the order of distance.

As the confidence grows past an edge's distance, one user's column changes; sums of products follow in constant time,
so that all edges' distances are candidates. The likelihood is a step function with its jump at the true value: the
estimate converges faster than usual, and the likelihood ratio is no chi-squared variable (Hansen, Econometrica 68,
2000). The values under a quantile of it lie in several pieces, and the interval reaches from the first to the last of
them; the quantile is therefore that of the least ratio at which this hull holds the true value. It is simulated with
normal noise from the fitted model, on the users and edges at hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.loops import compiled
from hemicycle.core.seeding import rng
from hemicycle.estimation.kernels import Floats
from hemicycle.estimation.panel import Panel

WINDOW = 40.0
"""Likelihood ratios beyond which a confidence is out of the question."""


@dataclass(frozen=True, eq=False)
class Crossings:
    """Edges of all transitions in the order of their distances.

    Args:
        distances: rising, shape (n_edges,).
        rows: movement that each edge belongs to, shape (n_edges,).
        pulls: weight times difference to the source, shape (n_edges,).
        weights: shape (n_edges,).
        response: movement, shape (n_rows,).
        strata: transition of each movement, shape (n_rows,); all 0 without drift.
        folds: fold of each movement, shape (n_rows,).
        n_folds: number of folds.
        drift: whether every stratum has a mean of its own.
    """

    distances: Floats
    rows: NDArray[np.int32]
    pulls: Floats
    weights: Floats
    response: Floats
    strata: NDArray[np.int64]
    folds: NDArray[np.int64]
    n_folds: int
    drift: bool

    @property
    def n_strata(self) -> int:
        """Number of transitions with a drift of their own."""
        return int(self.strata.max(initial=0)) + 1


@dataclass(frozen=True, eq=False)
class Curve:
    """Residual sums of squares at every confidence.

    Args:
        confidences: where they change, from 0 on, shape (k,): the k-th value holds up to the next.
        losses: residual sums of squares at the best coefficient that is not negative, shape (k,).
        slopes: these coefficients, shape (k,).
        curvatures: sums of squares of the column, centred by stratum, shape (k,).
        fold_best: confidence that fits best without each fold, shape (n_folds,).
    """

    confidences: Floats
    losses: Floats
    slopes: Floats
    curvatures: Floats
    fold_best: Floats


def crossings(panel: Panel, folds: NDArray[np.int64], *, drift: bool) -> Crossings:
    """Collect and sort the edges of all movements.

    Args:
        panel: movements.
        folds: fold of each pool, shape (n_pools,).
        drift: whether every transition has a drift of its own.
    """
    parts, base = [], 0
    for own in panel.transitions:
        parts.append(_edges(own, base))
        base += len(own.rows)
    distances, rows, pulls, weights = (np.concatenate([part[k] for part in parts]) for k in range(4))
    order = np.argsort(distances, kind="stable")
    response = np.concatenate([(own.after - own.before)[own.rows] for own in panel.transitions])
    strata = np.repeat(np.arange(len(panel.transitions)), [len(own.rows) for own in panel.transitions])
    fold = np.concatenate([np.repeat(folds, np.diff(own.starts)) for own in panel.transitions])
    return Crossings(
        distances[order],
        rows[order].astype(np.int32),
        pulls[order],
        weights[order],
        response,
        strata if drift else np.zeros_like(strata),
        fold,
        int(folds.max()) + 1,
        drift,
    )


def _edges(own: Any, base: int) -> tuple[Floats, NDArray[np.int64], Floats, Floats]:
    """Distances, movements, pulls and weights of the edges of one transition."""
    scene = own.scene
    place = np.full(len(own.before), -1)
    place[own.rows] = base + np.arange(len(own.rows))
    users = np.repeat(np.arange(len(own.before)), np.diff(scene.indptr))
    weights = scene.weights.astype(np.float64) if len(scene.weights) else np.ones(len(users))
    away = own.before[scene.indices] - own.before[users]
    keep = place[users] >= 0
    return np.abs(away[keep]), place[users[keep]], (weights * away)[keep], weights[keep]


def curve_of(edges: Crossings) -> Curve:
    """Return the residual sum of squares at every confidence; 0 stands for no influence."""
    losses, slopes, curvatures, best = _pass(
        (edges.rows, edges.pulls, edges.weights, edges.distances),
        (edges.response, edges.strata, edges.folds),
        (edges.n_strata, edges.n_folds, edges.drift),
    )
    if not len(edges.distances):
        return Curve(np.zeros(1), losses, slopes, curvatures, np.zeros(edges.n_folds))
    last = np.append(np.flatnonzero(np.diff(edges.distances) > 0), len(edges.distances) - 1)
    keep = np.concatenate([[0], last + 1])
    confidences = np.concatenate([[0.0], edges.distances[last]])
    fold_best = np.where(best > 0, edges.distances[np.maximum(best - 1, 0)], 0.0)
    return Curve(confidences, losses[keep], slopes[keep], curvatures[keep], fold_best)


@compiled
def _fit(sums: Any, products: Any, counts: Any, totals: Any, drift: bool) -> Any:
    """Loss, slope and curvature from sums by stratum: of the column, of [column^2, column y, y^2], of 1 and of y."""
    xx, xy, yy = products
    if drift:
        for s in range(len(counts)):
            if counts[s] > 0:
                xx -= sums[s] * sums[s] / counts[s]
                xy -= sums[s] * totals[s] / counts[s]
                yy -= totals[s] * totals[s] / counts[s]
    slope = xy / xx if xx > 1e-12 and xy > 0.0 else 0.0
    return yy - slope * xy, slope, xx


@compiled
def _pass(edges: Any, movements: Any, sizes: Any) -> Any:
    """Move the confidence past all edges; index 0 of the results stands before the first."""
    rows, pulls, weights, distances = edges
    response, strata, folds = movements
    n_strata, n_folds, drift = sizes
    n = len(rows)
    counts, totals = np.zeros((n_folds + 1, n_strata)), np.zeros((n_folds + 1, n_strata))
    sums = np.zeros((n_folds + 1, n_strata))
    products = np.zeros((n_folds + 1, 3))
    for r in range(len(response)):
        for f in range(n_folds + 1):
            if f != folds[r]:  # set f holds all but fold f, the last one all
                counts[f, strata[r]] += 1.0
                totals[f, strata[r]] += response[r]
                products[f, 2] += response[r] * response[r]
    losses, slopes, curvatures = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    best, least = np.zeros(n_folds, np.int64), np.full(n_folds, np.inf)
    losses[0] = _fit(sums[n_folds], products[n_folds], counts[n_folds], totals[n_folds], drift)[0]
    moved, weight = np.zeros(len(response)), np.ones(len(response))
    for e in range(n):
        r = rows[e]
        old = moved[r] / weight[r]
        moved[r] += pulls[e]
        weight[r] += weights[e]
        new = moved[r] / weight[r]
        for f in range(n_folds + 1):
            if f != folds[r]:
                sums[f, strata[r]] += new - old
                products[f, 0] += new * new - old * old
                products[f, 1] += (new - old) * response[r]
        if e + 1 < n and distances[e + 1] == distances[e]:
            continue
        for f in range(n_folds):
            loss = _fit(sums[f], products[f], counts[f], totals[f], drift)[0]
            if loss < least[f]:
                least[f], best[f] = loss, e + 1
        found = _fit(sums[n_folds], products[n_folds], counts[n_folds], totals[n_folds], drift)
        losses[e + 1], slopes[e + 1], curvatures[e + 1] = found
    return losses, slopes, curvatures, best


# -- the likelihood ratio under the fitted model ---------------------------------------------------------------------


def ratio_of(curve: Curve, n: int) -> Floats:
    """Likelihood ratio n log(loss / least loss) of each confidence, shape (k,)."""
    return np.asarray(n * np.log(curve.losses / curve.losses.min()), np.float64)


def critical_value(edges: Crossings, curve: Curve, level: float, draws: int, seed: int) -> float:
    """Return the quantile of the likelihood ratio at which the hull holds the truth, simulated from the fitted model.

    Only edges between the outermost confidences with a likelihood ratio under ``WINDOW`` are moved.

    Args:
        edges: sorted edges.
        curve: of these.
        level: of the interval, e.g. 0.9.
        draws: simulated data sets.
        seed: of their noise.
    """
    place = int(np.argmin(curve.losses))
    simulate = _simulator(edges, curve, place)
    generator = rng("critical value", seed)
    return float(np.quantile([simulate(generator) for _ in range(draws)], level, method="higher"))


def _simulator(edges: Crossings, curve: Curve, place: int) -> Callable[[np.random.Generator], float]:
    """Return the function that draws data from the fitted model, and their ratio at which the hull holds the truth.

    Movements without an edge in the window enter through sums alone, which are drawn from their joint distribution.
    """
    n = len(edges.response)
    near = np.flatnonzero(ratio_of(curve, n) < WINDOW)
    first, last = np.searchsorted(edges.distances, curve.confidences[near[[0, -1]]], side="right")
    truth = int(np.searchsorted(edges.distances, curve.confidences[place], side="right"))
    (moved, weight), at_truth = _until(edges, int(first)), _until(edges, truth)
    column, signal = moved / weight, curve.slopes[place] * at_truth[0] / at_truth[1]
    inside = slice(int(first), int(last))
    touched, rows = np.unique(edges.rows[inside], return_inverse=True)
    counts = np.bincount(edges.strata, minlength=edges.n_strata).astype(np.float64)
    sums = np.bincount(edges.strata, column, edges.n_strata)
    state = (moved[touched], weight[touched], edges.strata[touched], counts, sums, float(column @ column))
    moving = (rows, edges.pulls[inside], edges.weights[inside], edges.distances[inside])
    noise = np.sqrt(curve.losses[place] / n)
    rest = _Rest.of(edges, column, touched)
    expected = (np.bincount(edges.strata, signal, edges.n_strata), float(column @ signal), float(signal @ signal))

    def simulate(generator: np.random.Generator) -> float:
        z = generator.normal(0.0, noise, len(touched))
        totals, xz, zz = rest.draw(generator, noise)
        totals = expected[0] + totals + np.bincount(state[2], z, edges.n_strata)
        signal_noise = curve.slopes[place] * xz + float(signal[touched] @ z)
        yy = expected[2] + 2 * signal_noise + zz + float(z @ z)
        xy = expected[1] + xz + float(column[touched] @ z)
        below, above = _window(moving, state, (signal[touched] + z, totals, xy, yy, truth - int(first), edges.drift))
        return float(n * abs(np.log(below / above)))

    return simulate


@dataclass(frozen=True, eq=False)
class _Rest:
    """Movements without an edge in the window: their number, and a root of the products of column and strata."""

    number: int
    root: Floats

    @classmethod
    def of(cls, edges: Crossings, column: Floats, touched: NDArray[np.int32]) -> "_Rest":
        """Collect them."""
        rest = np.ones(len(column), bool)
        rest[touched] = False
        own, strata = column[rest], edges.strata[rest]
        sums = np.bincount(strata, own, edges.n_strata)
        counts = np.bincount(strata, minlength=edges.n_strata)
        products = np.block([[np.array([[own @ own]]), sums[None]], [sums[:, None], np.diag(counts)]])
        values, vectors = np.linalg.eigh(products)
        return cls(len(own), vectors * np.sqrt(np.maximum(values, 0.0)))

    def draw(self, generator: np.random.Generator, noise: float) -> tuple[Floats, float, float]:
        """Sums of their noise by stratum, of column times noise, and of its squares."""
        free = min(self.number, len(self.root))
        along = generator.normal(0.0, noise, len(self.root))
        found = self.root @ along
        squares = float((along**2).sum()) if free else 0.0
        beyond = noise**2 * generator.chisquare(self.number - free) if self.number > free else 0.0
        return found[1:], float(found[0]), squares + beyond


def _until(edges: Crossings, number: int) -> tuple[Floats, Floats]:
    """Sums of pulls and of weights, the own 1 included, of each movement after ``number`` edges."""
    n, rows = len(edges.response), edges.rows[:number]
    moved = np.bincount(rows, edges.pulls[:number], n).astype(np.float64)
    return moved, np.asarray(1.0 + np.bincount(rows, edges.weights[:number], n), np.float64)


@compiled
def _window(moving: Any, state: Any, known: Any) -> Any:
    """Least losses up to the true confidence and from it on, within a window."""
    rows, pulls, weights, distances = moving
    moved, weight, sums = state[0].copy(), state[1].copy(), state[4].copy()
    strata, counts = state[2], state[3]
    y, totals, xy, yy, truth, drift = known
    xx = state[5]
    below = _fit(sums, (xx, xy, yy), counts, totals, drift)[0]
    above = below if truth == 0 else np.inf
    for e in range(len(rows)):
        r = rows[e]
        old = moved[r] / weight[r]
        moved[r] += pulls[e]
        weight[r] += weights[e]
        new = moved[r] / weight[r]
        sums[strata[r]] += new - old
        xx += new * new - old * old
        xy += (new - old) * y[r]
        if e + 1 < len(rows) and distances[e + 1] == distances[e]:
            continue
        loss = _fit(sums, (xx, xy, yy), counts, totals, drift)[0]
        if e + 1 <= truth:
            below = min(below, loss)
        if e + 1 >= truth:
            above = min(above, loss)
    return below, above
