"""Hexagonal cells of maps: where they are and which of them are shown."""

import numpy as np
import pytest

from hemicycle.core.disclosure import K
from hemicycle.core.map_cells import hexagons, map_cells


def test_hexagons_are_the_nearest_centres():
    points = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    centres = hexagons(points)
    every = np.unique(centres, axis=0)
    nearest = np.linalg.norm(points[:, None] - every[None], axis=2).min(1)
    np.testing.assert_allclose(np.linalg.norm(points - centres, axis=1), nearest, atol=1e-8)


@pytest.mark.parametrize("most", [3, 30])
def test_no_shown_cell_is_small_and_every_point_has_a_cell(most):
    points = np.random.default_rng(1).standard_normal((2000, 2))
    found = map_cells(points, most)
    np.testing.assert_array_equal(np.bincount(found.cell), found.sizes)
    np.testing.assert_array_equal(found.centres[found.cell], hexagons(points, most))
    assert found.sizes[found.shown].min() >= K
    assert found.sizes[~found.shown].sum() == 0 or found.sizes[~found.shown].sum() >= K
