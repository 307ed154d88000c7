import optuna
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage

from hemicycle import api
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.executor import LocalExecutor
from hemicycle.studies.run import run_study


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with one study of five trials."""
    search = {
        "trials": 5,
        "generation": 3,
        "objectives": [{"metric": "ndcg@20"}, {"metric": "coverage", "direction": "maximize"}],
        "space": {"recommender.dim": {"choice": [2, 4]}},
        "branches": {"mf": {"recommender": "mf"}},
    }
    values = {"name": "searched", "data": {"source": "voteview"}, "train": {"epochs": 2}, "searches": {"small": search}}
    place = Folder.at(tmp_path_factory.mktemp("store"))
    run_study(StudyConfig.model_validate(values), LocalExecutor(), place, lambda event: None)
    return place


def test_a_search_opens_in_optuna_with_the_ids_of_its_records(store, tmp_path):
    study = api.optuna_study("searched", "small", store)
    records = (store / "studies" / (store / "studies").names()[0] / "tables").read_table("trials").to_pandas()
    assert [trial.user_attrs["record"] for trial in study.trials] == records["record_id"].tolist()
    assert {trial.params["recommender.dim"] for trial in study.trials} <= {2, 4}
    path = api.write_optuna("searched", "small", tmp_path / "small.journal", store)
    again = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(path))))
    assert [trial.values for trial in again.trials] == [trial.values for trial in study.trials]
    assert len(again.best_trials) >= 1
    with pytest.raises(InputError, match="there already"):
        api.write_optuna("searched", "small", path, store)


def test_a_search_that_is_not_there_is_named_with_those_that_are(store):
    with pytest.raises(InputError, match="no search 'large'") as caught:
        api.optuna_study("searched", "large", store)
    assert "small" in str(caught.value)
