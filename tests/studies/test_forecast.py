"""What a run takes beyond the steps that its plan lists."""

import pytest

from hemicycle import api
from hemicycle.core.storage import Folder
from hemicycle.data.voteview import Voteview
from hemicycle.population.population import read_records
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.costs import PROCESS_SECONDS
from hemicycle.studies.forecast import REPORT_SECONDS, seconds_beyond, visits
from hemicycle.studies.models import FitOptions
from hemicycle.studies.plan import build_plan
from hemicycle.studies.probing import sites

FIXED = PROCESS_SECONDS + REPORT_SECONDS
PROBES = [{"probe": "ridge", "labels": ["nominate_dim1"]}]
SEARCH = {
    "trials": 10,
    "branches": {"mf": {"recommender": "mf"}},
    "space": {"recommender.dim": {"choice": [4, 8]}},
    "objectives": [{"metric": "ndcg@20"}, {"metric": "probe", "label": "nominate_dim1", "direction": "minimize"}],
}


@pytest.fixture(scope="module")
def senate():
    return Voteview(Voteview.Config(congress=96)).read()


def beyond(dataset, **changes):
    values = {
        "name": "x",
        "data": {"source": "voteview", "congress": 96},
        "seeds": 2,
        "population": {"mf": {"recommender": "mf"}},
        "probes": PROBES,
        **changes,
    }
    config = StudyConfig.model_validate(values)
    return seconds_beyond(config, dataset, build_plan(config, dataset)) - FIXED


def test_what_follows_grows_with_models_probes_and_layers(senate):
    base = beyond(senate)
    assert base > 0
    assert beyond(senate, seeds=4) == pytest.approx(2 * base)
    assert beyond(senate, probes=PROBES * 2) > 1.5 * base
    assert 0 < beyond(senate, probes=[]) < base
    assert beyond(senate, population={"lightgcn": {"recommender": {"model": "lightgcn", "layers": 4}}}) > base
    assert beyond(senate, population={"popularity": {"recommender": "popularity"}}) < base
    assert beyond(senate, train={"keep": "all", "epochs": 30}) > 3 * base


def test_members_that_are_trained_together_are_followed_like_others(senate):
    population = {"mf": {"recommender": {"model": "mf", "dim": 8}, "together": True}}
    assert beyond(senate, population=population) == pytest.approx(beyond(senate))


def test_trials_of_a_search_count_as_models(senate):
    few = beyond(senate, population={}, searches={"a": SEARCH})
    assert few == pytest.approx(5 * beyond(senate), rel=0.01)
    assert beyond(senate, population={}, searches={"a": {**SEARCH, "trials": 20}}) == pytest.approx(2 * few, rel=0.2)
    assert beyond(senate, population={}, searches={"a": {**SEARCH, "mode": "async"}}) == pytest.approx(few, rel=0.2)


def test_nothing_to_do_takes_no_time(senate):
    config = StudyConfig.model_validate(
        {"name": "x", "data": {"source": "voteview"}, "population": {"p": {"recommender": "popularity"}}}
    )
    assert seconds_beyond(config, senate, []) == 0


@pytest.mark.parametrize(
    "train",
    [
        {"epochs": 6, "validate_every": 2},
        {"epochs": 6, "validate_every": 2, "label_epochs": [1, 3, 40]},
        {"epochs": 6, "validate_every": 2, "keep": "all"},
    ],
)
def test_visits_are_about_those_of_the_records(tmp_path, train):
    """The best epoch is often the last, so the forecast may be one above."""
    values = {"name": "x", "data": {"source": "voteview", "congress": 96}, "seeds": 1, "train": train}
    values |= {"population": {"l": {"recommender": {"model": "lightgcn", "layers": 2, "dim": 4}}}}
    config = StudyConfig.model_validate(values | {"tracking": {"wandb": "disabled"}})
    study = api.run_study(config, api.local(), Folder.at(tmp_path), api.silent)
    (fit,) = study.outcome.finished("fit")
    found = [len(sites(record)) for record in read_records(fit.folder(Folder.at(tmp_path)))]
    expected = visits(fit.options)
    assert len(expected) == len(found)
    assert all(a <= b <= a + 1 for a, b in zip(found, expected, strict=True))


def test_a_recommender_without_vectors_has_one_record():
    assert visits(FitOptions(recommender="popularity")) == (1,)


def test_a_plan_says_what_all_of_it_takes(small_config, tmp_path):
    plan = api.plan(small_config, store=Folder.at(tmp_path))
    assert plan.beyond > FIXED
    assert plan.seconds == pytest.approx(plan.beyond + sum(step.cost.seconds for step in plan.todo))


def test_a_plan_of_what_is_finished_takes_no_time(small_config, small_study):
    assert api.plan(small_config, store=small_study[1]).seconds == 0
