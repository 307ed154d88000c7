import itertools

import numpy as np
import pytest
from contracts.search_examples import BOTH, ended, run_search, searched
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.search.fronts import (
    HYPERVOLUME,
    best,
    feasible,
    front_of,
    hypervolume,
    pareto,
    progress,
    reference_point,
)
from hemicycle.search.trials import Proposal, Trial

UP, DOWN = "maximize", "minimize"


@st.composite
def clouds(draw):
    """A few points on a coarse lattice, so that ties are common, and a direction for each objective."""
    m = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(st.integers(0, 5), min_size=m, max_size=m), min_size=1, max_size=12))
    return np.array(rows, dtype=float), draw(st.lists(st.sampled_from((UP, DOWN)), min_size=m, max_size=m))


def beats(a, b, directions):
    """Literal definition of dominance."""
    better = [x > y if d == UP else x < y for x, y, d in zip(a, b, directions, strict=True)]
    equal = [x == y for x, y in zip(a, b, strict=True)]
    return all(b or e for b, e in zip(better, equal, strict=True)) and any(better)


def volume_in_boxes(values, directions, reference):
    """Count the unit boxes between the lattice's points and the reference that some point dominates."""
    sides = [range(int(r)) if d == DOWN else range(int(r), 6) for r, d in zip(reference, directions, strict=True)]
    return sum(
        any(
            all(v <= c if d == DOWN else v >= c + 1 for v, c, d in zip(point, corner, directions, strict=True))
            for point in values
        )
        for corner in itertools.product(*sides)
    )


@given(clouds(), st.data())
def test_the_front_is_what_nothing_feasible_dominates(cloud, data):
    values, directions = cloud
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    everyone = [not any(beats(b, a, directions) for b in values) for a in values]
    assert pareto(values, directions).tolist() == everyone
    among = [
        ok and not any(beats(b, a, directions) for b in values[allowed]) for a, ok in zip(values, allowed, strict=True)
    ]
    assert pareto(values, directions, allowed).tolist() == among


def test_nothing_unknown_is_on_the_front():
    values = np.array([[np.nan, 9.0], [1.0, 1.0], [0.0, 0.0]])
    assert pareto(values, [UP, UP]).tolist() == [False, True, False]
    assert pareto(np.empty((0, 2)), [UP, UP]).tolist() == []


@given(clouds(), st.integers(0, 5))
def test_the_hypervolume_is_the_number_of_boxes(cloud, corner):
    values, directions = cloud
    reference = [corner] * len(directions)
    assert hypervolume(values, directions, reference) == pytest.approx(volume_in_boxes(values, directions, reference))


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_hypervolume_is_the_share_of_random_points(m):
    rng = np.random.default_rng(m)
    values, probes = rng.random((12, m)), rng.random((40_000, m))
    share = (values[:, None, :] >= probes[None]).all(axis=2).any(axis=0).mean()
    assert hypervolume(values, [UP] * m, [0.0] * m) == pytest.approx(share, abs=0.01)


@given(clouds(), st.data())
def test_more_points_dominate_no_less(cloud, data):
    values, directions = cloud
    worst = [-1.0 if d == UP else 6.0 for d in directions]
    keep = data.draw(st.integers(0, len(values)))
    assert hypervolume(values[:keep], directions, worst) <= hypervolume(values, directions, worst) + 1e-9
    front = values[pareto(values, directions)]
    assert hypervolume(front, directions, worst) == pytest.approx(hypervolume(values, directions, worst))


# -- trials ------------------------------------------------------------------------------------------------------------


def trial(number, ndcg, probe=0.5, state="complete"):
    proposal = Proposal(number, "mf", {})
    return Trial(proposal, 0, state, {"ndcg@20": ndcg, "probe:party": probe}, 9)


def test_one_objective_has_one_best_trial():
    config, _ = searched(constraints=[{"metric": "probe", "label": "party", "at_most": 0.6}])
    trials = [trial(0, 0.2), trial(1, 0.9, 0.7), trial(2, 0.3), trial(3, 0.3), trial(4, 0.8, state="stopped")]
    assert [t.number for t in best(trials[::-1], config)] == [2]
    assert front_of(trials, config).tolist() == [False, False, True, True, False]
    assert [feasible(t, config) for t in trials] == [True, False, True, True, False]
    assert best(trials[1:2], config) == []
    assert best([], config) == []
    table = progress(trials, config)
    assert table.to_dict("list") == {
        "trial": [0, 1, 2, 3, 4],
        "metric": ["ndcg@20"] * 5,
        "value": [0.2, 0.2, 0.3, 0.3, 0.3],
    }


def test_several_objectives_have_a_front():
    config, _ = searched(objectives=BOTH)
    trials = [trial(0, 0.2, 0.2), trial(1, 0.5, 0.6), trial(2, 0.3, 0.3), trial(3, 0.1, 0.3), trial(4, 0.9, np.nan)]
    assert [t.number for t in best(trials, config)] == [1, 2, 0]
    assert reference_point(trials, config).tolist() == [0.1, 0.6]
    table = progress(trials[1:], config)
    assert table.attrs["reference"] == [0.1, 0.6]
    assert table["metric"].unique().tolist() == ["ndcg@20", "probe:party", HYPERVOLUME]
    assert table[table["metric"] == HYPERVOLUME]["value"].tolist() == pytest.approx([0, 0.06, 0.06, 0.06])
    assert table[table["metric"] == "probe:party"]["value"].tolist() == [0.6, 0.3, 0.3, 0.3]


def test_nothing_is_said_before_something_is_known():
    config, _ = searched(objectives=BOTH)
    table = progress([trial(0, 0.2, state="failed"), trial(1, 0.5)], config)
    assert table["trial"].tolist() == [1, 1, 1]
    empty = progress([], config)
    assert list(empty.columns) == ["trial", "metric", "value"]
    assert len(empty) == 0
    assert empty.attrs["reference"] is None
    assert empty["value"].dtype == float


def test_progress_only_gets_better():
    config, space = searched(objectives=BOTH, algorithm="random")
    trials = run_search(config, space)
    table = progress(trials, config).pivot_table(index="trial", columns="metric", values="value")
    assert (table["ndcg@20"].diff().dropna() >= 0).all()
    assert (table["probe:party"].diff().dropna() <= 0).all()
    assert (table[HYPERVOLUME].diff().dropna() >= 0).all()
    done = [t for t in trials if t.state == "complete"]
    values = np.array([[t.values["ndcg@20"], t.values["probe:party"]] for t in done])
    whole = hypervolume(values, [UP, DOWN], reference_point(trials, config))
    assert table[HYPERVOLUME].iloc[-1] == pytest.approx(whole)
    assert whole > 0
    assert {t.number for t in best(trials, config)} == {
        t.number for t, on in zip(done, pareto(values, [UP, DOWN]), strict=True) if on
    }


def test_stopped_trials_lead_nowhere():
    config, space = searched(objectives=BOTH, algorithm="random")
    (proposal,) = [t.proposal for t in run_search(config, space)[:1]]
    assert not front_of([ended(proposal, 0, "stopped")], config).any()
    assert front_of([ended(proposal, 0, "stopped"), ended(proposal)], config).tolist() == [False, True]
