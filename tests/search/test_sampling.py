import json
import logging
import os
import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import optuna
import pytest
from contracts.search_examples import BOTH, LIGHTGCN, MF, SHARED, ended, quality, run_search, searched, told
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.search.dimensions import allows
from hemicycle.search.optuna_study import flattened, frozen, quiet
from hemicycle.search.sampling import _estimated, decide, propose, sampler
from hemicycle.search.trials import Proposal, Trial

FINITE = {
    "recommender.dim": {"choice": [4, 8]},
    "train.loss": {"choice": ["softmax", "bpr"]},
    "train.negatives": {"choice": [1, 2, 3], "when": {"train.loss": "softmax"}},
}
LEARNT = ("tpe", "nsga2")
CONTINUOUS = (*LEARNT, "random", "qmc")


def finite(**changes):
    branches = {"mf": MF, "lightgcn": LIGHTGCN}
    return searched(branches=branches, space=FINITE, algorithm="grid", generation=7, trials=1000, **changes)


def assert_within(space, proposal):
    """A proposal has exactly the dimensions that exist for it, each with a value of its own."""
    dimensions = space.dimensions(proposal.branch)
    assert tuple(proposal.params) == space.active(proposal.branch, proposal.params)
    for key, value in proposal.params.items():
        assert allows(dimensions[key], value), (key, value)
        assert type(value) in {int, float, str, bool, type(None)}
    assert space.settle(proposal.branch, proposal.params)


# -- what every algorithm does ----------------------------------------------------------------------------------------


@given(
    changes=st.fixed_dictionaries(
        {
            "algorithm": st.sampled_from(CONTINUOUS),
            "objectives": st.sampled_from((BOTH[:1], BOTH)),
            "generation": st.integers(2, 9),
            "seed": st.integers(0, 2**40),
            "constraints": st.sampled_from(((), ({"metric": "ndcg@20", "at_least": 0.4},))),
        }
    ),
    states=st.lists(st.sampled_from(("complete", "stopped", "failed")), min_size=16, max_size=16),
)
@settings(max_examples=12)
def test_proposals_are_a_function_of_the_history_and_lie_in_the_space(changes, states):
    config, space = searched(**changes, trials=16)
    history = []
    while proposals := propose(config, space, history):
        assert [p.number for p in proposals] == list(range(len(history), min(len(history) + config.generation, 16)))
        for proposal in proposals:
            assert_within(space, proposal)
        again = [Trial.from_json(json.loads(json.dumps(trial.to_json()))) for trial in history]
        assert propose(config, space, again) == proposals
        history = told(proposals, history, states.__getitem__)
    assert len(history) == 16


@pytest.mark.parametrize("algorithm", CONTINUOUS)
def test_another_seed_proposes_other_trials(algorithm):
    (config, space), (other, _) = searched(algorithm=algorithm), searched(algorithm=algorithm, seed=1)
    assert propose(config, space, []) != propose(other, space, [])


@pytest.mark.parametrize("algorithm", LEARNT)
def test_generations_differ_and_depend_on_what_was_found(algorithm):
    config, space = searched(algorithm=algorithm, startup=0)
    first = propose(config, space, [])
    good = propose(config, space, told(first, [], lambda _: "complete"))
    upside_down = [ended(p, 0, **{"ndcg@20": 1 - quality(p)["ndcg@20"]}) for p in first]
    assert [p.params for p in good] != [p.params for p in first]
    assert [p.params for p in good] != [p.params for p in propose(config, space, upside_down)]


@pytest.mark.slow
def test_another_process_proposes_the_same():
    code = (
        "from contracts.search_examples import *\n"
        "for algorithm in ('tpe', 'nsga2', 'qmc', 'random'):\n"
        "    print([t.proposal for t in run_search(*searched(algorithm=algorithm, objectives=BOTH, trials=20))])\n"
    )
    there = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=there, check=True, capture_output=True, text=True)
    here = [run_search(*searched(algorithm=name, objectives=BOTH, trials=20)) for name in CONTINUOUS[:2]]
    here += [run_search(*searched(algorithm=name, objectives=BOTH, trials=20)) for name in ("qmc", "random")]
    assert done.stdout.splitlines() == [str([trial.proposal for trial in trials]) for trials in here]


@pytest.mark.parametrize("algorithm", CONTINUOUS)
def test_nothing_outside_changes(algorithm, capfd):
    config, space = searched(algorithm=algorithm, trials=16)
    before = (optuna.logging.get_verbosity(), np.random.get_state()[1].tolist(), list(warnings.filters))  # noqa: NPY002 - the global state must not move
    run_search(config, space)
    after = (optuna.logging.get_verbosity(), np.random.get_state()[1].tolist(), list(warnings.filters))  # noqa: NPY002 - as above
    assert before == after
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("optuna").level == before[0]


