"""The search that proposes a trial as soon as one ends: its rules, failures, budgets and interruptions."""

import itertools
import json
import math

import numpy as np
import pytest

from hemicycle.core.errors import HemicycleError
from hemicycle.core.storage import Folder
from hemicycle.search.config import Branch, Dimension, Halving, Objective, SearchConfig
from hemicycle.search.journal import Ended, Journal
from hemicycle.search.sequential import AsyncSearch, Reached, Rungs, advance, ended, run_sequential
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


@pytest.fixture
def journal(tmp_path):
    return Journal(Folder.at(tmp_path / "journal"))


@pytest.fixture
def run(tmp_path):
    """Run a search with a journal of its own."""
    numbers = itertools.count()
    return lambda config, space, runner: run_sequential(
        config, space, runner, Journal(Folder.at(tmp_path / str(next(numbers))))
    )


def test_every_trial_is_run_and_written_down_once_and_good_ones_are_found(journal):
    config, space = searched(trials=30)
    trials = run_sequential(config, space, Bowl(), journal)
    assert trials == [one.trial for one in journal.ended()]
    assert [trial.proposal for trial in trials] == journal.asked()
    assert [trial.number for trial in trials] == list(range(30))
    assert {trial.state for trial in trials} == {"complete"}
    assert {trial.epochs for trial in trials} == {18}
    found = [abs(math.log10(trial.proposal.params["train.lr"]) + 2) for trial in trials]
    assert np.median(found[15:]) < np.median(found[:4])


@pytest.mark.parametrize("algorithm", ["tpe", "random", "qmc", "nsga2"])
def test_a_seed_repeats_itself(run, algorithm):
    first, again, other = (run(*searched(algorithm=algorithm, seed=seed, generation=4), Bowl()) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len({str(trial.proposal.params) for trial in first}) == 12


def test_several_objectives_and_starting_points(run):
    objectives = (Objective(metric=NDCG), Objective(metric="coverage", direction="minimize"))
    config, space = searched(objectives=objectives, start=({"train.lr": 0.5},))
    trials = run(config, space, Bowl())
    assert trials[0].proposal.params == {"train.lr": 0.5}
    assert all(set(trial.values) == {NDCG, "coverage"} for trial in trials)


def test_weak_trials_stop_at_a_rung_with_what_they_had_there(run):
    runner = Bowl()
    trials = run(*searched(trials=30, halving=HALVING), runner)
    stopped = [trial for trial in trials if trial.state == "stopped"]
    assert 10 <= len(stopped) < 30
    assert {trial.epochs for trial in stopped} <= {2, 6}
    assert all(trial.values == runner.store[trial.number, (2, 6).index(trial.epochs)] for trial in stopped)
    best = max(trials, key=lambda trial: trial.values[NDCG])
    assert (best.state, best.epochs) == ("complete", 18)
    assert len(runner.trained) == sum(1 + (2, 6, 18).index(trial.epochs) for trial in trials)


def test_a_trial_goes_on_unless_it_is_below_the_quantile_of_those_before():
    rungs, values = Rungs(Halving(first=1, factor=2)), [0.5, 0.4, 0.45, 0.45, math.nan, 0.449]
    assert [rungs.goes_on(1, value) for value in values] == [True, False, True, True, True, False]
    assert rungs.goes_on(2, 0.0)
    assert Rungs(None).goes_on(1, 0.0)


def fail(number, rung):
    if (number, rung) == (2, 1):
        return HemicycleError("diverged in epoch 5\nmore about it")
    return ZeroDivisionError("by zero") if number == 5 else None


def test_a_trial_that_fails_is_a_row_and_the_others_go_on(run):
    trials = run(*searched(), Bowl(fails=fail))
    failed = {trial.number: (trial.error, trial.epochs, trial.values) for trial in trials if trial.state == "failed"}
    assert failed == {2: ("diverged in epoch 5", 2, {}), 5: ("ZeroDivisionError: by zero", 0, {})}
    assert sum(trial.state == "complete" for trial in trials) == 10


@pytest.mark.parametrize("at", [(0, 0), (0, 1), (4, 0), (11, 2)])
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(run, journal, at):
    config, space = searched(halving=HALVING)
    expected = run(config, space, Bowl(fails=fail))
    if at not in {(t.number, r) for t in expected for r in range((0, 2, 6, 18).index(t.epochs))}:
        at = (at[0], 0)
    interrupt = [KeyboardInterrupt()]
    runner = Bowl(fails=lambda *key: interrupt.pop() if interrupt and key == at else fail(*key))
    with pytest.raises(KeyboardInterrupt):
        run_sequential(config, space, runner, journal)
    assert [one.trial.number for one in journal.ended()] == list(range(at[0]))
    assert run_sequential(config, space, runner, journal) == expected
    assert len(set(runner.trained)) == len(runner.trained)


def test_a_budget_ends_the_search_and_counts_what_an_earlier_run_took(monkeypatch, run, journal):
    clock = itertools.count(step=10.0)
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    config, space = searched(seconds=75)
    assert len(run(config, space, Bowl(rungs=(2,)))) == 8
    first = run_sequential(*searched(trials=2), Bowl(rungs=(2,)), journal)
    again = run_sequential(config, space, Bowl(rungs=(2,)), journal)
    assert again[:2] == first
    assert len(again) == 8


def test_a_grid_ends_by_itself(run):
    branch = Branch(recommender={"model": "mf"}, space={"recommender.dim": Dimension(choice=(2, 4, 8))})
    config, space = searched(algorithm="grid", branches={"mf": branch})
    trials = run(config, space, Grid())
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
    past = [Ended(Trial(Proposal(n, "mf", {"train.lr": 0.3}), 0, "complete", {NDCG: 0.1})) for n in (0, 1, 2)]
    search = AsyncSearch(config, space, past, before)
    asked = [search.ask() for _ in range(6)]
    assert asked[0] == before[0]
    assert [proposal.number for proposal in asked[:5]] == [3, 4, 5, 6, 7]
    assert len({proposal.params["train.lr"] for proposal in asked[:5]}) == 5
    assert asked[5] is None
    assert not search.over
    for proposal in asked[:5]:
        search.end(ended(proposal, Reached(1, {NDCG: 0.0}, 1.0, last=True)))
    assert (search.over, search.left, len(search.trials)) == (True, 0, 8)


def test_nothing_more_is_asked_of_a_closed_search():
    config, space = searched()
    search = AsyncSearch(config, space, unfinished=[Proposal(0, "mf", {"train.lr": 0.1})])
    search.close()
    assert search.ask() is None
    assert search.over


def test_gpu_hours_count_the_gpus_of_a_trial():
    config, space = searched(gpu_hours=1)
    past = [Ended(Trial(Proposal(0, "mf", {"train.lr": 0.1}), 0, "complete", {NDCG: 0.1}), seconds=1000)]
    assert AsyncSearch(config, space, past, gpus=4).ask() is None
    assert AsyncSearch(config, space, past, gpus=0).ask() is not None


def test_what_ended_survives_json():
    reached = list(advance(Bowl(), Proposal(0, "mf", {"train.lr": 0.1})))
    one = ended(Proposal(0, "mf", {"train.lr": 0.1}), reached[1], {2: 0.1, 6: 0.2})
    assert one.trial.state == "stopped"
    assert Ended.from_json(json.loads(json.dumps(one.to_json()))) == one
