"""Measures equal scipy's and scikit-learn's; intervals and controls are honest about who is independent."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from hemicycle.attitudes.validation import ValidationOptions, reliability, table, validate
from hemicycle.core.errors import InputError

QUICK = ValidationOptions(draws=100, permutations=49)


def by_measure(rows):
    return {row.measure: row for row in rows}


def rng(seed=0):
    return np.random.default_rng(seed)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(8, 60))
def test_numbers_agree_with_scipy(seed, n):
    x, y = rng(seed).integers(0, 9, (2, n)).astype(float)
    x[:2], y[:2] = [0, 8], [8, 0]
    found = by_measure(validate(x, y, rng(), options=ValidationOptions(draws=20, permutations=0)))
    assert found["pearson"].value == pytest.approx(stats.pearsonr(x, y)[0])
    assert found["spearman"].value == pytest.approx(stats.spearmanr(x, y)[0])
    assert np.isnan(found["pearson"].p_value)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(8, 60))
def test_categories_agree_with_scikit_learn(seed, n):
    x = rng(seed).integers(0, 9, n).astype(float)
    y = rng(seed + 1).random(n) < 0.4
    y[:4] = [True, False, True, False]
    x[:2] = [0, 8]
    found = by_measure(validate(x, np.where(y, "right", "left"), rng(), options=QUICK))
    assert found["auc"].value == pytest.approx(roc_auc_score(y, x))
    difference = x[y].mean() - x[~y].mean()
    assert found["mean_difference"].value == pytest.approx(difference)
    pooled = (np.square(x[y] - x[y].mean()).sum() + np.square(x[~y] - x[~y].mean()).sum()) / (n - 2)
    assert found["cohens_d"].value == pytest.approx(difference / np.sqrt(pooled))
    assert found["auc"].n_groups == 0


def test_missing_rows_are_left_out():
    x, y = rng().normal(size=(2, 30))
    more = np.concatenate([x, [np.nan, 1.0]]), np.concatenate([y, [1.0, np.nan]])
    one, two = validate(x, y, rng(), options=QUICK), validate(*more, rng(), options=QUICK)
    assert one == two
    categories = np.array(["a", "b", None, ""] * 10, object)
    assert validate(rng().normal(size=40), categories, rng(), options=QUICK)[0].n == 20


def test_intervals_cover():
    """Nominal 95 % for r = 0.6; bounds allow the 60 societies' own scatter."""
    inside = 0
    for seed in range(60):
        x = rng(seed).normal(size=200)
        y = 0.6 * x + 0.8 * rng(seed + 1000).normal(size=200)
        row = validate(x, y, rng(seed), options=ValidationOptions(draws=200, permutations=0))[0]
        inside += row.low <= 0.6 <= row.high
    assert inside >= 52


def test_labels_of_groups_draw_groups():
    """An attitude that differs by party, unrelated to the party's label: rows would be far too sure."""
    wrong_rows = wrong_groups = 0
    options = ValidationOptions(draws=20, permutations=39)
    for seed in range(25):
        groups = np.repeat(np.arange(12), 30)
        x = rng(seed).normal(size=12)[groups] + 0.5 * rng(seed + 500).normal(size=360)
        y = rng(seed + 900).normal(size=12)[groups]
        whole, plain = (validate(x, y, rng(seed), groups=g, options=options)[0] for g in (groups, None))
        assert (whole.n_groups, plain.n_groups) == (12, 0)
        wrong_groups += whole.p_value <= 0.05
        wrong_rows += plain.p_value <= 0.05
    assert wrong_groups <= 4
    assert wrong_rows >= 12


def test_groups_within_which_labels_vary_are_not_drawn():
    x, y = rng().normal(size=(2, 60))
    row = validate(x, y, rng(), groups=np.repeat(list("abcdef"), 10), options=QUICK)[0]
    assert row.n_groups == 0


def test_people_without_a_party_stand_alone():
    groups = np.array(["a"] * 10 + ["b"] * 10 + ["c"] * 10 + [None] * 5, object)
    y = np.concatenate([np.repeat([1.0, 2.0, 3.0], 10), rng().normal(size=5)])
    assert validate(rng().normal(size=35), y, rng(), groups=groups, options=QUICK)[0].n_groups == 8


def test_controls_tell_signal_from_noise():
    x = rng().normal(size=100)
    strong = validate(x, x + rng(1).normal(size=100), rng(), options=QUICK)[0]
    assert strong.p_value == 1 / 50
    assert strong.null_low < 0 < strong.null_high < strong.low
    assert validate(x, (x + rng(1).normal(size=100)) > 0, rng(), options=QUICK)[0].null_low < 0.5
    noise = [validate(x, rng(s).normal(size=100), rng(s), options=QUICK)[0].p_value for s in range(2, 32)]
    assert np.mean(np.array(noise) <= 0.1) < 0.25


def test_attenuation_is_corrected():
    truth = rng().normal(size=4000)
    sds = rng(1).uniform(0.5, 1.5, 4000)
    x = truth + sds * rng(2).normal(size=4000)
    y = 0.8 * truth + 0.6 * rng(3).normal(size=4000)
    share = reliability(x, sds)
    assert share == pytest.approx(1 / (1 + np.square(sds).mean()), abs=0.04)
    row = validate(x, y, rng(), reliabilities=(share, 1.0), options=QUICK)[0]
    assert row.value < 0.65
    assert row.corrected == pytest.approx(0.8, abs=0.05)
    shrunk = x / (1 + sds**2)  # posterior means under a standard normal prior
    posterior = reliability(shrunk, np.sqrt(sds**2 / (1 + sds**2)), "posterior")
    assert posterior == pytest.approx(np.corrcoef(shrunk, truth)[0, 1] ** 2, abs=0.03)
    assert np.isnan(validate(x, y, rng(), options=QUICK)[0].corrected)


def test_rows_as_a_table():
    x, y = rng().normal(size=(2, 30))
    frame = table(validate(x, y, rng(), options=QUICK), attitude="lrgen")
    assert frame.columns[:3].tolist() == ["attitude", "measure", "value"]
    assert frame["attitude"].eq("lrgen").all()


X = np.arange(10.0)


@pytest.mark.parametrize(
    ("attitudes", "labels", "groups", "message"),
    [
        (X, X[:5], None, "attitudes of shape"),
        (X, np.ones(10), None, "the label is constant over 10 rows"),
        (X, ["a"] * 10, None, "the label is constant"),
        (np.ones(10), X, None, "the attitude is constant"),
        (np.where(X < 7, np.nan, X), X, None, "3 of 10 rows have both"),
        (X, list("abcabcabca"), None, "3 categories"),
        (X, X > 4, np.repeat([1, 2], 5), "constant within each of 2 groups"),
        (X, X, np.arange(3), "3 groups, 10 attitudes"),
    ],
)
def test_bad_input(attitudes, labels, groups, message):
    with pytest.raises(InputError, match=message):
        validate(attitudes, np.asarray(labels), rng(), groups=groups)


@pytest.mark.parametrize(("values", "sds"), [(X, X[:5]), (np.ones(10), X), (X, -X - 1), (X[:1], X[:1])])
def test_no_reliability(values, sds):
    with pytest.raises(InputError, match="reliability needs"):
        reliability(values, sds)


def test_large_samples_are_quick():
    n = 20_000
    frame = pd.DataFrame({"x": rng().normal(size=n)})
    found = validate(
        frame["x"].to_numpy(), (frame["x"] > 0).to_numpy(), rng(), options=ValidationOptions(draws=50, permutations=20)
    )
    assert found[0].value == 1
