import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Scene
from hemicycle.exposure.chronological import Chronological
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.graphs.interaction import InteractionGraph

N = 40
NOWHERE = np.zeros((N, 1))


@pytest.fixture(scope="module")
def scene():
    rng = np.random.default_rng(0)
    return Scene(InteractionGraph.from_edges(rng.integers(0, N, 200), rng.integers(0, N, 200), N, N, social=True), 3)


def literal_feed(exposure, scene, step, user):
    """All messages of those followed within the window, sorted by their moment."""
    activity = exposure.activities(N, scene.seed)
    messages = []
    for author in scene.graph.indices[scene.graph.indptr[user] : scene.graph.indptr[user + 1]]:
        for sent in range(step - exposure.config.window, step):
            u = keyed_uniform(key_of("messages", scene.seed), np.array([author]), np.array([sent + (1 << 20)]))[0, 0]
            if u < activity[author]:
                messages.append((-(sent + u / activity[author]), author))
    feed = [author for _, author in sorted(messages)][: exposure.config.k]
    return feed + [-1] * (exposure.config.k - len(feed))


@pytest.mark.parametrize("options", [{}, {"exponent": 2.1, "activity": 0.02}, {"exponent": 1.0, "window": 3}])
def test_feeds_are_the_literal_ones(scene, options):
    exposure = Chronological(Chronological.Config(k=6, **{"window": 30, **options}))
    for step in (0, 7):
        feed = exposure.proposals(scene, step, NOWHERE)
        for user in range(N):
            np.testing.assert_array_equal(feed[user], literal_feed(exposure, scene, step, user))


def test_a_longer_feed_begins_alike_and_time_moves_it_on(scene):
    short, long = (Chronological(Chronological.Config(k=k)).proposals(scene, 4, NOWHERE) for k in (3, 9))
    np.testing.assert_array_equal(long[:, :3], short)
    assert (short != Chronological(Chronological.Config(k=3)).proposals(scene, 5, NOWHERE)).any()


def test_who_speaks_more_is_heard_more(scene):
    exposure = Chronological(Chronological.Config(k=50, window=500, exponent=1.5, activity=0.01))
    feeds = np.concatenate([exposure.proposals(scene, step, NOWHERE).ravel() for step in range(0, 2000, 500)])
    heard = np.bincount(feeds[feeds >= 0], minlength=N) / np.maximum(np.bincount(scene.graph.indices, minlength=N), 1)
    assert stats.spearmanr(heard, exposure.activities(N, scene.seed)).statistic > 0.8


def test_activities_follow_their_power_law():
    exposure = Chronological(Chronological.Config(activity=0.01, exponent=2.1))
    drawn = exposure.activities(20_000, 1)
    power = 1 - 2.1

    def below(a):
        return (a**power - 0.01**power) / (1 - 0.01**power)

    assert stats.kstest(drawn, below).pvalue > 0.01
    assert (
        stats.kstest(
            Chronological(Chronological.Config(activity=0.01, exponent=1)).activities(20_000, 1),
            lambda a: 1 - np.log(a) / np.log(0.01),
        ).pvalue
        > 0.01
    )


def test_everyone_speaking_always_is_the_graph(scene):
    exposure = Chronological(Chronological.Config(k=N, activity=1, window=1))
    shown, plain = exposure.shown(scene, 0, NOWHERE), Neighbours(Neighbours.Config()).shown(scene, 0, NOWHERE)
    np.testing.assert_array_equal(shown.indptr, plain.indptr)
    for user in range(N):
        row = slice(plain.indptr[user], plain.indptr[user + 1])
        assert set(shown.indices[row]) == set(plain.indices[row])
    np.testing.assert_allclose(shown.weights, 1, rtol=1e-6)


@pytest.mark.parametrize("bad", [{"activity": 0}, {"activity": 1.1}, {"exponent": -1}, {"window": 0}, {"k": 0}])
def test_options_out_of_range_are_refused(bad):
    with pytest.raises(ValidationError):
        Chronological.Config(**bad)
