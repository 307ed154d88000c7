import numpy as np
import pytest
from agenda.hawkes.test_likelihood import PAIRS, some_events
from agenda.hawkes_truths import PAIR, pair_of_sources, simulated

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.hawkes import HawkesOptions, estimated, hawkes, held_out_values
from hemicycle.agenda.hawkes.kernels import Exponential, Exponentials, PowerLaw
from hemicycle.agenda.hawkes.maximum import maximised
from hemicycle.agenda.hawkes.shares import endogeneity_table
from hemicycle.agenda.hawkes.simulation import HawkesTruth, branching_ratio
from hemicycle.agenda.hawkes.tables import Fitted, baseline_table, branching_table, kernel_table, ratio, stability_table
from hemicycle.core.errors import InputError

TRIO = np.array([[0.3, 0.2, 0.1], [0.0, 0.4, 0.2], [0.0, 0.0, 0.0]])


@pytest.fixture(scope="module")
def trio():
    """Three sources; nobody influences the third."""
    return simulated(HawkesTruth(np.array([0.5, 0.3, 0.6]), TRIO, Exponential(decay=2.0), exogenous=(2,)), 20_000, 0)


@pytest.fixture(scope="module")
def fitted(trio):
    design = Design(trio)
    return Fitted(design, maximised(design, Exponential(decay=1.0)))


@pytest.mark.parametrize("estimator", ["likelihood", "least squares", "em"])
def test_every_estimator_gives_every_table(trio, estimator):
    trio = trio.until(trio.horizon / 5)
    kernel = Exponential(decay=2.0, estimate=False)
    tables = hawkes(trio, HawkesOptions(estimator=estimator, kernel=kernel, parts={"media": ("s1", "s2")}))
    influence = tables["agenda_hawkes"].pivot_table(index="target", columns="source", values="branching").to_numpy()
    assert np.abs(influence - TRIO[:2]).max() < 0.12
    assert (tables["agenda_hawkes"]["decay"] == 2.0).all()
    goodness = tables["agenda_goodness"].set_index(["model", "source"])
    assert (goodness.loc["hawkes", "held_out"] > goodness.loc["poisson", "held_out"]).all()
    row = tables["agenda_hawkes_fit"].iloc[0]
    assert row["estimator"] == estimator
    assert row["stable"]
    assert row["ci_low"] < 0.4 < row["ci_high"]
    assert row["n_events"] == trio.counts[:2].sum()
    assert set(tables) >= {"agenda_endogeneity", "agenda_hawkes_baseline", "agenda_hawkes_kernel"}


def test_shares_add_up_and_groups_are_sums(fitted):
    table = endogeneity_table(fitted, {"media": ("s1", "s2")})
    whole = table[table["kind"] != "group"].groupby(["target", "level"])["share"].sum()
    assert np.allclose(whole, 1.0, atol=1e-3)
    share = table[table["level"] == "source"].set_index(["target", "part"])["share"]
    assert share["s0", "media"] == pytest.approx(share["s0", "s1"] + share["s0", "s2"])
    assert share["s1", "media"] == pytest.approx(share["s1", "s2"])
    counts = fitted.design.counts
    assert share["s0", "s1"] == pytest.approx(0.2 * counts[1] / counts[0], abs=0.05)
    group = table[(table["target"] == "media") & (table["level"] == "group")].set_index("part")["share"]
    assert group["itself"] == pytest.approx(share["s1", "itself"] + share["s1", "s2"])
    outside = endogeneity_table(fitted, {"others": ("s2",)})
    assert "others" not in set(outside["target"])
    assert (table["ci_low"] <= table["share"]).all()
    assert (table["share"] <= table["ci_high"]).all()


def test_errors_are_those_of_the_delta_method(fitted):
    """The shape's error included: against the covariance of all coefficients written out."""
    fit = fitted.fit
    n, p = fit.theta.shape
    full = fit.drift.reshape(n * p, -1) @ fit.shape_covariance @ fit.drift.reshape(n * p, -1).T
    for i in range(n):
        full[i * p : (i + 1) * p, i * p : (i + 1) * p] += fit.covariance[i]
    gradient = np.arange(n * p, dtype=float)
    assert fitted.error(gradient.reshape(n, p)) == pytest.approx(np.sqrt(gradient @ full @ gradient))
    only = np.zeros((n, p))
    only[1] = 1.0
    assert fitted.row(1, only[1]) == pytest.approx(fitted.error(only))


def test_the_error_of_the_branching_ratio_follows_from_its_derivative(fitted):
    value, error = ratio(fitted)
    matrix = fitted.branching.sum(1)[:, :2]
    assert value == pytest.approx(branching_ratio(matrix))
    gradient = np.zeros_like(fitted.fit.theta)
    for i in range(2):
        for j in range(2):
            moved = matrix.copy()
            moved[i, j] += 1e-6
            gradient[i, 1 + j] = (branching_ratio(moved) - value) / 1e-6
    assert error == pytest.approx(fitted.error(gradient), rel=1e-3)


