"""Which mechanism fits best: information criteria, likelihood of users left out, and the verdict in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from hemicycle.estimation.fit import Fit

COLUMNS = (
    "mechanism",
    "n",
    "n_parameters",
    "log_likelihood",
    "aic",
    "bic",
    "delta_bic",
    "held_out",
    "held_out_difference",
    "ci_low",
    "ci_high",
    "preferred",
    "alike",
)
NULL = "none"
_BARE, _POSITIVE = 2, 6
"""Differences of BIC up to which evidence is not worth a mention, and is positive but not strong."""


def comparison_table(fits: Sequence[Fit], level: float, *, corrected: bool = False) -> pd.DataFrame:
    """Compare mechanisms on the same movements; the preferred one has the least BIC (Schwarz, Ann. Stat. 6, 1978).

    The place of a jump is searched among all edges' distances, and finds more in noise than an ordinary parameter: it
    counts as two parameters in BIC (Zhang and Siegmund, Biometrics 63, 2007) and as three in AIC (Ninomiya, Stat.
    Probab. Lett. 72, 2005).

    Where errors of measurement were corrected, the maximum of the likelihood is too noisy for that: preferred is then
    the mechanism with the fewest parameters of those that users left out do not tell from the best predicting one.

    Args:
        fits: of several mechanisms.
        level: of the intervals.
        corrected: whether errors of measurement were corrected.

    Returns:
        One row a mechanism, best first. ``held_out``: log-likelihood a movement of users left out of the fit;
        ``held_out_difference``: how much less than the preferred mechanism's, with a paired interval over pools of
        users. ``alike``: it cannot be told apart from the preferred one, see :func:`verdict`.
    """
    bic = [-2 * fit.log_likelihood + _price(fit) * np.log(fit.n) for fit in fits]
    best = _simplest(fits, level) if corrected else fits[int(np.argmin(bic))]
    rows = []
    for fit, own in zip(fits, bic, strict=True):
        difference, low, high = _paired(fit, best, level)
        aic = -2 * fit.log_likelihood + 2 * (fit.n_parameters + 2 * fit.jumps)
        mean = float(fit.held_out.sum() / fit.n)
        told = (fit.mechanism, fit.n, fit.n_parameters, fit.log_likelihood, aic, own, own - min(bic), mean)
        near = own - min(bic) < (_POSITIVE if _price(fit) <= _price(best) else _BARE)
        alike = fit is best or (high >= 0 and (corrected or near))
        rows.append((*told, difference, low, high, fit is best, alike))
    table = pd.DataFrame(rows, columns=[*COLUMNS]).sort_values("bic", kind="stable")
    return table.sort_values("preferred", ascending=False, kind="stable", ignore_index=True)


def _price(fit: Fit) -> int:
    """Parameters as BIC counts them."""
    return fit.n_parameters + fit.jumps


def _simplest(fits: Sequence[Fit], level: float) -> Fit:
    """Return the fit with the fewest parameters of those that predict users left out like the best one."""
    first = max(fits, key=lambda fit: fit.held_out.sum())
    alike = [fit for fit in fits if fit is first or _paired(fit, first, level)[2] >= 0]
    return min(alike, key=lambda fit: (fit.n_parameters, -fit.held_out.sum()))


def _paired(fit: Fit, best: Fit, level: float) -> tuple[float, float, float]:
    """Difference of held-out log-likelihoods a movement, and its interval over pools."""
    apart = (fit.held_out - best.held_out)[best.counts > 0]
    reach = stats.t.ppf(0.5 + level / 2, len(apart) - 1) * np.sqrt(len(apart)) * apart.std(ddof=1)
    total = apart.sum()
    return float(total / fit.n), float((total - reach) / fit.n), float((total + reach) / fit.n)


def verdict(table: pd.DataFrame) -> str:
    """Say which mechanism is preferred, how strongly, and from what it cannot be told apart.

    Another mechanism cannot be told apart where users left out of the fit do not decide between the two and BIC differs
    by less than 6, or by less than 2 where the other one has more parameters: what a further parameter costs is no
    evidence against it, but a better fit that does not pay for it is none in its favour. Words for differences of BIC
    after Kass and Raftery (J. Am. Stat. Assoc. 90, 1995).
    """
    first = table.iloc[0]
    if len(table) == 1:
        return f"Only {first['mechanism']} was estimated: nothing to compare."
    second = table.iloc[1]
    gap = float(table["delta_bic"].iloc[1:].min() - first["delta_bic"])
    alike = table.iloc[1:].loc[table["alike"].iloc[1:]]
    if first["delta_bic"] > 0:
        said = f"{first['mechanism']} is the simplest of those that predict best."
    elif first["mechanism"] == NULL:
        said = f"No mechanism explains these waves better than drift and noise ({_strength(gap)} against the next)."
    elif len(alike):
        said = f"{first['mechanism']} has the least BIC, by {gap:.1f}, but cannot be told apart from {_names(alike)}."
    else:
        said = f"{first['mechanism']} fits best: {_strength(gap)}, BIC lower by {gap:.1f} than {second['mechanism']}."
    return f"{said} {_held_out(table)}"


def _strength(gap: float) -> str:
    words = ((_BARE, "hardly any evidence"), (_POSITIVE, "positive evidence"), (10, "strong evidence"))
    return next((word for limit, word in words if gap < limit), "very strong evidence")


def _held_out(table: pd.DataFrame) -> str:
    """Say what users left out of the fit add."""
    first, rest = table.iloc[0]["mechanism"], table.iloc[1:]
    better = rest[rest["ci_low"] > 0]
    if len(better):
        return f"Users left out of the fit speak against it: {_names(better)} predicts them better."
    alike = rest[rest["ci_high"] >= 0]
    if len(alike):
        return f"Users left out of the fit do not tell {first} from {_names(alike)}."
    return "It also predicts users left out of the fit better than every other."


def _names(rows: pd.DataFrame) -> str:
    names = list(rows["mechanism"])
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
