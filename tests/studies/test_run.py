"""A study from its configuration to its tables, in this process."""

import shutil

import pandas as pd
import pytest

from hemicycle import api
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.voteview import Voteview
from hemicycle.studies import costs, models
from hemicycle.studies import run as running
from hemicycle.studies.executor import LocalExecutor, provenance
from hemicycle.studies.run import look, run_study, study_folder


@pytest.fixture
def store(small_study, tmp_path):
    """A store of its own with the finished small study."""
    shutil.copytree(small_study[1].local, tmp_path / "store")
    return Folder.at(tmp_path / "store")


@pytest.fixture
def config(small_config):
    return api.load(small_config)


def again(config, store, **options):
    return run_study(config, LocalExecutor(), store, api.silent, **options)


def test_the_tables_hold_every_model_and_arm(small_study):
    tables = small_study[0].tables
    assert list(tables["records"]["name"]) == ["mf-s0", "mf-s0-untrained", "popularity-s0"]
    assert set(tables["probe_results"]["name"]) == set(tables["records"]["name"])
    assert set(tables["ranking_results"]["split"]) == {"valid", "test"}
    assert set(tables["simulation_results"]["arm"]) == {"none", "random", "recommended"}
    assert set(tables["simulation_contrasts"]["arm"]) == {"random", "recommended"}
    assert set(tables["map_points"]["name_of_model"]) == {"mf-s0", "mf-s0-untrained"}
    assert tables["failures"].empty


def test_everything_is_finished_and_named_in_the_store(small_study):
    study, store = small_study
    assert study.changed
    assert study.outcome.count("failed") == study.outcome.count("blocked") == 0
    assert {kind: len((store / "steps" / kind).names()) for kind in (store / "steps").names()} == {
        "assess": 2,
        "data": 1,
        "fit": 2,
        "graph": 3,
        "map": 2,
        "mediator": 2,
        "probe": 3,
        "simulate": 2,
        "society": 2,
    }
    assert study.folder.done
    assert study.folder.uri == study_folder(study.config, store).uri


def test_the_second_run_does_nothing(small_study, store, config):
    study = again(config, store)
    assert set(study.outcome.states.values()) == {"cached"}
    assert not study.changed
    for name, table in small_study[0].tables.items():
        pd.testing.assert_frame_equal(table, study.tables[name], check_dtype=False)


@pytest.mark.parametrize("name", ["hemicycle", "commit"])
def test_another_version_gathers_the_tables_again_and_runs_nothing(name, store, config, monkeypatch):
    monkeypatch.setattr(running, "provenance", lambda: provenance() | {name: "another"})
    study = again(config, store)
    assert set(study.outcome.states.values()) == {"cached"}
    assert study.changed
    assert not study.folder.done, "stopped here, the next run writes the report"
    assert again(config, store).changed


def test_what_is_missing_is_made_again_with_the_same_result(small_study, store, config):
    for kind in ("fit", "simulate"):
        for name in (store / "steps" / kind).names():
            (store / "steps" / kind / name).reopen()
    study = again(config, store)
    assert study.outcome.count("finished") == 4
    assert study.changed
    assert not study.folder.done
    for name, table in small_study[0].tables.items():
        pd.testing.assert_frame_equal(table, study.tables[name])


def test_a_run_that_was_stopped_before_its_report_is_not_taken_for_finished(store, config):
    fit = store / "steps" / "fit"
    (fit / fit.names()[0]).reopen()
    again(config, store)  # stopped here: no report, the study's folder stays open
    study = again(config, store)
    assert set(study.outcome.states.values()) == {"cached"}
    assert study.changed


def test_refresh_makes_everything_again(small_study, store, config, monkeypatch):
    read = []
    original = Voteview.read
    monkeypatch.setattr(Voteview, "read", lambda self: read.append(1) or original(self))
    study = again(config, store, refresh=True)
    assert read == [1]
    assert set(study.outcome.states.values()) == {"finished"}
    pd.testing.assert_frame_equal(study.tables["probe_results"], small_study[0].tables["probe_results"])


@pytest.mark.usefixtures("no_figures")
def test_a_failed_fit_costs_its_own_rows_only(small_study, store, config, monkeypatch):
    fit = store / "steps" / "fit"
    fit.delete()
    original = models.fit

    def fail(recommender, *rest, **options):
        if type(recommender).__name__ == "MF":
            raise FloatingPointError("the loss is not finite")
        return original(recommender, *rest, **options)

    monkeypatch.setattr(models, "fit", fail)
    study = api.run(config, executor=api.local(), store=store)
    assert list(study.tables["records"]["name"]) == ["popularity-s0"]
    assert list(study.tables["failures"]["error"]) == ["FloatingPointError: the loss is not finite"]
    assert set(study.tables["simulation_results"]["arm"]) == {"none", "random", "recommended"}
    monkeypatch.setattr(models, "fit", original)
    healed = api.run(config, executor=api.local(), store=store)
    assert healed.changed
    assert healed.tables["failures"].empty
    pd.testing.assert_frame_equal(healed.tables["ranking_results"], small_study[0].tables["ranking_results"])


def test_looking_writes_nothing(config, tmp_path):
    store = Folder.at(tmp_path / "nowhere")
    dataset, steps = look(config, store)
    assert dataset.public
    assert {step.kind for step in steps} == {"graph", "fit", "simulate"}
    assert not store.exists()


@pytest.mark.parametrize("what", ["disk", "memory", "executor"])
def test_nothing_is_written_when_it_cannot_run(config, tmp_path, monkeypatch, what):
    class Nobody(LocalExecutor):
        def check(self):
            raise InputError("nobody answers")

    if what == "disk":
        monkeypatch.setattr(Folder, "free_bytes", lambda _: 1000)
    if what == "memory":
        monkeypatch.setattr(LocalExecutor, "memory", 1e6)
    monkeypatch.setattr(running, "complete", lambda *_: pytest.fail("something was run"))
    store = Folder.at(tmp_path / "store")
    expected = {"disk": "0.0 GB free", "memory": "of memory needed", "executor": "nobody answers"}[what]
    with pytest.raises(InputError, match=expected):
        run_study(config, Nobody(), store, api.silent)
    assert store.names() == []


def test_an_interrupted_plan_names_all_its_steps(config, tmp_path):
    class Stopped(LocalExecutor):
        def wait(self):
            raise KeyboardInterrupt

    store = Folder.at(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_study(config, Stopped(), store, api.silent)
    (row,) = api.status(store).to_dict("records")
    assert (row["finished"], row["failed"], row["report"]) == (1, 0, "")
    assert row["missing"] == row["steps"] - 1
    assert api.export(row["study"], "users", store).num_rows == 101


def test_a_step_without_inputs_is_measured(small_study):
    study = small_study[0]
    total = costs.total(study.outcome.steps.values())
    assert total.seconds > 1
    assert total.memory < 4e9
