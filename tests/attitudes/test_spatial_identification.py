"""Identification changes nothing that the data see."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from hemicycle.attitudes.spatial_identification import State, identify, rotated, start
from hemicycle.attitudes.spatial_posterior import linear_predictor


def planted(seed, n=60, m=30, d=2):
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(rng.normal(1, 2, (n, 1 + d)))
    columns = torch.from_numpy(rng.normal(-1, 1.5, (m, 1 + d)))
    state = start(rows, columns)
    roots = [torch.from_numpy(0.2 * rng.normal(size=(k, 1 + d, 1 + d))) for k in (n, m)]
    covariances = [root @ root.transpose(1, 2) for root in roots]
    return State(rows, columns, state.gamma, state.priors, *covariances)


@settings(max_examples=6)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_chances_stay_and_positions_are_standard(seed, d):
    state = planted(seed, d=d)
    found = identify(state)
    torch.testing.assert_close(
        linear_predictor(found.rows, found.columns), linear_predictor(state.rows, state.columns), atol=1e-8, rtol=1e-8
    )
    theta = found.rows[:, 1:]
    second = theta.T @ theta / len(theta) + found.row_covariances[:, 1:, 1:].mean(0)
    torch.testing.assert_close(theta.mean(0), torch.zeros(d, dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(second, torch.eye(d, dtype=torch.float64), atol=1e-9, rtol=0)


def test_activity_and_popularity_are_unrelated_to_positions():
    """beta and alpha that have nothing to do with theta and phi come back, with gamma."""
    rng = np.random.default_rng(0)
    theta, phi, gamma = rng.standard_normal((4000, 1)), rng.standard_normal((2000, 1)), 0.7
    beta, alpha = rng.normal(-1, 0.5, 4000), rng.normal(0, 0.5, 2000)
    rows = np.column_stack([beta - gamma * theta[:, 0] ** 2, theta])
    columns = np.column_stack([alpha - gamma * phi[:, 0] ** 2, 2 * gamma * phi])
    columns[:, 1] += 0.8  # which activity hides: b loses 0.8 theta
    rows[:, 0] -= 0.8 * theta[:, 0]
    found = identify(start(torch.from_numpy(rows), torch.from_numpy(columns)))
    assert found.gamma == pytest.approx(gamma, rel=0.05)
    back = found.columns[:, 1].numpy() / (2 * found.gamma)
    assert np.abs(back - phi[:, 0]).max() < 0.2
    assert found.priors[0].scale == pytest.approx(0.5, rel=0.05)
    assert found.priors[1].scale == pytest.approx(0.5, rel=0.05)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_turning_turns_covariances_too(seed):
    state = planted(seed, d=3)
    turn = torch.from_numpy(ortho_group.rvs(3, random_state=seed))
    found = rotated(state, turn)
    torch.testing.assert_close(linear_predictor(found.rows, found.columns), linear_predictor(state.rows, state.columns))
    torch.testing.assert_close(found.rows[:, 1:], state.rows[:, 1:] @ turn)
    for one, other in zip(
        (found.row_covariances, found.column_covariances),
        (state.row_covariances, state.column_covariances),
        strict=True,
    ):
        torch.testing.assert_close(one[:, 1:, 1:], turn.T @ other[:, 1:, 1:] @ turn)
        torch.testing.assert_close(one[:, 0, 0], other[:, 0, 0])
    for side in range(2):
        points = (found.rows, found.columns)[side], (state.rows, state.columns)[side]
        densities = [
            prior.log_density(p) for prior, p in zip((found.priors[side], state.priors[side]), points, strict=True)
        ]
        torch.testing.assert_close(*densities)
