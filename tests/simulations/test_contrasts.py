import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hemicycle.core.errors import InputError
from hemicycle.simulations.contrasts import COLUMNS, contrasts, paired_interval


def results(values, step=5):
    """Tidy rows of {(arm, seed): value}, with an earlier step that must not count."""
    return pd.DataFrame(
        [
            ("s", "friedkin_johnsen", arm, seed, at, "variance", number if at else 99.0)
            for (arm, seed), number in values.items()
            for at in (0, step)
        ],
        columns=["simulation", "opinion", "arm", "seed", "step", "metric", "value"],
    )


def test_difference_and_interval_are_those_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    base = rng.normal(size=6)
    shown = base + 0.3 + 0.1 * rng.normal(size=6)
    values = {("none", s): base[s] for s in range(6)} | {("random", s): shown[s] for s in range(6)}
    (row,) = contrasts(results(values)).to_dict("records")
    test = stats.ttest_rel(shown, base)
    assert row["difference"] == pytest.approx((shown - base).mean())
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert (row["arm"], row["reference"], row["step"], row["n_seeds"]) == ("random", "none", 5, 6)


def test_every_arm_metric_and_model_has_its_row_and_the_reference_none():
    values = {(arm, seed): float(seed) for arm in ("none", "mf", "random") for seed in range(3)}
    one = results(values)
    both = pd.concat([one, one.assign(opinion="bounded_confidence"), one.assign(metric="mean")])
    found = contrasts(both)
    assert list(found) == COLUMNS
    assert len(found) == 3 * 2
    assert set(found.arm) == {"mf", "random"}
    assert (found.difference == 0).all()


def test_each_simulation_is_compared_at_its_own_last_step():
    values = {(arm, seed): float(seed) for arm in ("none", "random") for seed in range(2)}
    found = contrasts(pd.concat([results(values), results(values, step=9).assign(simulation="t")]))
    assert dict(zip(found.simulation, found.step, strict=True)) == {"s": 5, "t": 9}


def test_seeds_missing_from_one_arm_are_left_out():
    values = {("none", 0): 1.0, ("none", 1): 2.0, ("random", 1): 5.0, ("random", 2): 7.0}
    (row,) = contrasts(results(values)).to_dict("records")
    assert (row["n_seeds"], row["difference"]) == (1, 3.0)


def test_cells_are_compared_each_by_itself():
    values = {("none", s): float(s) for s in range(3)} | {("random", s): s + 1.0 for s in range(3)}
    one, more = results(values).assign(cell=1), results({k: 2 * v for k, v in values.items()}).assign(cell=2)
    found = contrasts(pd.concat([more, one]))
    assert found[["cell", "difference", "n_seeds"]].to_numpy().tolist() == [[1, 1, 3], [2, 2, 3]]
    assert contrasts(results(values)).cell.tolist() == [0]


def test_a_run_that_stopped_early_counts_with_its_end():
    long = results({("none", 0): 1.0, ("none", 1): 2.0}, step=9)
    short = results({("random", 0): 4.0, ("random", 1): 6.0}, step=5)
    (row,) = contrasts(pd.concat([long, short])).to_dict("records")
    assert (row["difference"], row["n_seeds"]) == (3.5, 2)


def test_one_seed_has_no_interval():
    (row,) = contrasts(results({("none", 0): 1.0, ("random", 0): 1.5})).to_dict("records")
    assert row["difference"] == 0.5
    assert np.isnan([row["ci_low"], row["ci_high"], row["minimum_detectable_effect"]]).all()


def test_minimum_detectable_effect_is_found_with_the_stated_power():
    sample = stats.zscore(np.random.default_rng(1).normal(size=20), ddof=1)
    effect = paired_interval(sample)[3]
    draws = np.random.default_rng(2).normal(effect, 1.0, size=(20000, 20))
    power = (stats.ttest_1samp(draws, 0, axis=1).pvalue < 0.05).mean()
    assert power == pytest.approx(0.8, abs=0.02)


def test_interval_covers_the_truth_at_its_level():
    draws = np.random.default_rng(3).normal(size=(1000, 5))
    intervals = np.array([paired_interval(row)[1:3] for row in draws])
    assert ((intervals[:, 0] <= 0) & (intervals[:, 1] >= 0)).mean() == pytest.approx(0.95, abs=0.02)


def test_nan_values_make_nan_intervals():
    found = contrasts(results({("none", 0): np.nan, ("none", 1): 1.0, ("random", 0): 1.0, ("random", 1): 1.0}))
    assert found[["difference", "ci_low", "ci_high"]].isna().all(axis=None)


def test_a_missing_reference_is_refused():
    with pytest.raises(InputError, match=r"(?s)'none'.*random"):
        contrasts(results({("random", 0): 1.0}))
