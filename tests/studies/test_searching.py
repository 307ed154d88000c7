"""Searches as steps of a study: the same trials whoever computes and however often it is interrupted."""

import json
import sys
from dataclasses import replace
from types import ModuleType

import pandas as pd
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of
from hemicycle.core.storage import Folder
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.mf import MF, MFConfig
from hemicycle.studies import generations
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.executor import LocalExecutor
from hemicycle.studies.generations import promote_step
from hemicycle.studies.probing import seen_by
from hemicycle.studies.quantities import Asked, evaluate_step
from hemicycle.studies.run import run_study
from hemicycle.studies.steps import Work

SEARCH = {
    "trials": 6,
    "generation": 3,
    "startup": 3,
    "objectives": [
        {"metric": "ndcg@20"},
        {"metric": "probe", "label": "nominate_dim1", "direction": "minimize"},
    ],
    "space": {"recommender.dim": {"choice": [4, 8]}, "train.lr": {"low": 0.01, "high": 0.1, "log": True}},
    "branches": {
        "mf": {"recommender": "mf"},
        "lightgcn": {
            "recommender": "lightgcn",
            "space": {"recommender.layers": {"low": 1, "high": 2, "integer": True}},
        },
    },
}
TABLES = ("trials", "trial_values", "trial_params", "records", "ranking_results", "probe_results", "search_progress")


def study(**changes):
    values = {
        "name": "searched",
        "data": {"source": "voteview", "congress": 96},
        "relation": "votes",
        "train": {"epochs": 4, "validate_every": 2},
        "probes": [{"probe": "ridge", "labels": ["nominate_dim1"]}],
        "searches": {"politics": {**SEARCH, **changes}},
        "tracking": {"wandb": "disabled"},
    }
    return StudyConfig.model_validate(values)


class FailingForSomeConfig(MFConfig):
    model: str = "studies_failing:Failing"


class FailingForSome(MF):
    """Fails to begin with eight columns."""

    Config = FailingForSomeConfig

    def initial(self, graph, seed, columns):
        if self.config.dim == 8 and graph.n_users > 50:
            raise ValueError("eight is too many")
        return super().initial(graph, seed, columns)


def run(config, place, listener=lambda event: None):
    return run_study(config, LocalExecutor(), Folder.at(place), listener)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    place = tmp_path_factory.mktemp("searched")
    return run(study(), place), place


def test_every_trial_is_a_model_of_the_population_with_its_values(searched):
    tables = searched[0].tables
    trials = tables["trials"]
    assert trials["trial"].tolist() == list(range(6))
    assert trials["generation"].tolist() == [0, 0, 0, 1, 1, 1]
    assert set(trials["state"]) == {"complete"}
    assert set(trials["record_id"]) <= set(tables["records"]["id"])
    assert tables["records"]["name"].str.fullmatch(r"politics-\d{3}-s\d(-untrained)?").all()
    values = tables["trial_values"].set_index(["trial", "metric"])["value"].unstack()  # noqa: PD010 - one value each
    assert values.notna().all(axis=None)
    assert trials["pareto"].any()
    assert set(tables["trial_params"]["param"]) >= {"recommender.dim", "train.lr"}
    records = tables["records"].set_index("id")
    for trial in trials.itertuples():
        params = tables["trial_params"].query("trial == @trial.trial").set_index("param")["number"]
        config = json.loads(records.loc[trial.record_id, "config"])
        assert config["recommender"]["dim"] == params["recommender.dim"]
        assert config["train"]["lr"] == pytest.approx(params["train.lr"])
        assert config["recommender"]["model"] == trial.branch


def test_validation_is_what_the_search_saw_and_test_is_what_is_reported(searched):
    tables = searched[0].tables
    known = tables["ranking_results"].query("metric == 'ndcg@20'").merge(tables["trials"], on="record_id")
    best = known[known["split"] == "valid"].groupby("record_id")["value"].max()
    seen = tables["trial_values"].query("metric == 'ndcg@20'").merge(tables["trials"], on="trial")
    pd.testing.assert_series_equal(seen.set_index("record_id")["value"].sort_index(), best, check_names=False)
    assert set(known["split"]) == {"valid", "test"}


def test_probes_of_the_report_look_at_users_whom_no_trial_has_seen(searched):
    tables = searched[0].tables
    n = tables["probe_results"]["n"].unique()
    users = searched[0].dataset.users.num_rows
    assert seen_by("search", users).sum() + seen_by("report", users).sum() == users
    assert n.max() <= seen_by("report", users).sum()
    assert tables["search_probe_results"]["n"].max() <= seen_by("search", users).sum()


class Blind:
    """A split whose test part must not be looked at."""

    def __init__(self, parts):
        self.parts = parts

    def __getattr__(self, name):
        assert name != "test", "a search looked at the test edges"
        return getattr(self.parts, name)


