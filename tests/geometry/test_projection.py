"""Maps, their privacy, and vectors of models without vectors."""

import numpy as np
import pytest
import scipy.sparse as sp
from contracts.probe_contract import RECORD

from hemicycle.core import map_cells
from hemicycle.core.errors import InputError
from hemicycle.geometry import projection
from hemicycle.geometry.projection import (
    MAP,
    MAP_SCHEMA,
    Mapped,
    lists_matrix,
    map_points,
    map_table,
    pca_map,
    vectors_from_scores,
)


def cloud(n=500, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.standard_normal(n)
    vectors = rng.standard_normal((n, 6)) * 0.3
    vectors[:, 2] -= 2 * label
    vectors[:, 4] += rng.standard_normal(n)
    return vectors + 7, label


def test_map_is_the_first_plane_of_pca_with_the_sign_of_the_label():
    vectors, label = cloud()
    points = pca_map(vectors, label)
    assert points.shape == (500, 2)
    assert points[:, 0].std() == pytest.approx(1)
    assert np.corrcoef(points[:, 0], label)[0, 1] > 0.95
    u, s, _ = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(points), np.abs(u * s)[:, :2] / (u * s)[:, 0].std(), atol=1e-9)
    np.testing.assert_allclose(pca_map(vectors, -label)[:, 0], -points[:, 0])


def test_rotation_turns_the_plane_only():
    vectors, label = cloud()
    vectors[:, 4] += 1.5 * label
    plain, turned = pca_map(vectors, label), pca_map(vectors, label, rotate=True)
    correlation = [np.corrcoef(p[:, 0], label)[0, 1] for p in (plain, turned)]
    assert correlation[1] >= correlation[0]
    plain_distances, turned_distances = (np.linalg.norm(p[:50] - p[50:100], axis=1) for p in (plain, turned))
    assert np.ptp(plain_distances / turned_distances) < 1e-9


def test_maps_of_little():
    label = np.arange(4.0)
    assert (pca_map(label[:, None], label)[:, 1] == 0).all()
    assert (pca_map(np.ones((4, 3)), label) == 0).all()
    assert np.isfinite(pca_map(np.eye(4), np.full(4, np.nan), rotate=True)).all()
    with pytest.raises(InputError, match="NaN"):
        pca_map(np.full((4, 2), np.nan), label)


def test_public_entities_are_shown_one_by_one():
    vectors, label = cloud(30)
    about = Mapped("dim1", label, np.repeat(["D", "R"], 15), np.array([f"Member {i}" for i in range(30)]), public=True)
    table = map_table(map_points(vectors, about, RECORD))
    assert table.schema == MAP_SCHEMA
    assert tuple(table.column_names) == MAP
    assert table["entity_name"].to_pylist()[7] == "Member 7"
    assert table["name_of_model"].unique().to_pylist() == ["mf-s0"]
    np.testing.assert_allclose(table["value"].to_numpy(), label)


def test_others_are_shown_as_cells_of_ten_at_least():
    vectors, label = cloud(5000)
    names = np.array([f"u{i}" for i in range(5000)])
    rows = map_points(vectors, Mapped("dim1", label, np.where(label > 0, "R", "D"), names), RECORD)
    assert 20 < len(rows) < 600
    assert min(row["n"] for row in rows) >= 10
    assert {row["entity_name"] for row in rows} == {""}
    assert sum(row["n"] for row in rows) <= 4990
    x, value = np.array([(row["x"], row["value"]) for row in rows]).T
    assert np.corrcoef(x, value)[0, 1] > 0.9
    assert {row["group"] for row in rows if row["value"] > 0.7} == {"R"}


def test_a_small_remainder_hides_another_cell(monkeypatch):
    """12 + 11 + 3 users: the cell of 3 would follow from the total."""
    sizes = [12, 11, 3]
    points = np.repeat([[0.0, 0], [50, 0], [99, 0]], sizes, axis=0)
    monkeypatch.setattr(projection, "pca_map", lambda *a, **k: points)
    monkeypatch.setattr(map_cells, "hexagons", lambda p, most: p)
    rows = map_points(points, Mapped("a", np.ones(26)), RECORD)
    assert [row["n"] for row in rows] == [12]


def test_a_cell_with_few_labels_has_no_mean():
    vectors, label = np.zeros((40, 2)), np.full(40, np.nan)
    label[:9] = 1.0
    groups = np.array(["D"] * 9 + [None] * 31, object)
    (row,) = map_points(vectors, Mapped("a", label, groups), RECORD)
    assert (row["n"], row["group"]) == (40, "")
    assert np.isnan(row["value"])


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_vectors_of_scores_are_a_truncated_svd(monkeypatch, kind):
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 40))
    monkeypatch.setattr(projection, "_DENSE", 0 if kind == "sparse" else 1 << 20)
    given = sp.csr_array(scores) if kind == "sparse" else scores
    vectors = vectors_from_scores(given, 6)
    np.testing.assert_allclose(vectors @ vectors.T, scores @ scores.T, atol=1e-8)
    assert (vectors[:, 4:] == 0).all()
    np.testing.assert_array_equal(vectors, vectors_from_scores(given, 6))


def test_both_ways_agree(monkeypatch):
    scores = np.random.default_rng(1).standard_normal((50, 30))
    dense = vectors_from_scores(scores, 5)
    monkeypatch.setattr(projection, "_DENSE", 0)
    np.testing.assert_allclose(vectors_from_scores(scores, 5), dense, atol=1e-8)
    np.testing.assert_allclose(vectors_from_scores(sp.csr_array(scores), 5, seed=3), dense, atol=1e-8)


def test_one_ranking_for_all_says_nothing():
    vectors = vectors_from_scores(np.tile(np.arange(20.0), (50, 1)), 4)
    assert vectors.shape == (50, 4)
    assert np.ptp(vectors, axis=0).max() < 1e-9
    assert vectors_from_scores(np.ones((3, 2)), 8).shape == (3, 8)


def test_lists_weigh_the_first_most():
    matrix = lists_matrix(np.array([0, 0, 1]), np.array([2, 0, 1]), np.array([1, 3, 1]), (2, 3)).toarray()
    np.testing.assert_allclose(matrix, [[0.5, 0, 1], [0, 1, 0]])
    with pytest.raises(InputError, match="rank below 1"):
        lists_matrix(np.array([0]), np.array([0]), np.array([0]), (1, 1))


def test_infinite_scores_are_refused():
    with pytest.raises(InputError, match="mask items"):
        vectors_from_scores(np.array([[1.0, -np.inf]]), 1)
