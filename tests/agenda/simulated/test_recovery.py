"""Recovery of planted agendas and false discoveries."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from hemicycle.agenda.attention.scale import ScaleOptions, scaled
from hemicycle.agenda.responses.panel import panel_of
from hemicycle.agenda.responses.panel_var import fit
from hemicycle.agenda.simulated.discoveries import GRANGER, DiscoveryOptions, discoveries, false_discoveries
from hemicycle.agenda.simulated.recovered import drawn_exposure, noise_covariance, standard_errors
from hemicycle.agenda.simulated.recovery import (
    RecoveryOptions,
    planted_leader,
    planted_posts,
    recovery,
    summary,
    wilson,
)
from hemicycle.agenda.simulated.simulation import simulate_agenda

SMALL = planted_leader(("media", "politicians", "public")).replace(topics=8, days=120)
POSTS = planted_posts().replace(days=150)
OPTIONS = RecoveryOptions(simulation=SMALL, posts=POSTS, bootstrap=40, days=(1, 3))


@pytest.fixture(scope="module")
def whole():
    return recovery(OPTIONS, 0, 2)["agenda_recovery"]


def test_parts_are_the_whole(whole):
    parts = [recovery(OPTIONS, first, first + 1)["agenda_recovery"] for first in (0, 1)]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True))
    assert recovery(OPTIONS, 2, 2)["agenda_recovery"].empty


def test_truths(whole):
    table = whole.query("replication == 0").set_index(["estimator", "parameter"])["truth"]
    assert table["panel var", "media -> public, lag 1"] == 0.15
    assert table["panel var", "public -> media, lag 1"] == 0
    assert table["responses", "media -> public, day 1"] == pytest.approx(0.15 + 0.5 * 0.2)  # noise is shared by .2
    assert table["hawkes", "media -> public, branching"] == 0.2
    assert table["hawkes", "public -> public, branching"] == 0.3
    assert set(table["mediation"]) == {2.0}


def test_everything_is_recovered():
    table = recovery(OPTIONS.replace(estimators=("panel var", "mediation")), 0, 25)["agenda_recovery"]
    found = summary(table)
    assert table["covered"].mean() > 0.9
    np.testing.assert_allclose(found["mean"], found["truth"], atol=0.06)
    assert (found["low"] <= found["coverage"]).all()
    assert set(found["replications"]) == {25}


def test_posts_attenuate():
    exact = summary(recovery(OPTIONS.replace(estimators=("panel var",)), 0, 5)["agenda_recovery"])
    counted = OPTIONS.replace(estimators=("panel var",), simulation=SMALL.replace(posts=200))
    noisy = summary(recovery(counted, 0, 5)["agenda_recovery"])
    own = exact["truth"] == 0.5
    assert (noisy.loc[own, "mean"] < exact.loc[own, "mean"] - 0.05).all()


def test_standard_errors_are_those_of_least_squares():
    values = scaled(simulate_agenda(SMALL, 1), ScaleOptions())
    var = fit(panel_of(values, 2))
    effects = np.eye(8)[var.panel.effect[var.panel.rows]]
    windows = var.panel.windows()
    lagged = windows[:, 1:].reshape(len(windows), -1)
    model = sm.OLS(windows[:, 0, 1], np.column_stack([lagged, effects])).fit()
    np.testing.assert_allclose(standard_errors(var)[:, 1].ravel(), model.bse[:6], rtol=1e-8)


def test_noise_has_the_covariance_that_is_said():
    found = noise_covariance(SMALL)
    np.testing.assert_allclose(np.diag(found), 0.09)
    assert found[0, 1] == pytest.approx(0.018)


def test_drawn_exposures():
    shown = drawn_exposure(SMALL, 0.7, 1)
    assert shown.shape == (120, 3, 8)
    np.testing.assert_allclose(shown.sum(axis=-1), 0, atol=1e-12)
    assert np.corrcoef(shown[1:].ravel(), shown[:-1].ravel())[0, 1] == pytest.approx(0.7, abs=0.1)


def test_wilson():
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 5)[0] == 0
    assert np.isnan(wilson(0, 0)).all()


def test_discoveries_by_replication():
    options = DiscoveryOptions(simulation=SMALL)
    whole = discoveries(options, 0, 4)
    pd.testing.assert_frame_equal(
        whole, pd.concat([discoveries(options, 0, 1), discoveries(options, 1, 4)], ignore_index=True)
    )
    assert set(whole["planted"]) == {2}
    assert (whole["discoveries"] == whole["found"] + whole["false"]).all()
    assert whole["found"].sum() >= 6
    found = false_discoveries(whole, 0.05).iloc[0]
    assert found["rate"] == pytest.approx(whole["share_false"].mean())
    assert found["found"] == whole["found"].sum() / 8


@pytest.mark.slow
def test_false_discoveries_are_nominal():
    table = discoveries(DiscoveryOptions(), 0, 200)
    found = false_discoveries(table, 0.05).iloc[0]
    assert found["rate"] <= 0.05 + 0.02
    assert found["found"] > 0.95


@pytest.mark.slow
def test_few_posts_make_false_leaders_and_more_lags_fewer():
    counted = DiscoveryOptions(simulation=planted_leader().replace(posts=1000))
    rates = [
        false_discoveries(discoveries(counted.replace(leads=GRANGER.replace(lags=lags)), 0, 40), 0.05)["rate"].item()
        for lags in (1, 7)
    ]
    assert rates[0] > 0.3
    assert rates[1] < 0.15


@pytest.mark.slow
def test_coverage_is_nominal():
    options = RecoveryOptions(estimators=("panel var", "hawkes", "mediation"), weight=0.0)
    table = recovery(options, 0, 200)["agenda_recovery"]
    by = table.groupby("estimator")["covered"].mean()
    assert ((by > 0.92) & (by < 0.98)).all()


def test_models_that_cannot_be():
    with pytest.raises(ValidationError, match="posts of the model hawkes"):
        RecoveryOptions(posts=SMALL)
    news = SMALL.replace(news={"rate": 0.1})
    with pytest.raises(ValidationError, match="the truth of responses leaves out"):
        RecoveryOptions(simulation=news)
    assert RecoveryOptions(simulation=news, estimators=("panel var",)).simulation.news.rate == 0.1