def test_trials_are_evaluated_without_the_test_edges(searched, tmp_path, monkeypatch):
    study_, place = searched
    (step,) = [s for s in study_.outcome.finished("evaluate") if "politics-000-" in s.title]
    asked = (*step.options.asked, Asked(metric="coverage"), Asked(metric="ideological_distance"))
    work = step.work(Folder.at(place))
    before = work.out.read_json("values.json")
    whole = Split.read
    monkeypatch.setattr(Split, "read", staticmethod(lambda folder: Blind(whole(folder))))
    evaluate_step(replace(work, options=step.options.replace(asked=asked), out=Folder.at(tmp_path)))
    found = Folder.at(tmp_path).read_json("values.json")
    assert before.items() <= found.items()
    assert 0 < found["coverage"] <= 1


def test_an_interrupted_search_ends_in_the_same_tables(searched, tmp_path):
    for stop in (5, 23):
        seen = []

        def listen(event, seen=seen, stop=stop):
            seen.append(event)
            if len(seen) == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run(study(), tmp_path, listen)
    again = run(study(), tmp_path)
    for name in TABLES:
        pd.testing.assert_frame_equal(again.tables[name], searched[0].tables[name])


def test_a_finished_search_is_not_run_again(searched):
    study_, place = searched
    again = run(study(), place)
    assert again.outcome.count("finished") == 0
    assert again.outcome.count("cached") == len(study_.outcome.steps)


def test_a_failing_trial_is_a_row_and_the_search_goes_on(tmp_path, monkeypatch):
    module = ModuleType("studies_failing")
    module.Failing = FailingForSome
    monkeypatch.setitem(sys.modules, "studies_failing", module)
    branches = {"failing": {"recommender": {"model": "studies_failing:Failing"}}}
    found = run(study(branches=branches, trials=9), tmp_path).tables
    trials, params = found["trials"], found["trial_params"].query("param == 'recommender.dim'").set_index("trial")
    eight = params["number"] == 8
    assert eight.any()
    assert not eight.all()
    assert (trials.set_index("trial")["state"] == "failed").equals(eight.rename("state"))
    assert trials.query("state == 'failed'")["error"].str.contains("eight is too many").all()
    assert not trials.query("state == 'failed'")[["pareto", "feasible"]].any(axis=None)
    assert set(trials.query("state == 'failed'")["epochs"]) == {0}
    assert len(found["failures"])


class FailingLateConfig(MFConfig):
    model: str = "studies_failing:FailingLate"


class FailingLate(MF):
    """Fails in the step after an epoch on the Senate."""

    Config = FailingLateConfig

    def objective(self, table, propagate, moment):
        if moment.key == key_of("step", 1, 1):
            raise ValueError("one epoch is enough")
        return super().objective(table, propagate, moment)


def test_failed_trials_have_the_epochs_that_were_trained(tmp_path, monkeypatch):
    module = ModuleType("studies_failing")
    module.FailingLate = FailingLate
    monkeypatch.setitem(sys.modules, "studies_failing", module)
    whole = {"batch": 10_000_000}
    branches = {"failing": {"recommender": {"model": "studies_failing:FailingLate"}, "train": whole}}
    changes = {"branches": branches, "halving": {"first": 1, "factor": 3}, "trials": 2, "generation": 2, "fit_seed": 1}
    trials = run(study(**changes), tmp_path).tables["trials"]
    assert sorted(zip(trials["state"], trials["epochs"], strict=True)) == [("failed", 1), ("stopped", 1)]
    failed = trials.query("state == 'failed'").iloc[0]
    assert "one epoch is enough" in failed["error"]
    assert failed["record_id"] == ""


# -- models that are the same ------------------------------------------------------------------------------------------

SAME = {
    "branches": {"one": {"recommender": "mf"}, "other": {"recommender": "mf"}},
    "space": {"recommender.dim": {"choice": [4, 8]}},
    "objectives": [{"metric": "ndcg@20"}],
    "algorithm": "grid",
    "trials": 4,
    "generation": 4,
    "fit_seed": 0,
}


@pytest.fixture(params=[{}, {"mode": "async"}, {"halving": {"first": 1, "factor": 3}}], ids=["", "async", "halving"])
def twins(request, tmp_path):
    """Two searches of the same declaration, in which two trials each have the same fit; and a member that has it."""
    values = study(**SAME, **request.param).model_dump()
    searches = {"zeta": values["searches"]["politics"], "alpha": values["searches"]["politics"]}
    population = {"member": {"recommender": {"model": "mf", "dim": 8}, "seeds": 1}}
    config = StudyConfig.model_validate({**values, "searches": searches, "population": population, "probes": []})
    return run(config, tmp_path), tmp_path, bool(request.param.get("halving"))


