"""Simulations of a study end to end: designs, seeds, interruptions, and the data's own users."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.catalogue import SOURCE
from hemicycle.simulations.sensitivity import COLUMNS as SENSITIVITY
from hemicycle.studies import mediation, scratch
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.executor import fixed_threads
from hemicycle.studies.plan import build_plan
from hemicycle.studies.simulation_tables import simulation_tables
from hemicycle.studies.steps import closure

SOCIETY = {"users": 60, "items": 0, "follows": {"per_user": 5}}
ARMS = ["none", {"exposure": "random", "k": 3}, {"exposure": "recommended", "k": 3}]
TALK = {
    "opinions": [{"opinion": "bounded_confidence", "confidence": 0.4}],
    "arms": ARMS,
    "mediators": {"mf": {"model": "mf", "dim": 4}},
    "mediator_train": {"epochs": 1},
    "steps": 3,
    "seeds": 2,
    "costly_every": 0,
    "noise": 0.1,
}
PLAIN = TALK | {"arms": ARMS[:2], "mediators": {}}
VALUES = ["opinion", "arm", "seed", "step", "metric", "value"]


def study(talk, **values):
    base = {"name": "x", "data": {"source": "voteview"}, "society": SOCIETY, "simulations": {"talk": talk}}
    return StudyConfig.model_validate(base | values)


def run(config, folder, order=1):
    """Carry out a study's simulations in this process, steps that are ready in any order; returns their tables."""
    store, dataset = Folder.at(folder), SOURCE.build(config.data).read()
    steps = [step for step in build_plan(config, dataset) if step.kind == "simulate"]
    waiting = closure(steps)[::order]
    while waiting:
        step = next(s for s in waiting if all(before.folder(store).done for before in s.inputs.values()))
        waiting.remove(step)
        carry_out(step, store)
    return simulation_tables(steps[::order], store), steps


def carry_out(step, store):
    work = step.work(store)
    if not work.out.done:
        with fixed_threads(step.threads):
            step.function(work)
        work.out.finish()


def results(tables):
    found = tables["simulation_results"]
    return found.sort_values(list(found.columns[:-1]), ignore_index=True)


# -- the same tables ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return run(study(TALK), tmp_path_factory.mktemp("usual"))


def test_tables_have_their_columns(usual):
    tables, steps = usual
    assert list(tables["simulation_results"])[:2] == ["simulation", "cell"]
    assert set(tables["simulation_results"].cell) == {0}
    assert set(tables["simulation_contrasts"].arm) == {"random", "recommended"}
    assert tables["simulation_factors"].empty
    assert list(tables["simulation_sensitivity"]) == SENSITIVITY
    assert len(steps) == 2


@pytest.mark.parametrize(("order", "threads"), [(-1, 1), (1, 2)])
def test_neither_the_order_of_steps_nor_threads_leave_a_trace(usual, tmp_path, order, threads):
    tables, _ = run(study(TALK, threads=threads), tmp_path, order)
    pd.testing.assert_frame_equal(results(tables), results(usual[0]))


def test_strength_0_is_no_recommender(tmp_path):
    arms = ["none", {"exposure": "recommended", "k": 3, "strength": 0}]
    found = results(run(study(TALK | {"arms": arms, "seeds": 1}), tmp_path)[0])
    one, other = (found[found.arm == arm].set_index(["metric", "step"]).value for arm in ("none", "recommended"))
    assert (one[one.notna()] == other[one.notna()]).all()


def test_an_interrupted_step_goes_on_where_it_was(usual, tmp_path, monkeypatch):
    monkeypatch.setattr(scratch.Scratch, "due", lambda self: True)
    real, seen = mediation.simulate_run, []

    def fails_once(config, run, *args, keep, **kwargs):
        def stop(state):
            keep(state)
            seen.append((run.arm.label, state.step))
            if seen.count(("random", 2)) == 1 and seen[-1] == ("random", 2):
                raise KeyboardInterrupt

        return real(config, run, *args, keep=stop, **kwargs)

    monkeypatch.setattr(mediation, "simulate_run", fails_once)
    with pytest.raises(KeyboardInterrupt):
        run(study(TALK), tmp_path)
    first = len(seen)
    tables, steps = run(study(TALK), tmp_path)
    pd.testing.assert_frame_equal(results(tables), results(usual[0]))
    assert seen[first] == ("random", 3), "arm none and two steps of random were kept"
    assert not any((step.folder(Folder.at(tmp_path)) / "unfinished").exists() for step in steps)


