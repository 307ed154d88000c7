import numpy as np
import pytest
from scipy import stats

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Scene
from hemicycle.exposure.structural import Structural
from hemicycle.graphs.interaction import InteractionGraph

N = 40
NOWHERE = np.zeros((N, 1))


@pytest.fixture(scope="module", params=[True, False], ids=["directed", "undirected"])
def scene(request):
    dense = np.random.default_rng(4).random((N, N)) < 0.12
    users, items = np.nonzero(dense)
    return Scene(InteractionGraph.from_edges(users, items, N, N, social=True, directed=request.param), 9)


def similarity(scene, measure):
    """Dense A A without what is followed and oneself, divided by degrees."""
    dense = (scene.graph.to_scipy().toarray() > 0).astype(float)
    shared = dense @ dense
    shared[(dense > 0) | np.eye(N, dtype=bool)] = 0
    out, into = dense.sum(1)[:, None], dense.sum(0)[None]
    if measure == "common":
        return shared
    return shared / np.maximum(np.sqrt(out * into) if measure == "cosine" else out + into - shared, 1e-9)


@pytest.mark.parametrize("measure", ["common", "cosine", "jaccard"])
def test_most_similar_are_the_literal_ones(scene, measure):
    expected = similarity(scene, measure)
    found = Structural(Structural.Config(k=6, measure=measure)).proposals(scene, 2, NOWHERE)
    key = key_of("structural exposure", scene.seed, 2)
    drawn = keyed_uniform(key, np.arange(N), np.arange(N))
    for user in range(N):
        able = [j for j in range(N) if expected[user, j] > 0]
        able.sort(key=lambda j: (-round(expected[user, j], 12), -drawn[user, j]))
        np.testing.assert_array_equal(found[user], (able + [-1] * 6)[:6])


@pytest.mark.parametrize("preference", [0.0, 2.0, -1.0])
def test_preference_is_the_exponent_of_the_chance(preference):
    """3,000 users follow three hubs, who follow 1, 2 and 3 of three others: these share 3, 2 and 1 friends."""
    hubs, others, viewers = np.arange(3), np.arange(3, 6), np.arange(6, 3006)
    users = np.concatenate([np.repeat(viewers, 3), [0, 1, 1, 2, 2, 2]])
    followed = np.concatenate([np.tile(hubs, 3000), [3, 3, 4, 3, 4, 5]])
    scene = Scene(InteractionGraph.from_edges(users, followed, 3006, 3006, social=True), 1)
    exposure = Structural(Structural.Config(k=1, measure="common", preference=preference))
    shown = exposure.proposals(scene, 0, NOWHERE)[viewers, 0]
    expected = np.array([3.0, 2.0, 1.0]) ** preference
    counts = np.bincount(shown, minlength=6)[others]
    assert counts.sum() == 3000
    assert stats.chisquare(counts, 3000 * expected / expected.sum()).pvalue > 0.001


def test_preferred_users_are_drawn_without_replacement(scene):
    found = Structural(Structural.Config(k=N, preference=1.0)).proposals(scene, 0, NOWHERE)
    for user, row in enumerate(found):
        listed = row[row >= 0]
        assert set(listed) == set(np.flatnonzero(similarity(scene, "common")[user]))
        assert len(set(listed)) == len(listed)
