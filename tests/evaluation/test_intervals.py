import numpy as np
import pytest

from hemicycle.core.seeding import rng
from hemicycle.evaluation.intervals import mean_interval, mean_intervals, ratio_intervals


def test_a_mean_leaves_out_what_is_not_known():
    values = np.random.default_rng(0).normal(3, 1, 400)
    with_gaps = np.concatenate([values, np.full(100, np.nan)])
    found = mean_interval(with_gaps, rng("x"))
    assert found.n == 400
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert found.error == pytest.approx(values.std() / 20, rel=0.15)


def test_intervals_of_several_measures_equal_those_of_each():
    values = np.random.default_rng(0).normal(size=(300, 2))
    together, alone = mean_intervals(values, rng("x"))[1], mean_interval(values[:, 1], rng("x"))
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))


def test_observations_of_one_user_stay_together():
    rate = np.random.default_rng(0).random(200)
    counts = np.full(200, 50.0)
    whole = ratio_intervals((rate * counts)[:, None], counts[:, None], rng("x"))[0]
    alone = mean_interval(np.repeat(rate, 50), rng("x"))
    assert whole.value == pytest.approx(alone.value)
    assert whole.n == alone.n == 10_000
    assert whole.high - whole.low > 5 * (alone.high - alone.low)


def test_nothing_known():
    for values in (np.empty(0), np.full(3, np.nan)):
        found = mean_interval(values, rng("x"))
        assert found.n == 0
        assert np.isnan([found.value, found.low, found.high]).all()
