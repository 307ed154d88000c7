"""Bootstrap: against a literal resampling, by user and by group."""

import numpy as np
import pytest

from hemicycle.core.seeding import rng
from hemicycle.probes.base import Statistic
from hemicycle.probes.intervals import UNDEFINED, bootstrap
from hemicycle.probes.ridge import r2


def mean(values):
    return Statistic(np.stack([values, np.ones(len(values))], 1), lambda s: s[..., 0] / s[..., 1])


def test_interval_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(0).standard_normal(400)
    found = bootstrap({"m": mean(values)}, np.arange(400), rng("t"), 4000)["m"]
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_equals_literal_resampling():
    rng_ = np.random.default_rng(1)
    e, b = rng_.standard_normal(30), rng_.standard_normal(30) * 2
    found = bootstrap({"r2": r2(e, b)}, np.arange(30), rng("t"), 1000)["r2"]
    draws = rng("t").integers(0, 30, (1000, 30))
    literal = [1 - (e[d] ** 2).sum() / (b[d] ** 2).sum() for d in draws]
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(literal, (2.5, 97.5))))


def test_groups_widen_the_interval():
    groups = np.repeat(np.arange(20), 25)
    values = np.random.default_rng(0).standard_normal(20)[groups]
    by_row = bootstrap({"m": mean(values)}, np.arange(500), rng("t"))["m"]
    by_group = bootstrap({"m": mean(values)}, groups, rng("t"))["m"]
    assert by_group.high - by_group.low > 3 * (by_row.high - by_row.low)


def test_statistics_share_their_resamples_and_undefined_ones_say_so():
    values = np.random.default_rng(0).standard_normal(50)
    found = bootstrap({"a": mean(values), "b": mean(values + 1), "c": r2(values, values * 0)}, np.arange(50), rng("t"))
    assert found["b"].low - found["a"].low == pytest.approx(1)
    assert found["c"] == UNDEFINED


def test_large_samples_are_drawn_in_blocks(monkeypatch):
    values = np.random.default_rng(0).standard_normal(300)
    whole = bootstrap({"m": mean(values)}, np.arange(300), rng("t"))
    monkeypatch.setattr("hemicycle.evaluation.intervals._AT_ONCE", 1000)
    found = bootstrap({"m": mean(values)}, np.arange(300), rng("t"))["m"]
    assert (found.low, found.high) == pytest.approx((whole["m"].low, whole["m"].high), rel=1e-12)


def test_pools_give_the_interval_of_single_units(monkeypatch):
    drawn = np.random.default_rng(0)
    e, b = drawn.standard_t(4, 60_000), drawn.standard_normal(60_000) * 2
    pooled = bootstrap({"r2": r2(e, b)}, np.arange(60_000), rng("t"), 4000)["r2"]
    monkeypatch.setattr("hemicycle.probes.intervals.POOLS", 60_000)
    single = bootstrap({"r2": r2(e, b)}, np.arange(60_000), rng("t"), 1000)["r2"]
    assert pooled.value == single.value
    assert pooled.high - pooled.low == pytest.approx(single.high - single.low, rel=0.1)
    assert pooled.low == pytest.approx(single.low, abs=0.1 * (single.high - single.low))
