import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.synthetic import Synthetic, SyntheticConfig
from hemicycle.exposure.base import Scene
from hemicycle.exposure.edge_log import Changes, applied
from hemicycle.exposure.mediator import Mediator, Occasion
from hemicycle.exposure.recommended import RecommendedConfig
from hemicycle.exposure.retraining import retrained
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.simulations.knowledge import COLUMNS, KnowledgeConfig, knowledge_rows
from hemicycle.studies.models import graph_of
from hemicycle.training.options import TrainingOptions

N = 400
TRAINING = TrainingOptions(epochs=10, batch=1000, warmup=2)
CONFIG = KnowledgeConfig()


@pytest.fixture(scope="module")
def society():
    config = SyntheticConfig(users=N, items={"number": 0}, follows={"per_user": 12, "homophily": 8}, dimensions=2)
    data = Synthetic(config).read()
    opinions = np.column_stack([data.users[f"attitude_{d}"].to_numpy() for d in range(2)]).astype(np.float32)
    return Scene(graph_of(data, "follows"), 4), opinions


@pytest.fixture(scope="module", params=["mf", "lightgcn"])
def mediator(request, society):
    recommender = RECOMMENDER.build(RECOMMENDER.validate({"model": request.param, "dim": 8}))
    graph = society[0].graph
    return Mediator(recommender, retrained(recommender, graph, TRAINING, 1), graph, TRAINING, 1)


def at(society, step):
    """The society at a refresh: opinions drift, and follows change."""
    scene, innate = society
    rng = np.random.default_rng(step)
    followees = np.array([innate[row].mean(0) if len(row) else x for x, row in rows_of(scene, innate)])
    share = min(step, 30) / 60
    opinions = ((1 - share) * innate + share * followees + 0.05 * rng.normal(size=innate.shape)).astype(np.float32)
    added = rng.integers(0, N, (10 * step, 2)).astype(np.int32)
    graph = applied(scene.graph, Changes(added=added))
    return Occasion(Scene(graph, scene.seed), opinions, innate, step)


def rows_of(scene, innate):
    graph = scene.graph
    return [(x, graph.indices[a:b]) for x, a, b in zip(innate, graph.indptr, graph.indptr[1:], strict=False)]


def read(rows, **wanted):
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_rows_say_what_is_known_beside_both_controls(society, mediator):
    rows = knowledge_rows(mediator, at(society, 10), CONFIG)
    assert [tuple(row) for row in rows] == [COLUMNS] * 8
    assert {row["step"] for row in rows} == {10}
    for opinions in ("initial", "current"):
        for dimension in range(2):
            trained, untrained = read(rows, opinions=opinions, dimension=dimension)
            assert (trained["status"], untrained["status"]) == ("trained", "untrained")
            assert trained["ci_low"] < trained["r2"] < trained["ci_high"]
            assert abs(trained["control"]) < 0.05
            assert trained["r2"] > max(untrained["r2"] + 0.1, trained["control_high"])


@pytest.mark.parametrize("update", ["never", "re-embed", "retrain"])
def test_full_erasure_leaves_the_linear_r2_at_its_control_at_every_refresh(society, mediator, update):
    options = RecommendedConfig(update=update, erase={"strength": 1.0}, retrain={"epochs": 2})
    now = mediator
    for step in (0, 10, 30):
        occasion = at(society, step)
        now = now.refreshed(occasion, options)
        for row in read(knowledge_rows(now, occasion, CONFIG), status="trained", opinions="current"):
            assert row["r2"] <= max(row["control_high"], 1e-3)
            assert row["r2"] == pytest.approx(row["control"], abs=0.01)


def test_strength_0_is_no_erasure(society, mediator):
    occasion = at(society, 10)
    plain, none = (
        knowledge_rows(mediator.refreshed(occasion, RecommendedConfig(erase=erase)), occasion, CONFIG)
        for erase in (None, {"strength": 0.0})
    )
    assert plain == none


def test_erasing_what_was_leaves_what_changed(society, mediator):
    occasion = at(society, 30)
    options = RecommendedConfig(erase={"of": "initial"})
    rows = read(knowledge_rows(mediator.refreshed(occasion, options), occasion, CONFIG), status="trained")
    for row in read(rows, opinions="initial"):
        assert row["r2"] <= max(row["control_high"], 1e-3)


def test_agreement_has_nothing_to_be_known(society, mediator):
    scene, innate = society
    agreed = innate.copy()
    agreed[:, 1] = 0.25
    rows = knowledge_rows(mediator, Occasion(scene, agreed, innate, 3), CONFIG)
    assert np.isnan([row["r2"] for row in read(rows, opinions="current", dimension=1)]).all()
    assert not np.isnan([row["r2"] for row in read(rows, opinions="current", dimension=0)]).any()
    rows = knowledge_rows(mediator, Occasion(scene, np.zeros_like(innate), innate, 3), CONFIG)
    assert np.isnan([row["control"] for row in read(rows, opinions="current")]).all()


def test_users_are_drawn_once_by_the_seed(society, mediator):
    few, scene = KnowledgeConfig(users=200, untrained=False), society[0]
    first, again = (knowledge_rows(mediator, at(society, step), few) for step in (10, 10))
    assert first == again
    assert {row["n"] for row in first} == {200}
    assert {row["status"] for row in first} == {"trained"}
    other = Occasion(Scene(scene.graph, 5), *(at(society, 10).opinions, society[1]), 10)
    assert knowledge_rows(mediator, other, few) != first


def test_models_without_vectors_are_refused(society):
    recommender = RECOMMENDER.build(RECOMMENDER.validate("popularity"))
    graph = society[0].graph
    mediator = Mediator(recommender, retrained(recommender, graph, TRAINING, 1), graph)
    with pytest.raises(InputError, match="popularity has no vectors that could be probed"):
        knowledge_rows(mediator, at(society, 0), CONFIG)
