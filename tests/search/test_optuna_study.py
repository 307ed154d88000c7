import math

import optuna
import pytest
from contracts.search_examples import BOTH, LIGHTGCN, MF, ended, run_search, searched
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from hemicycle.search.fronts import best
from hemicycle.search.optuna_study import excesses, quiet, to_optuna, write_journal
from hemicycle.search.sampling import propose
from hemicycle.search.trials import Proposal, Trial

BOUNDS = [{"metric": "ndcg@20", "at_least": 0.3}, {"metric": "probe", "label": "party", "at_most": 0.9}]


def test_trials_become_optunas():
    config, space = searched(objectives=BOTH, constraints=BOUNDS)
    trials = run_search(config, space)
    study = to_optuna(config, space, trials, "politics", {0: "rec-0"})
    assert study.study_name == "politics"
    assert study.metric_names == ["ndcg@20", "probe:party"]
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert len(study.trials) == len(trials)
    for ours, theirs in zip(trials, study.trials, strict=True):
        assert theirs.number == ours.number
        assert theirs.params == {"branch": ours.proposal.branch} | ours.proposal.params
        assert theirs.user_attrs["state"] == ours.state
        assert theirs.user_attrs["generation"] == ours.generation
    assert study.trials[0].user_attrs["record"] == "rec-0"
    assert study.trials[0].values == [trials[0].values["ndcg@20"], trials[0].values["probe:party"]]
    assert study.trials[4].user_attrs["error"] == "boom"
    assert "record" not in study.trials[1].user_attrs


def test_optuna_finds_the_same_best_trials():
    config, space = searched(objectives=BOTH, constraints=BOUNDS, algorithm="random")
    trials = run_search(config, space, lambda _: "complete")
    study = to_optuna(config, space, trials, "politics")
    assert {t.number for t in study.best_trials} == {t.number for t in best(trials, config)}
    one, space = searched(constraints=BOUNDS, algorithm="random")
    assert to_optuna(one, space, trials, "politics").best_trial.number == best(trials, one)[0].number


@pytest.mark.parametrize("objectives", [BOTH[:1], BOTH])
def test_states_are_told_as_optuna_knows_them(objectives):
    config, space = searched(objectives=objectives)
    (proposal, *_) = propose(config, space, [])
    states = ["complete", "stopped", "failed"]
    trials = [ended(proposal, 0, state) for state in states]
    trials += [ended(proposal, 0, "complete", **{"ndcg@20": math.nan}), Trial(proposal, 0, "stopped", {}, 3)]
    found = to_optuna(config, space, trials, "x").trials
    complete, failed, pruned = TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED
    several = len(objectives) > 1
    expected = [complete, complete if several else pruned, failed, failed, failed if several else pruned]
    assert [t.state for t in found] == expected
    if not several:
        assert found[1].intermediate_values == {3: trials[1].values["ndcg@20"]}
        assert found[4].intermediate_values == {}


def test_bounds_are_told_as_excess():
    config, space = searched(constraints=BOUNDS)
    trial = Trial(Proposal(0, "mf", {}), 0, "complete", {"ndcg@20": 0.2, "probe:party": 0.5}, 9)
    expected = {"ndcg@20 >= 0.3": pytest.approx(0.1), "probe:party <= 0.9": pytest.approx(-0.4)}
    assert excesses(trial, config) == expected
    assert to_optuna(config, space, [trial], "x").trials[0].constraints == expected
    unmeasured = Trial(trial.proposal, 0, "complete", {"ndcg@20": 0.2}, 9)
    assert excesses(unmeasured, config) is None
    assert to_optuna(config, space, [unmeasured], "x").trials[0].state == TrialState.FAIL


def test_names_are_plain_unless_they_clash():
    other = LIGHTGCN | {"space": {"recommender.layers": {"choice": [1, 2]}}}
    config, space = searched(branches={"mf": MF, "a": LIGHTGCN, "b": other}, space={})
    trials = run_search(config, space, lambda _: "failed")
    names = {name for t in to_optuna(config, space, trials, "x").trials for name in t.params}
    assert names == {"branch", "a/recommender.layers", "b/recommender.layers"}
    config, space = searched(branches={"mf": MF, "a": LIGHTGCN, "b": LIGHTGCN}, space={})
    names = {name for t in to_optuna(config, space, trials, "x").trials for name in t.params}
    assert names == {"branch", "recommender.layers"}


@pytest.mark.parametrize("objectives", [BOTH[:1], BOTH])
def test_a_journal_is_opened_by_optuna(objectives, tmp_path):
    config, space = searched(objectives=objectives, constraints=BOUNDS, trials=20)
    study = to_optuna(config, space, run_search(config, space), "politics", {3: "rec-3"})
    path = tmp_path / "new" / "study.log"
    for _ in range(2):  # the second replaces the first
        write_journal(study, path)
    assert [p.name for p in path.parent.iterdir()] == ["study.log"]
    with quiet():
        again = optuna.load_study(study_name="politics", storage=JournalStorage(JournalFileBackend(str(path))))
    assert again.directions == study.directions
    assert again.metric_names == study.metric_names
    for a, b in zip(again.trials, study.trials, strict=True):
        assert (a.number, a.state, a.values, a.params) == (b.number, b.state, b.values, b.params)
        assert (a.distributions, a.user_attrs, a.constraints) == (b.distributions, b.user_attrs, b.constraints)
        assert a.intermediate_values == b.intermediate_values


def test_optunas_tools_accept_the_study():
    config, space = searched(objectives=BOTH)
    study = to_optuna(config, space, run_search(config, space), "politics")
    frame = study.trials_dataframe()
    assert {"values_ndcg@20", "params_train.lr", "user_attrs_branch"} <= set(frame.columns)
    with quiet():
        shares = optuna.importance.get_param_importances(study)
    assert "train.lr" in shares
