import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from opinions.reference_sasahara import step
from opinions.societies import complete

from hemicycle.opinions.base import People
from hemicycle.opinions.phases import stationary
from hemicycle.opinions.sasahara import Sasahara


class TestFeed(OpinionContract):
    config = Sasahara.Config(confidence=0.9, messages=4)
    equivariant = False

    def reference(self, opinions, innate, sources, key):
        return step(self.model(), opinions, sources, key)


class TestPerUser(TestFeed):
    config = Sasahara.Config(confidence={"left": 0.5, "right": 1.9}, influence="unit", repost="unit", messages=3)


class TestSynchronous(TestFeed):
    config = Sasahara.Config(confidence=0.9, schedule="synchronous", messages=4)


class TestWholeFeed(TestFeed):
    config = Sasahara.Config(confidence=0.9, schedule="synchronous", messages=0)
    equivariant = True


def heard(x, weights=None, **options):
    """Where the first user ends after one synchronous step that shows it all others once."""
    x = np.array(x, dtype=float)
    dense = np.zeros((len(x), len(x)))
    dense[0, 1:] = 1 if weights is None else weights
    config = Sasahara.Config(messages=0, schedule="synchronous", **options)
    return Sasahara(config).step(x, x, sources_of(dense, x), 0)[0]


def test_goes_the_share_to_the_mean_of_what_is_nearer_than_the_confidence():
    np.testing.assert_allclose(heard([[0.0], [0.2], [0.3], [0.5]], confidence=0.5, influence=0.5), [0.125])
    np.testing.assert_allclose(heard([[0.0], [0.2], [0.4]], [1, 3], confidence=0.5, influence=1.0), [0.35])


def test_distance_is_euclidean():
    np.testing.assert_allclose(heard([[0.0, 0.0], [0.3, 0.4]], confidence=0.51, influence=1.0), [0.3, 0.4])
    np.testing.assert_allclose(heard([[0.0, 0.0], [0.3, 0.4]], confidence=0.49), [0.0, 0.0])


def test_reposts_carry_what_those_say_whom_one_does_not_follow():
    """User 0 follows 1, who follows 2: without reposts 0 never hears 2."""
    x, dense = np.array([[0.0], [0.2], [0.4]]), np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
    for repost, expected in ((0.0, 0.1), (1.0, 0.2)):
        config = Sasahara.Config(confidence=0.5, repost=repost, schedule="synchronous", messages=5)
        after = Sasahara(config).step(x, x, sources_of(dense, x), 0)
        np.testing.assert_allclose(after[0], [expected])


def test_a_long_feed_is_heard_like_all_sources_in_their_proportions():
    x, dense = np.array([[0.0], [0.1], [0.4]]), np.array([[0, 3, 1], [0, 0, 0], [0, 0, 0]])
    config = Sasahara.Config(confidence=0.5, influence=1.0, repost=0.0, schedule="synchronous", messages=20_000)
    after = Sasahara(config).step(x, x, sources_of(dense, x), 0)
    assert after[0, 0] == pytest.approx(0.175, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_each_component_that_is_within_the_confidence_agrees_in_the_end(seed):
    rng = np.random.default_rng(seed)
    sources = complete(20, copies=3)
    x = np.repeat([-0.8, 0.0, 0.7], 20)[:, None] + rng.uniform(-0.15, 0.15, (60, 1))
    assert stationary(sources, x, 0.4)
    model = Sasahara(Sasahara.Config()).bound(People(60))
    end = x
    for key in range(60):
        end = model.step(end, x, sources.at(end), key)
    widths = np.ptp(end.reshape(3, 20), axis=1)
    assert (widths < 1e-3).all()
    assert (np.abs(end - x) < 0.3).all()


def test_frozen_but_not_stationary_where_a_link_spans_more_than_the_confidence():
    x = np.array([[-0.5], [0.5]])
    sources = sources_of(np.array([[0, 1], [1, 0]]), x)
    after = Sasahara(Sasahara.Config()).step(x, x, sources, 3)
    np.testing.assert_array_equal(after, x)
    assert not stationary(sources, x, 0.4)


def test_confidence_wider_than_the_range_is_a_problem():
    assert "exceeds the range" in Sasahara(Sasahara.Config(confidence=2.5)).problems(2.0)[0].what
    assert Sasahara(Sasahara.Config(confidence="openness")).problems(2.0) == []
