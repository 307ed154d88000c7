"""The closed loop through the product: what mediators know beside what they do, and what forgetting costs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.config import load
from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.studies import mediation, scratch
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.executor import fixed_threads
from hemicycle.studies.plan import build_plan
from hemicycle.studies.simulation_tables import simulation_tables
from hemicycle.studies.steps import closure

CONFIGS = Path(__file__).parents[2] / "configs" / "studies"
UPDATES = ("never", "re-embed", "retrain")
SEEN_BY = ("seen by re-embed", "seen by retrain")


def study(name):
    """A shipped miniature, of one seed and one opinion model."""
    config = load(StudyConfig, CONFIGS / f"{name}_debug.yaml")
    ((key, simulation),) = config.simulations.items()
    small = simulation.model_copy(update={"seeds": (0,), "opinions": simulation.opinions[:1]})
    return config.model_copy(update={"simulations": {key: small}})


def run(config, folder):
    store = Folder.at(folder)
    steps = [s for s in build_plan(config, SOURCE.build(config.data).read()) if s.kind == "simulate"]
    for step in closure(steps):
        work = step.work(store)
        if not work.out.done:
            with fixed_threads(1):
                step.function(work)
            work.out.finish()
    return simulation_tables(steps, store)


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    return run(study("closed_loop"), tmp_path_factory.mktemp("closed"))


@pytest.fixture(scope="module")
def forgetting(tmp_path_factory):
    return run(study("erasure_loop"), tmp_path_factory.mktemp("forgetting"))


def of_arm(table, arm, **wanted):
    found = table[table["arm"] == arm]
    for column, value in wanted.items():
        found = found[found[column] == value]
    return found.drop(columns="arm").reset_index(drop=True)


def r2(tables, arm, opinions, status="trained"):
    rows = of_arm(tables["simulation_knowledge"], arm, opinions=opinions, status=status)
    return rows.sort_values("step").set_index("step")["r2"]


@pytest.mark.parametrize("tables", ["closed", "forgetting"])
def test_the_start_is_the_same_in_all_arms_to_the_last_bit(tables, request):
    found = request.getfixturevalue(tables)
    results = found["simulation_results"]
    for arm in results["arm"].unique():
        start = of_arm(results, arm, step=0)
        pd.testing.assert_frame_equal(start, of_arm(results, "none", step=0), check_exact=True)


def test_what_is_known_at_the_start_is_the_same_in_all_arms_to_the_last_bit(closed):
    knowledge = closed["simulation_knowledge"]
    assert set(knowledge["arm"]) == {*UPDATES, *SEEN_BY}
    for arm in (*UPDATES, *SEEN_BY):
        start = of_arm(knowledge, arm, step=0)
        assert len(start) == 4, "initial and current opinions, trained and untrained"
        pd.testing.assert_frame_equal(start, of_arm(knowledge, "never", step=0), check_exact=True)
    trained = knowledge[(knowledge["step"] == 0) & (knowledge["status"] == "trained")]
    assert len(set(trained["r2"])) == 1, "at the start current opinions are the initial ones"


@pytest.mark.parametrize("arm", SEEN_BY)
def test_a_recommender_that_serves_nobody_changes_nothing_and_is_still_read(closed, arm):
    results = closed["simulation_results"]
    pd.testing.assert_frame_equal(of_arm(results, arm), of_arm(results, "none"), check_exact=True)
    assert list(r2(closed, arm, "current").index) == [0, 10]


@pytest.mark.parametrize("opinions", ["initial", "current"])
def test_retraining_in_the_loop_changes_what_is_known(closed, opinions):
    never, embedded, trained = (r2(closed, arm, opinions) for arm in UPDATES)
    assert len({never[10], embedded[10], trained[10]}) == 3
    assert r2(closed, "seen by retrain", opinions)[10] != trained[10], "on a society that it did not touch"


def test_without_updates_what_is_known_of_initial_opinions_stays(closed):
    initial, current = (r2(closed, "never", opinions) for opinions in ("initial", "current"))
    assert initial[10] == initial[0]
    assert current[10] != current[0]


def test_untrained_vectors_and_permuted_opinions_stand_beside(closed):
    rows = closed["simulation_knowledge"]
    trained, untrained = (rows[rows["status"] == status] for status in ("trained", "untrained"))
    assert (trained["r2"] > trained["control_high"]).all()
    assert trained["r2"].min() > untrained["r2"].max()


def test_full_erasure_leaves_a_linear_reader_nothing_at_any_refresh(forgetting):
    knowledge = forgetting["simulation_knowledge"]
    now = knowledge[(knowledge["status"] == "trained") & (knowledge["opinions"] == "current")]
    assert set(now["step"]) == {0, 10}
    for step in (0, 10):
        read = now[now["step"] == step].set_index("arm")
        for arm in ("nothing erased", "half erased", "random direction erased"):
            assert read.r2[arm] > read.control_high[arm]
        assert read.r2["all erased"] <= max(read.control_high["all erased"], 1e-3)


def test_what_users_did_to_their_follows_is_counted(closed):
    changes = closed["simulation_changes"]
    assert set(changes["what"]) <= {"follow", "unfollow", "click"}
    per_arm = changes.pivot_table(index="arm", columns="what", values="number", aggfunc="sum", fill_value=0)
    assert (per_arm[["follow", "unfollow"]] > 0).all(axis=None)
    assert changes["step"].between(1, 11).all()


def test_the_first_model_sees_all_follows_like_those_after_it():
    config = study("closed_loop")
    steps = closure(build_plan(config, SOURCE.build(config.data).read()))
    (split,) = [step.options.split for step in steps if step.kind == "graph"]
    assert (split.test, split.valid) == (0, 0)


def test_the_price_of_forgetting_is_told(forgetting):
    results = forgetting["simulation_results"]
    last = results[results["step"] == results["step"].max()].pivot_table(index="metric", columns="arm", values="value")
    kept = last.loc["score_kept"]
    assert kept["nothing erased"] == 1
    assert 0 < kept["all erased"] < kept["half erased"] < 1
    assert last.loc["follows_ranked", "nothing erased"] > 0.5
    assert 0 < last.loc["accepted_share", "random"] < 1
    assert np.isnan(kept["random"])


def test_a_loop_that_is_interrupted_ends_as_if_it_was_not(forgetting, tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.Scratch, "due", lambda self: True)
    real, stops = mediation.simulate_run, [("half erased", 5), ("all erased", 11)]

    def fails(config, run, *args, keep, **kwargs):
        def stop(state):
            keep(state)
            if stops and (run.arm.label, state.step) == stops[0]:
                stops.pop(0)
                raise KeyboardInterrupt

        return real(config, run, *args, keep=stop, **kwargs)

    monkeypatch.setattr(mediation, "simulate_run", fails)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(study("erasure_loop"), tmp_path)
    tables = run(study("erasure_loop"), tmp_path)
    assert not stops
    for name in ("simulation_results", "simulation_knowledge"):
        pd.testing.assert_frame_equal(tables[name], forgetting[name], check_exact=True)
