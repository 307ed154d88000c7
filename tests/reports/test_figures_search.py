"""Figures of searches: what is drawn, what is said of it, and that everything can be drawn."""

import json

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.export import specification, svg
from hemicycle.reports.figures_pareto import figure_id, pareto, pareto_points
from hemicycle.reports.figures_search import halving, history, importances, search_figures
from hemicycle.reports.figures_slices import chosen_params, log_ticks, slice_points, slices
from hemicycle.reports.html import figures
from hemicycle.reports.searches import FRONT, searches

TWO, THREE = ("ndcg@20", "probe:party"), ("ndcg@20", "probe:party", "novelty")


@pytest.fixture
def tables(searched):
    return searched()


@pytest.fixture
def search(tables):
    return searches(tables)[0]


def only(tables, **changed):
    return searches(tables | changed)[0]


def test_five_figures_a_search_first_in_the_report(searched):
    kinds = ["pareto", "history", "importances", "slices", "halving"]
    found = [figure.id for figure in figures(searched(trials=12))]
    assert found[:5] == [f"{kind}_politics" for kind in kinds]
    assert found[5:] == ["probe_by_layer"]


@pytest.mark.parametrize("aims", [TWO, pytest.param(THREE, marks=pytest.mark.slow)])
def test_every_figure_is_described_and_can_be_drawn(searched, aims):
    made = searched(trials=16, aims=aims)
    for figure in search_figures(made | {"list_results": made["lists"]}):
        assert figure.sentence.endswith(".")
        assert not figure.sentence[0].islower()
        for bad in ("nan", "n/a", "_", "train.", "recommender."):
            assert bad not in figure.sentence.replace("probe score", "")
        assert len(figure.alt_text) > 40
        assert len(figure.table)
        assert svg(figure).startswith("<svg")


def test_nothing_is_drawn_without_searches(built):
    assert search_figures({}) == search_figures(built) == []


def test_names_that_are_no_identifiers_become_some(searched):
    assert figure_id("pareto", searches(searched(trials=8, name="a.b c"))[0]) == "pareto_a-b-c"


# -- Pareto ----------------------------------------------------------------------------------------------------------


def test_one_row_a_trial_and_data_with_the_way_from_validation(search):
    points = pareto_points(search)
    assert points.groupby("data", sort=False).size().to_dict() == {"validation": 59, "test": 59}
    valid = points[points["data"] == "validation"].set_index("trial")
    test = points[points["data"] == "test"].set_index("trial")
    assert (valid["x"] == valid["x_valid"]).all()
    assert (test["x_valid"] == valid["x"]).all()
    assert (test["y_low"] < test["y"]).all()
    assert valid["y_low"].isna().all()


def test_the_front_is_drawn_in_steps_towards_what_is_attained(searched):
    for aims, how in ((TWO, "step-after"), (("probe:party", "ndcg@20"), "step-before")):
        text = str(specification(pareto(searches(searched(aims=aims))[0])))
        assert f"'interpolate': '{how}'" in text


def test_the_sentence_counts_the_front_and_tells_validation_from_test(search):
    sentence = pareto(search).sentence
    n = len(search.front)
    lead = f"Of the 38 trials finished within the constraints {n} are beaten by no other of these in NDCG@20 (more is "
    assert sentence.startswith(f"{lead}better) and probe score of party")
    best = search.ranked("ndcg@20").iloc[0]
    assert f"trial {best['trial']} ({'MF' if best['branch'] == 'mf' else 'LightGCN'}) has NDCG@20 .4" in sentence
    assert "From validation to test, the front's means change: NDCG@20 by " in sentence
    assert f" of {n} are still beaten by no other finished trial." in sentence


def test_a_front_that_falls_apart_in_test_is_said_so(tables):
    ranking, probes = tables["ranking_results"].copy(), tables["probe_results"].copy()
    front = tables["trials"].query("pareto")["record_id"]
    ranking.loc[ranking["record_id"].isin(front), "value"] = 0.01
    probes.loc[probes["record_id"].isin(front), "score"] = 0.99
    sentence = pareto(only(tables, ranking_results=ranking, probe_results=probes)).sentence
    assert "In test, 0 of 8 are still beaten by no other finished trial." in sentence
    assert "NDCG@20 by \u2212.3" in sentence


