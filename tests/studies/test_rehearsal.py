"""What recommenders need is told before anything runs, from the kind of graph alone."""

import numpy as np
import pyarrow as pa
import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset, Relation
from hemicycle.data.synthetic import Synthetic, SyntheticConfig
from hemicycle.recommenders.base import ClosedFormRecommender, RecommenderConfig
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.studies import rehearsal as module
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.plan import build_plan
from hemicycle.studies.rehearsal import refusals, rehearsal, toy_graph
from hemicycle.training.options import TrainingOptions


@pytest.fixture(scope="module")
def society():
    return Synthetic(SyntheticConfig(users=60, items=40)).read()


def study(recommender, relation, **values):
    member = {"recommender": recommender}
    base = {"name": "x", "data": {"source": "synthetic"}, "seeds": 1, "relation": relation}
    return StudyConfig.model_validate(base | {"population": {"mine": member}} | values)


def names(society, *, social):
    return next(name for name, relation in society.relations.items() if relation.social is social)


def problem(society, recommender, *, social=False, **values):
    (found,) = rehearsal(study(recommender, names(society, social=social), **values), society)
    return found


def test_a_social_model_of_items_is_refused_by_the_plan(society):
    config = study("adamic_adar", names(society, social=False))
    with pytest.raises(InputError, match=r"population\.mine: adamic_adar compares .* joins users to items") as refused:
        build_plan(config, society)
    assert "item_knn" in refused.value.problems[0].remedy
    assert not list(rehearsal(study("adamic_adar", names(society, social=True)), society))


def test_a_joint_model_needs_another_relation(society):
    found = problem(society, {"model": "joint", "dim": 4})
    assert found.where == "population.mine (also)"
    assert "name one in the study, e.g. also: [friends]" in found.remedy
    named = study({"model": "joint", "dim": 4}, names(society, social=False), also=[names(society, social=True)])
    assert not list(rehearsal(named, society))


@pytest.mark.parametrize("model", ["two_tower", "content_knn"])
def test_content_models_need_features_of_items(society, model):
    assert problem(society, model).where == "population.mine (features.items)"


def test_the_group_majority_needs_groups(society):
    assert problem(society, "group_majority").where == "population.mine (features.users)"


def test_a_module_is_not_trained_by_bpr(society):
    features = {"items": {"file": "any.parquet"}}
    found = problem(society, {"model": "two_tower", "dim": 4}, features=features, train={"loss": "bpr"})
    assert (found.where, found.remedy) == ("population.mine (train.loss)", "set it to softmax")


@pytest.mark.parametrize(("least", "refused"), [(None, True), (0.0, True), (0.5, False)])
def test_weights_must_be_there_and_positive(least, refused):
    columns = {"user": [0, 1, 1], "item": [0, 1, 0]} | ({} if least is None else {"weight": [1.0, least, 2.0]})
    nodes = pa.table({"id": ["a", "b"]})
    dataset = Dataset("two", nodes, nodes, {"reads": Relation(pa.table(columns))})
    config = study({"model": "ials", "dim": 4, "weighted": True}, "reads")
    assert bool(list(rehearsal(config, dataset))) is refused


def test_mediators_are_rehearsed_on_follows(society):
    talk = {
        "opinions": ["friedkin_johnsen"],
        "arms": ["none", {"exposure": "recommended", "k": 3}],
        "mediators": {"guide": {"model": "two_tower", "dim": 4}},
    }
    society_config = {"users": 60, "items": 0}
    config = study("popularity", "", simulations={"talk": talk}, society=society_config)
    (found,) = rehearsal(config, society)
    assert found.where == "simulations.talk.mediators.guide (features.items)"


class Fragile(ClosedFormRecommender):
    """Fails on small graphs, which proves nothing."""

    class Config(RecommenderConfig):
        model: str = f"{__name__}:Fragile"

    def fit(self, graph, rng):
        raise ZeroDivisionError

    def scores(self, parameters, graph):
        raise NotImplementedError


def test_only_refusals_count(society, monkeypatch):
    graph = toy_graph(study("popularity", names(society, social=False)), society)
    monkeypatch.setattr(module.RECOMMENDER.__class__, "build", lambda _, config: Fragile(config))
    assert refusals(Fragile.Config(), graph, TrainingOptions()) == []


def test_wide_modules_are_not_built(society, monkeypatch):
    graph = toy_graph(study("popularity", names(society, social=False)), society)
    ials = RECOMMENDER.validate({"model": "ials", "dim": 4096, "weighted": True})
    assert refusals(ials, graph, TrainingOptions()) == []
    assert len(refusals(ials.replace(dim=4), graph, TrainingOptions())) == 1


def test_a_toy_is_of_the_studys_kind(society):
    social = names(society, social=True)
    config = study("popularity", social, also=[names(society, social=False)])
    graph = toy_graph(config, society)
    assert (graph.social, graph.directed) == (True, society.relations[social].directed)
    assert [other.social for other in graph.also.values()] == [False]
    assert graph.features.users is None
    assert np.all(graph.degrees >= 2)