def test_decays_and_baselines_have_intervals(fitted):
    table = branching_table(fitted)
    assert (table["decay_low"] < 2.0).all()
    assert (table["decay_high"] > 2.0).all()
    kernel = kernel_table(fitted)
    assert kernel["parameter"].tolist() == ["decay"]
    assert kernel["ci_low"].item() == pytest.approx(table["decay_low"].iloc[0])
    rates = baseline_table(fitted)
    assert rates["target"].tolist() == ["s0", "s1"]
    assert ((rates["ci_low"] < [0.5, 0.3]) & (rates["ci_high"] > [0.5, 0.3])).all()


@pytest.mark.parametrize(
    ("kernel", "rows", "parameters"),
    [
        (Exponentials(decays=(0.5, 4.0)), 3, ["decay 1", "decay 2"]),
        (PowerLaw(), 1, ["offset", "exponent"]),
        (Exponential(per="source"), 1, []),
        (Exponential(per="pair"), 1, []),
    ],
)
def test_kernels_have_their_own_rows(trio, kernel, rows, parameters):
    design = Design(trio)
    found = Fitted(design, maximised(design, kernel))
    table = branching_table(found)
    assert len(table) == 2 * 3 * rows
    assert kernel_table(found)["parameter"].tolist() == parameters
    if rows == 3:
        sums = table.groupby(["target", "source"])["branching"].agg(["sum", "max"])
        assert np.allclose(
            sums["sum"], 2 * table[table["kernel"] == "total"].groupby(["target", "source"])["branching"].sum()
        )
    if parameters == ["offset", "exponent"]:
        assert table["decay"].isna().all()
        assert "an exponential kernel will do" in stability_table(found, "likelihood")["message"].item()


def test_unstable_fits_say_so():
    """Bursts that only ever grow look as if events multiplied."""
    design = Design(simulated(pair_of_sources(), 3000, 1))
    fit = maximised(design, Exponential(decay=2.0))
    high = fit.theta.copy()
    high[1, 2] = 1.1
    row = stability_table(Fitted(design, type(fit)(**{**fit.__dict__, "theta": high})), "likelihood").iloc[0]
    assert not row["stable"]
    assert "unstable" in row["message"]
    high[1, 2] = 0.99
    row = stability_table(Fitted(design, type(fit)(**{**fit.__dict__, "theta": high, "converged": False})), "x").iloc[0]
    assert row["stable"]
    assert "may be unstable" in row["message"]
    assert "before the maximum" in row["message"]


def test_few_events_a_coefficient_are_said():
    options = HawkesOptions(held_out=0.0)
    table = hawkes(simulated(pair_of_sources(), 300, 1), options)
    assert "may err more" in table["agenda_hawkes_fit"]["message"].item()
    assert table["agenda_goodness"]["held_out"].isna().all()


def test_what_cannot_be_fitted_says_why():
    with pytest.raises(InputError, match=r"no source 'x'[\s\S]*group is empty[\s\S]*called as a source"):
        hawkes(some_events(), HawkesOptions(parts={"g": ("x",), "h": (), "a": ("b",)}))
    with pytest.raises(InputError, match="shares sources with another"):
        hawkes(some_events(), HawkesOptions(parts={"g": ("a", "b"), "h": ("b",)}))
    with pytest.raises(InputError, match="3 targets have too few events for 33 coefficients"):
        estimated(Design(some_events(), Baseline(width=1.0)), HawkesOptions())
    with pytest.raises(InputError, match=r"decays of shape \(1, 2\) were given for 3 sources"):
        hawkes(some_events(), HawkesOptions(kernel=Exponential(decay=(1.0, 2.0), per="source")))
    with pytest.raises(InputError, match="several decays cannot be estimated as one"):
        hawkes(some_events(), HawkesOptions(kernel=Exponential(decay=PAIRS)))
    with pytest.raises(InputError, match="300 pieces, at most 200"):
        hawkes(some_events(), HawkesOptions(baseline=Baseline(width=0.1)))
    with pytest.raises(ValueError, match="multiple of 'width'"):
        Baseline(width=5, cycle=24)


def test_pieces_that_do_not_repeat_cannot_be_held_out():
    events = simulated(pair_of_sources(), 3000, 1)
    assert held_out_values(events, HawkesOptions(baseline=Baseline(width=events.horizon / 3))) is None
    assert held_out_values(events.until(4.7), HawkesOptions()) is None


def test_branching_is_that_of_the_truth():
    events = simulated(pair_of_sources(), 20_000, 3)
    table = hawkes(events, HawkesOptions())["agenda_hawkes"].set_index(["target", "source"])
    assert table.loc[("s0", "s1"), "branching"] == pytest.approx(PAIR[0, 1], abs=0.05)
    assert table.loc[("s1", "s0"), "ci_low"] == 0.0


def test_options_are_read_from_plain_values():
    plain = {
        "kernel": {"kernel": "power law", "offset": 0.5},
        "baseline": {"width": 1, "cycle": 24},
        "parts": {"media": ["s0"]},
    }
    options = HawkesOptions.model_validate(plain)
    assert options.kernel == PowerLaw(offset=0.5)
    assert HawkesOptions.model_validate(options.model_dump(mode="json")) == options
    with pytest.raises(ValueError, match="does not match any of the expected tags"):
        HawkesOptions.model_validate({"kernel": {"kernel": "gaussian"}})
