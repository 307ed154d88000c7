"""The weight of what groups are shown: against statsmodels, recovered, and none where there is none."""

import numpy as np
import pytest
import statsmodels.api as sm

from hemicycle.agenda.simulated.influence import AgendaSimulation, Influence, coefficients
from hemicycle.agenda.simulated.mediation_weight import (
    ALL,
    WeightOptions,
    influence_given,
    least_squares,
    log_attention,
    mediation_weight,
    rows_of,
)
from hemicycle.agenda.simulated.recovered import drawn_exposure
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.errors import InputError

AGENDA = AgendaSimulation(
    topics=6, days=250, posts=0, influence=(Influence(leader="media", follower="public", strength=0.25),)
)
ONE = WeightOptions()


def run(weight, seed, **changes):
    options = AGENDA.replace(**changes)
    shown = drawn_exposure(options, 0.5, seed)
    return simulate_agenda(options, seed, weight * shown), shown


def test_least_squares_equal_those_of_statsmodels():
    attention, shown = run(1.5, 1)
    rows = rows_of(log_attention(attention), shown, 2, 1)
    design = np.column_stack([rows.lagged, rows.shown])
    found = least_squares(rows, design, 0.95)
    model = sm.OLS(rows.y, design).fit(cov_type="cluster", cov_kwds={"groups": rows.day}, use_t=True)
    np.testing.assert_allclose(found[:, 0], model.params, rtol=1e-8)
    n, p = len(rows.y), design.shape[1]
    more = n * (n - p) / ((n - 1) * (n - p - 6))  # statsmodels does not count the effects of topics
    np.testing.assert_allclose(found[:, 1], model.bse * np.sqrt(more), rtol=1e-8)
    np.testing.assert_allclose(found[:, 4], model.pvalues, atol=0.02)


def test_one_group_is_its_own_regression():
    attention, shown = run(1.5, 2)
    shown[:, :2] = 0
    table = mediation_weight(attention, shown, ONE)
    rows = rows_of(log_attention(attention), shown, 2, 1)
    wanted = least_squares(rows, np.column_stack([rows.lagged, rows.shown]), 0.95)[-1]
    assert table["group"].tolist() == ["public", ALL]
    np.testing.assert_allclose(
        table.loc[0, ["estimate", "se", "ci_low", "ci_high"]].astype(float), wanted[:4], rtol=1e-8
    )
    np.testing.assert_allclose(table.loc[1, "estimate"], wanted[0], rtol=1e-8)


def test_planted_weight_is_recovered_and_nothing_where_there_is_none():
    for weight in (2.0, 0.0):
        tables = [
            mediation_weight(*run(weight, seed, shared=0.3), ONE).set_index("group").loc[ALL] for seed in range(30)
        ]
        z = [(t["estimate"] - weight) / t["se"] for t in tables]
        assert abs(np.mean([t["estimate"] for t in tables]) - weight) < 0.03
        assert sum(t["ci_low"] <= weight <= t["ci_high"] for t in tables) >= 26
        assert 0.7 < np.std(z) < 1.3


def test_influence_is_recovered_and_zero_exposure_changes_nothing():
    attention, shown = run(2.0, 3, days=1500)
    table = influence_given(attention, shown, ONE)
    names = list(zip(table["to"], table["from"], strict=True))
    truth = coefficients(AGENDA)[0]
    wanted = [truth[AGENDA.groups.index(to), AGENDA.groups.index(of)] for to, of in names]
    np.testing.assert_allclose(table["estimate"], wanted, atol=0.04)
    without = influence_given(attention, None, ONE)["estimate"]
    np.testing.assert_array_equal(influence_given(attention, np.zeros_like(shown), ONE)["estimate"], without)
    assert (without != table["estimate"]).all()


def test_missing_days_are_left_out():
    attention, shown = run(2.0, 4)
    attention.shares[:, 10, 0] = np.nan
    table = mediation_weight(attention, shown, ONE).set_index("group")
    assert table.loc["media", "rows"] == (249 - 2) * 6
    assert table.loc["media", "days"] == 247
    assert table.loc["public", "rows"] == (249 - 1) * 6
    assert np.isfinite(table.loc[ALL, "estimate"])


def test_zeros_are_read_as_half_a_unit():
    attention, _ = run(0.0, 5, posts=10)
    x = log_attention(attention)
    assert np.isfinite(x).all()
    np.testing.assert_allclose(x.sum(axis=-1), 0, atol=1e-12)
    day, group = np.argwhere((attention.shares == 0).any(axis=0) & (attention.shares == 0.1).any(axis=0))[0]
    zero, one = (x[day, group, attention.shares[:, day, group] == share][0] for share in (0, 0.1))
    assert one - zero == pytest.approx(np.log(2))


def test_what_is_refused():
    attention, shown = run(1.0, 6, days=4)
    with pytest.raises(InputError, match="no group is shown anything"):
        mediation_weight(attention, 0 * shown, ONE)
    with pytest.raises(InputError, match=r"6 rows of 4 days and 6 topics for 3 lags of 3 groups"):
        mediation_weight(attention, shown, WeightOptions(lags=3))