def test_a_whole_state_survives_a_torn_one(tmp_path):
    kept = scratch.Scratch(Folder.at(tmp_path), seconds=0)
    kept.keep(0, lambda folder: (folder.write_json("a.json", 1), folder.finish()))
    with pytest.raises(OSError, match="torn"):
        kept.keep(0, torn)
    assert kept.state(0).read_json("a.json") == 1
    assert kept.state(1) is None
    kept.write(0, {"t": pd.DataFrame({"x": [1.5]})})
    assert kept.state(0) is None
    assert kept.read(0)["t"].x.tolist() == [1.5]


def torn(folder):
    folder.write_json("a.json", 2)
    raise OSError("torn")


# -- designs -----------------------------------------------------------------------------------------------------------

GRID = {"opinions.0.confidence": [0.2, 0.4], "society.follows.homophily": [0, 3]}


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return run(study(TALK | {"grid": GRID}), tmp_path_factory.mktemp("grid"))


def test_a_cell_equals_the_simulation_without_a_grid(grid, usual):
    cell = results(grid[0]).query("cell == 4")[VALUES].reset_index(drop=True)
    pd.testing.assert_frame_equal(cell, results(usual[0])[VALUES])


def test_cells_are_numbered_and_told(grid):
    tables, steps = grid
    factors = tables["simulation_factors"].pivot_table(index="cell", columns="factor", values="value")
    assert factors.loc[3].to_dict() == {"opinions.0.confidence": 0.4, "society.follows.homophily": 0.0}
    assert list(factors.index) == [1, 2, 3, 4]
    assert len(steps) == 4 * 2
    assert len(tables["simulation_contrasts"].groupby("cell")) == 4


