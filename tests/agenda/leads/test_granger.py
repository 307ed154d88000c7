import numpy as np
import pytest
from agenda.lead_panels import data, panel
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.tsa.stattools import grangercausalitytests

from hemicycle.agenda.leads import granger
from hemicycle.agenda.leads.granger_tests import robust_p_values
from hemicycle.core.errors import InputError


def rows_of(values, lags):
    """Rows (topic, day, present, past) whose lags lie in their topic and of which nothing is missing, one by one."""
    found = []
    for topic in range(values.shape[0]):
        for day in range(lags, values.shape[1]):
            window = values[topic, day - lags : day + 1]
            if np.isfinite(window).all():
                found.append((topic, day, window[-1], window[:-1][::-1]))  # newest first
    return found


def left(values, lags, follower, given, weights=None):
    """Residual sum of squares of a follower on the lags of some groups and a constant for each topic."""
    rows = rows_of(values, lags)
    topics = np.array([row[0] for row in rows])
    x = np.array([row[3][:, list(given)].ravel() for row in rows])
    x = np.hstack([x, topics[:, None] == np.unique(topics)])
    y = np.array([row[2][follower] for row in rows])
    root = np.ones(len(y)) if weights is None else np.sqrt(weights[topics])
    residual = root * y - root[:, None] * x @ np.linalg.lstsq(root[:, None] * x, root * y, rcond=None)[0]
    return residual @ residual


@pytest.fixture
def holed():
    values = panel(1, (5, 60, 3))
    values[1, 20:23, 2] = np.nan
    values[3, 0, 0] = np.nan
    return values


def topics_of(values, **options):
    return data(values, weights="none", clusters="topics", **options).products


def test_measure_is_the_log_ratio_of_residual_sums_of_squares(holed):
    found = granger.measures(topics_of(holed), np.ones((1, 5)))[0]
    for a, b in [(0, 1), (1, 0), (2, 1)]:
        others = [g for g in range(3) if g != a]
        expected = np.log(left(holed, 2, b, others) / left(holed, 2, b, range(3)))
        assert found[a, b] == pytest.approx(expected, rel=1e-9)
    assert not np.diag(found).any()


def test_bivariate_measure_knows_the_two_groups_alone(holed):
    found = granger.measures_bivariate(topics_of(holed), np.ones((1, 5)))[0]
    for a, b in [(0, 1), (1, 0), (2, 0)]:
        expected = np.log(left(holed, 2, b, [b]) / left(holed, 2, b, [a, b]))
        assert found[a, b] == pytest.approx(expected, rel=1e-9)


def test_a_replication_is_the_fit_to_the_drawn_topics(holed):
    weights = np.array([2.0, 0, 1, 1, 1])
    found = granger.measures(topics_of(holed), np.stack([np.ones(5), weights]))[1]
    expected = np.log(left(holed, 2, 1, [1, 2], weights) / left(holed, 2, 1, range(3), weights))
    assert found[0, 1] == pytest.approx(expected, rel=1e-9)


def test_replications_in_parts_are_those_at_once(holed, monkeypatch):
    weights = np.random.default_rng(0).multinomial(5, [0.2] * 5, 7).astype(float)
    whole = granger.measures(topics_of(holed), weights)
    monkeypatch.setattr(granger, "_AT_ONCE", 3)
    np.testing.assert_allclose(granger.measures(topics_of(holed), weights), whole, rtol=1e-12)


def test_f_test_of_one_topic_equals_statsmodels():
    values = panel(3, (1, 80, 2), leads=((0, 1),))
    products = data(values, clusters="blocks").products
    p = granger.p_values(products)
    for a, b in [(0, 1), (1, 0)]:
        theirs = grangercausalitytests(values[0][:, [b, a]], [2])[2][0]["ssr_ftest"]
        assert p[a, b] == pytest.approx(theirs[1], rel=1e-9)
    assert np.isnan(np.diag(p)).all()


def test_robust_test_is_hotellings_of_statsmodels_clustered_wald(holed):
    values = np.concatenate([holed, panel(2, (6, 60, 3))])
    rows = rows_of(values, 2)
    topics = np.array([row[0] for row in rows])
    x = np.array([row[3].T.ravel() for row in rows])  # lags of a group side by side
    y = np.array([row[2] for row in rows])
    x, y = (part - np.array([part[topics == t].mean(0) for t in range(11)])[topics] for part in (x, y))
    fit = OLS(y[:, 1], x).fit(cov_type="cluster", cov_kwds={"groups": topics, "use_correction": False})
    wald = fit.wald_test(np.eye(6)[:2], use_f=False, scalar=True).statistic * 10 / 11
    expected = stats.f.sf(wald * (11 - 2) / (2 * 10), 2, 9)
    assert robust_p_values(topics_of(values))[0, 1] == pytest.approx(expected, rel=1e-8)


def test_larger_p_value_of_both_sorts_of_clusters_counts():
    values = panel(5, (8, 100, 4))
    found = {kind: data(values, clusters=kind) for kind in ("topics", "blocks", "both")}
    each = [robust_p_values(found[kind].products) for kind in ("topics", "blocks")]
    both = [robust_p_values(products) for products in found["both"].tested]
    np.testing.assert_array_equal(both, each)


def test_by_topic_equals_dumitrescu_and_hurlins_formula():
    values = panel(4, (6, 50, 2), leads=((0, 1),))
    found = granger.by_topic(data(values).products_of_topics)
    k, t, n = 2, 48, 6  # lags, days less lags, topics
    wald, ratios = [], []
    for topic in range(n):
        small, large = (left(values[[topic]], 2, 1, given) for given in ([1], [0, 1]))
        wald.append((t - 2 * k - 1) * (small - large) / large)
        ratios.append(np.log(small / (t - k - 1) / (large / (t - 2 * k - 1))))
    scale = np.sqrt(n / (2 * k) * (t - 2 * k - 5) / (t - k - 3))
    expected = scale * ((t - 2 * k - 3) / (t - 2 * k - 1) * np.mean(wald) - k)
    assert found.z[0, 1] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(found.measure[:, 0, 1], ratios, rtol=1e-9)
    assert found.p_value[0, 1] < 1e-4 < found.p_value[1, 0]


def test_by_topic_leaves_out_topics_with_too_few_days(holed):
    holed[2, 9:] = np.nan
    found = granger.by_topic(data(holed).products_of_topics)
    assert np.isnan(found.measure[2]).all()
    assert np.isfinite(found.measure[[0, 1, 3, 4]]).all()


def test_by_topic_needs_a_topic_with_enough_days():
    with pytest.raises(InputError, match="no topic has more than 9 complete days"):
        granger.by_topic(data(panel(0, (8, 11, 2))).products_of_topics)


def test_fewer_clusters_than_lags_cannot_test():
    with pytest.raises(InputError, match="4 clusters for a test of 5 lags"):
        robust_p_values(data(panel(0, (4, 80, 2)), lags=5, clusters="topics").products)


def test_constant_group_is_named():
    values = panel(0, (3, 80, 4))
    values[:, :, 2] = 1.5
    with pytest.raises(InputError, match="c never changes"):
        data(values).products  # noqa: B018  it is made on first use
