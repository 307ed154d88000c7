import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.simulations.densities import BINS, CELLS, COLUMNS, density_rows, hidden, opinion_range
from hemicycle.simulations.situation import Situation

N = 3000


def situation(dims=2, n=N, bounds=(-1.0, 1.0)):
    rng = np.random.default_rng(0)
    x = np.clip(rng.normal(size=(n, dims)) / 3, -1, 1)
    users, others = rng.integers(0, n, 4 * n), rng.integers(0, n, 4 * n)
    return Situation(x, InteractionGraph.from_edges(users, others, n, n, social=True), x, bounds=bounds)


def table(state, *, public=True):
    return pd.DataFrame(density_rows(state, 7, public=public), columns=COLUMNS)


def test_shares_are_those_of_numpys_histograms():
    state = situation()
    found = table(state)
    assert (found.step == 7).all()
    assert found.groupby(["kind", "dimension"]).share.sum().to_numpy() == pytest.approx(1)
    for dimension in (0, 1):
        rows = found[(found.kind == "opinion") & (found.dimension == dimension)]
        counts, edges = np.histogram(state.opinions[:, dimension], BINS, (-1, 1))
        np.testing.assert_allclose(rows.share, counts[counts > 0] / N)
        np.testing.assert_allclose(rows.x_low, edges[:-1][counts > 0])
        assert rows.y_low.isna().all()
    heard = state.heard.totals > 0
    pairs = {
        "plane": state.opinions,
        "neighbours": np.stack([state.opinions[:, 0], state.heard.means[:, 0]], 1)[heard],
    }
    for kind, points in pairs.items():
        rows = found[(found.kind == kind) & (found.dimension == 0)]
        counts = np.histogram2d(*points.T, CELLS, ((-1, 1), (-1, 1)))[0]
        np.testing.assert_allclose(rows.share, counts[counts > 0] / len(points))
        assert (rows.y_high > rows.y_low).all()


def test_one_dimension_has_no_plane():
    assert set(table(situation(1)).kind) == {"opinion", "neighbours"}


def test_without_bounds_the_range_is_that_of_all_opinions():
    assert opinion_range(situation(bounds=None)) == (-1.0, 1.0)
    graph = situation().graph
    assert opinion_range(Situation(np.full((3, 1), 2.5), graph, bounds=None)) == (2.0, 3.0)
    assert opinion_range(Situation(np.full((3, 1), 2.0), graph, bounds=None)) == (1.0, 3.0)
    assert opinion_range(Situation(np.empty((0, 1)), graph, bounds=None)) == (-1.0, 1.0)


def test_few_people_are_hidden_unless_they_are_public():
    shown, open_to_all = table(situation(), public=False), table(situation())
    assert len(shown) == len(open_to_all)
    assert open_to_all.share.notna().all()
    small = open_to_all.share * N < 10 - 1e-6
    assert small.any()
    assert shown.share[small & (shown.kind != "neighbours")].isna().all()
    assert shown.share.notna().any()
    assert (shown.share[shown.share.notna()] == open_to_all.share[shown.share.notna()]).all()


counts_1d = st.lists(st.integers(0, 30), min_size=1, max_size=12).map(np.array)


@settings(max_examples=60, deadline=None)
@given(counts_1d)
def test_what_is_hidden_in_a_histogram_cannot_be_had_from_its_total(counts):
    found = hidden(counts)
    assert found[(counts > 0) & (counts < 10)].all()
    assert not found[counts == 0].any()
    rest = (~found & (counts > 0)).any()
    if found.any() and rest:
        assert found.sum() > 1
        assert counts[found].sum() >= 10


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 25), min_size=5, max_size=5), min_size=5, max_size=5).map(np.array))
def test_no_line_of_a_grid_gives_a_hidden_cell_away(counts):
    found = hidden(counts)
    assert found[(counts > 0) & (counts < 10)].all()
    for line, hide in [*zip(counts, found, strict=True), *zip(counts.T, found.T, strict=True)]:
        if hide.any() and (~hide & (line > 0)).any():
            assert hide.sum() > 1
            assert line[hide].sum() >= 10


def test_hidden_cells_by_hand():
    assert hidden(np.array([0, 3, 20, 50, 15])).tolist() == [False, True, False, False, True]
    assert hidden(np.array([4, 4, 4, 50])).tolist() == [True, True, True, False]
    assert not hidden(np.array([0, 20, 50])).any()
