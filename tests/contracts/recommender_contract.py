"""What every recommender must hold: derive a test class, set ``config``, and nothing else.

class TestMine(RecommenderContract):
    config = Mine.Config(dim=8)
"""

import dataclasses

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT
from hemicycle.core.storage import Folder
from hemicycle.evaluation.ranking import top_k
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.base import EmbeddingRecommender, RecommenderConfig
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.options import TrainingOptions

SHAPES = {"bipartite": {}, "directed": {"social": True}, "undirected": {"social": True, "directed": False}}


def checkerboard(shape: str, n: int = 24) -> tuple[Split, np.ndarray]:
    """Even users like even items, odd users odd ones; each misses one, which is returned: it must come first.

    Between users the missing ones are friendships, dropped in both directions.
    """
    users, items = np.divmod(np.arange(n * n), n)
    liked = (users + items) % 2 == 0
    withheld = (np.arange(n) + n // 2) % n
    missing = items == withheld[users]
    if SHAPES[shape]:
        liked &= users != items
    train = InteractionGraph.from_edges(users[liked & ~missing], items[liked & ~missing], n, n, **SHAPES[shape])
    nothing = train.select(np.zeros(train.n_edges, bool))
    return Split(train, nothing, nothing), withheld


def random_split(shape: str, n: int = 30, edges: int = 200, seed: int = 0) -> Split:
    """Random edges, all of them for training."""
    users, items = np.random.default_rng(seed).integers(n, size=(2, edges))
    train = InteractionGraph.from_edges(users, items, n, n, **SHAPES[shape])
    nothing = train.select(np.zeros(train.n_edges, bool))
    return Split(train, nothing, nothing)


def renumbered(graph: InteractionGraph, order: np.ndarray) -> InteractionGraph:
    """The bipartite graph whose user u is called order[u]."""
    moved = InteractionGraph.from_edges(order[graph.rows()], graph.indices, graph.n_users, graph.n_items)
    users = graph.features.users
    back = np.argsort(order)
    features = Features(None if users is None else users[back], graph.features.items)
    also = {name: renumbered_users(other, order) for name, other in graph.also.items()}
    return dataclasses.replace(moved, features=features, also=also)


def renumbered_users(graph: InteractionGraph, order: np.ndarray) -> InteractionGraph:
    """The graph, also one between users, whose user u is called order[u]."""
    items = order[graph.indices] if graph.social else graph.indices
    kind = {"social": graph.social, "directed": graph.directed} if graph.social else {}
    return InteractionGraph.from_edges(order[graph.rows()], items, graph.n_users, graph.n_items, **kind)


class RecommenderContract:
    """Properties of every recommender."""

    config: RecommenderConfig
    options = TrainingOptions(epochs=30, batch=200, warmup=2)
    finds_checkerboard = True
    shapes = tuple(SHAPES)
    """Graphs that it can be trained on."""

    def dress(self, split: Split) -> Split:
        """Add the features or other relations that it needs to the graphs; by default none."""
        return split

    def checkerboard(self, shape):
        """The checkerboard with what this recommender needs."""
        split, withheld = checkerboard(shape)
        return self.dress(split), withheld

    def random_split(self, shape, **changes):
        """Random edges with what this recommender needs."""
        if shape not in self.shapes:
            pytest.skip(f"not for {shape} graphs")
        return self.dress(random_split(shape, **changes))

    @pytest.fixture
    def recommender(self):
        return RECOMMENDER.build(self.config)

    @pytest.fixture
    def fitted(self, recommender, tmp_path):
        """Function from a split to the parameters of its best checkpoint."""

        def run(split, name="fit", **changes):
            out = Folder.at(tmp_path / name)
            return Checkpoints(out).load(fit(recommender, split, self.options.replace(**changes), 0, out).best_epoch)

        return run

    def test_config_survives_the_round_trip_and_rejects_unknown_keys(self):
        plain = self.config.model_dump(mode="json")
        assert RECOMMENDER.validate(plain) == self.config
        with pytest.raises(ValueError, match="nonsense"):
            type(self.config).model_validate({**plain, "nonsense": 1})

    def test_same_seed_same_bits_whatever_ran_before(self, fitted):
        split = self.random_split(self.shapes[0])
        first = fitted(split, "first", epochs=3)
        np.random.default_rng().random(7)
        fitted(self.random_split(self.shapes[-1], seed=5), "between", epochs=2)
        again = fitted(split, "again", epochs=3)
        for name in first:
            np.testing.assert_array_equal(first[name], again[name])

    @pytest.mark.parametrize("shape", list(SHAPES))
    def test_scores_are_finite_and_do_not_depend_on_the_batch(self, recommender, fitted, shape):
        split = self.random_split(shape)
        scores = recommender.scores(fitted(split, epochs=2), split.train)
        everyone = scores(np.arange(30))
        assert everyone.shape == (30, 30)
        assert np.isfinite(everyone).all()
        some = np.array([7, 3, 7])
        np.testing.assert_allclose(scores(some), everyone[some], rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("shape", list(SHAPES))
    def test_checkerboard(self, recommender, fitted, shape):
        if not self.finds_checkerboard:
            pytest.skip("everyone gets the same list")
        if shape not in self.shapes:
            pytest.skip(f"not for {shape} graphs")
        split, withheld = self.checkerboard(shape)
        scores = recommender.scores(fitted(split), split.train)
        found = top_k(scores, split.train, np.arange(24), 1)[:, 0]
        assert (found == withheld).mean() == 1

    @pytest.mark.parametrize("shape", list(SHAPES))
    def test_every_layer_has_a_vector_for_every_user_and_item(self, recommender, fitted, shape):
        split = self.random_split(shape)
        parameters = fitted(split, epochs=1)
        for layer in recommender.layers:
            embedding = recommender.embed(parameters, split.train, layer)
            assert embedding.users.shape[0] == split.train.n_users
            assert embedding.items.shape == (split.train.n_items, embedding.users.shape[1])
        assert recommender.layers[-1:] in [(), (READOUT,)]

    def test_what_it_learns_of_users_does_not_depend_on_their_numbers(self, recommender, fitted):
        if "bipartite" not in self.shapes:
            pytest.skip("not for bipartite graphs")
        split, withheld = self.checkerboard("bipartite")
        order = np.random.default_rng(3).permutation(24)
        train = split.train
        moved = renumbered(train, order)
        scores = recommender.scores(fitted(dataclasses.replace(split, train=moved)), moved)
        found = top_k(scores, moved, order, 1)[:, 0]
        if self.finds_checkerboard:
            np.testing.assert_array_equal(found, withheld)
        else:
            np.testing.assert_array_equal(
                found, top_k(recommender.scores(fitted(split, "plain"), train), train, np.arange(24), 1)[:, 0]
            )

    def test_unknown_layers_and_foreign_tables_are_refused(self, recommender, fitted):
        if not recommender.layers:
            assert recommender.embed({}, random_split("bipartite").train) is None
            return
        split = self.random_split(self.shapes[0])
        parameters = fitted(split, epochs=1)
        with pytest.raises(InputError, match=r"has no layer 'seven'; it has .*readout"):
            recommender.embed(parameters, split.train, "seven")
        if isinstance(recommender, EmbeddingRecommender):
            with pytest.raises(InputError, match=r"the table has \d+ rows and the graph \d+ nodes"):
                recommender.embed(parameters, self.dress(random_split("undirected", n=29)).train)
