"""The search that proposes a trial as soon as one ends: its rules, failures, budgets and interruptions."""

import itertools
import json
import math

import numpy as np
import pytest

from hemicycle.core.errors import HemicycleError
from hemicycle.search.config import Branch, Dimension, Halving, Objective, SearchConfig
from hemicycle.search.sequential import AsyncSearch, Ended, Reached, Rungs, advance, run_sequential
from hemicycle.search.space import Space
from hemicycle.search.trials import Proposal, Trial

NDCG = "ndcg@20"
LR = Dimension(low=1e-4, high=1.0, log=True)
MF = Branch(recommender={"model": "mf", "dim": 4}, space={"train.lr": LR})
HALVING = Halving(first=2, factor=3)


def searched(**changes):
    config = SearchConfig(**{"branches": {"mf": MF}, "trials": 12, "startup": 4, "mode": "async", **changes})
    return config, Space.of(config, {})


class Bowl:
    """The nearer the learning rate is to .01, the better; more epochs are better, too."""

    def __init__(self, rungs=(2, 6, 18), fails=lambda number, rung: None):
        self.targets, self.fails, self.store, self.trained = rungs, fails, {}, []

    def rungs(self, proposal):
        return self.targets

    def run(self, proposal, rung):
        key = (proposal.number, rung)
        if key not in self.store:
            assert rung == 0 or (proposal.number, rung - 1) in self.store
            if error := self.fails(proposal.number, rung):
                raise error
            self.trained.append(key)
            distance = abs(math.log10(proposal.params["train.lr"]) + 2)
            self.store[key] = {NDCG: 0.5 - 0.1 * distance - 0.5 / self.targets[rung], "coverage": distance}
        return self.store[key]


def run(config, space, runner, known=()):
    told = []
    return run_sequential(config, space, runner, known, told.append), told


def test_every_trial_is_run_and_told_once_and_good_ones_are_found():
    config, space = searched(trials=30)
    trials, told = run(config, space, Bowl())
    assert trials == told
    assert [trial.number for trial in trials] == list(range(30))
    assert {trial.state for trial in trials} == {"complete"}
    assert {trial.epochs for trial in trials} == {18}
    found = [abs(math.log10(trial.proposal.params["train.lr"]) + 2) for trial in trials]
    assert np.median(found[15:]) < np.median(found[:4])