def test_cells_that_come_to_the_same_are_one_step(tmp_path):
    asked = {"factors": {"arms.1.k": [1, 2]}, "samples": 4, "resamples": 100}
    tables, steps = run(study(PLAIN | {"sensitivity": asked, "seeds": 1}), tmp_path)
    assert len(steps) == 2
    assert sorted(tables["simulation_factors"].cell) == list(range(1, 13))
    assert tables["simulation_results"].groupby("cell").size().eq(size := len(tables["simulation_results"]) // 12).all()
    assert size


def test_a_design_may_grow(grid):
    more = GRID | {"opinions.0.confidence": [0.1, 0.2, 0.4]}
    dataset = SOURCE.build(study(TALK).data).read()
    known = {step.fingerprint for step in grid[1]}
    again = {step.fingerprint for step in build_plan(study(TALK | {"grid": more}), dataset) if step.kind == "simulate"}
    assert known < again


def test_cells_share_what_they_do_not_vary(grid):
    kinds = pd.Series([step.kind for step in closure(grid[1])]).value_counts()
    assert kinds["society"] == kinds["mediator"] == 2 * 2


def test_sobol_indices_of_a_small_design(tmp_path):
    factors = {"opinions.0.confidence": [0.05, 1.0], "arms.random.strength": [0, 1]}
    asked = {"factors": factors, "samples": 8, "resamples": 100}
    tables, steps = run(study(PLAIN | {"sensitivity": asked, "seeds": 1, "metrics_every": 3}), tmp_path)
    found = tables["simulation_sensitivity"]
    assert len(steps) == 8 * 4
    none = found[(found.arm == "none") & (found.metric == "variance")].set_index(["factor", "kind"])["value"]
    assert none["arms.random.strength", "total"] == 0
    assert none["arms.random.strength", "first"] == 0
    assert none["opinions.0.confidence", "total"] > 0.3
    assert set(found.kind) == {"first", "total"}


# -- seeds -------------------------------------------------------------------------------------------------------------


def starts(vary, tmp_path, **values):
    tables, steps = run(study(PLAIN | {"vary": vary} | values), tmp_path)
    start = (
        results(tables).query("step == 0 and arm == 'none'").pivot_table(index="seed", columns="metric", values="value")
    )
    return start, results(tables), steps


def test_seeds_are_separate(tmp_path):
    graph, _, _ = starts(["graph"], tmp_path, noise=0)
    opinion, _, _ = starts(["opinion"], tmp_path, noise=0)
    assert graph["variance"][0] == graph["variance"][1]
    assert graph["disagreement"][0] != graph["disagreement"][1]
    assert opinion["variance"][0] != opinion["variance"][1]


def test_only_what_happens_on_the_way_may_vary(tmp_path):
    start, every, steps = starts(["simulation"], tmp_path, noise=0)
    pd.testing.assert_series_equal(start.loc[0], start.loc[1], check_names=False)
    assert len({step.inputs["society"].fingerprint for step in steps}) == 1
    last = every[(every.step == 3) & (every.metric == "variance")].set_index(["arm", "seed"]).value
    assert last["none", 0] == last["none", 1]
    assert last["random", 0] != last["random", 1]


def test_runs_keep_their_seed_whatever_it_changes(tmp_path):
    _, every, _ = starts(["graph"], tmp_path, seeds=[4, 9])
    assert set(every.seed) == {4, 9}


# -- the data's own users ----------------------------------------------------------------------------------------------

MF = {"mf": {"recommender": {"model": "mf", "dim": 4}}}
OWN = {"society": {"from_data": True, "positions_from": ["nominate_dim1"], "nearest": 8}}
FITS = {"population": MF, "seeds": 2, "train": {"epochs": 1}}


def test_senators_hear_the_most_alike_and_a_recommender_of_their_own(tmp_path):
    tables, steps = run(study(TALK | {"seeds": 2, "noise": 0}, **OWN), tmp_path)
    found = results(tables).query("step == 0 and arm == 'none'").set_index(["seed", "metric"])["value"]
    assert found[0, "variance"] == found[1, "variance"]
    assert found[0, "neighbour_correlation"] > 0.5
    society = steps[0].inputs["society"]
    assert society.title == "society of the data"
    assert {step.inputs["society"].fingerprint for step in steps} == {society.fingerprint}
    assert steps[0].inputs["mediator mf"].fingerprint != steps[1].inputs["mediator mf"].fingerprint


def test_a_member_mediates_with_what_it_recommends(tmp_path):
    arms = ["none", {"exposure": "recommended", "k": 3, "of": "items"}]
    talk = TALK | {"arms": arms, "mediators": {"mf": {"member": "mf"}}, "seeds": 3}
    society = OWN["society"] | {"sources": "items"}
    tables, steps = run(study(talk, society=society, **FITS), tmp_path)
    fits = [step.inputs["mediator mf"] for step in steps]
    assert {fit.kind for fit in fits} == {"fit"}
    assert [fit.options.seed for fit in fits] == [0, 1, 0]
    last = results(tables).query("step == 3 and metric == 'variance' and seed == 0").set_index("arm").value
    assert last["none"] != last["recommended"]


@pytest.mark.data
def test_blogs_mediated_by_members_of_the_population(tmp_path):
    data = {"source": "gml", "path": "polblogs/polblogs.gml.gz", "public": True, "directed": False, "min_links": 3}
    data |= {"columns": {"label": "name", "value": "label"}}
    arms = ["none", {"exposure": "recommended", "k": 5, "strength": 0.5}]
    talk = TALK | {"arms": arms, "mediators": {"mf": {"member": "mf"}}, "bounds": [-1, 1], "seeds": 1, "noise": 0}
    society = {"from_data": True, "scale": [0, 1]}
    opinions = [{"opinion": "friedkin_johnsen"}]
    tables, _ = run(study(talk | {"opinions": opinions}, data=data, society=society, **FITS), tmp_path)
    found = results(tables).set_index(["arm", "step", "metric"])["value"]
    assert found["none", 0, "extremity"] == 1
    assert found["none", 0, "neighbour_correlation"] > 0.7
    assert found["recommended", 3, "variance"] != found["none", 3, "variance"]


# -- refused by the plan -----------------------------------------------------------------------------------------------


def refused(talk=PLAIN, **values):
    config = study(talk, **values)
    with pytest.raises(InputError) as caught:
        build_plan(config, SOURCE.build(config.data).read())
    return str(caught.value)


FLAT = {"society": SOCIETY | {"dimensions": 2}}
MEMBER = TALK | {"mediators": {"mf": {"member": "mf"}}}
REFUSED = {
    "bounds": ({"bounds": [0, 1]}, {}, "lie outside|outside the bounds"),
    "label out of bounds": ({"bounds": [-0.5, 0.5]}, OWN, "values of 'nominate_dim1' lie outside the bounds"),
    "unknown label": ({}, {"society": {"from_data": True, "positions_from": ["mood"]}}, "no numeric label 'mood'"),
    "column": ({"opinions": [{"opinion": "bounded_confidence", "confidence": "mood"}]}, {}, "mood"),
    "zealots": ({"zealots": {"share": 0.1, "group": "greens"}}, {}, "no group 'greens'"),
    "discrete": ({"opinions": ["axelrod"], "noise": 0}, FLAT, "no states of axelrod"),
    "dimensions": ({"opinions": ["axelrod"], "noise": 0, "states": 10}, {}, "two features"),
    "lonely": ({}, {"society": SOCIETY | {"follows": {"per_user": 0.5}}}, "about 30 of 60 users would follow nobody"),
    "k": ({"arms": ["none", {"exposure": "random", "k": 60}]}, {}, "k = 60 users shown of 59 others"),
    "items": ({**TALK, "arms": ["none", {"exposure": "recommended", "of": "items"}]}, {}, "they have no positions"),
    "member of": (MEMBER, OWN | FITS, "the member recommends items, and an arm asks for others"),
    "cells": ({"grid": {"society.users": [60, 20], "arms.1.k": [3, 30]}}, {}, "k = 30 users shown of 19 others"),
    "vectors": (
        {**TALK, "mediators": {"pop": {"model": "popularity"}}, "knowledge": {"users": 50}},
        {},
        "no vectors that could be probed",
    ),
}


@pytest.mark.parametrize(("talk", "values", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_bad_input_is_refused_by_the_plan(talk, values, message):
    assert re.search(message, refused(PLAIN | talk, **values))


CONFIGS = {
    "no member": ({**TALK, "mediators": {"mf": {"member": "none"}}}, OWN, "no member 'none'"),
    "synthetic": ({**TALK, "mediators": {"mf": {"member": "mf"}}}, FITS, "a member knows the data's users"),
    "factor": (PLAIN | {"grid": {"society.follows.homofily": [1]}}, {}, "did you mean 'homophily'"),
    "value": (PLAIN | {"grid": {"society.users": [60, 1]}}, {}, "society.users = 1"),
    "no mediator": ({**TALK, "mediators": {}}, {}, "has no mediator"),
}


@pytest.mark.parametrize(("talk", "values", "message"), CONFIGS.values(), ids=CONFIGS.keys())
def test_what_does_not_go_together_is_refused_when_it_is_read(talk, values, message):
    with pytest.raises(ValueError, match=message):
        study(talk, **values)


def test_discrete_models_start_on_states(tmp_path):
    talk = PLAIN | {"opinions": ["voter"], "states": 2, "noise": 0, "seeds": 1}
    found = results(run(study(talk), tmp_path)[0])
    flat = PLAIN | {"opinions": ["axelrod"], "states": 10, "noise": 0, "seeds": 1}
    assert len(results(run(study(flat, **FLAT), tmp_path)[0]))
    assert found.query("metric == 'extremity'")["value"].eq(1).all()


def test_users_without_anybody_to_follow_are_counted():
    society = {"from_data": True, "positions_from": ["nominate_dim1"], "relation": "nays", "nearest": 1}
    config = study(PLAIN, society=society)
    dataset = SOURCE.build(config.data).read()
    table = dataset.relations["nays"].table
    silent = table.filter(table["user"].to_numpy() > 2)
    dataset.relations["nays"] = dataclasses.replace(dataset.relations["nays"], table=silent)
    with pytest.raises(InputError, match=r"(?s)3 of \d+ users follow nobody in the society.*set it to keep"):
        build_plan(config, dataset)
    kept = study(PLAIN, society=society | {"isolated": "keep"})
    assert build_plan(kept, dataset)
    fewer = study(PLAIN, society=society | {"isolated": "leave out"})
    assert np.any([step.kind == "simulate" for step in build_plan(fewer, dataset)])
