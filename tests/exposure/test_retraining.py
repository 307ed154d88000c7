import numpy as np
import pytest

from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.core.storage import Folder
from hemicycle.exposure.retraining import retrained, untrained
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.base import Recommender, RecommenderConfig
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.options import TrainingOptions

TRAINING = TrainingOptions(epochs=3, batch=100, warmup=1, max_steps=8)
CONFIGS = {
    "mf": {"model": "mf", "dim": 4},
    "lightgcn": {"model": "lightgcn", "dim": 4, "start": "svd"},
    "ials": {"model": "ials", "dim": 4},
    "graphsage": {"model": "graphsage", "dim": 4},
    "ease": {"model": "ease"},
}


@pytest.fixture(scope="module")
def graph():
    users, sources = np.random.default_rng(0).integers(40, size=(2, 300))
    return InteractionGraph.from_edges(users, sources, 40, 40, social=True)


def built(name):
    return RECOMMENDER.build(RECOMMENDER.validate(CONFIGS[name]))


@pytest.mark.parametrize("name", CONFIGS)
def test_cold_retraining_is_the_fit_of_training(name, graph, tmp_path):
    nothing = graph.select(np.zeros(graph.n_edges, bool))
    out = Folder.at(tmp_path)
    result = fit(built(name), Split(graph, nothing, nothing), TRAINING, 7, out)
    expected = Checkpoints(out).load(result.best_epoch)
    found = retrained(built(name), graph, TRAINING, 7)
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array)
    if name != "ease":
        first = Checkpoints(out).load(0)
        for key, array in untrained(built(name), graph, TRAINING, 7).items():
            np.testing.assert_array_equal(array, first[key])


@pytest.mark.parametrize("name", ["mf", "ials"])
def test_a_warm_start_begins_at_the_parameters(name, graph):
    before = retrained(built(name), graph, TRAINING, 7)
    again = retrained(built(name), graph, TRAINING.replace(epochs=0), 8, before)
    for key, array in before.items():
        np.testing.assert_array_equal(again[key], array)
        assert again[key] is not array
    on = retrained(built(name), graph, TRAINING, 8, before)
    cold = retrained(built(name), graph, TRAINING, 8)
    assert any((on[key] != cold[key]).any() for key in before)


def test_networks_and_tables_of_another_size_start_cold(graph):
    for name, before in (("graphsage", {"a": np.zeros(3)}), ("mf", {"table": np.zeros((3, 4))})):
        cold = retrained(built(name), graph, TRAINING, 7)
        for key, array in retrained(built(name), graph, TRAINING, 7, before).items():
            np.testing.assert_array_equal(array, cold[key])


def test_a_divergent_training_says_so(graph):
    with pytest.raises(HemicycleError):
        retrained(built("mf"), graph, TRAINING, 7, {"table": np.full((80, 4), np.nan, np.float32)})


def test_what_cannot_be_fitted_is_refused(graph):
    class Odd(Recommender):
        def scores(self, parameters, graph):
            raise NotImplementedError

    with pytest.raises(InputError, match="Odd is not trained step by step"):
        retrained(Odd(RecommenderConfig(model="odd")), graph, TRAINING, 0)
