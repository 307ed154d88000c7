from dataclasses import replace

import numpy as np
import pytest

from hemicycle.exposure.base import Scene, neighbours
from hemicycle.exposure.mediator import Mediator, Occasion
from hemicycle.exposure.recommended import RecommendedConfig
from hemicycle.exposure.retraining import retrained
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.simulations import relevance as module
from hemicycle.simulations.relevance import RELEVANCE, accepted_share, follows_ranked, relevance, sampled, score_kept
from hemicycle.simulations.situation import Shown
from hemicycle.training.options import TrainingOptions

N, K = 80, 5
OPTIONS = RecommendedConfig(k=K)


def graph_of(pairs):
    users, others = zip(*pairs, strict=True)
    return InteractionGraph.from_edges(np.array(users), np.array(others), N, N, social=True)


@pytest.fixture(scope="module")
def opinions():
    return np.random.default_rng(0).uniform(-1, 1, (N, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def graph(opinions):
    near = np.abs(opinions - opinions.T) < 0.3
    np.fill_diagonal(near, val=False)
    return graph_of([(u, v) for u, v in np.argwhere(near) if (u + v) % 3])


@pytest.fixture(scope="module")
def mediator(graph):
    recommender = RECOMMENDER.build(RECOMMENDER.validate({"model": "lightgcn", "dim": 8, "layers": 2}))
    training = TrainingOptions(epochs=20)
    return Mediator(recommender, retrained(recommender, graph, training, 1), graph, training, 1)


def rows_of(graph):
    return zip(graph.indptr, graph.indptr[1:], strict=False)


def shown_by(mediator, graph, opinions):
    lists, _ = mediator.lists(Scene(graph, 0), K, OPTIONS)
    return Shown(neighbours(graph, opinions), lists, opinions, graph)


def erased(mediator, graph, opinions, strength, **options):
    config = RecommendedConfig(erase={"strength": strength, **options})
    return mediator.refreshed(Occasion(Scene(graph, 0), opinions, opinions, 0), config)


def test_acceptance_is_the_share_of_new_proposals_that_were_taken():
    before, after = graph_of([(0, 1), (0, 2), (3, 4)]), graph_of([(0, 1), (0, 5), (3, 4), (3, 6)])
    proposals = np.array([[1, 5, 7, N + 2], [6, 4, -1, -1]])
    found = accepted_share(proposals, np.array([0, 3]), before, after)
    assert found == pytest.approx(2 / 3), "0 took 5 and not 7, 3 took 6; 1 and 4 are old, the rest is nobody"
    assert np.isnan(accepted_share(np.full((2, 2), -1), np.array([0, 3]), before, after))
    assert np.isnan(accepted_share(np.array([[1]]), np.array([0]), before, after))


def test_acceptance_equals_its_literal_reference(graph):
    rng = np.random.default_rng(2)
    proposals = rng.integers(-1, N, (N, K)).astype(np.int32)
    before, after = ({(u, v) for u, v in zip(g.rows(), g.indices, strict=True)} for g in (graph, graph.select(
        rng.random(graph.n_edges) < 0.5)))  # fmt: skip
    kept = graph_of(sorted(after))
    users = np.arange(0, N, 2)
    new = [(u, v) for u in users for v in proposals[u] if v >= 0 and (u, v) not in after]
    wanted = np.mean([pair in before for pair in new])
    assert accepted_share(proposals[users], users, kept, graph) == pytest.approx(wanted)


def test_a_mediator_ranks_follows_above_others_and_an_untrained_one_less_so(mediator, graph):
    users = np.arange(N)
    trained, untrained = (follows_ranked(m, graph, users, 0) for m in (mediator, mediator.untrained()))
    assert 1 >= trained > 0.8
    assert trained > untrained


def test_ties_count_half(mediator, graph):
    flat = replace(mediator, held=lambda users: np.zeros((len(users), N), np.float32))
    assert follows_ranked(flat, graph, np.arange(N), 0) == 0.5


def test_nobody_to_rank_is_no_value(mediator):
    empty = graph_of([(0, 1)]).select(np.zeros(1, np.bool_))
    assert np.isnan(follows_ranked(mediator, empty, np.arange(N), 0))


def test_more_erasure_keeps_less_of_the_score(mediator, graph, opinions):
    kept = []
    for strength in (0.0, 0.5, 1.0):
        now = erased(mediator, graph, opinions, strength)
        kept.append(score_kept(now, shown_by(now, graph, opinions), OPTIONS, np.arange(N), 0))
    assert kept[0] == 1
    assert 1 > kept[1] > kept[2] > 0


def test_proposals_by_chance_keep_nothing_and_the_best_keep_all(mediator, graph, opinions):
    now, best = erased(mediator, graph, opinions, 1.0), shown_by(mediator, graph, opinions)
    users = np.arange(N)
    assert score_kept(now, best, OPTIONS, users, 0) == pytest.approx(1)
    strangers = [np.setdiff1d(np.arange(N), [*graph.indices[a:b], u]) for u, (a, b) in enumerate(rows_of(graph))]
    drawn = np.stack([np.random.default_rng(u).choice(row, 30) for u, row in enumerate(strangers)]).astype(np.int32)
    chance = replace(best, proposals=drawn)
    assert score_kept(now, chance, OPTIONS, users, 0) == pytest.approx(0, abs=0.5), "the draw is of one stranger each"
    nobody = replace(best, proposals=np.full((N, K), -1, np.int32))
    assert np.isnan(score_kept(now, nobody, OPTIONS, users, 0))


def test_names_and_when_there_is_nothing_to_value(mediator, graph, opinions):
    shown = shown_by(mediator, graph, opinions)
    assert tuple(relevance(shown, graph, mediator, OPTIONS, 0)) == RELEVANCE
    assert list(relevance(shown, graph, None, None, 0)) == ["accepted_share"]
    assert relevance(None, graph, mediator, OPTIONS, 0) == {}
    assert relevance(replace(shown, proposals=None), graph, mediator, OPTIONS, 0) == {}


def test_users_are_drawn_once_by_the_seed(monkeypatch):
    assert sampled(N, 0).tolist() == list(range(N))
    monkeypatch.setattr(module, "USERS", 10)
    first = sampled(N, 0)
    assert len(set(first.tolist())) == 10
    assert (np.diff(first) > 0).all()
    assert sampled(N, 0).tolist() == first.tolist()
    assert sampled(N, 1).tolist() != first.tolist()
