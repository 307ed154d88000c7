"""A run that is interrupted anywhere goes on to the very same end."""

import itertools

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.exposure.choice import ChoiceConfig
from hemicycle.exposure.conduct import Conduct, ConductConfig
from hemicycle.exposure.mediator import Mediator
from hemicycle.exposure.retraining import retrained
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.catalogue import OPINION
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.simulations.horizon import Horizon
from hemicycle.simulations.knowledge import KnowledgeConfig
from hemicycle.simulations.loop import simulate
from hemicycle.simulations.setting import Setting
from hemicycle.simulations.society import Society
from hemicycle.simulations.state import Rows, read_state
from hemicycle.training.options import TrainingOptions

N = 60
CONDUCT = Conduct(ConductConfig(accept=0.2, unfollow=0.3, tolerance=0.6, choice=ChoiceConfig()))
REWIRING = Conduct(ConductConfig(unfollow=0.5, tolerance=0.4, keep_degree=True, follow="shared"))
HORIZON = Horizon(steps=7, costly_every=3, densities=3, snapshots=3)


@pytest.fixture(scope="module")
def society():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (N, 2)).astype(np.float32)
    users, others = rng.integers(0, N, 2000), rng.integers(0, N, 2000)
    near = np.linalg.norm(x[users] - x[others], axis=1) < 0.5
    graph = InteractionGraph.from_edges(users[near], others[near], N, N, social=True)
    fixed = np.arange(N) < 3
    return Society(graph, x, np.where(x[:, 0] > 0, "a", "b"), fixed=fixed, public=True)


@pytest.fixture(scope="module")
def mediator(society):
    recommender, training = (
        RECOMMENDER.build(RECOMMENDER.validate({"model": "mf", "dim": 4})),
        TrainingOptions(epochs=3),
    )
    parameters = retrained(recommender, society.graph, training, 1)
    return Mediator(recommender, parameters, society.graph, training, 1)


def setting(society, arm, conduct=None, mediator=None, **options):
    model = OPINION.build(OPINION.validate({"opinion": "friedkin_johnsen", "susceptibility": 0.5}))
    exposure = EXPOSURE.build(EXPOSURE.validate(arm))
    return Setting(
        society, society.opinions, model, exposure, HORIZON, 3, mediator=mediator, conduct=conduct, **options
    )


def assert_equal(found, wanted):
    np.testing.assert_array_equal(found.opinions, wanted.opinions)
    np.testing.assert_array_equal(found.state.graph.indptr, wanted.state.graph.indptr)
    np.testing.assert_array_equal(found.state.graph.indices, wanted.state.graph.indices)
    for name in ("metrics", "densities", "knowledge"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(wanted, name), check_exact=True)
    assert found.edges.equals(wanted.edges)
    assert found.snapshots.keys() == wanted.snapshots.keys()
    assert found.stopped == wanted.stopped


RETRAINED = {"exposure": "recommended", "k": 3, "refresh": 3, "update": "retrain", "retrain": {"epochs": 2}}
LOOPS = {
    "none": ({"exposure": "none"}, None, False),
    "none, rewired": ({"exposure": "none"}, REWIRING, False),
    "random, drawn at times": ({"exposure": "random", "k": 3, "refresh": 4}, CONDUCT, False),
    "similar": ({"exposure": "similar", "k": 3, "refresh": 2}, CONDUCT, False),
    "lists that never change": ({"exposure": "recommended", "k": 3}, CONDUCT, True),
    "retrained": (RETRAINED, CONDUCT, True),
    "re-embedded and erased": ({**RETRAINED, "update": "re-embed", "erase": {"strength": 0.5}}, REWIRING, True),
    "a mixture": ({"exposure": "mixed", "parts": [{"of": "none"}, {"of": RETRAINED}]}, REWIRING, True),
    "media": ({"exposure": "outlets", "refresh": 3}, CONDUCT, False),
}


def loop(society, mediator, name):
    arm, conduct, mediated = LOOPS[name]
    knowledge = KnowledgeConfig(users=60) if name == "retrained" else None
    return setting(society, arm, conduct, mediator if mediated else None, knowledge=knowledge)


@pytest.mark.parametrize("name", LOOPS)
def test_going_on_from_a_state_equals_the_uninterrupted_run(society, mediator, tmp_path, name):
    given, states = loop(society, mediator, name), []
    whole = simulate(given, keep=states.append)
    assert [state.step for state in states] == list(range(1, 8))
    assert_equal(simulate(given), whole)
    for state in (states[1], states[3], states[6]):
        assert_equal(simulate(given, start=state), whole)
        folder = Folder.at(tmp_path / str(state.step))
        state.write(folder)
        assert_equal(simulate(given, start=read_state(folder, given)), whole)


