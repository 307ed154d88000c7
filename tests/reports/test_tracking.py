"""What trackers are told: one run a model, one an arm, aggregates only."""

import pandas as pd
import pytest

from hemicycle.core.disclosure import scrub
from hemicycle.reports.tracking import tracked_runs


@pytest.fixture
def runs(facts, tables):
    return {run.name: run for run in tracked_runs(facts, tables)}


def test_one_run_a_model_and_one_an_arm(runs, records, facts):
    assert sum(run.kind == "model" for run in runs.values()) == len(records)
    assert sum(run.kind == "simulation" for run in runs.values()) == 2 * 3
    assert {run.group for run in runs.values()} == {facts.name}


def test_ids_are_stable_and_differ_between_studies(runs, facts, tables):
    again = tracked_runs(facts, tables)
    assert [run.id for run in again] == [run.id for run in runs.values()]
    assert len({run.id for run in again}) == len(again)
    other = type(facts)("t", "q", "n", "another")
    assert not {run.id for run in tracked_runs(other, tables)} & {run.id for run in again}


def test_a_models_history_has_ranking_and_probes_by_epoch(runs, tables):
    run = runs["mf-s2"]
    assert [point["step"] for point in run.history] == [0, 1, 2, 4, 8, 16, 32]
    assert {"valid/ndcg@20", "probe/nominate_dim1", "probe/nominate_dim2 (within party)"} < set(run.history[3])


def test_a_models_summary_has_test_metrics_scores_and_controls(runs, tables):
    summary = runs["lightgcn-s0"].summary
    probes = tables["probe_results"]
    row = probes[(probes["name"] == "lightgcn-s0") & (probes["layer"] == "readout") & (probes["epoch"] == 16)].iloc[0]
    assert summary["probe/nominate_dim1/r2"] == row["score"]
    assert summary["probe/nominate_dim1/party"] == pytest.approx(0.84)
    assert summary["probe/nominate_dim1/permuted"] == pytest.approx(-0.025)
    assert "test/ndcg@20" in summary
    assert runs["lightgcn-s0"].config["dim"] == 16


def test_an_arm_is_the_mean_over_seeds(runs, tables):
    run = runs["senate / friedkin_johnsen / none"]
    results = tables["simulation_results"]
    own = results[(results["opinion"] == "friedkin_johnsen") & (results["arm"] == "none") & (results["step"] == 40)]
    assert run.history[-1]["variance"] == pytest.approx(own.loc[own["metric"] == "variance", "value"].mean())
    assert run.summary["variance"] == run.history[-1]["variance"]
    assert run.config["n_seeds"] == 5


def test_an_arm_carries_its_difference_to_the_reference(runs, tables):
    summary = runs["senate / bounded_confidence / recommended"].summary
    assert summary["variance - none/low"] < summary["variance - none"] < summary["variance - none/high"]
    assert not any("- none" in name for name in runs["senate / bounded_confidence / none"].summary)


def grid(n_cells):
    """A simulation of several cells: the value of a metric is the number of its cell."""
    about = {"simulation": "s", "opinion": "o", "step": 1, "metric": "variance"}
    cells = range(1, n_cells + 1)
    rows = [about | {"cell": c, "arm": arm, "seed": 0, "value": float(c)} for c in cells for arm in ("none", "mf")]
    ends = {"arm": "mf", "reference": "none", "ci_low": 0.0, "ci_high": 9.0}
    factors = [
        {"simulation": "s", "cell": c, "factor": "homophily", "value": c / 10, "level": str(c / 10)} for c in cells
    ]
    return {
        "simulation_results": pd.DataFrame(rows),
        "simulation_contrasts": pd.DataFrame([about | ends | {"cell": c, "difference": float(c)} for c in cells]),
        "simulation_factors": pd.DataFrame(factors),
    }


def test_every_cell_of_a_design_is_a_run_with_its_levels(facts):
    found = {run.name: run for run in tracked_runs(facts, grid(2))}
    assert len(found) == 4
    run = found["s / homophily 0.2 / o / mf"]
    assert run.config["homophily"] == 0.2
    assert run.summary["variance"] == run.summary["variance - none"] == 2


def test_a_large_design_is_told_by_its_means(facts):
    found = {run.name: run for run in tracked_runs(facts, grid(51))}
    assert set(found) == {"s / 51 cells / o / mf", "s / 51 cells / o / none"}
    run = found["s / 51 cells / o / mf"]
    assert run.summary == {"variance": 26}
    assert "homophily" not in run.config


def test_everything_passes_the_scrub_and_names_no_one(runs):
    for run in runs.values():
        for payload in (run.config, run.summary, *run.history):
            assert scrub(payload) == dict(payload)
        assert "member" not in str(run)


def test_absent_tables_leave_their_part_out(facts, records):
    found = tracked_runs(facts, {"records": records, "probe_results": pd.DataFrame()})
    assert len(found) == len(records)
    assert found[0].history == []
    assert tracked_runs(facts, {}) == []


# -- trials of searches ----------------------------------------------------------------------------------------------


@pytest.fixture
def trial_runs(facts, searched):
    return {run.name: run for run in tracked_runs(facts, searched())}


def test_a_trial_carries_its_search_hyperparameters_and_objectives(trial_runs, searched):
    tables, run = searched(), trial_runs["politics-007-s7"]
    row = tables["trials"].set_index("trial").loc[7]
    own = tables["trial_params"].query("trial == 7").set_index("param")
    told = {key: run.config[key] for key in ("search", "trial", "branch", "state", "pareto", "feasible")}
    assert told == {"search": "politics", "trial": 7, **row[["branch", "state", "pareto", "feasible"]].to_dict()}
    assert run.config["params"]["train.lr"] == own.loc["train.lr", "number"]
    assert run.config["params"]["train.loss"] == own.loc["train.loss", "value"]
    values = tables["trial_values"].query("trial == 7 and role == 'objective'").set_index("metric")["value"]
    searched_for = {name: value for name, value in run.summary.items() if name.startswith("search/")}
    assert searched_for == {f"search/{metric}": value for metric, value in values.items()}
    assert run.group == "senate"


def test_every_trial_with_a_record_is_told_and_passes_the_scrub(trial_runs, searched):
    assert len(trial_runs) == 59
    for run in trial_runs.values():
        assert run.config["search"] == "politics"
        assert scrub(run.config) == dict(run.config)


def test_models_outside_searches_are_told_as_before(runs):
    assert not any("search" in run.config for run in runs.values())


def test_choices_that_look_like_numbers_stay_as_they_are(facts, searched):
    tables = searched(trials=8)
    params = tables["trial_params"].assign(value="True", number=1.0)
    (run,) = [r for r in tracked_runs(facts, tables | {"trial_params": params}) if r.name == "politics-007-s7"]
    assert set(run.config["params"].values()) == {"True"}