@pytest.mark.parametrize("algorithm", CONTINUOUS)
def test_the_budget_ends_the_search(algorithm):
    config, space = searched(algorithm=algorithm, trials=11, generation=8)
    history = told(propose(config, space, []), [])
    assert len(propose(config, space, history)) == 3
    history = told(propose(config, space, history), history)
    assert propose(config, space, history) == []


@pytest.mark.parametrize("algorithm", CONTINUOUS)
def test_a_search_may_vary_nothing_or_branches_alone(algorithm):
    config, space = searched(algorithm=algorithm, branches={"mf": MF}, space={}, trials=12)
    assert {(t.proposal.branch, len(t.proposal.params)) for t in _flat_run(config, space)} == {("mf", 0)}
    config, space = searched(algorithm=algorithm, branches={"a": MF, "b": MF}, space={}, trials=20)
    assert {t.proposal.branch for t in _flat_run(config, space)} == {"a", "b"}


def _flat_run(config, space):
    history = []
    while proposals := propose(config, space, history):
        history += [Trial(p, 0, "complete", {"ndcg@20": 0.5}, 9) for p in proposals]
    return history


# -- starting points ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", CONTINUOUS)
def test_starting_points_come_first_and_are_completed(algorithm):
    points = [
        {"branch": "lightgcn", "recommender.layers": 2, "train.lr": 0.1},
        {"branch": "mf", "train.loss": "bpr", "train.l2": 0.30000000000000004},
        {"branch": "mf"},
    ]
    config, space = searched(algorithm=algorithm, start=points, generation=2, trials=6)
    trials = [trial.proposal for trial in run_search(config, space)]
    assert [p.branch for p in trials[:3]] == ["lightgcn", "mf", "mf"]
    assert trials[0].params.items() >= {"recommender.layers": 2, "train.lr": 0.1}.items()
    assert trials[1].params.items() >= {"train.loss": "bpr", "train.l2": 0.3}.items()
    for proposal in trials:
        assert_within(space, proposal)


# -- grid --------------------------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_once():
    config, space = finite()
    trials = [trial.proposal for trial in _flat_run(config, space)]
    found = Counter((p.branch, *sorted(p.params.items())) for p in trials)
    assert len(found) == len(trials) == 2 * 4 + 4 * 2 * 4  # dim x (3 softmax + 1 bpr), and x 4 layers
    assert [p.number for p in trials] == list(range(40))
    for proposal in trials:
        assert_within(space, proposal)


def test_a_truncated_grid_is_no_corner():
    config, space = finite()
    some = [trial.proposal for trial in _flat_run(config.model_copy(update={"trials": 14}), space)]
    assert {p.branch for p in some} == {"mf", "lightgcn"}
    for key, count in {"recommender.dim": 2, "train.loss": 2, "recommender.layers": 3}.items():
        assert len({p.params[key] for p in some if key in p.params}) >= count
    other = [t.proposal for t in _flat_run(config.model_copy(update={"trials": 14, "seed": 1}), space)]
    assert [p.params for p in some] != [p.params for p in other]


def test_a_grid_does_not_repeat_its_starting_points():
    config, space = finite(start=[{"branch": "mf", "recommender.dim": 8, "train.loss": "bpr"}, {"branch": "lightgcn"}])
    trials = [trial.proposal for trial in _flat_run(config, space)]
    assert trials[0].params == {"recommender.dim": 8, "train.loss": "bpr"}
    assert trials[1].branch == "lightgcn"
    assert len({(p.branch, *sorted(p.params.items())) for p in trials}) == len(trials) == 40


# -- random and quasi-random ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["random", "qmc", "grid"])
def test_points_depend_on_their_number_alone(algorithm):
    changes = {"space": FINITE} if algorithm == "grid" else {}
    config, space = searched(algorithm=algorithm, trials=20, **changes)
    whole = [trial.proposal for trial in _flat_run(config, space)]
    by_three = [trial.proposal for trial in _flat_run(config.model_copy(update={"generation": 3}), space)]
    longer = propose(config.model_copy(update={"trials": 90, "generation": 90}), space, [])
    assert whole == by_three
    assert whole == longer[:20]


@pytest.mark.parametrize("seed", range(3))
def test_quasi_random_points_fill_every_interval(seed):
    config, space = searched(algorithm="qmc", branches={"mf": MF}, trials=32, generation=32, seed=seed)
    rates = [np.log(p.params["train.lr"] / 0.001) / np.log(100) for p in propose(config, space, [])]
    assert Counter((np.array(rates) * 32).astype(int).tolist()) == dict.fromkeys(range(32), 1)