def test_models_that_are_the_same_share_a_record_and_all_searches_have_their_trials(twins):
    found, place, halved = twins
    tables = found.tables
    trials, records = tables["trials"], tables["records"].set_index("id")
    assert trials.groupby("search").size().to_dict() == {"alpha": 4, "zeta": 4}
    own = [trials[trials["search"] == name].drop(columns="search").reset_index(drop=True) for name in ("alpha", "zeta")]
    pd.testing.assert_frame_equal(*own)
    assert trials["name"].tolist() == records.loc[trials["record_id"], "name"].tolist()
    assert trials.groupby("record_id").size().tolist() == [4] * 2 if not halved else trials["record_id"].nunique() >= 2
    assert ("member-s0" in set(trials["name"])) is not halved
    dims = tables["trial_params"].query("param == 'recommender.dim'").merge(trials, on=["search", "trial"])
    configs = [json.loads(config)["recommender"]["dim"] for config in records.loc[dims["record_id"], "config"]]
    assert configs == dims["number"].tolist()
    for name in ("trial_values", "search_progress", "search_importances"):
        assert len(set(tables[name].groupby("search").size())) <= 1
    again = run(found.config, place)
    assert again.outcome.count("finished") == 0


def test_searches_that_differ_go_on_by_themselves_from_trials_that_they_share(tmp_path):
    values = study(**SAME, halving={"first": 1, "factor": 3}).model_dump()
    asked = values["searches"]["politics"]
    also = {**asked, "trials": 3, "constraints": [{"metric": "coverage", "at_least": 0}]}
    config = StudyConfig.model_validate({**values, "searches": {"a": asked, "b": also}, "probes": []})
    tables = run(config, tmp_path).tables
    assert tables["trials"].groupby("search").size().to_dict() == {"a": 4, "b": 3}
    assert tables["trials"]["record_id"].isin(tables["records"]["id"]).all()
    assert set(tables["trial_values"].query("search == 'b'")["metric"]) == {"ndcg@20", "coverage"}
    assert set(tables["trial_values"].query("search == 'a'")["metric"]) == {"ndcg@20"}


def test_halving_stops_the_weak_and_keeps_them(tmp_path):
    config = study(halving={"first": 1, "factor": 3}, trials=6)
    found = run(config, tmp_path)
    trials = found.tables["trials"]
    assert trials["state"].value_counts().to_dict() == {"stopped": 4, "complete": 2}
    assert set(trials["epochs"]) <= {1, 3, 4}
    assert set(trials["record_id"]) <= set(found.tables["records"]["id"])
    assert len(found.tables["records"].query("status == 'trained'")) == 6
    assert set(found.tables["probe_results"]["name"]) >= set(trials["name"])
    again = run(config, tmp_path)
    assert again.outcome.count("finished") == 0


def test_the_best_of_a_rung_go_on_ties_to_the_earlier(tmp_path, monkeypatch):
    values = {0: 0.1, 1: 0.3, 2: 0.3, 3: None, 4: 0.2, 5: 0.05, 6: 0.3}
    monkeypatch.setattr(generations, "best_so_far", lambda folder, metric: values[int(folder.name)])
    inputs = {f"trial {n}": Folder.at(tmp_path / str(n)) for n in values}
    out = Folder.at(tmp_path / "out")
    promote_step(Work(generations.PromoteOptions(metric="ndcg@20", factor=3), inputs, out))
    assert out.read_json("promoted.json") == [1, 2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"objectives": [{"metric": "beauty"}]}, "no step measures 'beauty'"),
        ({"objectives": [{"metric": "probe", "label": "age"}]}, "no label 'age'"),
        ({"constraints": [{"metric": "recall@20", "at_least": 1.5}]}, "never 1.5 or more"),
        ({"space": {"recommender.dimension": {"choice": [4, 8]}}}, "dimension"),
        ({"space": {"recommender.dim": {"choice": [4, "eight"]}}}, "eight"),
        ({"halving": {"metric": "coverage"}}, "halving decides by validation"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_runs(tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        run(study(**changes), tmp_path)
    assert not (Folder.at(tmp_path) / "steps").exists("fit")


def test_a_search_needs_validation_edges(tmp_path):
    config = study().replace(split={"valid": 0})
    with pytest.raises(InputError, match="validation edges only"):
        run(config, tmp_path)


def test_halving_that_would_stop_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="first rung is at epoch 10"):
        run(study(halving={"first": 10}), tmp_path)


def test_outcomes_that_nothing_measures_are_refused(tmp_path):
    design = {"factors": {"recommender.model": ["mf", "lightgcn"]}, "recommender": {"dim": 4}, "outcomes": ["beauty"]}
    config = StudyConfig.model_validate({**study().model_dump(), "searches": {}, "designs": {"d": design}})
    with pytest.raises(InputError, match="nothing measures 'beauty'"):
        run(config, tmp_path)
