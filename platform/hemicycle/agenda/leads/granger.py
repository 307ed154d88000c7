"""Granger causality in a panel: does the past of one group tell the present of another what nothing else tells?

With X the lags of all groups, within a topic's own days and less its mean, the equation of group b,

    y_b = X beta_b + e_b,

is compared with the same one without the lags of group a. Their residual sums of squares give the Granger measure
(Geweke, J. American Statistical Association 1982, conditional on the other groups: Geweke, JASA 1984)

    F(a -> b) = ln(RSS without a / RSS with a),

and the coefficients of a's lags a Wald test. Only sums of products over clusters are needed, so that a bootstrap
replication costs one inverse. Removing topics' means biases coefficients by about 1/T (Nickell 1981).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hemicycle.agenda.label_means import less_label_means
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
_AT_ONCE = 128  # replications whose products are held together


@dataclass(frozen=True, eq=False)
class Products:
    """Sums of products of regressors and groups, one for each cluster.

    Args:
        xx: regressors by regressors, shape (clusters, groups x lags, groups x lags); lag l of group g is column
            g x lags + l.
        xy: regressors by groups, shape (clusters, groups x lags, groups).
        yy: squares of the groups, shape (clusters, groups).
        rows: observations, shape (clusters,).
        means: number of fixed effects that were taken off.
    """

    xx: Floats
    xy: Floats
    yy: Floats
    rows: Floats
    means: int

    @property
    def lags(self) -> int:
        """Number of lags."""
        return int(self.xy.shape[1] // self.xy.shape[2])

    def only(self, groups: Sequence[int]) -> "Products":
        """Keep the equations and the lags of some groups."""
        columns = np.concatenate([np.arange(g * self.lags, (g + 1) * self.lags) for g in groups])
        square = self.xx[:, columns[:, None], columns]
        return Products(
            square, self.xy[:, columns][:, :, list(groups)], self.yy[:, list(groups)], self.rows, self.means
        )

    def weighted(self, weights: Floats) -> "Products":
        """Add clusters up as often as they are drawn, weights of shape (replications, clusters)."""
        xx, xy, yy, rows = (np.tensordot(weights, part, 1) for part in (self.xx, self.xy, self.yy, self.rows))
        return Products(xx, xy, yy, rows, self.means)

    @property
    def total(self) -> "Products":
        """All clusters in one."""
        return self.weighted(np.ones((1, len(self.rows))))


def products(windows: Floats, topics: NDArray[np.int64], clusters: NDArray[np.int64], number: int) -> Products:
    """Return the sums of products of a panel by cluster, less the topics' means.

    Args:
        windows: rows with their lags, newest first, shape (rows, 1 + lags, groups).
        topics: topic of each row.
        clusters: cluster of each row.
        number: of clusters.
    """
    known, place = np.unique(topics, return_inverse=True)
    flat = less_label_means(windows.swapaxes(1, 2).reshape(len(windows), -1), place, len(known))
    by_group = flat.reshape(len(windows), windows.shape[2], -1)
    y, x = by_group[:, :, 0], by_group[:, :, 1:].reshape(len(windows), -1)
    order = np.argsort(clusters, kind="stable")
    bounds = np.searchsorted(clusters[order], np.arange(number + 1))
    spans = [order[start:end] for start, end in pairwise(bounds)]
    xx = np.stack([x[span].T @ x[span] for span in spans])
    xy = np.stack([x[span].T @ y[span] for span in spans])
    yy = np.stack([(y[span] ** 2).sum(0) for span in spans])
    return Products(xx, xy, yy, np.diff(bounds).astype(float), len(known))


@dataclass(frozen=True, eq=False)
class Fitted:
    """Least squares of every group on the lags of all, for one or more replications.

    Args:
        inverse: of the regressors' products, shape (replications, groups x lags, groups x lags).
        beta: coefficients, shape (replications, groups x lags, groups).
        left: residual sums of squares, shape (replications, groups).
        extra: what they grow by without the lags of a group, shape (replications, groups left out, groups).
    """

    inverse: Floats
    beta: Floats
    left: Floats
    extra: Floats

    @property
    def measure(self) -> Floats:
        """Geweke's measure F(a -> b) in [..., a, b]; 0 on the diagonal."""
        found = np.log1p(self.extra / self.left[:, None])
        return np.where(np.eye(found.shape[1], dtype=bool), 0.0, found)


def fitted(sums: Products) -> Fitted:
    """Fit all equations of each replication.

    RSS without a - RSS with a = beta_a' [(X'X)^-1_aa]^-1 beta_a, so that the smaller models need no fit of their own.
    """
    groups, lags = sums.xy.shape[2], sums.lags
    inverse = np.asarray(np.linalg.inv(sums.xx), np.float64)
    beta = inverse @ sums.xy
    left = sums.yy - (beta * sums.xy).sum(1)
    spans = [slice(a * lags, (a + 1) * lags) for a in range(groups)]
    extra = [(beta[:, s] * np.linalg.solve(inverse[:, s, s], beta[:, s])).sum(1) for s in spans]
    return Fitted(inverse, beta, left, np.stack(extra, 1))


