import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from opinions.reference_averaging import hegselmann_krause, hegselmann_krause_in_turn

from hemicycle.opinions.base import People, Sources
from hemicycle.opinions.bounded_confidence import BoundedConfidence


class Confident(OpinionContract):
    """Distances grow with the number of dimensions: users start nearer to each other where there are more."""

    def start(self, rng, n, dims):
        return rng.uniform(-1, 1, (n, dims)) / np.sqrt(dims)

    def reference(self, opinions, innate, sources, key):
        model = self.model()
        confidence, mobility = model.values("confidence", 30), model.values("mobility", 30)
        if model.config.schedule == "random":
            return hegselmann_krause_in_turn(opinions, sources, confidence, mobility, key)
        return hegselmann_krause(opinions, sources, confidence, mobility)


class TestClassic(Confident):
    config = BoundedConfidence.Config(confidence=0.8)


class TestSlow(Confident):
    config = BoundedConfidence.Config(confidence=0.8, mobility=0.25)


class TestConfidenceAndMobilityOfEachUser(Confident):
    config = BoundedConfidence.Config(confidence={"left": 1.2, "right": 0.3}, mobility="unit")


class TestInTurn(Confident):
    config = BoundedConfidence.Config(confidence="unit", mobility=0.5, schedule="random")
    equivariant = False  # who moves first matters


def complete(n):
    """Everyone sees everyone else."""
    indices = np.tile(np.arange(n), (n, 1))[~np.eye(n, dtype=bool)]
    return Sources(np.arange(n + 1) * (n - 1), indices.astype(np.int32), None, np.zeros((n, 1)))


def literal_step(x, confidence):
    """Hegselmann and Krause's equation on the complete graph, one user at a time."""
    return np.array([x[np.abs(x - opinion) <= confidence].mean() for opinion in x])


def run(x, confidence, steps, mobility=1.0):
    model, sources = (
        BoundedConfidence(BoundedConfidence.Config(confidence=confidence, mobility=mobility)),
        complete(len(x)),
    )
    opinions = x[:, None]
    for _ in range(steps):
        opinions = model.step(opinions, opinions, sources.at(opinions), 0)
    return opinions[:, 0]


def clusters(x):
    return int((np.diff(np.sort(x)) > 1e-3).sum()) + 1


@pytest.mark.parametrize("confidence", [0.05, 0.15, 0.25])
def test_complete_graph_equals_the_literal_model(confidence):
    x = np.random.default_rng(2).random(101)
    expected = x
    for _ in range(6):
        expected = literal_step(expected, confidence)
    np.testing.assert_allclose(run(x, confidence, 6), expected, atol=1e-12)


@pytest.mark.parametrize(("confidence", "least", "most"), [(0.05, 5, 9), (0.1, 3, 5), (0.15, 2, 3), (0.3, 1, 1)])
def test_regular_profile_ends_in_the_known_number_of_clusters(confidence, least, most):
    """About 1 / (2 eps) clusters, and consensus above a confidence of about .25."""
    assert least <= clusters(run(np.linspace(0, 1, 201), confidence, 25)) <= most


def test_order_of_opinions_is_kept():
    x = np.sort(np.random.default_rng(4).random(60))
    assert (np.diff(run(x, 0.12, 10)) >= -1e-12).all()


def test_mobility_goes_that_share_of_the_way():
    x = np.random.default_rng(3).random(50)
    half, whole = run(x, 0.2, 1, mobility=0.5), run(x, 0.2, 1)
    np.testing.assert_allclose(half, (x + whole) / 2, atol=1e-12)


def test_groups_farther_apart_than_the_confidence_never_meet():
    x = np.array([0.0, 0.1, 0.2, 0.8, 0.9, 1.0])
    np.testing.assert_allclose(run(x, 0.4, 5), [0.1] * 3 + [0.9] * 3, atol=1e-12)


