import numpy as np
import pytest
from agenda.lead_panels import panel
from statsmodels.tsa.ar_model import AutoReg

from hemicycle.agenda.leads.prewhitening import innovations, topic_sizes


def test_innovations_are_the_residuals_of_statsmodels_autoregression():
    values = panel(0, (2, 60, 2))
    found = innovations(values, 3)
    residuals = AutoReg(values[1, :, 0], 3).fit().resid
    np.testing.assert_allclose(found[1, 3:, 0], residuals / residuals.std(), rtol=1e-8)
    assert np.isnan(found[:, :3]).all()


def test_missing_days_take_their_followers_with_them():
    values = panel(0, (1, 60, 1), leads=())
    values[0, 20, 0] = np.nan
    found = innovations(values, 2)[0, :, 0]
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, 1, 20, 21, 22]
    assert np.nanmean(found) == pytest.approx(0, abs=1e-12)
    assert np.nanvar(found) == pytest.approx(1)


def test_constant_and_short_series_have_none():
    values = panel(0, (2, 30, 2))
    values[0, :, 0] = 3.0
    values[1, 7:, 1] = np.nan
    found = innovations(values, 3)
    assert np.isnan(found[0, :, 0]).all()
    assert np.isnan(found[1, :, 1]).all()
    assert np.isfinite(found[0, 3:, 1]).all()
    assert np.isnan(innovations(values[:, :3], 3)).all()


def test_topic_sizes_undo_the_sizes_of_topics():
    values = panel(0, (4, 200, 3))
    sizes = np.array([0.5, 1.0, 2.0, 4.0])
    ratio = topic_sizes(values * sizes[:, None, None]) / topic_sizes(values)
    np.testing.assert_allclose(ratio / ratio[1], sizes, rtol=0.1)
    variance = (np.diff(values, axis=1) ** 2).mean(1)
    assert topic_sizes(values)[2] == pytest.approx(np.sqrt(np.mean(variance[2] / variance.mean(0))))


def test_a_topic_that_never_changes_keeps_its_size():
    values = np.ones((2, 10, 1))
    assert topic_sizes(values).tolist() == [1, 1]
    values[1, 3] = np.nan
    values[1, 5] = 4.0
    assert topic_sizes(values)[0] == 1
