from itertools import pairwise

import numpy as np
import pytest
from agenda import reference_hawkes as reference
from agenda.hawkes.test_likelihood import KERNELS, some_events, some_theta, terms_of
from agenda.hawkes_truths import pair_of_sources, simulated

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.goodness import LEVELS, goodness, held_out, increments, poisson, without_influence
from hemicycle.agenda.hawkes.kernels import Exponential, kernel_of
from hemicycle.agenda.hawkes.maximum import maximised


@pytest.mark.parametrize("name", KERNELS)
def test_increments_are_integrals_of_the_intensity(name):
    events = some_events(exogenous=("b",))
    options, rates_of = KERNELS[name]
    design, kernel = Design(events), kernel_of(options, 3, 30.0)
    theta = some_theta(design, kernel)
    terms = terms_of(theta, lambda i, j: rates_of((0, 2)[i], j), 3, kinds=kernel.n_columns)
    found = increments(design, kernel, theta)
    for i, target in enumerate((0, 2)):
        times = np.append(0.0, events.times[events.marks == target])
        model = (lambda i, _: theta[i, 0], terms)
        wanted = [reference.integral(events, model, i, span) for span in pairwise(times)]
        assert np.allclose(found[i], wanted)


def test_pieces_of_the_baseline_count_in_increments():
    events, profile = some_events(), Baseline(width=3.0, cycle=6.0)
    design, kernel = Design(events, profile), kernel_of(Exponential(), 3, 30.0)
    theta = without_influence(design, kernel)
    assert theta.shape == (3, 5)
    assert np.allclose(theta[:, :2], poisson(design))
    assert np.allclose(poisson(design).sum(1) * 15.0, events.counts)
    for gaps, count in zip(increments(design, kernel, theta), events.counts, strict=True):
        assert (gaps > 0).all()
        assert gaps.sum() < count


def test_the_true_model_fits_and_poisson_does_not():
    design = Design(simulated(pair_of_sources(), 5000, 0))
    tables = goodness(design, maximised(design, Exponential()))
    table = tables["agenda_goodness"].set_index(["source", "model"])
    assert (table.xs("hawkes", level="model")["p_value"] > 0.01).all()
    assert (table.xs("poisson", level="model")["p_value"] < 1e-6).all()
    assert table["n"].groupby("source").first().tolist() == design.events.counts.tolist()
    assert (table["message"] == "").all()
    quantiles = tables["agenda_goodness_quantiles"]
    assert len(quantiles) == 2 * 2 * len(LEVELS)
    mine = quantiles[(quantiles["model"] == "hawkes") & (quantiles["level"] == 0.5)]
    assert np.allclose(mine["expected"], np.log(2))
    assert np.allclose(mine["observed"], np.log(2), atol=0.06)


def test_many_events_come_with_a_caveat(monkeypatch):
    monkeypatch.setattr("hemicycle.agenda.hawkes.goodness._LARGE", 100)
    design = Design(simulated(pair_of_sources(), 1000, 0))
    table = goodness(design, maximised(design, Exponential()))["agenda_goodness"]
    assert table["message"].str.contains("see the statistic").all()


def test_held_out_events_are_likelier_with_influence():
    events = simulated(pair_of_sources(), 5000, 1)
    cut = 0.8 * events.horizon
    before, after = Design(events.until(cut)), Design(events, window=(cut, events.horizon))
    fit = maximised(before, Exponential(decay=2.0, estimate=False))
    kernel = kernel_of(fit.kernel, 2, events.horizon)
    ours, theirs = held_out(after, kernel, fit.theta), held_out(after, kernel, without_influence(before, kernel))
    assert (ours > theirs).all()
    rates = poisson(before)[:, 0]
    wanted = np.log(rates) - rates * (events.horizon - cut) / after.counts
    assert np.allclose(theirs, wanted)
