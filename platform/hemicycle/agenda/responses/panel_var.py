"""Vector autoregression of groups' attention over topics x times, by least squares.

y_it = c_i + A_1 y_i,t-1 + ... + A_p y_i,t-p + e_it for topic i and time t (Luetkepohl, New Introduction to Multiple
Time Series Analysis, 2005, ch. 3; with fixed effects Holtz-Eakin, Newey and Rosen, Econometrica 1988). Fixed effects
bias lag coefficients by about 1 / times (Nickell, Econometrica 1981): of little weight with hundreds of days, but not
with a few dozen, where the bias should be corrected.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.label_means import label_means
from hemicycle.agenda.responses.fixed_effects_bias import bias_corrected
from hemicycle.agenda.responses.moments import moments, solved, total
from hemicycle.agenda.responses.panel import Panel
from hemicycle.agenda.responses.roots import largest_roots
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
_SINGULAR = 1e-12  # smallest eigenvalue of a correlation matrix of lags; below, lags are combinations of one another


@dataclass(frozen=True, eq=False)
class PanelVar:
    """A fitted panel vector autoregression.

    Args:
        panel: what it was fitted to.
        coefficients: lag matrices [lag - 1, response, impulse], shape (lags, groups, groups).
        covariance: of the residuals, with correction for degrees of freedom, shape (groups, groups).
        intercepts: constants, shape (effects, groups); 0 for a topic without rows.
        residuals: shape (rows, groups).
        corrected: whether coefficients are corrected for the bias of fixed effects.
    """

    panel: Panel
    coefficients: Floats
    covariance: Floats
    intercepts: Floats
    residuals: Floats
    corrected: bool = False

    @property
    def largest_root(self) -> float:
        """Largest modulus of the roots; 1 or more: explosive."""
        return float(largest_roots(self.coefficients[None])[0])


def sizes(panel: Panel) -> Floats:
    """Return the number of constants that have rows, and of rows."""
    return np.array([len(np.unique(panel.effect[panel.rows])), len(panel.rows)], float)


def freedom(panel: Panel) -> float:
    """Rows less coefficients of an equation."""
    effects, rows = sizes(panel)
    return float(rows - effects - panel.n_groups * panel.lags)


def fit(panel: Panel, groups: tuple[str, ...] = (), *, corrected: bool = False) -> PanelVar:
    """Fit a vector autoregression to a panel.

    Args:
        panel: complete runs of observations.
        groups: names, for messages.
        corrected: correct coefficients for the bias of fixed effects.

    Raises:
        InputError: a group's series is constant or a combination of others'.
    """
    products = total(moments(panel), fixed_effects=panel.fixed_effects)
    check_rank(products, panel.n_groups, groups)
    coefficients, covariance = solved(products, panel.n_groups, freedom(panel))
    if corrected:
        coefficients = bias_corrected(products[None], coefficients[None], covariance[None], sizes(panel))[0]
    explained = np.einsum("rlj,lij->ri", panel.windows()[:, 1:], coefficients)
    left = panel.values[panel.rows] - explained
    effect = panel.effect[panel.rows]
    intercepts = label_means(left, effect, panel.n_effects)
    return PanelVar(panel, coefficients, covariance, intercepts, left - intercepts[effect], corrected)


def check_rank(products: Floats, n_groups: int, groups: tuple[str, ...] = ()) -> None:
    """Refuse lags that are constant or combinations of one another.

    Args:
        products: centred products of the windows, shape (q, q), q = (1 + lags) * groups.
        n_groups: number of groups.
        groups: names, for messages.

    Raises:
        InputError: names the groups whose series are constant.
    """
    spread = np.sqrt(np.maximum(np.diag(products), 0.0))
    names = groups or tuple(f"group {place}" for place in range(n_groups))
    floor = 1e-9 * max(1.0, float(spread.max()))
    constant = [name for place, name in enumerate(names) if (spread.reshape(-1, n_groups)[:, place] <= floor).any()]
    if constant:
        raise InputError(
            f"the attention of {', '.join(constant)} never changes on the times that all groups have",
            "groups",
            "leave the group out, or give more topics or times",
        )
    correlations = (products / spread / spread[:, None])[n_groups:, n_groups:]
    if np.linalg.eigvalsh(correlations)[0] < _SINGULAR:
        raise InputError(
            f"the lags of {', '.join(names)} are combinations of one another",
            "groups",
            "leave out the group that others add up to, or take fewer lags",
        )
