import numpy as np
import pytest
from contracts.search_examples import BOTH, MF, run_search, searched

from hemicycle.search.importances import FEWEST, importances
from hemicycle.search.sampling import propose
from hemicycle.search.trials import Trial


def scored(score, trials=64, **changes):
    """Importances of a random search whose trials reach what ``score`` gives them."""
    config, space = searched(algorithm="random", trials=trials, generation=trials, **changes)
    proposals = propose(config, space, [])
    ended = [Trial(p, 0, "complete", score(p), 9) for p in proposals]
    return importances(config, space, ended)


def test_what_decides_is_most_important():
    table = scored(lambda p: {"ndcg@20": -abs(np.log10(p.params["train.lr"] / 0.01))})
    assert list(table.columns) == ["metric", "param", "importance"]
    assert table["param"].iloc[0] == "train.lr"
    assert table["importance"].iloc[0] > 0.6
    assert table["importance"].sum() == pytest.approx(1)
    assert table["importance"].is_monotonic_decreasing
    assert set(table["param"]) == {
        "branch",
        "recommender.dim",
        "train.lr",
        "train.l2",
        "train.loss",
        "train.negatives",
        "lightgcn/recommender.layers",
    }


def test_each_objective_and_its_direction_count():
    def score(p):
        return {"ndcg@20": np.log(p.params["train.lr"]), "probe:party": p.params["recommender.dim"] + 0.01 * p.number}

    table = scored(score, objectives=BOTH).set_index("metric")
    assert table.loc["ndcg@20"].iloc[0]["param"] == "train.lr"
    assert table.loc["probe:party"].iloc[0]["param"] == "recommender.dim"


def test_a_branchs_own_dimension_can_matter_most():
    table = scored(lambda p: {"ndcg@20": float(p.params.get("recommender.layers", 0) == 3)}, trials=96)
    assert set(table["param"].head(2)) <= {"lightgcn/recommender.layers", "branch"}


def test_the_same_trials_have_the_same_importances():
    config, space = searched(objectives=BOTH, trials=32)
    trials = run_search(config, space)
    assert importances(config, space, trials).equals(importances(config, space, trials))


def test_a_single_branch_is_no_hyperparameter():
    assert "branch" not in set(scored(lambda p: {"ndcg@20": p.number}, branches={"mf": MF})["param"])


@pytest.mark.parametrize("count", [0, 1, 2, FEWEST - 1, FEWEST])
def test_too_few_trials_say_nothing(count):
    config, space = searched(algorithm="random", trials=20, generation=20)
    proposals = propose(config, space, [])
    trials = [Trial(p, 0, "complete" if p.number < count else "failed", {"ndcg@20": p.number}, 9) for p in proposals]
    table = importances(config, space, trials)
    assert (len(table) > 0) == (count >= FEWEST)
    assert list(table.columns) == ["metric", "param", "importance"]


def test_equal_trials_tell_nothing_apart():
    assert (scored(lambda p: {"ndcg@20": 0.5})["importance"] == 0).all()


def test_a_search_that_varies_nothing_has_no_importances():
    assert scored(lambda p: {"ndcg@20": p.number}, branches={"mf": MF}, space={}).empty