def measures(panel: Products, weights: Floats) -> Floats:
    """Return F(a -> b) given all other groups for each replication, shape (replications, groups, groups).

    Args:
        panel: sums of products by cluster.
        weights: how often each cluster is drawn, shape (replications, clusters).
    """
    parts = [fitted(panel.weighted(some)).measure for some in _chunks(weights)]
    return np.concatenate(parts) if parts else np.empty((0, *panel.xy.shape[2:] * 2))


def measures_bivariate(panel: Products, weights: Floats) -> Floats:
    """Return F(a -> b) given the past of b alone for each replication, shape (replications, groups, groups).

    Args:
        panel: sums of products by cluster.
        weights: how often each cluster is drawn, shape (replications, clusters).
    """
    groups = panel.xy.shape[2]
    found = np.zeros((len(weights), groups, groups))
    for a, b in combinations(range(groups), 2):
        pair = measures(panel.only((a, b)), weights)
        found[:, a, b], found[:, b, a] = pair[:, 0, 1], pair[:, 1, 0]
    return found


def _chunks(weights: Floats) -> list[Floats]:
    return [weights[start : start + _AT_ONCE] for start in range(0, len(weights), _AT_ONCE)]


@dataclass(frozen=True, eq=False)
class ByTopic:
    """Granger causality with coefficients of its own in each topic (Dumitrescu and Hurlin, Economic Modelling 2012).

    Args:
        measure: ln of the residual variances' ratio, each over its own degrees of freedom so that it is about 0 where
            nothing leads, shape (topics, groups, groups); NaN: too few days.
        wald: sum over topics of the Wald statistics, shape (groups, groups).
        mean: what it is where nothing leads: the sum of the moments of q F(q, nu), nu a topic's degrees of freedom.
        variance: its variance where topics are independent.
    """

    measure: Floats
    wald: Floats
    mean: float
    variance: float

    @property
    def z(self) -> Floats:
        """Dumitrescu and Hurlin's standardised statistic for a finite number of days (their equation 33)."""
        return np.asarray((self.wald - self.mean) / np.sqrt(self.variance))

    @property
    def p_value(self) -> Floats:
        """One-sided p-values of the gamma distribution with this mean and variance; NaN on the diagonal.

        A normal's, which the paper refers z to, are too small in the tail while topics are some dozens.
        """
        p = stats.gamma.sf(self.wald, self.mean**2 / self.variance, scale=self.variance / self.mean)
        return _off_diagonal(p)


def by_topic(each: Products) -> ByTopic:
    """Test every topic by itself, conditional on all other groups.

    Args:
        each: products whose clusters are the topics.

    Raises:
        InputError: no topic has enough days.
    """
    columns, lags = each.xx.shape[1], each.lags
    free = each.rows - columns - 1
    known = (free > 4) & (np.linalg.matrix_rank(each.xx, hermitian=True) == columns)
    if not known.any():
        raise InputError(
            f"no topic has more than {columns + 5} complete days, which {lags} lags of {columns // lags} groups take",
            "measures",
            "leave out 'granger by topic', or give more days or fewer lags",
        )
    fit = fitted(each.weighted(np.eye(len(free))[known]))
    nu = free[known, None, None]
    ratio = fit.extra / fit.left[:, None]
    found = np.full((len(free), *ratio.shape[1:]), np.nan)
    found[known] = np.where(np.eye(ratio.shape[1], dtype=bool), 0.0, np.log1p(ratio) - np.log1p(lags / nu))
    mean, variance = lags * nu / (nu - 2), 2 * lags * nu**2 * (lags + nu - 2) / ((nu - 2) ** 2 * (nu - 4))
    return ByTopic(found, (nu * ratio).sum(0), float(mean.sum()), float(variance.sum()))


def p_values(panel: Products) -> Floats:
    """p-values of the F test that takes errors for independent with one variance; NaN on the diagonal.

    Args:
        panel: sums of products by cluster, all of which count.

    Returns:
        Shape (groups, groups), [a, b] of "a does not lead b, given all other groups".
    """
    fit = fitted(panel.total)
    free = panel.rows.sum() - panel.xx.shape[1] - panel.means
    return _off_diagonal(stats.f.sf(fit.extra[0] / panel.lags / (fit.left / free), panel.lags, free))


def _off_diagonal(p: Floats) -> Floats:
    return np.where(np.eye(len(p), dtype=bool), np.nan, p)