def test_without_test_values_there_is_one_panel_and_it_is_said(tables):
    bare = {name: tables[name] for name in ("trials", "trial_values")}
    figure = pareto(searches(bare)[0])
    assert set(figure.table["data"]) == {"validation"}
    assert figure.sentence.endswith("Test values of the front are not known.")
    assert svg(figure)


def test_nothing_within_the_constraints_is_said_so(tables):
    trials = tables["trials"].assign(feasible=False, pareto=False)
    figure = pareto(only(tables, trials=trials))
    assert figure.sentence.startswith("None of 59 trials may be called best")
    assert svg(figure)


def test_stopped_trials_that_no_finished_one_beats_are_told_after_the_front(tables):
    trials = tables["trials"].assign(feasible=True)
    values = tables["trial_values"].query("role != 'constraint'").copy()
    stopped = trials.query("state == 'stopped'")["trial"]
    values.loc[values["trial"].isin(stopped) & (values["metric"] == "probe:party"), "value"] = 9.0
    values.loc[values["trial"].isin(stopped[:2]) & (values["metric"] == "probe:party"), "value"] = -9.0
    sentence = pareto(only(tables, trials=trials, trial_values=values)).sentence
    assert sentence.startswith("Of the 41 finished trials 8 are beaten by no other finished one in NDCG@20")
    assert ". 2 stopped trials are beaten by no finished one: halving by NDCG@20 alone stops those. From" in sentence


def test_three_objectives_are_drawn_two_by_two(searched):
    made = searched(aims=THREE)
    figure = pareto(searches(made | {"list_results": made["lists"]})[0])
    assert figure.table["pair"].nunique() == 3
    assert len(specification(figure)["concat"]) == 6
    assert "step-" not in str(specification(figure))


def test_many_trials_are_thinned_but_never_the_front(searched):
    made = searched(trials=40)
    copies = [
        {name: made[name].assign(trial=made[name]["trial"] + 40 * i) for name in ("trials", "trial_values")}
        for i in range(60)
    ]
    many = {name: pd.concat([c[name] for c in copies], ignore_index=True) for name in ("trials", "trial_values")}
    figure = pareto(searches(many)[0])
    drawn = str(specification(figure)).count("'kind': 'on the front'")
    assert drawn >= (figure.table["kind"] == FRONT).sum()
    assert len(svg(figure)) < 2_000_000


# -- history ---------------------------------------------------------------------------------------------------------


def test_the_history_says_when_the_best_was_reached(search, tables):
    sentence = history(search).sentence
    best = search.ranked("ndcg@20").iloc[0]
    assert f"After 60 trials the best NDCG@20 is .{round(best['valid ndcg@20'] * 1000)}" in sentence
    assert f"reached with trial {best['trial']};" in sentence
    assert "the hypervolume is " in sentence


def test_one_objective_has_no_hypervolume_and_no_front(searched):
    (search,) = searches(searched(aims=("ndcg@20",)))
    assert pareto(search) is None
    table = history(search).table
    assert "hypervolume" in set(searched(aims=TWO)["search_progress"]["metric"])
    assert set(table["metric"]) <= {"ndcg@20", "hypervolume"}


def test_no_history_without_progress(tables):
    assert history(only(tables, search_progress=pd.DataFrame())) is None


# -- importances and slices ------------------------------------------------------------------------------------------


def test_importances_name_the_first_of_each_objective(search):
    figure = importances(search)
    assert figure.sentence.startswith("What sets the best trials apart most is dimension for NDCG@20 (.2")
    assert "dimension for probe score of party" in figure.sentence
    shares = figure.table.groupby("metric")["importance"]
    assert shares.first().eq(shares.max()).all()


def test_importances_of_a_branch_alone_are_matched_to_its_hyperparameter(tables):
    rows = tables["search_importances"]
    own = rows[rows["param"] == "recommender.dim"].assign(param="lightgcn/recommender.layers", importance=0.9)
    search = only(tables, search_importances=pd.concat([rows, own]))
    assert chosen_params(search)[0] == "recommender.layers"
    assert "layers (LightGCN) for NDCG@20 (.90)" in importances(search).sentence


