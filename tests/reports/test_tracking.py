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
