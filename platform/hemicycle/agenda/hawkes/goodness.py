"""Goodness of fit by time rescaling: the integral of the right intensity between events is exponential (Ogata 1988).

The increments of a source's compensator between its events are compared with the exponential distribution of mean 1 by
the Kolmogorov-Smirnov statistic, beside those of a Poisson process with the same baseline, which knows no influence.
With hundreds of thousands of events the p-value rejects any model that is not exactly right: the statistic (the largest
gap between the distribution functions) and the quantiles say whether it matters.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Kernel, kernel_of
from hemicycle.agenda.hawkes.likelihood import sums
from hemicycle.agenda.hawkes.loops import counted
from hemicycle.agenda.hawkes.newton import Fit

Floats = NDArray[np.float64]
LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)
"""Levels of the quantiles that are compared."""
_LARGE = 20_000


def increments(design: Design, kernel: Kernel, theta: Floats) -> list[Floats]:
    """Integral of each target's intensity between its successive events, from the start of the observation on.

    Args:
        design: events and baseline, over all of the observation.
        kernel: at its estimated shape.
        theta: shape (n_targets, p).

    Returns:
        An array of each target's number of events.
    """
    kernels = _integrated(design, kernel, theta[:, design.n_pieces :])
    found = []
    for i, target in enumerate(design.events.targets):
        mine = design.events.marks == target
        times = design.events.times[mine]
        first = design.events.start
        baseline = design.baseline.integral(theta[i, : design.n_pieces], times, first, design.events.horizon)
        found.append(np.diff(baseline + kernels[mine], prepend=0.0))
    return found


def _integrated(design: Design, kernel: Kernel, weights: Floats) -> Floats:
    """Integral up to each event of the part of its source's intensity that events cause, shape (n_events,).

    An event of source j adds A_ij (1 - exp(-beta s)) until s later: A_ij (N_j - R_j / beta) in all.
    """
    events = design.events
    shares = np.ones((1, 1)) if kernel.own else kernel.mix
    by_source = np.einsum("ilj,l->ij", weights.reshape(len(weights), -1, events.n_sources), shares.sum(0))
    out = np.zeros(len(events.times))
    counted(events.marks, design.target_of, np.ascontiguousarray(by_source), out)
    scaled, weights = _over_rates(design, kernel, weights)
    for stretch in design.stretches(scaled):
        for i in range(len(weights)):
            rows = slice(stretch.bounds[i], stretch.bounds[i + 1])
            out[stretch.events[rows]] -= stretch.features[rows, design.n_pieces :] @ weights[i]
    return out


def _over_rates(design: Design, kernel: Kernel, weights: Floats) -> tuple[Kernel, Floats]:
    """Kernel and weights whose features are R / beta."""
    still = np.zeros(0)
    if not kernel.own:
        return replace(kernel, mix=kernel.mix / kernel.rates[:, None], parameters=still), weights
    rates = kernel.rates[design.events.targets] if len(kernel.rates) > 1 else kernel.rates
    return replace(kernel, parameters=still), weights / rates


def poisson(design: Design) -> Floats:
    """Rates of the pieces of a baseline without influence, shape (n_targets, n_pieces)."""
    first, last = design.span
    exposure = design.baseline.exposure(first, last, design.events.horizon)
    flat = design.target_of * design.n_pieces + design.pieces
    counts = np.bincount(flat[design.target_of >= 0], minlength=len(design.counts) * design.n_pieces)
    counts = counts.reshape(len(design.counts), -1)
    return np.asarray(np.divide(counts, exposure, out=np.zeros(counts.shape), where=exposure > 0))


def without_influence(design: Design, kernel: Kernel) -> Floats:
    """:func:`poisson` as coefficients of the kernel's design, shape (n_targets, p)."""
    rates = poisson(design)
    return np.hstack([rates, np.zeros((len(rates), design.n_columns(kernel) - design.n_pieces))])


def goodness(design: Design, fit: Fit) -> dict[str, pd.DataFrame]:
    """Kolmogorov-Smirnov statistics and quantiles of the increments of the fit and of a Poisson process.

    Returns:
        ``agenda_goodness`` (source, model, statistic, p_value, n, message) and ``agenda_goodness_quantiles`` (source,
        model, level, expected, observed).
    """
    kernel = kernel_of(fit.kernel, design.events.n_sources, design.events.horizon - design.events.start)
    rows: list[dict[str, object]] = []
    quantiles: list[dict[str, object]] = []
    for model, theta in (("hawkes", fit.theta), ("poisson", without_influence(design, kernel))):
        for target, gaps in zip(design.events.targets, increments(design, kernel, theta), strict=True):
            name = {"source": design.events.sources[target], "model": model}
            rows.append(name | _tested(gaps))
            quantiles += [
                name | {"level": q, "expected": -np.log1p(-q), "observed": np.quantile(gaps, q)} for q in LEVELS
            ]
    return {"agenda_goodness": pd.DataFrame(rows), "agenda_goodness_quantiles": pd.DataFrame(quantiles)}


def _tested(gaps: Floats) -> dict[str, object]:
    result = stats.kstest(gaps, "expon", method="asymp")
    caveat = "" if len(gaps) < _LARGE else "so many events that any small misfit has a small p-value: see the statistic"
    return {"statistic": float(result.statistic), "p_value": float(result.pvalue), "n": len(gaps), "message": caveat}


def held_out(design: Design, kernel: Kernel, theta: Floats) -> Floats:
    """Log-likelihood an event of each target in the design's window given all before, shape (n_targets,).

    Args:
        design: whose window is judged; events before it count as the past.
        kernel: at its estimated shape.
        theta: estimates from before the window, shape (n_targets, p).
    """
    still = replace(kernel, parameters=np.zeros(0))
    value = sums(design, still, theta, order=0).value
    return np.asarray(np.divide(value, design.counts, out=np.full(len(value), np.nan), where=design.counts > 0))
