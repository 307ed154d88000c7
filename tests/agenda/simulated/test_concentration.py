"""Concentration of agendas and how alike they are, by hand."""

import numpy as np
import pytest

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.simulated.concentration import agenda_measures


def attention(*groups):
    shares = np.stack([np.asarray(g, float).T for g in groups], axis=-1)
    times = np.datetime64("2020-01-01", "s") + np.arange(shares.shape[1]) * np.timedelta64(86400, "s")
    topics = tuple(f"t{k}" for k in range(shares.shape[0]))
    return Attention(shares, topics, tuple(f"g{k}" for k in range(len(groups))), times)


def values(table, a="g0", b=""):
    part = table[(table["a"] == a) & (table["b"] == b)]
    return dict(zip(part["measure"], part["value"], strict=True))


def test_one_group():
    found = values(agenda_measures(attention([[1, 0, 0, 0], [0.25] * 4])))
    assert found["entropy"] == pytest.approx(np.log(4) / 2)
    assert found["effective issues"] == pytest.approx(2.5)
    assert found["concentration"] == pytest.approx(0.625)


def test_two_groups():
    table = agenda_measures(attention([[1, 0], [0.7, 0.3]], [[0, 1], [0.7, 0.3]]))
    found = values(table, "g0", "g1")
    assert found["divergence"] == pytest.approx(np.log(2) / 2)
    assert found["correlation"] == pytest.approx(0.0)
    assert values(agenda_measures(attention([[0.2, 0.8]], [[0.2, 0.8]])), "g0", "g1")["divergence"] == 0


def test_missing_days_and_shares_that_leave_something_out():
    found = values(agenda_measures(attention([[np.nan, np.nan], [0.1, 0.1]])))
    assert found["effective issues"] == pytest.approx(2)
    assert np.isnan(values(agenda_measures(attention([[0, 0]])))["entropy"])
