"""Number of lags of a panel vector autoregression by information criteria.

With n rows, the residual covariance S_q (divided by n) of q lags and k coefficients in all (Luetkepohl 2005, ch. 4.3):
AIC = ln|S_q| + 2 k / n, BIC = ln|S_q| + k ln(n) / n, HQ = ln|S_q| + 2 k ln(ln n) / n. All lags are compared on the rows
that have ``most`` lags, so that criteria differ by lags and not by days.
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.agenda.responses.moments import moments, solved, total
from hemicycle.agenda.responses.panel import Panel, panel_of
from hemicycle.agenda.responses.panel_var import check_rank
from hemicycle.core.errors import InputError

Criterion = Literal["aic", "bic", "hq"]


def lag_orders(panel: Panel, groups: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the table of criteria for 1 to ``panel.lags`` lags: columns lags, aic, bic, hq."""
    products = total(moments(panel), fixed_effects=panel.fixed_effects)
    check_rank(products, panel.n_groups, groups)
    n_rows = len(panel.rows)
    effects = len(np.unique(panel.effect[panel.rows]))
    found = [_criteria(products, panel.n_groups, lags, n_rows, effects) for lags in range(1, panel.lags + 1)]
    return pd.DataFrame(found, columns=["lags", "aic", "bic", "hq"])


def _criteria(
    products: NDArray[np.float64], n_groups: int, lags: int, n_rows: int, effects: int
) -> tuple[int, float, float, float]:
    width = (lags + 1) * n_groups
    _, covariance = solved(products[:width, :width], n_groups, float(n_rows))
    level = float(np.linalg.slogdet(covariance)[1])
    share = n_groups * (n_groups * lags + effects) / n_rows
    return lags, level + 2 * share, level + np.log(n_rows) * share, level + 2 * np.log(np.log(n_rows)) * share


def chosen_lags(
    values: NDArray[np.float64], lags: int | Criterion, most: int, *, stacked: bool, fixed_effects: bool
) -> tuple[int, pd.DataFrame]:
    """Return the number of lags and the table agenda_lags.

    The table ends where the days do: fewer lags than ``most`` are compared when there are too few for it.

    Args:
        values: scaled attention, shape (topics, times, groups).
        lags: a number, or the criterion that chooses it.
        most: largest number of lags compared.
        stacked: whether lags run across topic borders.
        fixed_effects: whether each topic has a constant of its own.

    Returns:
        The number, and columns lags, aic, bic, hq, chosen.

    Raises:
        InputError: too few days even for the lags asked for, or for one.
    """
    wanted = lags if isinstance(lags, int) else 1
    panel = _largest(values, max(most, wanted), wanted, stacked=stacked, fixed_effects=fixed_effects)
    table = lag_orders(panel)
    number = lags if isinstance(lags, int) else int(table["lags"][table[lags].argmin()])
    return number, table.assign(chosen=table["lags"] == number)


def _largest(values: NDArray[np.float64], most: int, least: int, *, stacked: bool, fixed_effects: bool) -> Panel:
    """Return the panel with the most lags that its days allow."""
    for lags in range(most, least, -1):
        try:
            return panel_of(values, lags, stacked=stacked, fixed_effects=fixed_effects)
        except InputError:
            continue
    return panel_of(values, least, stacked=stacked, fixed_effects=fixed_effects)
