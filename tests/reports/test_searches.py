"""Searches for reports: wide trials, test values of the same records, who beats whom, the few shown among others."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.held_out import held_out_values
from hemicycle.reports.search_words import (
    front_clause,
    metric_label,
    nearest_sentence,
    none_finished,
    param_labels,
    setting_value,
    settings_text,
    shown,
    stopped_sentence,
)
from hemicycle.reports.searches import FRONT, INFEASIBLE, STOPPED, nearest, searches, shifts, undominated
from hemicycle.reports.spotlight import spotlight
from hemicycle.reports.summaries import model_labels


@pytest.fixture
def tables(searched):
    return searched()


@pytest.fixture
def search(tables):
    return searches(tables)[0]


def test_a_row_a_trial_with_validation_and_test_beside_each_other(search, tables):
    assert len(search.trials) == 60
    assert dict(search.objectives) == {"ndcg@20": "maximize", "probe:party": "minimize"}
    assert search.constraints == ("coverage@20",)
    row = search.trials.iloc[7]
    values = tables["trial_values"]
    own = values[(values["trial"] == 7) & (values["metric"] == "probe:party")]
    assert row["valid probe:party"] == own["value"].item()
    ranked = tables["ranking_results"].set_index("record_id").loc["politics7"]
    assert row[["test ndcg@20", "test ndcg@20 low"]].tolist() == ranked[["value", "ci_low"]].tolist()


def test_what_became_of_trials(search, tables):
    kinds = search.trials.set_index("trial")["kind"]
    assert kinds[4] == ""
    assert set(kinds[kinds == FRONT].index) == set(tables["trials"].query("pareto")["trial"])
    assert kinds[3] == INFEASIBLE
    assert (search.trials.loc[search.trials["kind"] == STOPPED, "state"] == "stopped").all()
    assert len(search.finished) == (tables["trials"]["feasible"] & tables["trials"]["state"].eq("complete")).sum()


def test_ranked_goes_by_direction(search):
    leaks = search.ranked("probe:party")["valid probe:party"]
    assert leaks.is_monotonic_increasing
    assert search.ranked("ndcg@20")["valid ndcg@20"].is_monotonic_decreasing
    assert np.array_equal(
        search.oriented(search.finished, "valid"), search.finished[["valid ndcg@20", "valid probe:party"]] * [1, -1]
    )


def test_an_objective_goes_before_other_roles_of_its_metric(tables):
    values = tables["trial_values"]
    halving = values["role"] == "halving"
    other = pd.concat([values[halving].assign(value=0.0), values[~halving]])
    found = searches(tables | {"trial_values": other})[0]
    assert found.trials["valid ndcg@20"].min() > 0


def test_no_search_without_trials_or_values(tables):
    assert searches({}) == []
    assert searches({"trials": pd.DataFrame(), "trial_values": pd.DataFrame()}) == []
    assert searches(tables | {"trial_values": tables["trial_values"].iloc[:0]}) == []


def test_several_searches_keep_apart(searched, tables):
    other = searched(trials=20, aims=("ndcg@20",), name="second")
    both = {name: pd.concat([tables[name], other[name]]) for name in tables}
    first, second = searches(both)
    assert (first.name, len(first.trials)) == ("politics", 60)
    assert (second.name, len(second.trials), list(second.objectives)) == ("second", 20, ["ndcg@20"])


def test_records_are_found_by_name_where_their_id_is_not_told(tables):
    lost = tables["trials"].assign(record_id="")
    (found,) = searches(tables | {"trials": lost})
    assert found.trials["test ndcg@20"].notna().sum() == 59


def test_the_branch_is_a_hyperparameter_where_there_are_several(tables):
    params = tables["trial_params"]
    (found,) = searches(tables | {"trial_params": params[params["param"] != "branch"]})
    assert (found.params["param"] == "branch").sum() == 60
    one = tables["trials"].assign(branch="mf")
    (found,) = searches(tables | {"trials": one, "trial_params": params[params["param"] != "branch"]})
    assert not (found.params["param"] == "branch").any()


# -- test values -----------------------------------------------------------------------------------------------------


def test_measures_of_lists_are_looked_up_in_their_table(tables):
    found = held_out_values(tables | {"list_results": tables["lists"]}, "novelty")
    assert len(found) == 59
    assert found["value"].between(5, 12).all()


def test_measures_of_all_lists_are_found_with_their_cut(tables):
    ranking = tables["ranking_results"].assign(metric="coverage@20")
    assert len(held_out_values({"ranking_results": ranking}, "coverage")) == 59


def test_a_probe_without_label_is_the_first_and_narrower_scopes_do_not_count(tables):
    probes = tables["probe_results"]
    within = probes.assign(scope="within party", score=-1.0)
    both = tables | {"probe_results": pd.concat([within, probes])}
    assert (held_out_values(both, "probe")["value"] > 0).all()
    assert held_out_values(both, "probe:party").equals(held_out_values(both, "probe"))


def test_what_no_step_measured_in_test_is_missing(tables):
    assert held_out_values({}, "ndcg@20").empty
    (found,) = searches({name: tables[name] for name in ("trials", "trial_values")})
    assert found.trials["test ndcg@20"].isna().all()
    assert set(found.params["param"]) == {"branch"}


# -- comparing -------------------------------------------------------------------------------------------------------


def test_undominated():
    points = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.4, 0.4], [1.0, 0.0]])
    assert undominated(points, points).tolist() == [True, True, True, False, True]
    assert undominated(points[:1], np.array([[1.0, 0.1]])).tolist() == [False]


def test_shifts_tell_what_selection_flatters_from_what_the_data_do(tables):
    ranking = tables["ranking_results"].copy()
    front = tables["trials"].query("pareto")["record_id"]
    lift = ranking["record_id"].isin(front) * -0.05 + 0.02
    valid = tables["trial_values"].query("role == 'objective' and metric == 'ndcg@20'").set_index("trial")["value"]
    ranking["value"] = ranking["seed"].map(valid) + lift
    (search,) = searches(tables | {"ranking_results": ranking})
    row = shifts(search).set_index("metric").loc["ndcg@20"]
    assert row["front"] == pytest.approx(-0.03)
    assert row["others"] == pytest.approx(0.02)
    assert row["trials"] == len(front)


# -- planted trials ---------------------------------------------------------------------------------------------------


def planted(rows, constraints=(), **bounds):
    """A search of two objectives: rows of (state, feasible, pareto, values by metric)."""
    trials = [
        {"trial": n, "state": state, "feasible": able, "pareto": best} for n, (state, able, best, _) in enumerate(rows)
    ]
    common = {"search": "s", "record_id": "", "branch": "mf", "epochs": 1, "mode": "generations"}
    aims = {"ndcg@20": "maximize", "probe": "minimize"}
    roles = [("objective", m, d) for m, d in aims.items()] + [("constraint", m, "") for m in constraints]
    roles += [("halving", "ndcg@20", "maximize")]
    values = [
        {"search": "s", "trial": n, "role": role, "metric": metric, "direction": way, "value": row[3][metric]}
        | {side: ends.get(metric) if role == "constraint" else None for side, ends in bounds.items()}
        for n, row in enumerate(rows)
        for role, metric, way in roles
    ]
    tables = {"trials": pd.DataFrame(trials).assign(name="", **common), "trial_values": pd.DataFrame(values)}
    return searches(tables)[0]


def reaches(ndcg, leak, **more):
    return {"ndcg@20": ndcg, "probe": leak, **more}


def test_stopped_trials_that_no_finished_one_beats():
    search = planted(
        [
            ("complete", True, True, reaches(0.4, 0.8)),
            ("complete", True, False, reaches(0.3, 0.9)),
            ("stopped", True, False, reaches(0.2, 0.5)),
            ("stopped", True, False, reaches(0.1, 0.5)),
            ("stopped", True, False, reaches(0.2, 0.9)),
            ("stopped", False, False, reaches(0.5, 0.1)),
            ("stopped", True, False, reaches(np.nan, 0.1)),
        ]
    )
    assert search.stopped_unbeaten["trial"].tolist() == [2, 3]
    assert front_clause(search) == "of the 2 finished trials 1 is beaten by no other finished one"
    assert stopped_sentence(search) == [
        "2 stopped trials are beaten by no finished one: halving by NDCG@20 alone stops those."
    ]


def test_where_finished_trials_beat_all_that_was_stopped_nothing_is_said():
    search = planted([("complete", True, True, reaches(0.4, 0.8)), ("stopped", True, False, reaches(0.3, 0.8))])
    assert stopped_sentence(search) == []


BEYOND = [
    ("complete", False, False, reaches(0.4, 0.8, coverage=0.1, novelty=8.0)),
    ("complete", False, False, reaches(0.3, 0.7, coverage=0.4, novelty=9.0)),
    ("stopped", False, False, reaches(0.2, 0.6, coverage=0.3, novelty=5.0)),
    ("failed", False, False, reaches(np.nan, np.nan, coverage=np.nan, novelty=np.nan)),
]


@pytest.mark.parametrize(
    ("bounds", "trial", "words"),
    [
        ({"at_least": {"coverage": 0.5}, "at_most": {}}, 1, "Coverage .40 (at least .50 asked for)"),
        ({"at_least": {}, "at_most": {"coverage": 0.0}}, 0, "Coverage .10 (at most .00 asked for)"),
    ],
)
def test_the_trial_nearest_to_the_constraint_is_named_with_the_remedy(bounds, trial, words):
    search = planted(BEYOND, ("coverage",), **bounds)
    assert nearest(search)["trial"] == trial
    words = words.replace("Coverage", metric_label("coverage"))
    assert nearest_sentence(search) == [
        f"Trial {trial} (MF) came nearest, with {words}; relax the bound, or enlarge the space."
    ]


def test_excesses_of_several_constraints_are_relative_to_their_bounds():
    """Beyond .5 and 4 at once: trial 1 by 20 % and 125 %, trial 2 by 40 % and 25 %."""
    search = planted(BEYOND, ("coverage", "novelty"), at_least={"coverage": 0.5}, at_most={"novelty": 4.0})
    assert nearest(search)["trial"] == 2
    (sentence,) = nearest_sentence(search)
    assert "novelty (bits) 5.00 (at most 4.00 asked for); relax a bound" in sentence


def test_without_bounds_in_the_tables_both_ends_are_told():
    (sentence,) = nearest_sentence(planted(BEYOND, ("coverage",)))
    text = f"{metric_label('coverage')} goes from .10 (trial 0) to .40 (trial 1)"
    assert sentence == f"Nearest to a bound is a trial at one end: {text}; relax the bound, or enlarge the space."


def test_nearest_is_told_only_where_no_trial_meets_the_constraints():
    within = ("stopped", True, False, reaches(0.4, 0.8, coverage=0.9))
    search = planted([*BEYOND, within], ("coverage",))
    assert nearest_sentence(search) == []
    assert none_finished(search) == "none was finished within the constraints"
    alone = planted([("stopped", True, False, reaches(0.4, 0.8))])
    assert (none_finished(alone), nearest_sentence(alone), nearest(alone)) == ("none was finished", [], None)


# -- words -----------------------------------------------------------------------------------------------------------


def test_words():
    assert metric_label("ndcg@20") == "NDCG@20"
    assert metric_label("probe:party") == "probe score of party"
    assert metric_label("probe") == "probe score"
    assert metric_label("cross_cutting_share:party") == "cross-cutting share, party"
    assert (shown("ndcg@20", 0.4312), shown("probe", 0.4312)) == (".431", ".43")


def test_hyperparameters_in_words_never_share_a_name():
    keys = ["train.lr", "recommender.dim", "lightgcn/recommender.layers", "gcn/recommender.layers"]
    assert list(param_labels(keys).values()) == ["learning rate", "dimension", "layers (LightGCN)", "layers (gcn)"]
    same = param_labels(["recommender.lr", "train.lr"])
    assert list(same.values()) == ["learning rate (recommender)", "learning rate (train)"]


def test_settings_as_text(search):
    text = settings_text(search)[0]
    assert text.startswith("dimension ")
    assert "learning rate 0." in text
    assert "architecture" not in text
    assert setting_value("True", 1.0) == "True"
    assert setting_value("bpr", float("nan")) == "bpr"
    assert setting_value("0.0123456", 0.0123456) == "0.0123"


# -- the few ---------------------------------------------------------------------------------------------------------


def test_only_the_best_in_an_objective_are_shown_among_other_models(tables, search):
    few = spotlight(tables)
    kept = {search.ranked(metric)["record_id"].iloc[0] for metric in search.objectives}
    assert set(few["records"]["id"]) == kept == set(few["ranking_results"]["record_id"])
    assert set(few["probe_results"]["record_id"]) == kept
    assert few["trials"] is tables["trials"]


def test_trials_among_other_models_are_called_by_name_and_family(tables, search):
    few = spotlight(tables)
    best = search.ranked("ndcg@20").iloc[0]
    assert model_labels(few["records"])[best["record_id"]] == f"politics-{best['trial']:03d} (LightGCN)"


def test_what_derives_from_a_hidden_trial_is_hidden_and_other_models_stay(tables):
    hidden = set(tables["records"]["id"]) - set(spotlight(tables)["records"]["id"])
    base = tables["records"].iloc[0].to_dict()
    parent = min(hidden)
    rows = [
        base | {"id": "a", "name": "a-s0", "parent": ""},
        base | {"id": "b", "name": "b", "parent": parent},
        base | {"id": "c", "name": "c", "parent": "b"},
        base | {"id": "d", "name": "d", "parent": "a"},
    ]
    more = pd.concat([tables["records"], pd.DataFrame(rows)])
    found = set(spotlight(tables | {"records": more})["records"]["id"])
    assert {"a", "d"} <= found
    assert not {"b", "c"} & found


def test_differences_of_hidden_members_go(tables):
    differences = pd.DataFrame({"model": ["politics-000", "popularity"], "difference": [0.1, 0.0]})
    assert spotlight(tables | {"ranking_differences": differences})["ranking_differences"]["model"].tolist() == [
        "popularity"
    ]


def test_without_a_search_nothing_is_hidden(built):
    assert spotlight(built) is built
