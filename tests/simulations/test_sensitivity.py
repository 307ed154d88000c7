"""Sobol indices against closed forms and scipy's."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats._sensitivity_analysis import f_ishigami

from hemicycle.simulations.sensitivity import COLUMNS, Design, indices, saltelli, sensitivity_table, with_intervals

# Ishigami's function, a = 7, b = .1: the closed forms of Ishigami and Homma 1990
A, B = 7.0, 0.1
V1, V2, V13 = 0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, B**2 * np.pi**8 * (1 / 18 - 1 / 50)
V = V1 + V2 + V13
FIRST, TOTAL = np.array([V1, V2, 0]) / V, np.array([V1 + V13, V2, V13]) / V


def outcomes(samples=1024, seed=0):
    points = np.pi * (2 * saltelli(3, samples, seed) - 1)
    return np.stack([f_ishigami(block.T) for block in points])


def table(values):
    """Cells of a design as a table of results, with an earlier step that must not count, and two seeds around."""
    rows = [
        ("s", cell, "m", arm, seed, step, "variance", (value + (seed - 0.5)) if step else 77.0)
        for cell, value in enumerate(values.ravel(), 1)
        for arm in ("none", "random")
        for seed in (0, 1)
        for step in (0, 9)
    ]
    return pd.DataFrame(rows, columns=["simulation", "cell", "opinion", "arm", "seed", "step", "metric", "value"])


def test_ishigami_is_found():
    values = outcomes()
    first, total = indices(values[0], values[1], values[2:])
    np.testing.assert_allclose(first, FIRST, atol=0.02)
    np.testing.assert_allclose(total, TOTAL, atol=0.02)


def test_equal_to_scipy_on_centred_outcomes():
    values = outcomes(256)
    values -= values[:2].mean()
    parts = {"f_A": values[0][None], "f_B": values[1][None], "f_AB": values[2:, None]}
    theirs = stats.sobol_indices(func=parts, n=256)
    first, total = indices(values[0], values[1], values[2:])
    np.testing.assert_allclose(first, theirs.first_order, atol=1e-12)
    np.testing.assert_allclose(total, theirs.total_order, atol=1e-12)


def test_blocks_share_the_columns_they_should():
    a, b, *mixed = saltelli(3, 8, 1)
    for i, block in enumerate(mixed):
        np.testing.assert_array_equal(block[:, i], b[:, i])
        rest = [j for j in range(3) if j != i]
        np.testing.assert_array_equal(block[:, rest], a[:, rest])
    assert (a != b).all()
    assert (saltelli(3, 8, 2)[0] != a).any()


def test_intervals_hold_the_truth_and_narrow():
    wide, narrow = (outcomes(n) for n in (128, 2048))
    rng = np.random.default_rng(0)
    found = [with_intervals(v[0], v[1], v[2:], 200, rng) for v in (wide, narrow)]
    for part in found:
        assert ((part[..., 1] <= part[..., 0]) & (part[..., 0] <= part[..., 2])).all()
    truth = np.stack([FIRST, TOTAL])
    assert ((found[1][..., 1] <= truth + 0.01) & (truth - 0.01 <= found[1][..., 2])).all()
    assert (np.ptp(found[1][..., 1:], axis=-1) < np.ptp(found[0][..., 1:], axis=-1)).all()


def test_a_table_of_cells_gives_a_row_for_each_index():
    found = sensitivity_table(table(outcomes(64)), Design("s", ("x", "y", "z"), 64, resamples=100))
    assert list(found) == COLUMNS
    assert len(found) == 2 * 2 * 3
    row = found[(found.arm == "none") & (found.kind == "total") & (found.factor == "y")].iloc[0]
    assert row["value"] == pytest.approx(TOTAL[1], abs=0.1)
    assert row["low"] < row["value"] < row["high"]


def test_the_table_does_not_depend_on_the_order_of_rows():
    rows, design = table(outcomes(16)), Design("s", ("x", "y", "z"), 16, resamples=100)
    mixed = rows.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(sensitivity_table(rows, design), sensitivity_table(mixed, design))


def test_rows_with_a_missing_cell_or_a_nan_are_left_out():
    values = outcomes(64)
    whole = sensitivity_table(table(values[:, 2:]), Design("s", ("x", "y", "z"), 62, resamples=100))
    gaps = table(values)
    gaps = gaps[gaps["cell"] != 64 + 1]  # row 0 of B
    gaps.loc[gaps["cell"] == 2 * 64 + 2, "value"] = np.nan  # row 1 of AB_1
    found = sensitivity_table(gaps, Design("s", ("x", "y", "z"), 64, resamples=100))
    np.testing.assert_allclose(found["value"], whole["value"])


def test_an_outcome_that_does_not_vary_has_no_index():
    found = sensitivity_table(table(np.full((4, 8), 3.0)), Design("s", ("x", "y"), 8, resamples=100))
    assert found["value"].isna().all()
    assert sensitivity_table(table(np.zeros((1, 3))), Design("s", ("x", "y"), 8)).empty
