from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from hemicycle.agenda.leads.network import Measured, adjusted, interval, leadership, net_leads, pairs

GROUPS = ("a", "b", "c")


@pytest.fixture
def found():
    random = np.random.default_rng(0)
    value = np.array([[0, 0.5, 0.1], [0.1, 0, 0.2], [0.1, 0.1, 0]])
    p = np.array([[np.nan, 0.001, 0.2], [0.03, np.nan, 0.9], [0.01, 0.5, np.nan]])
    drawn = value + 0.05 + 0.02 * random.normal(size=(400, 3, 3)) * (1 - np.eye(3))
    return Measured("granger", value, np.full((3, 3), 7), p, drawn, "a test", 0.0)


def test_pairs(found):
    table = pairs(found, GROUPS, 0.05, 0.9)
    assert list(table) == [
        "measure", "from", "to", "lag", "value", "ci_low", "ci_high", "p_value", "p_bh", "edge", "control",
    ]  # fmt: skip
    assert list(zip(table["from"], table["to"], strict=True))[:3] == [("a", "b"), ("a", "c"), ("b", "a")]
    np.testing.assert_allclose(table["p_bh"], false_discovery_control(table["p_value"]))
    assert table["edge"].tolist() == [True, False, False, False, True, False]
    first = table.iloc[0]
    assert first["ci_low"] < first["value"] == 0.5 < first["ci_high"]


def test_intervals_leave_out_the_replications_bias(found):
    low, high = interval(found.value, found.drawn, 0.9)
    assert (low + high)[0, 1] / 2 == pytest.approx(0.5, abs=0.005)
    assert (high - low)[0, 1] == pytest.approx(2 * 1.645 * 0.02, rel=0.1)
    assert (pairs(found, GROUPS, 0.05, 0.9)["ci_low"] >= 0).all()
    assert np.isnan(interval(found.value, found.drawn[:0], 0.9)).all()


def test_net_leads_are_paired(found):
    table = net_leads(found, GROUPS, 0.05, 0.95)
    assert table["net"].tolist() == pytest.approx([0.4, 0, 0.1])
    paired = found.drawn[:, 0, 1] - found.drawn[:, 1, 0]
    low, high = np.quantile(paired - paired.mean() + 0.4, [0.025, 0.975])
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == pytest.approx([low, high])
    assert table["p_value"].tolist() == pytest.approx([2 / 401, 1, 2 / 401], abs=0.05)
    assert table["edge"].tolist() == [True, False, True]


def test_leadership_is_the_mean_net_lead(found):
    table = leadership(found, GROUPS, 0.95)
    assert table["net"].tolist() == pytest.approx([(0.4 + 0) / 2, (-0.4 + 0.1) / 2, (0 - 0.1) / 2])
    assert (table["ci_low"] < table["net"]).all()
    assert (table["net"] < table["ci_high"]).all()


def test_net_leads_compare_strengths_where_there_are_some(found):
    strong = replace(found, value=-found.value, strength=2 * found.value, drawn_strength=2 * found.drawn)
    assert net_leads(strong, GROUPS, 0.05, 0.95)["net"].tolist() == pytest.approx([0.8, 0, 0.2])
    assert leadership(strong, GROUPS, 0.95)["ci_low"][0] == pytest.approx(
        2 * leadership(found, GROUPS, 0.95)["ci_low"][0]
    )
    assert pairs(strong, GROUPS, 0.05, 0.95).loc[0, "value"] == -0.5


def test_without_replications_there_are_no_intervals(found):
    bare = Measured("granger", found.value, found.lag, found.p_value, found.drawn[:0], "")
    assert net_leads(bare, GROUPS, 0.05, 0.95)[["ci_low", "ci_high", "p_value", "p_bh"]].isna().to_numpy().all()
    assert not net_leads(bare, GROUPS, 0.05, 0.95)["edge"].any()


def test_adjusted_over_all_issues(found):
    one, other = (
        pairs(found, GROUPS, 0.05, 0.9).assign(issue=issue, p_value=p) for issue, p in [("x", 0.04), ("y", 0.9)]
    )
    table = adjusted(pd.concat([one, other]), 0.05)
    assert table["p_bh"].tolist() == pytest.approx([0.08] * 6 + [0.9] * 6)
    within = adjusted(table, 0.05, ("measure", "issue"))
    assert within["p_bh"].tolist() == pytest.approx([0.04] * 6 + [0.9] * 6)
    assert within["edge"].tolist() == [True] * 6 + [False] * 6
