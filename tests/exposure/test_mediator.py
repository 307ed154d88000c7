import dataclasses

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.synthetic import Synthetic, SyntheticConfig
from hemicycle.exposure.base import Scene
from hemicycle.exposure.edge_log import Changes, applied, no_pairs
from hemicycle.exposure.mediator import Mediator, Occasion
from hemicycle.exposure.recommended import RecommendedConfig
from hemicycle.exposure.retraining import retrained
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import SplitConfig, split
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.studies.models import graph_of
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.options import TrainingOptions

N, K = 240, 5
TRAINING = TrainingOptions(epochs=8, batch=500, warmup=2)
MODELS = {
    "mf": {"model": "mf", "dim": 8, "popularity": 0.3},
    "lightgcn": {"model": "lightgcn", "dim": 8},
    "ials": {"model": "ials", "dim": 8},
    "ease": {"model": "ease"},
    "popularity": {"model": "popularity"},
    "adamic_adar": {"model": "adamic_adar"},
}


@pytest.fixture(scope="module")
def data():
    config = SyntheticConfig(users=N, items={"number": 60}, follows={"per_user": 8, "homophily": 6}, dimensions=2)
    return Synthetic(config).read()


@pytest.fixture(scope="module")
def scene(data):
    return Scene(graph_of(data, "follows"), seed=3)


@pytest.fixture(scope="module")
def opinions(data):
    names = [name for name in data.users.column_names if name.startswith("attitude_")]
    return np.column_stack([data.users[name].to_numpy() for name in names]).astype(np.float32)


@pytest.fixture(scope="module")
def mediators(scene, tmp_path_factory):
    """Really trained models, read from their checkpoints."""
    parts = split(scene.graph, SplitConfig())

    def trained(name):
        recommender = RECOMMENDER.build(RECOMMENDER.validate(MODELS[name]))
        out = Folder.at(tmp_path_factory.mktemp(name))
        result = fit(recommender, parts, TRAINING, 5, out)
        return Mediator(recommender, Checkpoints(out).load(result.best_epoch), parts.train, TRAINING, 5)

    return {name: trained(name) for name in MODELS}


def occasion_of(scene, opinions, step=0, **options):
    return Occasion(scene, opinions, opinions[::-1].copy(), step, **options)


def options_of(**options):
    return RecommendedConfig(k=K, **options)


# -- lists -----------------------------------------------------------------------------------------------------------


def literal_lists(mediator, scene, users, friends_only):
    """The best of each user's candidates by the recommender's own scores."""
    own = mediator.recommender.scores(mediator.parameters, mediator.context)(users)
    followed = scene.graph.to_scipy().toarray() > 0
    can = ~followed & ~np.eye(N, dtype=bool)
    if friends_only:
        can &= (followed.astype(int) @ followed.astype(int)) > 0
    own = np.where(can[users], own, -np.inf)
    ids = np.argsort(-own, axis=1, kind="stable")[:, :K]
    return ids, np.take_along_axis(own, ids, 1)


@pytest.mark.parametrize("candidates", ["all", "friends_of_friends"])
@pytest.mark.parametrize("name", MODELS)
def test_lists_are_the_best_candidates_by_the_models_own_scores(mediators, scene, name, candidates):
    mediator, users = mediators[name], np.arange(N)
    ids, scores = mediator.lists(scene, K, options_of(candidates=candidates))
    expected, best = literal_lists(mediator, scene, users, candidates == "friends_of_friends")
    np.testing.assert_allclose(scores, best, rtol=1e-4, atol=1e-5)
    assert (ids.dtype, scores.dtype) == (np.int32, np.float32)
    np.testing.assert_array_equal(ids < 0, best == -np.inf)
    own = mediator.recommender.scores(mediator.parameters, mediator.context)(users)
    listed = ids >= 0
    np.testing.assert_allclose(
        np.take_along_axis(own, np.maximum(ids, 0), 1)[listed], scores[listed], rtol=1e-4, atol=1e-5
    )
    if name not in ("popularity", "adamic_adar"):  # whose scores tie
        assert (ids == expected)[listed].mean() > 0.99
    followed = scene.graph.to_scipy().toarray() > 0
    assert not followed[np.repeat(users, K)[listed.ravel()], ids[listed]].any()
    assert not (ids == users[:, None]).any()


@pytest.mark.parametrize("candidates", ["all", "friends_of_friends"])
@pytest.mark.parametrize("name", ["mf", "ease"])
def test_lists_of_some_users_are_those_of_all(mediators, scene, name, candidates):
    users = np.array([7, 3, 100])
    ids, scores = mediators[name].lists(scene, K, options_of(candidates=candidates))
    some, theirs = mediators[name].lists(scene, K, options_of(candidates=candidates), users)
    np.testing.assert_array_equal(some, ids[users])
    np.testing.assert_allclose(theirs, scores[users], rtol=1e-6)