def test_random_points_are_uniform():
    config, space = searched(algorithm="random", branches={"mf": MF}, trials=2000, generation=2000)
    proposals = propose(config, space, [])
    rates = np.array([np.log(p.params["train.lr"] / 0.001) / np.log(100) for p in proposals])
    assert np.histogram(rates, 4, (0, 1))[0] == pytest.approx([500] * 4, abs=75)
    assert Counter(p.params["recommender.dim"] for p in proposals)[8] == pytest.approx(667, abs=75)
    assert np.corrcoef(rates, [p.params["recommender.dim"] for p in proposals])[0, 1] == pytest.approx(0, abs=0.08)


# -- learning ----------------------------------------------------------------------------------------------------------


def narrowed(algorithm, **changes):
    """Median distance from the best learning rate (in powers of 10), of the last 16 of 48 trials, over three seeds."""
    distances = []
    for seed in range(3):
        config, space = searched(algorithm=algorithm, trials=48, seed=seed, **changes)
        late = run_search(config, space, lambda n: "failed" if n % 9 == 8 else "complete")[32:]
        distances += [abs(np.log10(t.proposal.params["train.lr"] / 0.01)) for t in late]
    return np.median(distances)


@pytest.mark.parametrize("algorithm", LEARNT)
def test_learning_closes_in_on_the_best(algorithm):
    assert narrowed(algorithm) < 0.6 * narrowed("random")


def test_genes_of_other_branches_are_inherited():
    config, space = searched(algorithm="nsga2", trials=32)
    for proposal in propose(config, space, []):
        assert proposal.memory["genes"].keys() == space.labelled().keys()
        assert space.flat(proposal.branch, proposal.params).items() <= proposal.memory["genes"].items()
    late = run_search(config.model_copy(update={"trials": 80}), space, lambda _: "complete")[64:]
    rates = {trial.proposal.memory["genes"]["train.lr"] for trial in late}
    assert len(rates) < 16  # most were taken over from a parent


@pytest.mark.parametrize("complete", [0, 1, 2])
def test_breeding_copes_with_generations_that_failed(complete):
    config, space = searched(algorithm="nsga2", generation=4, trials=24)
    trials = run_search(config, space, lambda n: "complete" if n < complete else "failed")
    assert len(trials) == 24


def test_trials_beyond_a_bound_do_not_lead():
    config, space = searched(constraints=[{"metric": "probe", "label": "party", "at_most": 0.3}])
    wide, _ = searched()
    late = [t.proposal.params["recommender.dim"] for t in run_search(config, space, lambda _: "complete")[20:]]
    free = [t.proposal.params["recommender.dim"] for t in run_search(wide, space, lambda _: "complete")[20:]]
    assert late.count(4) > max(10, free.count(4))


def test_running_trials_are_kept_away_from():
    proposals = [Proposal(n, "mf", {"train.lr": 0.001 * 100 ** (n / 40)}) for n in range(40)]
    history = [Trial(p, 0, "complete", {"ndcg@20": -abs(p.number - 20)}, 9) for p in proposals]
    crowd = [Proposal(40 + n, "mf", {"train.lr": 0.01}) for n in range(30)]
    failed = [Trial(p, 0, "failed") for p in crowd]
    beside, regardless = [], []
    for seed in range(12):
        config, space = searched(
            seed=seed, trials=99, generation=1, branches={"mf": MF}, space={"train.lr": SHARED["train.lr"]}
        )
        beside += propose(config, space, history, crowd)
        regardless += propose(config, space, [*history, *failed])
    assert {p.number for p in beside} == {70}
    distance = [np.median([abs(np.log10(p.params["train.lr"] / 0.01)) for p in ps]) for ps in (beside, regardless)]
    assert distance[0] > 2 * distance[1]


def test_the_first_trials_are_all_different():
    config, space = searched(startup=32, trials=32)
    assert len({t.proposal.params["train.lr"] for t in run_search(config, space)}) == 32


def test_the_liar_counts_only_dimensions_that_a_trial_has():
    config, space = searched(startup=0)
    with quiet():
        study = optuna.create_study(direction="maximize", sampler=sampler(config, 0))
        study.add_trials([frozen(config, t, flattened(space)) for t in run_search(config, space, lambda _: "complete")])
        proposals = [_estimated(study, space, number) for number in range(40, 52)]
        running = study.get_trials(states=[optuna.trial.TrialState.RUNNING])
    assert {p.branch for p in proposals} == {"mf", "lightgcn"}
    for proposal, trial in zip(proposals, running, strict=True):
        assert study.sampler._get_params(trial, study) == space.flat(proposal.branch, proposal.params)


def test_what_optuna_asks_by_itself_lies_in_the_space_too():
    config, space = searched(objectives=BOTH)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler(config, 3))
    for _ in range(12):
        branch, params = decide(study.ask(), space)
        assert tuple(params) == space.active(branch, params)
