import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemicycle.exposure.base import Scene, due, mixed, neighbours
from hemicycle.exposure.catalogue import EXPOSURE, EXPOSURES
from hemicycle.graphs.interaction import InteractionGraph


def follows(dense, *, weighted=False):
    """Social graph of a dense matrix."""
    users, items = np.nonzero(dense)
    weights = dense[users, items] if weighted else None
    return InteractionGraph.from_edges(users, items, len(dense), len(dense), social=True, weights=weights)


def dense_shares(sources):
    """Rows of an exposure brought to sum 1, dense; a row without sources is 0."""
    out = np.zeros((sources.n_users, len(sources.positions)))
    for i in range(sources.n_users):
        for e in range(sources.indptr[i], sources.indptr[i + 1]):
            out[i, sources.indices[e]] += 1 if sources.weights is None else sources.weights[e]
    return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-300)


@st.composite
def mixtures(draw):
    """A follow graph, proposals with padding, a strength."""
    n = draw(st.integers(2, 7))
    dense = draw(hnp.arrays(np.float64, (n, n), elements=st.sampled_from([0, 0, 1, 3])))
    dense[0, 1] = 1
    np.fill_diagonal(dense, 0)
    proposals = draw(hnp.arrays(np.int32, (n, draw(st.integers(1, 3))), elements=st.integers(-1, n - 1)))
    return dense, proposals, draw(st.sampled_from([0.0, 0.1, 0.5, 1.0])), draw(st.booleans())


def literal_mixture(dense, proposals, strength):
    """W = (1 - strength) neighbours + strength proposals, user by user."""
    out = np.zeros_like(dense)
    for i, row in enumerate(dense):
        listened = row / row.sum() if row.any() else np.eye(len(dense))[i]
        shown = [j for j in proposals[i] if j >= 0]
        if not shown:
            out[i] = listened if row.any() else 0
            continue
        out[i] = (1 - strength) * listened
        for j in shown:
            out[i, j] += strength / len(shown)
    return out


@settings(max_examples=80, deadline=None)
@given(mixtures())
def test_mixture_equals_the_literal_one(mixture):
    dense, proposals, strength, weighted = mixture
    dense = dense if weighted else (dense > 0).astype(float)
    followed = neighbours(follows(dense, weighted=weighted), np.zeros((len(dense), 1)))
    found = mixed(followed, proposals, strength)
    np.testing.assert_allclose(dense_shares(found), literal_mixture(dense, proposals, strength), atol=1e-6)
    heard = np.where((dense.sum(1) == 0) & (proposals >= 0).any(1), 1, dense.sum(1))
    np.testing.assert_allclose(found.totals, heard, atol=1e-5)
    assert (found.weights >= 0).all()


def test_full_strength_leaves_neighbours_out_where_there_are_proposals():
    dense = np.array([[0, 2.0, 1], [1, 0, 0], [0, 0, 0]])
    followed = neighbours(follows(dense, weighted=True), np.zeros((3, 1)), items=np.ones((2, 1)))
    found = mixed(followed, np.array([[4, 3], [-1, -1], [3, -1]], np.int32), 1.0)
    np.testing.assert_array_equal(found.indptr, [0, 2, 3, 4])
    np.testing.assert_array_equal(found.indices, [4, 3, 0, 3])
    np.testing.assert_allclose(found.weights, [1.5, 1.5, 1, 1])


def test_items_stand_after_the_users_and_take_their_precision():
    found = neighbours(follows(np.eye(3)[[1, 2, 0]]), np.zeros((3, 2), np.float32), items=np.full((2, 2), 0.1))
    assert found.positions.dtype == np.float32
    np.testing.assert_allclose(found.positions, [[0, 0]] * 3 + [[0.1, 0.1]] * 2)


@pytest.mark.parametrize(("refresh", "steps"), [(0, [0]), (1, [0, 1, 2, 3, 4]), (3, [0, 3])])
def test_refresh_says_when_something_is_due(refresh, steps):
    assert [step for step in range(5) if due(step, refresh)] == steps


def test_neighbours_are_the_graph_itself():
    dense = np.array([[0, 2.0, 0], [1, 0, 0.5], [0, 0, 0]])
    opinions = np.array([[0.0], [0.5], [1.0]])
    sources = neighbours(follows(dense, weighted=True), opinions)
    np.testing.assert_allclose(sources.totals, [2, 1.5, 0])
    assert sources.positions is opinions
    assert neighbours(follows(dense), opinions).weights is None


@pytest.mark.parametrize("name", EXPOSURES)
def test_every_exposure_of_the_catalogue_builds_and_answers_to_its_name(name):
    config = EXPOSURE.validate(name)
    assert config.exposure == config.label == name
    assert EXPOSURE.validate(config.model_dump()) == config
    exposure = EXPOSURE.build(config)
    assert exposure.config == config
    assert exposure.redraws(0)


def test_label_is_the_name_where_there_is_one():
    assert EXPOSURE.validate({"exposure": "random", "name": "control"}).label == "control"


def test_proposals_to_follow_are_not_heard():
    graph, opinions = follows(1 - np.eye(4)), np.zeros((4, 1), np.float32)
    heard, silent = (
        EXPOSURE.build(EXPOSURE.validate({"exposure": "random", "k": 2, "heard": h})) for h in (True, False)
    )
    shown = silent.shown(Scene(graph, 0), 0, opinions)
    np.testing.assert_array_equal(shown.indices, graph.indices)
    assert shown.weights is None
    assert len(heard.shown(Scene(graph, 0), 0, opinions).indices) > len(graph.indices)
    assert silent.proposals(Scene(graph, 0), 0, opinions).shape == (4, 2), "they are there to be followed"