def test_without_importances_slices_go_by_name(tables):
    search = only(tables, search_importances=pd.DataFrame())
    assert importances(search) is None
    assert chosen_params(search) == ["branch", "recommender.dim", "recommender.layers", "train.l2"]


def test_what_does_not_vary_is_not_sliced(tables):
    params = tables["trial_params"].assign(value="1", number=1.0)
    trials = tables["trials"].assign(branch="mf")
    assert slices(only(tables, trial_params=params[params["param"] != "branch"], trials=trials)) is None


def test_slices_find_the_planted_effect(search):
    figure = slices(search)
    assert "NDCG@20 rises with dimension (Spearman ." in figure.sentence
    assert "no effect of one setting alone" in figure.sentence
    dims = slice_points(search).query("param == 'recommender.dim' and metric == 'probe:party'")
    assert np.corrcoef(np.log2(dims["number"]), dims["value"])[0, 1] > 0.8


def test_numbers_over_decades_are_on_logarithmic_axes_and_choices_side_by_side(search):
    text = str(specification(slices(search)))
    assert "'type': 'log'" in text
    assert "'setting'" in text


def test_a_choice_that_matters_most_is_told_by_medians(tables):
    rows = tables["search_importances"]
    search = only(tables, search_importances=rows[rows["param"] == "branch"])
    assert "has a median of ." in slices(search).sentence
    assert "with architecture LightGCN" in slices(search).sentence


def test_ticks_are_values_where_few_else_powers_of_ten():
    assert log_ticks(pd.Series([8.0, 16.0, 64.0, 8.0])) == [8.0, 16.0, 64.0]
    assert log_ticks(pd.Series(np.geomspace(0.0003, 0.2, 50))) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])


# -- halving ---------------------------------------------------------------------------------------------------------


def test_epochs_saved_against_full_length(searched):
    made = searched(trials=6)
    epochs = {"complete": 90, "stopped": 10, "failed": 0}
    states = ["complete", "stopped", "stopped", "complete", "failed", "stopped"]
    trials = made["trials"].assign(state=states, epochs=[epochs[s] for s in states], branch="mf")
    figure = halving(only(made, trials=trials))
    assert figure.sentence == (
        "3 of 5 trials were stopped early: 210 epochs instead of the 450 of all trials at full length, 53% saved."
    )
    assert figure.table["full"].eq(90).all()


def test_full_length_is_that_of_the_branch(searched):
    made = searched(trials=4)
    trials = made["trials"].assign(
        state=["complete", "stopped", "complete", "stopped"], epochs=[100, 50, 10, 5], branch=["a", "a", "b", "b"]
    )
    assert "165 epochs instead of the 220" in halving(only(made, trials=trials)).sentence


def test_full_length_of_a_stopped_trial_is_what_its_own_configuration_asks_for(searched):
    made = searched(trials=9)
    epochs = [4, 4, 1, 1, 1, 1, 0, 1, 1]  # no trial of the second branch was trained to the end
    states = ["failed" if e == 0 else "complete" if e == 4 else "stopped" for e in epochs]
    trials = made["trials"].assign(state=states, epochs=epochs, branch=["a"] * 4 + ["b"] * 5)
    config = json.dumps({"recommender": {"model": "mf"}, "train": {"epochs": 4}, "until": 1})
    records = made["records"].assign(config=config)
    figure = halving(only(made, trials=trials, records=records))
    assert "6 of 8 trials were stopped early: 14 epochs instead of the 32 of all" in figure.sentence
    assert figure.sentence.endswith("56% saved.")
    assert figure.table["full"].tolist() == [4] * 9


def test_full_lengths_differ_where_configurations_do(searched):
    made = searched(trials=3)
    trials = made["trials"].assign(state=["stopped", "stopped", "complete"], epochs=[1, 2, 8], branch="a")
    configs = [json.dumps({"train": {"epochs": n}}) for n in (4, 6, 8)]
    table = halving(only(made, trials=trials, records=made["records"].assign(config=configs))).table
    assert table["full"].tolist() == [4, 6, 8]


def test_nothing_was_saved_where_nothing_was_stopped(tables):
    assert halving(only(tables, trials=tables["trials"].assign(state="complete"))) is None
