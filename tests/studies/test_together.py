"""Members that are trained together: one step, the records and results of many."""

import pytest

from hemicycle.core.storage import Folder
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.executor import LocalExecutor
from hemicycle.studies.run import run_study

DESIGN = {
    "factors": {
        "recommender.model": ["mf", "lightgcn"],
        "recommender.temperature": [0.1, 0.2],
        "train.lr": [0.01, 0.05],
    },
    "recommender": {"dim": 4},
    "seeds": 2,
}


def study(**changes):
    values = {
        "name": "stacked",
        "data": {"source": "voteview", "congress": 96},
        "relation": "votes",
        "train": {"epochs": 4, "validate_every": 2, "dtype": "float64"},
        "designs": {"small": {**DESIGN, **changes}},
        "population": {"popularity": {"recommender": "popularity", "seeds": 1}},
    }
    return StudyConfig.model_validate(values)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    place = tmp_path_factory.mktemp("together")
    return [
        run_study(study(together=wish), LocalExecutor(), Folder.at(place / str(wish)), lambda event: None)
        for wish in (True, False)
    ]


def test_a_design_is_trained_in_stacks_with_the_results_of_single_fits(both):
    together, alone = both
    assert len(together.outcome.finished("stack")) == 2
    assert len(alone.outcome.finished("fit")) == 17
    columns = ["name", "family", "seed", "status", "best_epoch"]
    assert together.tables["records"][columns].equals(alone.tables["records"][columns])
    keys = ["name", "split", "epoch", "metric"]
    one, other = (found.tables["ranking_results"].set_index(keys)["value"] for found in both)
    assert one.index.equals(other.index)
    assert (one - other).abs().max() < 1e-6
    assert set(together.tables["list_results"]["name"]) == set(alone.tables["list_results"]["name"])


def test_effects_are_estimated_of_stacked_members(both):
    one, other = (found.tables["effects"].set_index(["outcome", "factor", "level"])["effect"] for found in both)
    assert len(one) > 0
    assert (one - other).abs().max() < 1e-6


def test_stacked_members_are_compared_user_by_user(both):
    differences = both[0].tables["ranking_differences"]
    assert "popularity" in set(differences["against"])


def test_together_is_for_what_one_worker_trains():
    member = {"recommender": {"model": "mf", "dim": 4}, "together": True}
    with pytest.raises(ValueError, match="one worker"):
        StudyConfig.model_validate({**study().model_dump(), "population": {"a": {**member, "workers": 2}}})
    derived = {"transform": {"transform": "mmr"}, "parent": "a"}
    with pytest.raises(ValueError, match="drop its together"):
        StudyConfig.model_validate({**study().model_dump(), "population": {"a": member, "b": derived}})