def test_nobody_asked_for_is_nobody_listed(mediators, scene):
    for candidates in ("all", "friends_of_friends"):
        ids, scores = mediators["mf"].lists(scene, K, options_of(candidates=candidates), np.zeros(0, int))
        assert ids.shape == scores.shape == (0, K)


def test_users_without_friends_have_no_friends_of_friends(mediators, scene):
    rows = scene.graph.rows()
    lonely = dataclasses.replace(scene, graph=scene.graph.select(rows != 9))
    ids, scores = mediators["mf"].lists(lonely, K, options_of(candidates="friends_of_friends"))
    assert (ids[9] == -1).all()
    assert (scores[9] == -np.inf).all()
    assert (mediators["mf"].lists(lonely, K, options_of())[0][9] >= 0).all()


def test_a_graph_without_edges_teaches_nothing(mediators, scene, opinions):
    empty = dataclasses.replace(scene, graph=scene.graph.select(np.zeros(scene.graph.n_edges, bool)))
    found = mediators["mf"].refreshed(occasion_of(empty, opinions, 10), options_of(update="retrain"))
    assert found.parameters is mediators["mf"].parameters


# -- refreshes -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def later(scene):
    """The scene after some rewiring."""
    rng = np.random.default_rng(0)
    gone = np.stack([scene.graph.rows(), scene.graph.indices], 1)[rng.permutation(scene.graph.n_edges)[:300]]
    changes = Changes(gone.astype(np.int32), rng.integers(0, N, (300, 2)).astype(np.int32))
    return dataclasses.replace(scene, graph=applied(scene.graph, changes))


def vectors_after(mediator, scene, opinions, **options):
    found = mediator.refreshed(occasion_of(scene, opinions, step=10), options_of(**options))
    return found, found.vectors()


@pytest.mark.parametrize("name", ["mf", "lightgcn"])
def test_never_keeps_and_re_embedding_matters_only_where_vectors_come_from_the_graph(mediators, later, opinions, name):
    before = mediators[name].vectors()
    np.testing.assert_array_equal(vectors_after(mediators[name], later, opinions)[1], before)
    again, found = vectors_after(mediators[name], later, opinions, update="re-embed")
    assert (found == before).all() == (name == "mf")
    own = again.recommender.embed(mediators[name].parameters, later.graph)
    assert again.parameters is mediators[name].parameters
    np.testing.assert_array_equal(again.context.indices, later.graph.indices)
    if name == "lightgcn":
        unit = own.users / np.linalg.norm(own.users, axis=1, keepdims=True) / again.recommender.config.temperature
        np.testing.assert_allclose(found, unit, rtol=1e-5)


@pytest.mark.parametrize("update", ["re-embed", "retrain"])
def test_at_the_start_the_mediator_is_as_it_came(mediators, scene, opinions, update):
    found = mediators["lightgcn"].refreshed(occasion_of(scene, opinions), options_of(update=update))
    np.testing.assert_array_equal(found.vectors(), mediators["lightgcn"].vectors())
    assert (found.fitted, found.embedded) == (-1, -1)


@pytest.mark.parametrize("name", MODELS)
def test_retraining_learns_the_current_graph_and_repeats_itself(mediators, later, opinions, name):
    options = options_of(update="retrain", retrain={"epochs": 2})
    one, other = (mediators[name].refreshed(occasion_of(later, opinions, step=10), options) for _ in range(2))
    for key, array in one.parameters.items():
        np.testing.assert_array_equal(array, other.parameters[key])
    assert one.fitted == 10
    np.testing.assert_array_equal(one.context.indices, later.graph.indices)
    elsewhen = mediators[name].refreshed(occasion_of(later, opinions, step=20), options)
    if name in ("mf", "lightgcn"):
        assert not all((array == elsewhen.parameters[key]).all() for key, array in one.parameters.items())


def test_warm_start_stays_nearer_than_cold(mediators, later, opinions):
    before = mediators["mf"].parameters["table"]

    def moved(start):
        retrain = {"epochs": 1, "start": start}
        found = mediators["mf"].refreshed(
            occasion_of(later, opinions, 10), options_of(update="retrain", retrain=retrain)
        )
        return np.linalg.norm(found.parameters["table"] - before)

    assert moved("warm") < 0.7 * moved("cold")


