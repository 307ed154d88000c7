"""Bootstrap replications of a panel vector autoregression.

``residual``: series are simulated anew, run by run from their own first values, with residuals drawn with replacement
from those of their series (a topic; with stacked topics all), all groups of a time together (Runkle, J. Business &
Economic Statistics 1987). ``topics``: whole topics are drawn with replacement and their sums of products added, which
allows for whatever dependence there is within a topic (Kapetanios, J. Applied Econometrics 2008).

Replication number n is a function of the key and n alone: any split of the replications into tasks gives the same.

Intervals made from replications are percentile intervals (Efron 1979). Least squares draws the roots of an
autoregression towards zero, by about 1 / times; percentile intervals do not undo that bias and miss the truth too often
where it is not small beside the interval, as with many topics of few days: ask for correction then, which estimate and
replications alike undergo (as in Kilian, Review of Economics and Statistics 1998, by formula instead of simulation). A
replication whose roots reach 1 is brought back (:func:`hemicycle.agenda.responses.roots.shrunk`)
and counted; so are the coefficients that an explosive estimate would simulate from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from hemicycle.agenda.draws import draws
from hemicycle.agenda.label_means import less_label_means
from hemicycle.agenda.responses.bootstrap_kernels import simulated_products
from hemicycle.agenda.responses.fixed_effects_bias import bias_corrected
from hemicycle.agenda.responses.moments import drawn, moments, solved
from hemicycle.agenda.responses.panel_var import PanelVar, sizes
from hemicycle.agenda.responses.roots import shrunk
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of

Floats = NDArray[np.float64]
Bands = Literal["residual", "topics"]
_AT_ONCE = 256  # replications whose products are held together
FEWEST_TOPICS = 5
"""Topics without which none are drawn."""


@dataclass(frozen=True, eq=False)
class Replications:
    """Estimates of consecutive replications.

    Args:
        first: number of the first.
        coefficients: lag matrices, shape (replications, lags, groups, groups).
        covariance: of residuals, shape (replications, groups, groups).
        corrected: which were explosive and brought back, shape (replications,).
    """

    first: int
    coefficients: Floats
    covariance: Floats
    corrected: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.covariance)


def replications(var: PanelVar, bands: Bands, key: int, first: int, last: int) -> Replications:
    """Compute replications ``first`` to ``last`` - 1.

    Args:
        var: the fitted model.
        bands: ``residual`` or ``topics``.
        key: of the bootstrap; the same for all its parts.
        first: number of the first replication.
        last: number after the last.

    Raises:
        InputError: too few topics to draw from.
    """
    check_topics(var, bands)
    estimate = _of_topics if bands == "topics" else _of_residuals
    spans = [(start, min(start + _AT_ONCE, last)) for start in range(first, last, _AT_ONCE)]
    with threadpoolctl.threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the number of threads
        parts = [_stable(start, *estimate(var, key, (start, stop))) for start, stop in spans]
    return joined(parts) if parts else _nothing(var, first)


def joined(parts: Sequence[Replications]) -> Replications:
    """Join parts, in any order, to one.

    Raises:
        ValueError: a replication is missing or there twice.
    """
    ordered = sorted((part for part in parts if len(part)), key=lambda part: part.first) or list(parts[:1])
    for left, right in pairwise(ordered):
        if left.first + len(left) != right.first:
            raise ValueError(f"replications {left.first + len(left)} to {right.first} are missing or there twice")
    return Replications(
        ordered[0].first,
        np.concatenate([part.coefficients for part in ordered]),
        np.concatenate([part.covariance for part in ordered]),
        np.concatenate([part.corrected for part in ordered]),
    )


def check_topics(var: PanelVar, bands: Bands) -> None:
    """Refuse to draw topics where there are few.

    Raises:
        InputError: too few topics.
    """
    topics = len(np.unique(var.panel.topic[var.panel.rows]))
    if bands == "topics" and topics < FEWEST_TOPICS:
        raise InputError(
            f"bands by drawing topics need at least {FEWEST_TOPICS} topics with attention, there are {topics}",
            "bands",
            "choose bands: residual",
        )


def _nothing(var: PanelVar, first: int) -> Replications:
    return Replications(first, var.coefficients[None][:0], var.covariance[None][:0], np.empty(0, bool))


def _stable(first: int, coefficients: Floats, covariance: Floats) -> Replications:
    changed, explosive = shrunk(coefficients)
    return Replications(first, changed, covariance, explosive)


def _of_topics(var: PanelVar, key: int, span: tuple[int, int]) -> tuple[Floats, Floats]:
    panel, found = var.panel, moments(var.panel)
    weights = topic_weights(found.counts > 0, key, span)
    products = drawn(found, weights, fixed_effects=panel.fixed_effects)
    effects = weights.sum(1) if panel.fixed_effects else np.ones(len(weights))
    return _estimated(var, products, np.stack([effects, (weights * found.counts).sum(1)], 1))


def _estimated(var: PanelVar, products: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return lag matrices and covariances from centred products and the numbers of constants and of rows."""
    effects, rows = counts.T
    coefficients, covariance = solved(
        products, var.panel.n_groups, rows - effects - var.panel.n_groups * var.panel.lags
    )
    if var.corrected:
        coefficients = bias_corrected(products, coefficients, covariance, counts)
    return coefficients, covariance


def topic_weights(usable: NDArray[np.bool_], key: int, span: tuple[int, int]) -> Floats:
    """Return how often each usable topic is drawn in each replication, shape (replications, topics).

    Args:
        usable: which topics have rows, shape (topics,).
        key: of the bootstrap.
        span: first replication and the one after the last.
    """
    first, last = span
    weights = np.zeros((last - first, len(usable)))
    weights[:, usable] = draws(int(usable.sum()), key, last - first, first)
    return weights


def _of_residuals(var: PanelVar, key: int, span: tuple[int, int]) -> tuple[Floats, Floats]:
    panel, n_groups = var.panel, var.panel.n_groups
    coefficients, _ = shrunk(var.coefficients[None])
    effect = panel.effect
    products, sums = simulated_products(
        key_of("agenda residuals drawn", key),
        span,
        (panel.values, panel.bounds, effect, panel.lags),
        (coefficients[0], var.intercepts),
        residual_pool(var),
    )
    width = n_groups * (panel.lags + 1)
    products, sums = products.reshape(-1, width, width), sums.reshape(len(sums), -1, width)
    counts = np.maximum(np.bincount(effect[panel.rows], minlength=panel.n_effects), 1)
    centred = products - np.swapaxes(sums, 1, 2) @ (sums / counts[:, None])
    return _estimated(var, centred, np.tile(sizes(panel), (len(centred), 1)))


def residual_pool(var: PanelVar) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return residuals, centred in each series and sorted by it; each run's first place and number; and times."""
    panel = var.panel
    series = panel.row_series  # runs lie in the order of their series
    counts = np.bincount(series)
    centred = less_label_means(var.residuals, series, len(counts))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    return centred, first[panel.series], counts[panel.series].astype(np.int64), panel.time
