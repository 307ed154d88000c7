import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linprog

from hemicycle.core.disclosure import (
    K,
    check_release,
    is_public,
    recoverable,
    releasable,
    scrub,
    sensitive_columns,
    suppress_small_cells,
    without_sensitive,
)
from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.data.schema import tag

ROLES = {"id": "id", "left_right": "label", "party": "group", "age": "covariate"}
TABLE = pa.table({"id": ["p1", "p2"], "left_right": [0.125, 0.75], "party": ["x", "y"], "age": [31, 64]})


def tagged(*, public):
    return tag(TABLE, ROLES, public=public)


# -- rows ------------------------------------------------------------------------------------------------------------


def test_public_rows_leave_whole():
    assert releasable(tagged(public=True)).equals(TABLE)


def test_labels_and_groups_of_private_people_do_not_leave():
    table = tagged(public=False)
    assert sensitive_columns(table) == ["left_right", "party"]
    with pytest.raises(DisclosureError, match=r"'people'.*left_right, party") as caught:
        check_release("people", table)
    assert caught.value.exit_code == 2
    assert "aggregates of at least 10" in str(caught.value)
    assert "0.125" not in str(caught.value)


def test_without_sensitive_may_leave():
    assert releasable(without_sensitive(tagged(public=False))).column_names == ["id", "age"]
    assert without_sensitive(tagged(public=True)).column_names == TABLE.column_names


@pytest.mark.parametrize(
    "derive",
    [
        lambda t: t.slice(1),
        lambda t: t.select(["left_right"]),
        lambda t: t.filter(pa.array([True, False])),
        lambda t: t.append_column("score", pa.array([1.0, 2.0])),
        lambda t: t.rename_columns(["a", "b", "c", "d"]),
    ],
)
def test_tags_survive_what_is_done_to_a_table(derive):
    with pytest.raises(DisclosureError):
        check_release("derived", derive(tagged(public=False)))


@pytest.mark.parametrize("key", ["user", "user_id"])
def test_rows_of_users_without_tags_count_as_sensitive(key):
    with pytest.raises(DisclosureError, match=f"column {key}"):
        check_release("scores", pa.table({key: [1, 2], "score": [0.5, 0.25]}))


def test_aggregates_without_tags_leave():
    table = pa.table({"model": ["a"], "layer": ["0"], "r2": [0.5]})
    assert not is_public(table)
    assert releasable(table) is table


# -- cells -----------------------------------------------------------------------------------------------------------


def cells_1d(counts):
    return pd.DataFrame(
        {"party": [f"p{i}" for i in range(len(counts))], "count": counts, "mean": np.arange(len(counts))}
    )


def cells_2d(counts):
    rows, columns = np.indices(counts.shape)
    return pd.DataFrame({"party": rows.ravel(), "region": columns.ravel(), "count": counts.ravel()})


def test_a_single_small_cell_takes_the_smallest_other_with_it():
    shown = suppress_small_cells(cells_1d([30, 4, 12, 50]), ["party"])
    assert shown["count"].isna().tolist() == [False, True, True, False]
    assert shown["mean"].isna().tolist() == [False, True, True, False]
    assert shown["party"].tolist() == ["p0", "p1", "p2", "p3"]


def test_hidden_cells_add_up_to_k():
    shown = suppress_small_cells(cells_1d([1, 1, 40, 90]), ["party"])
    assert shown["count"].isna().tolist() == [True, True, True, False]


def test_nothing_small_nothing_hidden():
    cells = cells_1d([10, 0, 25])
    pd.testing.assert_frame_equal(suppress_small_cells(cells, ["party"]), cells)


def test_missing_combinations_count_as_empty_cells():
    cells = pd.DataFrame({"party": ["a", "a", "b"], "region": ["n", "s", "s"], "count": [5, 20, 30]})
    shown = suppress_small_cells(cells, ["party", "region"])
    assert len(shown) == 4
    assert shown["count"].isna().all()


def test_rectangle_protects_a_cell_in_two_dimensions():
    counts = np.array([[3, 20, 30], [25, 40, 50], [60, 70, 80]])
    shown = suppress_small_cells(cells_2d(counts), ["party", "region"])["count"].to_numpy().reshape(3, 3)
    assert np.isnan(shown).sum() == 4
    assert not np.isnan(shown[2]).any()


