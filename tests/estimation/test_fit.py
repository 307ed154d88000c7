"""Fits against textbook least squares, dense search and literal held-out likelihoods; coverage."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from estimation import planted_waves
from estimation.planted_waves import PLANTED, coverage, mechanism
from scipy import stats

from hemicycle.estimation import explore
from hemicycle.estimation.explore import Settings, fold_of_pools
from hemicycle.estimation.fit import fit
from hemicycle.estimation.moments import Observation, moments_of, solve
from hemicycle.estimation.panel import panel_of


def planted(name, seed=0, **options):
    measured, graph, innate = planted_waves.waves(name, np.random.default_rng(seed), **options)
    return panel_of(measured, [graph], innate, seed)


def values(found):
    return {value.name: value for value in found.values}


def test_a_linear_mechanism_is_ordinary_least_squares():
    panel = planted("anchored", n=200)
    own = panel.transitions[0]
    x = np.column_stack([np.ones(200), mechanism("anchored").columns(own.scene, own.before, 0.0)])
    wanted = sm.OLS(own.after - own.before, x).fit()
    found = fit(mechanism("anchored"), panel, Settings())
    ends = wanted.conf_int(0.1)
    for k, name in enumerate(["drift", "susceptibility", "anchor"]):
        value = values(found)[name]
        assert [value.value, value.low, value.high, value.error] == pytest.approx(
            [wanted.params[k], *ends[k], wanted.bse[k]]
        )
    assert values(found)["noise_sd"].value == pytest.approx(np.sqrt(wanted.scale))
    assert found.log_likelihood == pytest.approx(wanted.llf)
    assert found.n_parameters == 4


def test_held_out_likelihood_is_that_of_refitting_without_the_fold():
    panel = planted("assimilation", n=150)
    found = fit(mechanism("assimilation"), panel, Settings(folds=3))
    own = panel.transitions[0]
    y = (own.after - own.before)[own.rows]
    x = np.column_stack([np.ones(150), own.scene.pull(own.before)])
    x[:, 1] = own.scene.pull(own.before)
    x = x[own.rows]
    fold = np.repeat(fold_of_pools(panel.n_pools, 3), np.diff(own.starts))
    told = 0.0
    for k in range(3):
        b = np.linalg.lstsq(x[fold != k], y[fold != k], rcond=None)[0]
        noise = np.sqrt(((y - x @ b)[fold != k] ** 2).mean())
        told += stats.norm.logpdf((y - x @ b)[fold == k], 0, noise).sum()
    assert found.held_out.sum() == pytest.approx(told)


@pytest.mark.parametrize("name", ["distance_decay", "attraction_repulsion"])
def test_a_smooth_shape_is_the_best_of_a_dense_search_and_its_interval_a_likelihood_ratio(name):
    panel = planted(name, n=500)
    found = values(fit(mechanism(name), panel, Settings()))[mechanism(name).shape]

    def loss(shape):
        return solve(moments_of(mechanism(name), panel, shape, Observation()).total)[1]

    dense = np.linspace(max(found.low, 0.05), found.high, 41)
    losses = [loss(shape) for shape in dense]
    assert loss(found.value) <= min(losses) * (1 + 1e-6)
    for end in (found.low, found.high):
        ratio = 500 * np.log(loss(end) / loss(found.value))
        assert ratio == pytest.approx(stats.chi2.ppf(0.9, 1), rel=0.03)


def test_several_steps_are_found_and_equal_the_planted_ones():
    panel = planted("assimilation", n=400, steps=3, noise=0.02)
    fits = {k: fit(mechanism("assimilation"), panel, Settings(Observation(steps=k))) for k in (1, 3)}
    value = values(fits[3])["susceptibility"]
    assert value.value == pytest.approx(PLANTED["assimilation"]["susceptibility"], abs=0.01)
    assert value.low < value.value < value.high
    assert fits[3].log_likelihood > fits[1].log_likelihood + 10


@pytest.mark.parametrize("name", ["bounded_confidence", "distance_decay"])
def test_several_steps_of_a_mechanism_with_a_shape(name):
    panel = planted(name, n=300, steps=2, noise=0.03)
    found = values(fit(mechanism(name), panel, Settings(Observation(steps=2))))
    for parameter, truth in PLANTED[name].items():
        assert found[parameter].value == pytest.approx(truth, rel=0.25)


def test_without_drift_there_is_none():
    found = values(fit(mechanism("none"), planted("none"), Settings(Observation(drift=False))))
    assert list(found) == ["noise_sd"]


def test_a_scale_that_the_data_do_not_bound_is_open():
    found = fit(mechanism("distance_decay"), planted("assimilation", n=300), Settings())
    assert values(found)["scale"].high == np.inf
    assert "do not bound" in found.notes[0]


def test_the_same_seed_gives_the_same_fit_and_profiles_hide_exact_distances():
    panel = planted("bounded_confidence")
    one, two = (fit(mechanism("bounded_confidence"), panel, Settings(draws=49)) for _ in range(2))
    assert one.values == two.values
    assert np.array_equal(one.profile, two.profile)
    own = panel.transitions[0]
    users = np.repeat(np.arange(300), np.diff(own.scene.indptr))
    exact = np.abs(own.before[own.scene.indices] - own.before[users])
    assert not np.isin(one.profile[0][one.profile[0] > 0], exact).any()


@pytest.mark.parametrize("name", ["assimilation", "bounded_confidence"])
def test_intervals_cover_in_a_few_replications(name):
    found = coverage(name, 40, n=200, per_user=5)
    assert set(found) == {*PLANTED[name], "drift", "noise_sd"}
    assert all(stats.binom.cdf(round(40 * share), 40, 0.9) > 1e-3 for share in found.values()), found


def test_coverage_can_fail(monkeypatch):
    monkeypatch.setattr(planted_waves, "step", lambda name, graph, x, innate, p: x + 0.05)
    assert coverage("none", 15, n=200)["drift"] < 0.2


def test_the_profile_of_a_coefficient_is_that_of_a_dense_search():
    panel = planted("distance_decay", n=500)
    found = values(fit(mechanism("distance_decay"), panel, Settings()))
    best, reach = np.inf, stats.t.ppf(0.95, 500 - 3) ** 2
    inside = []
    for scale in np.geomspace(found["scale"].low * 0.7, found["scale"].high * 1.5, 300):
        total = moments_of(mechanism("distance_decay"), panel, scale, Observation()).total
        slope, loss = solve(total, 1, positive=True)
        best = min(best, loss)
        inside.append((loss, slope[1], np.sqrt(np.linalg.inv(total[:2, :2])[1, 1])))
    loss, slope, error = np.array(inside).T
    slack = best * np.exp(reach / 500) - loss
    keep = slack >= 0
    ends = slope[keep] + np.outer([-1, 1], np.sqrt(slack[keep]) * error[keep])
    width = np.ptp([found["susceptibility"].low, found["susceptibility"].high])
    assert found["susceptibility"].low == pytest.approx(ends.min(), abs=0.01 * width)
    assert found["susceptibility"].high == pytest.approx(ends.max(), abs=0.01 * width)


def test_very_many_movements_are_searched_by_a_part_of_the_users(monkeypatch):
    panel = planted("distance_decay", n=3000, noise=0.05)
    whole = fit(mechanism("distance_decay"), panel, Settings())
    seen = []
    only = type(panel).sampled
    monkeypatch.setattr(explore, "_LARGE", 2000)
    monkeypatch.setattr(explore, "_SAMPLE", 600)
    monkeypatch.setattr(type(panel), "sampled", lambda own, most: seen.append(only(own, most)) or seen[-1])
    found = fit(mechanism("distance_decay"), panel, Settings())
    assert 550 <= seen[0].n_rows <= 650
    assert seen[0].transitions[0].scene.indptr[-1] < 0.25 * panel.transitions[0].scene.indptr[-1]
    assert found.log_likelihood == pytest.approx(whole.log_likelihood, abs=0.01)
    for value, wanted in zip(found.values, whole.values, strict=True):
        width = wanted.high - wanted.low
        assert [value.low, value.value, value.high] == pytest.approx(
            [wanted.low, wanted.value, wanted.high], abs=0.02 * width
        )


def test_a_part_of_the_users_sees_what_it_saw():
    panel = planted("distance_decay", n=400)
    few = panel.sampled(100)
    own, part = panel.transitions[0], few.transitions[0]
    assert set(part.rows) < set(own.rows)
    model = mechanism("assimilation")
    assert np.array_equal(
        model.columns(part.scene, part.before, 0.0)[part.rows], model.columns(own.scene, own.before, 0.0)[part.rows]
    )
    weighted = replace(own.scene, weights=np.arange(len(own.scene.indices), dtype=np.float32) + 1)
    chosen = np.arange(400) < 30
    assert np.array_equal(weighted.only(chosen).pull(own.before)[:30], weighted.pull(own.before)[:30])
    assert not weighted.only(chosen).pull(own.before)[30:].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PLANTED))
def test_nominal_intervals_cover(name):
    found = coverage(name, 200, n=1000)
    assert all(0.845 <= share <= 0.955 for share in found.values()), found
