import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from opinions.reference_attraction_repulsion import step
from opinions.societies import complete

from hemicycle.opinions.attraction_repulsion import AttractionRepulsion
from hemicycle.opinions.base import People

UNIT = (0.0, 1.0)


class TestRandom(OpinionContract):
    config = AttractionRepulsion.Config(exposure=0.8)
    equivariant = keeps_hull = False

    def reference(self, opinions, innate, sources, key):
        return step(self.model(), opinions, innate, sources, key)


class TestPerUser(TestRandom):
    config = AttractionRepulsion.Config(
        tolerance={"left": 0.3, "right": 1.5}, exposure=2.0, responsiveness="unit", self_interest="small"
    )


class TestSynchronous(TestRandom):
    config = AttractionRepulsion.Config(exposure=0.8, schedule="synchronous", name="synchronous")


class TestScales(TestRandom):
    config = AttractionRepulsion.Config(scales=(5.0, 0.5), updates_per_step=77)
    dims = (2,)


def pair(x, **options):
    """Two users, of whom only the first moves, for certain when the other is one that it meets."""
    x = np.array(x, dtype=float)
    config = AttractionRepulsion.Config(exposure=1e9, schedule="synchronous", **options)
    model = AttractionRepulsion(config).bound(People(2, bounds=UNIT, fixed=np.array([False, True])))
    return model.step(x, x[::-1], sources_of(np.array([[0, 1], [1, 0]]), x), 0)[0]


def test_at_exactly_the_tolerance_users_attract_and_beyond_it_repel():
    np.testing.assert_allclose(pair([[0.25], [0.5]], tolerance=0.25, responsiveness=0.5), [0.375])
    np.testing.assert_allclose(pair([[0.25], [0.501]], tolerance=0.25, responsiveness=0.5), [0.1245])


def test_repulsion_ends_at_the_bounds_in_each_dimension():
    np.testing.assert_allclose(pair([[0.1, 0.5], [0.9, 0.6]], tolerance=0.1, responsiveness=0.5), [0.0, 0.45])


def test_self_interest_moves_towards_the_innate_opinion():
    after = pair([[0.2], [0.8]], tolerance=0.0, responsiveness=0.25, self_interest=1.0)
    np.testing.assert_allclose(after, [0.2 + 0.25 * 0.6])


@pytest.mark.parametrize(("distance", "scales"), [(0.1, ()), (0.2, ()), (0.3, (3.0,))])
def test_half_as_many_interact_at_each_exposure_of_distance(distance, scales):
    n = 40_000
    dense_free = np.arange(n) % 2 == 0
    x = np.where(dense_free, 0.0, distance)[:, None]
    partner = np.arange(n) ^ 1
    sources = sources_of_pairs(partner, x)
    config = AttractionRepulsion.Config(tolerance=1.0, exposure=0.1, schedule="synchronous", scales=scales)
    after = AttractionRepulsion(config).bound(People(n, bounds=UNIT)).step(x, x, sources, 1)
    expected = 0.5 ** (distance / (0.1 * (scales or (1,))[0]))
    assert (after != x).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / n))


def sources_of_pairs(partner, x):
    n = len(partner)
    return type(complete(2))(np.arange(n + 1), partner.astype(np.int32), None, x)


def test_sources_that_are_not_users_are_met_and_never_move():
    x = np.zeros((4, 1))
    places = np.concatenate([x, [[0.2]]])
    sources = sources_of(np.eye(4, 5, k=4) + np.array([[0, 0, 0, 0, 1]] * 4), places)
    model = AttractionRepulsion(AttractionRepulsion.Config(exposure=1e9, schedule="synchronous"))
    np.testing.assert_allclose(model.step(x, x, sources, 0), 0.05)
    assert sources.positions[4] == 0.2


def test_problems_of_the_start():
    model = AttractionRepulsion(AttractionRepulsion.Config(scales=(1.0, 2.0)))
    found = model.start_problems(np.zeros((3, 1)), None)
    assert [problem.where for problem in found] == ["scales", "bounds"]
    assert model.start_problems(np.zeros((3, 2)), UNIT) == []


def variances(tolerance, societies, interactions, n=100):
    """Final variance of each of several societies under complete mixing, with the paper's parameters."""
    rng = np.random.default_rng(1)
    x = rng.normal(0.5, 0.2, (4 * societies * n, 1))
    x = x[(x[:, 0] >= 0) & (x[:, 0] <= 1)][: societies * n]
    config = AttractionRepulsion.Config(tolerance=tolerance, exposure=0.1, responsiveness=0.25)
    model, sources = AttractionRepulsion(config).bound(People(len(x), bounds=UNIT)), complete(n, societies)
    for key in range(interactions // n):
        x = model.step(x, x, sources, key)
    return x.reshape(societies, n).var(axis=1)


@pytest.mark.slow
def test_low_tolerance_polarizes_and_high_tolerance_agrees():
    assert variances(0.05, 8, 500_000).min() > 0.2
    assert variances(0.65, 8, 500_000).max() < 0.01