def test_clicks_are_learnt_in_retraining_alone(mediators, scene, opinions):
    clicked = np.stack([np.arange(N), (np.arange(N) + 50) % N], 1).astype(np.int32)
    occasion = occasion_of(scene, opinions, 10, clicks=np.concatenate([clicked, clicked]))
    new = ~np.isin(clicked @ [N, 1], scene.graph.rows() * N + scene.graph.indices)
    again = mediators["mf"].refreshed(occasion, options_of(update="retrain", retrain={"epochs": 1}))
    assert again.context.n_edges == scene.graph.n_edges + new.sum()
    assert mediators["mf"].refreshed(occasion, options_of(update="re-embed")).context.n_edges == scene.graph.n_edges


# -- erasure ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mf", "lightgcn", "ials"])
def test_strength_0_is_no_erasure_to_the_last_bit(mediators, scene, opinions, name):
    plain, none = (
        mediators[name].refreshed(occasion_of(scene, opinions), options_of(erase=erase))
        for erase in (None, {"strength": 0})
    )
    assert none.served is none.scoring
    np.testing.assert_array_equal(none.vectors(), plain.vectors())
    for one, other in zip(plain.lists(scene, K, options_of()), none.lists(scene, K, options_of()), strict=True):
        np.testing.assert_array_equal(one, other)


def covariance(vectors, opinions):
    x, z = (np.asarray(a, float) - np.asarray(a, float).mean(0) for a in (vectors, opinions))
    return np.abs(x.T @ z / len(x) / x.std() / z.std()).max()


@pytest.mark.parametrize("method", ["leace", "mean"])
@pytest.mark.parametrize("of", ["current", "initial"])
def test_full_erasure_leaves_no_covariance_with_the_opinions_asked_for(mediators, scene, opinions, of, method):
    occasion = occasion_of(scene, opinions)
    held, other = (opinions, occasion.innate) if of == "current" else (occasion.innate, opinions)
    erase = {"of": of, "method": method}
    found = mediators["lightgcn"].refreshed(occasion, options_of(erase=erase))
    assert covariance(mediators["lightgcn"].vectors(), opinions) > 0.1
    assert covariance(found.vectors(), held) < 1e-5
    assert covariance(found.vectors(), other) > 1e-3


def test_sites_alter_users_items_or_both(mediators, scene, opinions):
    plain = mediators["mf"].scoring
    for site, users_change, items_change in (("users", 1, 0), ("items", 0, 1), ("both", 1, 1)):
        found = mediators["mf"].refreshed(occasion_of(scene, opinions), options_of(erase={"site": site})).served
        assert (found.users != plain.users).any() == users_change
        assert (found.items != plain.items).any() == items_change
        assert (found.bias == plain.bias).all()


def test_erasure_is_fitted_anew_at_each_refresh_and_holds_between(mediators, scene, opinions):
    options = options_of(erase={"strength": 1.0})
    first = mediators["mf"].refreshed(occasion_of(scene, opinions), options)
    second = first.refreshed(occasion_of(scene, opinions[::-1], 10), options)
    assert covariance(second.vectors(), opinions[::-1]) < 1e-5
    direct = mediators["mf"].refreshed(occasion_of(scene, opinions[::-1], 10), options)
    np.testing.assert_array_equal(second.vectors(), direct.vectors())


def test_at_consensus_nothing_is_left_to_erase(mediators, scene, opinions):
    flat = np.zeros_like(opinions)
    found = mediators["mf"].refreshed(occasion_of(scene, flat), options_of(erase={}))
    np.testing.assert_array_equal(found.vectors(), mediators["mf"].vectors())
    flat[:, 1] = opinions[:, 1]
    found = mediators["mf"].refreshed(occasion_of(scene, flat), options_of(erase={}))
    assert covariance(found.vectors(), flat[:, 1:]) < 1e-5


# -- controls, snapshots ---------------------------------------------------------------------------------------------


def test_untrained_is_the_first_checkpoint(mediators, scene):
    for name in ("mf", "lightgcn", "ials"):
        mediator = mediators[name]
        untrained = mediator.untrained()
        cold = retrained(mediator.recommender, mediator.context, TRAINING.replace(epochs=0), 5)
        for key, array in untrained.parameters.items():
            np.testing.assert_array_equal(array, cold[key])
        assert untrained.vectors().shape == mediator.vectors().shape
    assert mediators["ease"].untrained() is None


@pytest.mark.parametrize("update", ["never", "re-embed", "retrain"])
@pytest.mark.parametrize("erase", [None, {"strength": 0.5}])
def test_a_restart_goes_on_to_the_last_bit(mediators, later, opinions, update, erase):
    options = options_of(update=update, erase=erase, retrain={"epochs": 1})
    before = mediators["lightgcn"].refreshed(occasion_of(later, opinions, 10), options)
    after = mediators["lightgcn"].restored(before.state(), options)
    for one, other in zip(before.lists(later, K, options), after.lists(later, K, options), strict=True):
        np.testing.assert_array_equal(one, other)
    again = [m.refreshed(occasion_of(later, opinions[::-1], 20), options) for m in (before, after)]
    np.testing.assert_array_equal(again[0].vectors(), again[1].vectors())
    assert ("parameter.table" in before.state()) == (update == "retrain")