@pytest.mark.parametrize("conduct", [None, CONDUCT, REWIRING], ids=["nothing", "conduct", "rewiring"])
@pytest.mark.parametrize("arm", ["random", "recommended", "similar", "outlets"])
def test_strength_zero_is_bit_identical_to_no_recommender(society, mediator, conduct, arm):
    plain = simulate(setting(society, {"exposure": "none"}, conduct))
    mediated = mediator if arm == "recommended" else None
    found = simulate(setting(society, {"exposure": arm, "strength": 0, "refresh": 2}, conduct, mediated))
    np.testing.assert_array_equal(found.opinions, plain.opinions)
    np.testing.assert_array_equal(found.state.graph.indices, plain.state.graph.indices)
    assert found.edges.equals(plain.edges)
    pd.testing.assert_frame_equal(found.metrics, plain.metrics, check_exact=True)


def test_the_log_replays_to_the_last_graph(society, mediator):
    found = simulate(loop(society, mediator, "retrained"))
    again = found.state.log.replayed(society.graph)
    np.testing.assert_array_equal(again.indices, found.state.graph.indices)
    assert set(found.edges["what"].to_pylist()) == {"follow", "unfollow", "click"}
    assert found.edges["step"].to_pylist()[0] == 1
    assert found.state.graph.n_edges != society.graph.n_edges


def test_zealots_stay_and_others_move(society, mediator):
    for name in LOOPS:
        found = simulate(loop(society, mediator, name)).opinions
        np.testing.assert_array_equal(found[:3], society.opinions[:3])
        assert (found[3:] != society.opinions[3:]).any(axis=1).mean() > 0.9


def test_lists_leave_out_whom_users_follow_by_now(society, mediator):
    states = []
    simulate(loop(society, mediator, "lists that never change"), keep=states.append)
    changed = [not np.array_equal(a.drawn.lists, b.drawn.lists) for a, b in itertools.pairwise(states)]
    assert any(changed)
    for state in states:
        rows, lists = state.graph.rows(), state.drawn.lists
        followed = set(zip(rows.tolist(), state.graph.indices.tolist(), strict=True))
        assert not any((u, int(v)) in followed for u, row in enumerate(lists) for v in row)


def test_what_a_mediator_knows_is_recorded_at_every_refresh(society, mediator):
    found = simulate(loop(society, mediator, "retrained")).knowledge
    assert sorted(found.step.unique()) == [0, 3, 6]
    assert set(found.status) == {"trained", "untrained"}


def test_nothing_is_copied_where_nothing_changes(society, mediator):
    states = []
    simulate(loop(society, mediator, "none"), keep=states.append)
    assert all(state.graph is society.graph for state in states)
    assert all(np.shares_memory(state.drawn.sources.indices, society.graph.indices) for state in states)


def test_a_state_that_is_not_whole_or_of_others_is_refused(society, mediator, tmp_path):
    given, states = loop(society, mediator, "none"), []
    simulate(given, keep=states.append)
    folder = Folder.at(tmp_path / "state")
    states[2].write(folder)
    other = Setting(
        Society(society.graph, society.opinions[:, :1]), society.opinions[:, :1], given.model, given.exposure, HORIZON
    )
    with pytest.raises(InputError, match=r"shape \(60, 2\), the setting's have \(60, 1\)"):
        read_state(folder, other)
    folder.reopen()
    with pytest.raises(InputError, match="no whole state"):
        read_state(folder, given)


def test_a_mediator_of_another_population_is_refused(society, mediator):
    few = Society(society.graph, society.opinions)
    strange = InteractionGraph.from_edges([0, 1], [1, 2], 3, 3, social=True)
    given = setting(few, RETRAINED, None, Mediator(mediator.recommender, mediator.parameters, strange))
    with pytest.raises(InputError, match="knows 3 users"):
        simulate(given)


def test_rows_grow_without_changing_what_was_seen():
    first = Rows.of([1, 2])
    second, other = first.plus([3]), first.plus([4])
    assert (list(first), list(second), list(other)) == ([1, 2], [1, 2, 3], [1, 2, 4])
    assert list(reversed(second.plus([5]))) == [5, 3, 2, 1]
    assert len(second) == 3
