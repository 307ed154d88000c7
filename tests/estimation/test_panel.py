"""Waves and graphs that cannot be used, and what is said about those that can."""

import numpy as np
import pytest
from estimation import planted_waves

from hemicycle.core.errors import InputError
from hemicycle.estimation.estimate import EstimationOptions, People, estimate
from hemicycle.estimation.panel import panel_of
from hemicycle.graphs.interaction import InteractionGraph


@pytest.fixture
def found():
    return planted_waves.waves("assimilation", np.random.default_rng(0), n=100, n_waves=3)


def broken(found, change):
    measured, graph, _ = found
    return change(measured.copy(), graph)


def constant(waves, graph):
    waves[:, 1] = 0.3
    return waves, graph


def strangers(waves, graph):
    waves[:90, 0], waves[10:, 1] = np.nan, np.nan
    return waves, graph


def infinite(waves, graph):
    waves[3, 1] = np.inf
    return waves, graph


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (constant, "wave 2: all opinions are the same"),
        (strangers, "known at both"),
        (infinite, "1 opinions are infinite"),
        (lambda waves, graph: (waves[:, 0], graph), "1 wave of opinions was given"),
        (lambda waves, graph: (waves[:, :1], graph), "change needs two or more"),
        (lambda waves, graph: (waves[:50], graph), "waves of 50 users, and a graph of 100 x 100"),
        (lambda waves, graph: (waves, [graph] * 5), "5 graphs for 2 pairs"),
        (lambda waves, graph: (waves[:, [0, 0]], graph), "nobody's opinion changed"),
        (lambda waves, graph: (waves.astype(str) + "x", graph), "opinions are not numbers"),
    ],
)
def test_bad_input_is_told(found, change, told):
    with pytest.raises(InputError, match=told):
        estimate(*broken(found, change))


def test_opinions_outside_their_bounds_are_told(found):
    with pytest.raises(InputError, match=r"opinions lie outside the bounds -0\.5 to 0\.5"):
        estimate(found[0], found[1], EstimationOptions(bounds=(-0.5, 0.5)))


def test_opinions_at_their_bounds_are_told(found):
    measured = np.clip(found[0], -0.9, 0.9)
    options = EstimationOptions(bounds=(-0.9, 0.9), mechanisms=({"mechanism": "none"},))
    assert any("exactly at the bounds" in note for note in estimate(measured, found[1], options).notes)


def test_innate_opinions_and_groups_of_other_users_are_told(found):
    with pytest.raises(InputError, match="innate opinions of shape"):
        estimate(found[0], found[1], people=People(innate=np.zeros(5)))
    with pytest.raises(InputError, match="5 groups for 100 users"):
        estimate(found[0], found[1], people=People(groups=np.array(["a"] * 5, object)))


def test_nobody_followed_in_the_waves_is_told(found):
    measured = np.vstack([found[0], np.full((2, 3), np.nan)])
    graph = InteractionGraph.from_edges(np.array([100]), np.array([101]), 102, 102, social=True)
    with pytest.raises(InputError, match="no user of the waves follows"):
        estimate(measured, graph)


def test_missing_opinions_leave_a_pair_and_are_nobodys_source(found):
    measured, graph, _ = found
    measured[7, 1] = np.nan
    panel = panel_of(measured, [graph], None, 0, anchored=False)
    assert [len(own.rows) for own in panel.transitions] == [99, 99]
    assert 7 in panel.transitions[0].scene.indices
    assert 7 not in panel.transitions[1].scene.indices
    assert "1 users are known at only one of waves 1 and 2: left out of this pair" in panel.notes
    measured[7, 1] = 0.1
    other = panel_of(measured, [graph], None, 0, anchored=False)
    seen = [own.scene.pull(own.before) for own in (panel.transitions[1], other.transitions[1])]
    touched = [i for i in range(100) if 7 in planted_waves.sources_of(graph, i)]
    assert set(np.flatnonzero(~np.isclose(*seen))) <= {*touched, 7}


def test_users_without_innate_opinion_are_left_out_of_all_mechanisms(found):
    innate = found[2].copy()
    innate[:5] = np.nan
    with_anchor = estimate(found[0], found[1], people=People(innate=innate))
    assert set(with_anchor.results["n"]) == {190}
    assert any("5 users without an innate opinion" in note for note in with_anchor.notes)
    options = EstimationOptions(mechanisms=({"mechanism": "none"},))
    assert set(estimate(found[0], found[1], options, People(innate=innate)).results["n"]) == {200}


def test_isolated_users_are_counted(found):
    measured, graph, _ = found
    lonely = graph.select(graph.rows() > 9)
    assert any("10 users follow nobody" in note for note in estimate(measured, lonely).notes)