@pytest.mark.parametrize("algorithm", ["tpe", "random", "qmc", "nsga2"])
def test_a_seed_repeats_itself(algorithm):
    first, again, other = (
        run(*searched(algorithm=algorithm, seed=seed, generation=4), Bowl())[0] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other
    assert len({str(trial.proposal.params) for trial in first}) == 12


def test_several_objectives_and_starting_points():
    objectives = (Objective(metric=NDCG), Objective(metric="coverage", direction="minimize"))
    config, space = searched(objectives=objectives, start=({"train.lr": 0.5},))
    trials, _ = run(config, space, Bowl())
    assert trials[0].proposal.params == {"train.lr": 0.5}
    assert all(set(trial.values) == {NDCG, "coverage"} for trial in trials)


def test_weak_trials_stop_at_a_rung_with_what_they_had_there():
    runner = Bowl()
    trials, _ = run(*searched(trials=30, halving=HALVING), runner)
    stopped = [trial for trial in trials if trial.state == "stopped"]
    assert 10 <= len(stopped) < 30
    assert {trial.epochs for trial in stopped} <= {2, 6}
    assert all(trial.values == runner.store[trial.number, (2, 6).index(trial.epochs)] for trial in stopped)
    best = max(trials, key=lambda trial: trial.values[NDCG])
    assert (best.state, best.epochs) == ("complete", 18)
    assert len(runner.trained) == sum(1 + (2, 6, 18).index(trial.epochs) for trial in trials)


def test_a_trial_goes_on_unless_it_is_below_the_quantile_of_those_before():
    rungs, values = Rungs(Halving(first=1, factor=2)), [0.5, 0.4, 0.45, 0.45, math.nan, 0.449]
    assert [rungs.goes_on(1, {NDCG: value}) for value in values] == [True, False, True, True, True, False]
    assert rungs.goes_on(2, {NDCG: 0.0})
    assert Rungs(None).goes_on(1, {})


def fail(number, rung):
    if (number, rung) == (2, 1):
        return HemicycleError("diverged in epoch 5\nmore about it")
    return ZeroDivisionError("by zero") if number == 5 else None


def test_a_trial_that_fails_is_a_row_and_the_others_go_on():
    trials, _ = run(*searched(), Bowl(fails=fail))
    failed = {trial.number: (trial.error, trial.epochs, trial.values) for trial in trials if trial.state == "failed"}
    assert failed == {2: ("diverged in epoch 5", 2, {}), 5: ("ZeroDivisionError: by zero", 0, {})}
    assert sum(trial.state == "complete" for trial in trials) == 10


@pytest.mark.parametrize("at", [(0, 0), (0, 1), (4, 0), (11, 2)])
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(at):
    config, space = searched(halving=HALVING)
    expected, _ = run(config, space, Bowl(fails=fail))
    if at not in {(t.number, r) for t in expected for r in range((0, 2, 6, 18).index(t.epochs))}:
        at = (at[0], 0)
    interrupt, told = [KeyboardInterrupt()], []
    runner = Bowl(fails=lambda *key: interrupt.pop() if interrupt and key == at else fail(*key))
    with pytest.raises(KeyboardInterrupt):
        run_sequential(config, space, runner, (), told.append)
    assert [trial.number for trial in told] == list(range(at[0]))
    trials, later = run(config, space, runner, told)
    assert trials == expected
    assert [*told, *later] == expected
    assert len(set(runner.trained)) == len(runner.trained)


def test_a_budget_ends_the_search(monkeypatch):
    clock = itertools.count(step=10.0)
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    config, space = searched(seconds=75)
    assert len(run(config, space, Bowl(rungs=(2,)))[0]) == 8
    known = run(*searched(trials=2), Bowl(rungs=(2,)))[0]
    assert len(run_sequential(config, space, Bowl(rungs=(2,)), known, print, spent=60)) == 4


def test_a_grid_ends_by_itself():
    branch = Branch(recommender={"model": "mf"}, space={"recommender.dim": Dimension(choice=(2, 4, 8))})
    config, space = searched(algorithm="grid", branches={"mf": branch})
    trials, _ = run(config, space, Grid())
    assert sorted(trial.proposal.params["recommender.dim"] for trial in trials) == [2, 4, 8]


class Grid:
    """Knows one rung."""

    def rungs(self, proposal):
        return (1,)

    def run(self, proposal, rung):
        return {NDCG: 0.5}


def test_what_runs_at_the_same_time_differs_and_what_was_asked_before_comes_first():
    config, space = searched(trials=8)
    before = [Proposal(3, "mf", {"train.lr": 0.1}), Proposal(1, "mf", {"train.lr": 0.2})]
    ended = [Ended(Trial(Proposal(n, "mf", {"train.lr": 0.3}), 0, "complete", {NDCG: 0.1})) for n in (0, 1, 2)]
    search = AsyncSearch(config, space, ended, before)
    asked = [search.ask() for _ in range(6)]
    assert asked[0] == before[0]
    assert [proposal.number for proposal in asked[:5]] == [3, 4, 5, 6, 7]
    assert len({proposal.params["train.lr"] for proposal in asked[:5]}) == 5
    assert asked[5] is None
    assert not search.over
    for proposal in asked[:5]:
        search.end(Ended.of(proposal, Reached(1, {NDCG: 0.0}, 1.0, last=True)))
    assert (search.over, search.left, len(search.trials)) == (True, 0, 8)


def test_nothing_more_is_asked_of_a_closed_search():
    config, space = searched()
    search = AsyncSearch(config, space, unfinished=[Proposal(0, "mf", {"train.lr": 0.1})])
    search.close()
    assert search.ask() is None
    assert search.over


def test_gpu_hours_count_the_gpus_of_a_trial():
    config, space = searched(gpu_hours=1)
    ended = [Ended(Trial(Proposal(0, "mf", {"train.lr": 0.1}), 0, "complete", {NDCG: 0.1}), seconds=1000)]
    assert AsyncSearch(config, space, ended, gpus=4).ask() is None
    assert AsyncSearch(config, space, ended, gpus=0).ask() is not None


def test_what_ended_survives_json():
    reached = list(advance(Bowl(), Proposal(0, "mf", {"train.lr": 0.1})))
    ended = Ended.of(Proposal(0, "mf", {"train.lr": 0.1}), reached[1], {2: 0.1, 6: 0.2})
    assert ended.trial.state == "stopped"
    assert Ended.from_json(json.loads(json.dumps(ended.to_json()))) == ended