def test_distance_is_euclidean_over_all_dimensions():
    x = np.array([[0.0, 0.0], [0.3, 0.4]])
    sources = sources_of(np.array([[0.0, 1.0], [1.0, 0.0]]), x)
    near, far = (BoundedConfidence(BoundedConfidence.Config(confidence=c)) for c in (0.51, 0.49))
    np.testing.assert_allclose(near.step(x, x, sources, 0), [[0.15, 0.2]] * 2)
    np.testing.assert_array_equal(far.step(x, x, sources, 0), x)


def test_sources_that_are_not_users_attract():
    positions = np.array([[0.0], [0.2]])
    outlet = sources_of(np.array([[0.0, 3.0]]), positions)
    after = BoundedConfidence(BoundedConfidence.Config(confidence=0.5)).step(positions[:1], positions[:1], outlet, 0)
    np.testing.assert_allclose(after, [[0.15]])


def test_confidence_wider_than_the_range_is_a_problem():
    model = BoundedConfidence(BoundedConfidence.Config(confidence=1.5))
    (problem,) = model.problems(width=1.0)
    assert "1.5" in problem.what
    assert "(0, 1]" in problem.remedy
    assert model.problems(width=2.0) == []


FROZEN = {0.05: 9, 0.08: 5, 0.1: 4, 0.12: 3, 0.15: 3, 0.2: 3, 0.25: 1, 0.3: 1}
"""Clusters in which the literal model leaves 201 users in 60 steps, by confidence. They start by golden-section steps:
evenly enough, and without the symmetry whose ties a rounding would decide."""
STARTS = np.arange(1, 202) * 0.6180339887498949 % 1


@pytest.mark.parametrize("confidence", FROZEN)
def test_spread_users_end_in_the_frozen_number_of_clusters(confidence):
    assert clusters(run(STARTS, confidence, 60)) == FROZEN[confidence]


@pytest.mark.slow
@pytest.mark.parametrize("confidence", FROZEN)
def test_the_frozen_numbers_are_the_literal_models(confidence):
    x = STARTS
    for _ in range(60):
        x = literal_step(x, confidence)
    assert clusters(x) == FROZEN[confidence]


def consensus_of_1001(confidence, seed):
    """Tell whether 1001 users with uniform opinions, all of whom see all others, agree in the end."""
    x, before = np.random.default_rng(seed).random(1001), None
    while before is None or np.abs(x - before).max() > 1e-9:
        x, before = run(x, confidence, 5), x
    return clusters(x) == 1


@pytest.mark.parametrize(("confidence", "agreed"), [(0.19, False), (0.25, True)])
def test_consensus_of_1001_users_lies_between_a_confidence_of_19_and_25_hundredths(confidence, agreed):
    assert consensus_of_1001(confidence, 0) is agreed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("confidence", "least", "most"), [(0.19, 0, 0), (0.2, 0, 0.35), (0.22, 0.35, 0.9), (0.25, 1, 1)]
)
def test_probability_of_consensus_of_1001_users_rises_steeply(confidence, least, most):
    """Near 0, .1, .65 and 1; the bands are what 20 seeds leave open."""
    assert least <= np.mean([consensus_of_1001(confidence, seed) for seed in range(20)]) <= most


def test_zealots_pull_in_turn_too():
    x, zealot = np.array([[0.0], [0.3], [0.35]]), np.array([True, False, False])
    model = BoundedConfidence(BoundedConfidence.Config(confidence=0.5, schedule="random")).bound(
        People(3, fixed=zealot)
    )
    sources, opinions = complete(3), x
    for key in range(30):
        opinions = model.step(opinions, x, sources.at(opinions), key)
    assert opinions[0] == 0
    np.testing.assert_allclose(opinions, 0, atol=1e-3)


def test_keys_choose_who_moves_first():
    x = np.random.default_rng(1).random((20, 1))
    model = BoundedConfidence(BoundedConfidence.Config(confidence=0.3, schedule="random"))
    first, second = (model.step(x, x, complete(20).at(x), key) for key in (1, 2))
    assert (first != second).any()
    np.testing.assert_array_equal(x, np.random.default_rng(1).random((20, 1)))


def test_users_in_turn_and_cuda_do_not_go_together():
    model = BoundedConfidence(BoundedConfidence.Config(schedule="random", device="cuda"))
    assert "in turn" in model.problems(width=2.0)[0].what
