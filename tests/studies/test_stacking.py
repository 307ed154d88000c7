"""Fits in one step leave what fits in steps of their own leave."""

import numpy as np
import pytest

from hemicycle.core.config import fingerprint
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import SplitConfig, split
from hemicycle.population.population import Population, read_records
from hemicycle.recommenders.divergence import DivergenceError
from hemicycle.studies.comparing import kept_users
from hemicycle.studies.models import FitOptions, StretchOptions, fit_step
from hemicycle.studies.stacking import FAILED, StackOptions, stacked_step, stacks
from hemicycle.studies.steps import Work

TRAIN = {"epochs": 4, "validate_every": 2, "dtype": "float64"}


def a_fit(seed=0, train=None, **model):
    recommender = {"model": "lightgcn", "dim": 4, "layers": 2} | model
    return FitOptions(recommender=recommender, train=TRAIN | (train or {}), seed=seed, k=10)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rng, found = np.random.default_rng(0), Folder.at(tmp_path_factory.mktemp("store"))
    users, items = rng.integers(40, size=800), rng.integers(50, size=800)
    split(InteractionGraph.from_edges(users, items, 40, 50), SplitConfig()).write(found / "graph")
    return found


def run(store, step, options, kind, name):
    out = store / "steps" / kind / name
    step(Work(options, {"graph": store / "graph"}, out))
    return read_records(out), out.read_table("ranking_results").to_pandas(), out


FITS = [a_fit(0), a_fit(1, {"lr": 0.1}), a_fit(2, temperature=0.3)]


@pytest.fixture(scope="module")
def stacked(store):
    return run(store, stacked_step, StackOptions(members=FITS), "stack", "abc")


def test_each_member_has_a_record_and_a_twin(stacked):
    records, _, out = stacked
    trained = [record for record in records if record.status == "trained"]
    assert [record.id for record in trained] == [fingerprint({"stack": "abc", "member": n}) for n in range(3)]
    assert [record.folder for record in trained] == [f"steps/stack/abc/{n}" for n in range(3)]
    assert [record.seed for record in trained] == [0, 1, 2]
    assert {record.parent for record in records if record.status == "untrained"} == {r.id for r in trained}
    assert len({record.id for record in records}) == 6
    assert out.read_json(FAILED) == {}


def test_members_are_what_single_fits_are(store, stacked):
    records, table, out = stacked
    for n, options in enumerate(FITS):
        single, rows, _ = run(store, fit_step, options, "fit", f"fit{n}")
        own = [records[2 * n], records[2 * n + 1]]
        for mine, other in zip(own, single, strict=True):
            assert (mine.config, mine.layers, mine.epochs, mine.best_epoch) == (
                (other.config, other.layers, other.epochs, other.best_epoch)
            )
            kept = kept_users(out, mine.id).per_user["ndcg@10"]
            np.testing.assert_allclose(kept, kept_users(store / "steps/fit" / f"fit{n}", other.id).per_user["ndcg@10"])
            values, wanted = (t[t["record_id"] == r.id]["value"] for t, r in ((table, mine), (rows, other)))
            np.testing.assert_allclose(values, wanted, rtol=1e-9)


def test_a_population_reads_members_without_knowing(store, stacked):
    population = Population(store, store / "graph", tuple(stacked[0]))
    embeddings = [population.embedding(record) for record in population]
    assert all(embedding.users.shape == (40, 4) for embedding in embeddings)
    assert not np.allclose(embeddings[0].users, embeddings[1].users)
    assert population.scores(population.records[4])(np.arange(3)).shape == (3, 50)


def test_a_member_that_diverges_is_told_and_the_others_are_there(store):
    options = StackOptions(members=[a_fit(0), a_fit(1, {"lr": 1e300})])
    records, _, out = run(store, stacked_step, options, "stack", "one")
    assert [record.seed for record in records] == [0, 0]
    assert "lower train.lr" in out.read_json(FAILED)["1"]
    with pytest.raises(DivergenceError, match="all 1 members"):
        run(store, stacked_step, StackOptions(members=[options.members[1]]), "stack", "none")


def test_fits_are_grouped_by_what_can_be_trained_together():
    stretch = StretchOptions(**a_fit(0).model_dump(), until=2)
    other, popular = a_fit(0, dim=8), FitOptions(recommender="popularity")
    fits = [a_fit(0), other, popular, a_fit(1, {"lr": 0.5}), stretch, a_fit(2, {"batch": 7}), popular]
    assert stacks(fits) == [[0, 3], [1], [2], [4], [5], [6]]
    assert stacks([a_fit(n) for n in range(5)], at_most=2) == [[0, 1], [2, 3], [4]]
    assert stacks([]) == []
