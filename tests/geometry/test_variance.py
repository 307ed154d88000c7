"""Shares of variance: a planted attitude gets its own, one that has no part gets none, and groups stay whole."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.geometry.variance import JOINT, VarianceConfig, variance_shares
from hemicycle.probes.folds import FoldPlan, make_folds

CONFIG = VarianceConfig()


def society(n=600, seed=0):
    """Ten columns of unit noise; ``left`` adds a variance of 3 to one, ``class`` of 1 to another; ``none`` nothing."""
    source = np.random.default_rng(seed)
    left, side, none = source.standard_normal(n), source.random(n) < 0.5, source.standard_normal(n)
    x = source.standard_normal((n, 10))
    x[:, 0] += np.sqrt(3) * left
    x[:, 1] += 2 * side
    labels = {"left": left, "class": np.where(side, "a", "b").astype(object), "none": none}
    return x, labels


def shares(x, labels, groups=None, config=CONFIG):
    rows = variance_shares(x, labels, groups or {}, config)
    return {(row["attribute"], row["quantity"]): row for row in rows}


def test_planted_attitudes_get_their_shares_and_others_nothing():
    found = shares(*society())
    explained = {name: found[name, "variance_explained"] for name in ("left", "class", "none", JOINT)}
    for name, wanted in {"left": 3 / 14, "class": 1 / 14, JOINT: 4 / 14}.items():
        row = explained[name]
        assert row["value"] == pytest.approx(wanted, abs=0.03)
        assert row["ci_low"] < wanted < row["ci_high"]
        assert row["ci_low"] > row["control_high"]
    assert explained["none"]["value"] < 0.002
    assert explained["none"]["control_low"] <= explained["none"]["value"] <= explained["none"]["control_high"] + 0.002
    assert all(row["control"] < 0 for row in explained.values())


def test_unique_shares_leave_out_what_others_explain_too():
    x, labels = society()
    found = shares(x, labels)
    assert found["left", "variance_unique"]["value"] == pytest.approx(3 / 14, abs=0.03)
    twin = labels["left"] + 0.1 * np.random.default_rng(1).standard_normal(len(x))
    both = shares(x, {"left": labels["left"], "twin": twin})
    assert both["twin", "variance_explained"]["value"] == pytest.approx(3 / 14, abs=0.03)
    assert both["twin", "variance_unique"]["value"] < 0.01


def test_the_variance_along_a_direction_is_what_removing_it_takes_away():
    x, labels = society()
    row = shares(x, {"left": labels["left"]})["left", "variance_along"]
    centred = x - x.mean(axis=0)
    axis = np.linalg.lstsq(centred, labels["left"] - labels["left"].mean(), rcond=None)[0]
    axis /= np.linalg.norm(axis)
    wanted = 1 - ((centred - np.outer(centred @ axis, axis)) ** 2).sum() / (centred**2).sum()
    assert row["value"] == pytest.approx(wanted, abs=0.01)
    assert row["control"] == pytest.approx(1 / 14, abs=0.03)


def test_explained_is_the_literal_held_out_redundancy():
    x, labels = society(n=60)
    y = labels["left"]
    assignment = make_folds(y, {}, FoldPlan(5, 0)).assignment
    left, total = 0.0, 0.0
    for fold in range(5):
        train, held = assignment != fold, assignment == fold
        for column in x.T:
            slope, intercept = np.polyfit(y[train], column[train], 1)
            left += ((column[held] - intercept - slope * y[held]) ** 2).sum()
            total += ((column[held] - column[train].mean()) ** 2).sum()
    assert shares(x, {"left": y})["left", "variance_explained"]["value"] == pytest.approx(1 - left / total)


def test_an_attitude_of_groups_is_held_out_by_group():
    source = np.random.default_rng(0)
    party = source.integers(0, 20, 400)
    position = source.standard_normal(20)[party]
    x = source.standard_normal((20, 8))[party] + 0.1 * source.standard_normal((400, 8))
    row = shares(x, {"position": position}, {"party": party})["position", "variance_explained"]
    assert row["cv"] == "5 folds by party (detected)"
    assert row["n_groups"] == 20
    assert row["value"] < 0.1
    leaky = shares(x, {"position": position})["position", "variance_explained"]
    assert leaky["value"] > row["value"]


def test_users_without_an_attitude_are_left_out():
    x, labels = society()
    labels["left"][:100] = np.nan
    assert {row["n"] for row in shares(x, labels).values()} == {500}


def test_the_same_seed_gives_the_same_rows():
    x, labels = society(n=100)
    assert variance_shares(x, labels, {}, CONFIG) == variance_shares(x, labels, {}, CONFIG)
    other = shares(x, labels, config=VarianceConfig(seed=1))
    assert other["left", "variance_explained"]["control"] != shares(x, labels)["left", "variance_explained"]["control"]


def test_vectors_that_do_not_vary_have_no_shares():
    _, labels = society(n=100)
    assert np.isnan(shares(np.ones((100, 3)), {"left": labels["left"]})["left", "variance_along"]["value"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x, labels: (x, {}), "no attitude"),
        (lambda x, labels: (x, {"left": np.ones(100)}), "one value only"),
        (lambda x, labels: (x, {"left": labels["left"], "twice": 2 * labels["left"]}), "collinear.*left, twice"),
        (lambda x, labels: (x * np.nan, {"left": labels["left"]}), "NaN"),
        (lambda x, labels: (x[:6], {"left": labels["left"][:6]}), "too few for 5 folds"),
    ],
)
def test_what_cannot_be_measured(change, said):
    x, labels = society(n=100)
    with pytest.raises(InputError, match=said):
        variance_shares(*change(x, labels), {}, CONFIG)
