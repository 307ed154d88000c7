"""Means over seeds where runs end."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hemicycle.simulations.outcomes import COLUMNS, outcomes, share_interval


def rows(values, metric, cell=1, steps=(0, 9)):
    """One run a value: a decoy at the first step, the value at the last."""
    base = {"simulation": "s", "cell": cell, "opinion": "o", "arm": "none", "metric": metric}
    return [
        base | {"seed": seed, "step": step, "value": value if step == steps[-1] else 99.0}
        for seed, value in enumerate(values)
        for step in steps
    ]


def test_means_are_of_the_last_step_of_each_run():
    table = pd.DataFrame([*rows([1.0, 2.0, 6.0], "variance"), *rows([4.0, np.nan], "peaks", cell=2)])
    early = table.seed == 2
    table.loc[early, "step"] = table.loc[early, "step"] // 2  # a run that stopped early
    found = outcomes(table).set_index(["cell", "metric"])
    one = found.loc[(1, "variance")]
    reach = stats.t.ppf(0.975, 2) * np.std([1, 2, 6], ddof=1) / 3**0.5
    assert (one["mean"], one.n_seeds, one.n_known, one.step) == (3, 3, 3, 9)
    assert (one.ci_low, one.ci_high) == pytest.approx((3 - reach, 3 + reach))
    other = found.loc[(2, "peaks")]
    assert (other["mean"], other.n_seeds, other.n_known) == (4, 2, 1)
    assert np.isnan(other.ci_low)


def test_a_share_has_an_interval_that_stays_within_0_and_1():
    found = outcomes(pd.DataFrame(rows([0.0] * 20, "consensus"))).iloc[0]
    assert (found["mean"], found.ci_low) == (0, pytest.approx(0, abs=1e-12))
    assert found.ci_high == pytest.approx(0.1611, abs=1e-4)
    wanted = stats.binomtest(13, 20).proportion_ci(method="wilson")
    assert share_interval(np.repeat([1.0, 0.0], [13, 7])) == pytest.approx((0.65, wanted.low, wanted.high))
    assert share_interval(np.ones(20))[2] == 1
    assert np.isnan(share_interval(np.empty(0))).all()


def test_no_results_no_rows():
    assert list(outcomes(pd.DataFrame())) == COLUMNS
    unknown = outcomes(pd.DataFrame(rows([np.nan, np.nan], "peaks"))).iloc[0]
    assert unknown.n_known == 0
    assert np.isnan(unknown["mean"])