def test_a_bridge_between_two_hidden_rectangles_is_found():
    """Every line holds two hidden cells, yet one cell follows from the totals."""
    hidden = np.zeros((4, 4), bool)
    hidden[:2, :2] = hidden[2:, 2:] = hidden[0, 2] = True
    index = np.arange(16).reshape(4, 4)
    assert recoverable(hidden.ravel(), [*index, *index.T]).tolist() == [index[0, 2]]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12))
def test_one_dimension_properties(counts):
    shown = suppress_small_cells(cells_1d(counts), ["party"])["count"].to_numpy(float)
    hidden = np.isnan(shown)
    assert not ((shown > 0) & (shown < K)).any()
    assert (shown[~hidden] == np.array(counts)[~hidden]).all()
    if hidden.any() and sum(counts) >= K:
        assert hidden.sum() >= 2
        assert np.array(counts)[hidden].sum() >= K


def feasible_interval(counts, hidden, cell):
    """Bounds of a hidden cell that an attacker derives from the shown cells and the totals of at least K."""
    cells = np.flatnonzero(hidden.ravel())
    index = np.arange(counts.size).reshape(counts.shape)
    lines = [line for line in [*index, *index.T] if counts.ravel()[line].sum() >= K]
    rows = np.array([np.isin(cells, line) for line in lines], float)
    totals = np.array([counts.ravel()[line][hidden.ravel()[line]].sum() for line in lines])
    goal = (cells == cell).astype(float)
    if not len(rows):
        return 0.0, np.inf
    bounds = [linprog(sign * goal, A_eq=rows, b_eq=totals, bounds=(0, None)).fun for sign in (1, -1)]
    return bounds[0], np.inf if bounds[1] is None else -bounds[1]


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.int64, st.tuples(st.integers(2, 4), st.integers(2, 4)), elements=st.integers(0, 60)))
def test_two_dimensions_a_small_cell_cannot_be_recovered_from_totals(counts):
    shown = suppress_small_cells(cells_2d(counts), ["party", "region"])["count"].to_numpy(float).reshape(counts.shape)
    hidden = np.isnan(shown)
    assert not ((shown > 0) & (shown < K)).any()
    for cell in np.flatnonzero(((counts > 0) & (counts < K)).ravel()):
        low, high = feasible_interval(counts, hidden, cell)
        assert high - low > 1e-6


@pytest.mark.parametrize(
    ("cells", "by"),
    [
        (pd.DataFrame({"count": [1]}), ["party"]),
        (pd.DataFrame({"party": ["a"]}), ["party"]),
        (pd.DataFrame({"party": ["a"], "count": [-1]}), ["party"]),
        (pd.DataFrame({"party": ["a"], "count": [np.nan]}), ["party"]),
        (pd.DataFrame({"party": ["a"], "count": [1]}), []),
    ],
)
def test_cells_that_are_none(cells, by):
    with pytest.raises(InputError):
        suppress_small_cells(cells, by)


# -- trackers --------------------------------------------------------------------------------------------------------


def test_scrub_keeps_scalars_short_texts_and_configurations():
    payload = {
        "ndcg@20": np.float32(0.5),
        "epoch": 3,
        "name": "mf",
        "on": True,
        "none": None,
        "train": {"lr": 0.125, "layers": [64, 32], "parts": [{"dim": 8}]},
        "layer": {"0": 0.5, "12": 0.25},
        "hits/user20k": 1.0,
    }
    kept = scrub(payload)
    assert kept == payload
    assert type(kept["ndcg@20"]) is float


def test_scrub_leaves_out_what_is_not_finite():
    assert scrub({"a": np.nan, "b": float("inf"), "c": 1.0, "d": [1.0, np.nan], "e": {"f": -np.inf}}) == {
        "c": 1.0,
        "d": [1.0],
        "e": {},
    }


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2),
        pa.table({"a": [1]}),
        pd.DataFrame({"a": [1]}),
        list(range(33)),
        "x" * 201,
        b"bytes",
        {"nested": np.zeros(1)},
        {f"k{i}": 0.0 for i in range(201)},
        {"12345": 0.5},
        {"user_7": 0.5},
        {"attitude/user-7": 0.5},
        {"0123456789abcdef0123456789abcdef": 0.5},
        [[{"user 3": 1}]],
    ],
)
def test_scrub_refuses_what_may_be_one_value_a_person(value):
    with pytest.raises(DisclosureError, match=r"payload\.x") as caught:
        scrub({"x": value})
    assert "send" in caught.value.problems[0].remedy
