"""Every registered recommender on graphs with an edge of everything odd, on the smallest ones, and on bad features.

It fits and ranks with finite scores, or it refuses with a message that says what was given and what to do.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml

from hemicycle import api
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.evaluation.ranking import NONE, top_k
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.catalogue import RECOMMENDER, RECOMMENDERS
from hemicycle.studies.executor import LocalExecutor
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.options import TrainingOptions

SMALL = {name: {"dim": 8} for name in ("gat", "graphsage", "ials", "joint", "lightgcn", "mf", "two_tower", "xsimgcl")}
MODELS = {name: {"model": name, **SMALL.get(name, {})} for name in RECOMMENDERS} | {
    "mf by bpr from the svd": {"model": "mf", "dim": 8, "start": "svd", "popularity": 1.0},
    "item_knn by bm25": {"model": "item_knn", "weighting": "bm25"},
    "two_tower of everything": {
        "model": "two_tower",
        "dim": 8,
        "rivals": "batch",
        **dict.fromkeys(("user_features", "user_vectors", "item_vectors"), True),
    },
}
SOCIAL_ONLY = {"adamic_adar"}


def edges(text, n_users, n_items, **kind):
    users, items = np.array([pair.split("-") for pair in text.split()], np.int64).T
    return InteractionGraph.from_edges(users, items, n_users, n_items, **kind)


def social(text, n, *, directed):
    return edges(text, n, n, social=True, directed=directed)


# user 0 took all that anyone took; users 4 to 6 and items 4 to 6 have no edge; pairs stand twice
ODD = "0-0 0-1 0-2 0-3 1-1 1-1 1-2 2-2 2-0 2-0 3-3"
# user 0 names everyone who is named; 1 and 3 name themselves; 1-2 and 2-1 are one friendship; 5 and 6 are alone
FRIENDS = "0-1 0-2 0-3 0-4 1-1 1-2 2-1 1-2 3-3 3-4"
GRAPHS = {
    "odd": edges(ODD, 7, 7),
    "every user took everything": edges("0-0 0-1 1-0 1-1 2-0 2-1", 3, 2),
    "one user": edges("0-0 0-2", 1, 5),
    "one item": edges("0-0 2-0", 4, 1),
    "one user, one item": edges("0-0", 1, 1),
    "odd follows": social(FRIENDS, 7, directed=True),
    "odd friends": social(FRIENDS, 7, directed=False),
    "one follow": social("0-1", 2, directed=True),
    "one friendship": social("0-1", 2, directed=False),
}


def dressed(graph, **changes):
    """Add features of all nodes and another relation, which some recommenders need and the others leave alone."""
    items = np.random.default_rng(0).normal(size=(graph.n_items, 3)).astype(np.float32)
    users = items if graph.social else np.eye(2, dtype=np.float32)[np.arange(graph.n_users) % 2]
    other = social("0-1", graph.n_users, directed=False) if graph.n_users > 1 else edges("0-1", 1, 3)
    return dataclasses.replace(graph, features=Features(users, items), also={"other": other}, **changes)


def fitted(model, graph, folder):
    """Fit for an epoch, validated on an edge; returns the recommender and its parameters."""
    options = TrainingOptions(epochs=1, warmup=0, loss="bpr" if "bpr" in model else "softmax")
    recommender = RECOMMENDER.build(RECOMMENDER.validate(MODELS[model]))
    first, none = (graph.select(np.arange(graph.n_edges) < count).edges_only() for count in (1, 0))
    out = Folder.at(folder)
    result = fit(recommender, Split(graph, first, none), options, 0, out)
    return recommender, Checkpoints(out).load(result.best_epoch)


def refused(error):
    """Return the message; it has a remedy."""
    assert all(problem.what and problem.remedy for problem in error.problems), error
    return str(error)


# -- graphs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("graph", list(GRAPHS))
@pytest.mark.parametrize("model", list(MODELS))
def test_it_ranks_with_finite_scores_or_is_refused(model, graph, tmp_path):
    graph = dressed(GRAPHS[graph])
    if model in SOCIAL_ONLY and not graph.social:
        with pytest.raises(InputError, match="this graph joins users to items") as error:
            fitted(model, graph, tmp_path)
        assert "take item_knn" in refused(error.value)
        return
    recommender, parameters = fitted(model, graph, tmp_path)
    everyone = np.arange(graph.n_users)
    scores = recommender.scores(parameters, graph)
    found = np.asarray(scores(everyone))
    assert found.shape == (graph.n_users, graph.n_items)
    assert np.isfinite(found).all()
    check_lists(top_k(scores, graph, everyone, 20), graph)
    for layer in recommender.layers:
        embedding = recommender.embed(parameters, graph, layer)
        assert (len(embedding.users), len(embedding.items)) == (graph.n_users, graph.n_items)
        assert np.isfinite(embedding.users).all()
        assert np.isfinite(embedding.items).all()


def check_lists(lists, graph):
    """Lists hold every item once that the user has not taken, isolated and unseen ones too, and then end."""
    for user, found in enumerate(lists):
        taken = set(graph.indices[graph.indptr[user] : graph.indptr[user + 1]].tolist())
        left = set(range(graph.n_items)) - taken - ({user} if graph.social else set())
        listed = found[found != NONE].tolist()
        assert len(listed) == len(left)
        assert set(listed) == left
        assert (found[len(listed) :] == NONE).all()


def test_no_edge_that_counts_is_refused():
    with pytest.raises(InputError, match="the graph has no edge") as error:
        social("0-0 1-1", 3, directed=True)
    assert "self-loops" in refused(error.value)


# -- features --------------------------------------------------------------------------------------------------------

READERS = ("content_knn", "gat", "graphsage", "group_majority", "two_tower of everything")
OF_USERS = tuple(sorted(set(READERS) - {"content_knn"}))


def spoilt(features, how):
    """Return features as nobody can use them."""
    changed = features.copy()
    changed[1, 0] = {"NaN": np.nan, "infinite": -np.inf}.get(how, 0)
    shapes = {"a row short": changed[1:], "a row more": np.tile(changed, (2, 1)), "flat": changed[:, 0]}
    return {**shapes, "no column": changed[:, :0], "texts": changed.astype(str).astype(object)}.get(how, changed)


@pytest.mark.parametrize("how", ["NaN", "infinite", "a row short", "a row more", "flat", "no column", "texts"])
@pytest.mark.parametrize(
    ("model", "of"), [*((m, "items") for m in READERS), *((m, "users") for m in OF_USERS)], ids=str
)
def test_features_that_cannot_be_used_are_refused(model, of, how, tmp_path):
    graph = dressed(GRAPHS["odd"])
    bad = dataclasses.replace(graph.features, **{of: spoilt(getattr(graph.features, of), how)})
    with pytest.raises(InputError) as error:
        fitted(model, dataclasses.replace(graph, features=bad), tmp_path)
    rows = "1 of 7 rows hold NaN or infinite numbers"
    what = rows if how in {"NaN", "infinite"} else "not numbers of shape (7, 1 or more)"
    assert refused(error.value).startswith(f"features.{of}: ")
    assert what in str(error.value)


@pytest.mark.parametrize("model", ["joint", "gat", "graphsage"])
@pytest.mark.parametrize("n", [6, 8])
def test_a_relation_of_other_users_is_refused(model, n, tmp_path):
    graph = dataclasses.replace(dressed(GRAPHS["odd"]), also={"friends": social("0-1", n, directed=False)})
    with pytest.raises(InputError, match=f"relation 'friends' has {n} users, the recommended one 7") as error:
        fitted(model, graph, tmp_path)
    assert "number the same users in both" in refused(error.value)


# -- the plan --------------------------------------------------------------------------------------------------------


@pytest.fixture
def message(tmp_path, monkeypatch):
    """Why a study of one recommender is refused, before any step has been started."""

    def run(recommender, relation="votes", memory=64e9, **member):
        monkeypatch.setattr(LocalExecutor, "memory", memory)
        monkeypatch.setattr(Folder, "free_bytes", lambda _: 1e15)
        values = {"name": "mine", "data": {"source": "voteview", "congress": 96}, "relation": relation, "seeds": 1}
        member |= {"recommender": recommender}
        (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values | {"population": {"mine": member}}))
        store = Folder.at(tmp_path / "store")
        with pytest.raises(InputError) as error:
            api.run(tmp_path / "mine.yaml", executor=api.local(), store=store)
        assert not Path(store.local, "steps").exists()
        return refused(error.value)

    return run


@pytest.mark.parametrize("model", ["mf", "lightgcn", "xsimgcl"])
def test_columns_that_cannot_be_dealt_out(message, model):
    found = message({"model": model, "dim": 10}, workers=4)
    assert "population.mine.workers: 10 dimensions cannot be dealt out evenly to 4 workers" in found
    assert "choose a dim that is a multiple of 4" in found


@pytest.mark.parametrize("model", ["mf", "lightgcn", "ials", "gat"])
def test_memory_that_does_not_suffice(message, model):
    found = message({"model": model, "dim": 40_000_000})
    assert "GB of memory needed (most for: fit mine-s0), 64.0 GB available" in found
    assert "use a smaller dim" in found


def test_what_the_relations_do_not_give(message):
    assert "population.mine: adamic_adar compares the neighbours of two users" in message("adamic_adar")
    assert "population.mine (also): a joint model needs another relation" in message({"model": "joint", "dim": 4})
    assert "population.mine (features.items): content_knn scores items by" in message("content_knn")