# -- items -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_items(data, scene):
    """A model of who takes what, with the follows beside it."""
    graph = dataclasses.replace(graph_of(data, "interactions"), also={"follows": scene.graph})
    recommender = RECOMMENDER.build(RECOMMENDER.validate(MODELS["lightgcn"]))
    parameters = retrained(recommender, graph, TRAINING, 0)
    return Mediator(recommender, parameters, graph, TRAINING), dataclasses.replace(scene, items=np.zeros((60, 2)))


def test_lists_of_items(of_items):
    mediator, scene = of_items
    options = options_of(of="items")
    assert mediator.problems(scene, options, knowledge=True) == []
    ids, _ = mediator.lists(scene, K, options)
    assert (ids >= N).all()
    assert (ids < N + 60).all()
    taken = mediator.context.to_scipy().toarray() > 0
    assert not taken[np.arange(N)[:, None], ids - N].any()


def test_clicked_items_are_taken_from_the_next_refresh_on(of_items, opinions, later):
    mediator, scene = of_items
    options = options_of(of="items", update="re-embed")
    scene = dataclasses.replace(later, items=scene.items)
    ids, _ = mediator.lists(scene, K, options)
    clicked = np.stack([np.arange(N), ids[:, 0]], 1)
    found = mediator.refreshed(occasion_of(scene, opinions, 10, clicks=clicked), options)
    assert found.context.n_edges == mediator.context.n_edges + N
    np.testing.assert_array_equal(found.context.also["follows"].indices, later.graph.indices)
    assert not (found.lists(scene, K, options)[0] == ids[:, :1]).any()
    again = mediator.restored(found.state(), options)
    np.testing.assert_array_equal(again.context.also["follows"].indices, later.graph.indices)
    np.testing.assert_array_equal(again.vectors(), found.vectors())


# -- what is refused before anything runs ----------------------------------------------------------------------------


def told(mediator, scene, **options):
    knowledge = options.pop("knowledge", False)
    problems = mediator.problems(scene, RecommendedConfig(**{"k": K, **options}), knowledge=knowledge)
    assert all(problem.remedy for problem in problems)
    return " ".join(problem.what for problem in problems)


def ring(n):
    return Scene(InteractionGraph.from_edges(np.arange(n), (np.arange(n) + 1) % n, n, n, social=True), 0)


def test_what_cannot_mediate_is_refused(mediators, of_items, scene):
    mf, items = mediators["mf"], of_items[0]
    assert told(mf, scene, knowledge=True, erase={}) == ""
    assert f"knows {N} users, fewer than the society's 300" in told(mf, ring(300))
    assert f"of another population: of {N} users, not 100" in told(mf, ring(100))
    assert "recommends users, and the arm asks for items" in told(mf, scene, of="items")
    assert "recommends items, and the arm asks for users" in told(items, scene)
    assert "lists 60 items, and 0 have positions" in told(items, scene, of="items")
    assert "k = 240 of the arm 'recommended' is larger than its 239 candidates" in told(mf, scene, k=N)
    small = {"candidates": "friends_of_friends", "most_candidates": 4}
    assert "k = 5 of the arm 'recommended' is larger than its 4 candidates" in told(mf, scene, **small)
    friends = told(items, of_items[1], of="items", candidates="friends_of_friends")
    assert "friends of friends, and the model lists items" in friends


def test_what_needs_vectors_is_refused_without(mediators, scene, opinions):
    assert "ease has no vectors that could be erased from" in told(mediators["ease"], scene, erase={})
    assert told(mediators["ease"], scene, erase={"strength": 0}) == ""
    assert "popularity has no vectors that could be probed" in told(mediators["popularity"], scene, knowledge=True)
    with pytest.raises(InputError, match="no vectors that could be erased from"):
        mediators["ease"].refreshed(occasion_of(scene, opinions), options_of(erase={}))


def test_parameters_of_another_graph_are_refused(mediators, scene):
    table = mediators["mf"].parameters["table"]
    wrong = dataclasses.replace(mediators["mf"], parameters={"table": table[:-1]})
    (problem,) = wrong.problems(scene, options_of())
    assert "rows and the graph" in problem.what


def test_no_clicks_by_default(scene, opinions):
    np.testing.assert_array_equal(Occasion(scene, opinions, opinions, 0).clicks, no_pairs())
