"""The bilinear form is Barberá's model, cell by cell; its derivatives are those of automatic differentiation."""

import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.attitudes import spatial_posterior
from hemicycle.attitudes.spatial_posterior import Cells, Prior, log_posterior, newton_step, place, sweep


def reference(cells, model):
    """Log posterior of the spatial following model in its own parameters, cell by cell.

    ``model`` holds alpha, beta, theta, phi, gamma, hyperparameters; each f_j = 2 gamma phi_j brings d log(2 gamma).
    """
    total = 0.0
    for i in range(len(model["theta"])):
        for j in range(len(model["phi"])):
            if cells.seen is not None and cells.seen[i, j] == 0:
                continue
            squared = sum((a - b) ** 2 for a, b in zip(model["theta"][i], model["phi"][j], strict=True))
            eta = model["alpha"][j] + model["beta"][i] - model["gamma"] * squared
            chance = 1 / (1 + math.exp(-eta))
            total += math.log(chance if cells.yes[i, j] else 1 - chance)
    for i, beta in enumerate(model["beta"]):
        total += _normal(beta, model["mu_b"], model["s_b"])
        total += sum(_normal(x, 0, 1) for x in model["theta"][i])
    for j, alpha in enumerate(model["alpha"]):
        total += _normal(alpha, model["mu_a"], model["s_a"])
        total += sum(_normal(x, m, model["s_f"]) for x, m in zip(model["phi"][j], model["mu_f"], strict=True))
        total -= len(model["phi"][j]) * math.log(2 * model["gamma"])
    return total


def _normal(x, mean, sd):
    return -0.5 * ((x - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi)


def planted(seed, n, m, d, *, votes):
    """A matrix, a model in its own parameters, and the same as rows, columns and priors."""
    rng = np.random.default_rng(seed)
    yes = rng.random((n, m)) < 0.4
    seen = yes | (rng.random((n, m)) < 0.5)
    cells = Cells(sp.csr_array(yes.astype(float)), sp.csr_array(seen.astype(float)) if votes else None)
    model = {"alpha": rng.normal(size=m), "beta": rng.normal(size=n), "gamma": rng.uniform(0.2, 2)}
    model |= {"theta": rng.normal(size=(n, d)), "phi": rng.normal(size=(m, d)), "mu_f": rng.normal(size=d)}
    model |= {"mu_b": 0.3, "s_b": 0.8, "mu_a": -1.0, "s_a": 1.3, "s_f": rng.uniform(0.5, 2)}
    wide = 2 * model["gamma"]
    b = model["beta"] - model["gamma"] * np.square(model["theta"]).sum(1)
    a = model["alpha"] - model["gamma"] * np.square(model["phi"]).sum(1)
    rows = torch.from_numpy(np.column_stack([b, model["theta"]]))
    columns = torch.from_numpy(np.column_stack([a, wide * model["phi"]]))
    centre = torch.from_numpy(wide * model["mu_f"])
    zero = torch.zeros(d, dtype=torch.float64)
    priors = (
        Prior(model["gamma"], model["mu_b"], model["s_b"], zero, 1.0),
        Prior(0.25 / model["gamma"], model["mu_a"], model["s_a"], centre, wide * model["s_f"]),
    )
    return cells, model, rows, columns, priors


SOCIETIES = (st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 7), st.integers(1, 3), st.booleans())


@settings(max_examples=50)
@given(*SOCIETIES)
def test_bilinear_form_is_the_model(seed, n, m, d, votes):
    cells, model, rows, columns, priors = planted(seed, n, m, d, votes=votes)
    assert log_posterior(cells, rows, columns, priors) == pytest.approx(reference(cells, model), rel=1e-9, abs=1e-9)


@settings(max_examples=25)
@given(*SOCIETIES)
def test_derivatives_are_those_of_automatic_differentiation(seed, n, m, d, votes):
    cells, _, rows, columns, _ = planted(seed, n, m, d, votes=votes)

    def likelihood(rows, columns):
        eta = spatial_posterior.linear_predictor(rows, columns)
        y = torch.from_numpy(cells.yes.toarray())
        seen = torch.ones_like(y) if cells.seen is None else torch.from_numpy(cells.seen.toarray())
        return (seen * (y * eta - torch.nn.functional.softplus(eta))).sum()

    whole = slice(0, n)
    for side, points in enumerate((rows, columns)):
        found = (spatial_posterior.row_statistics, spatial_posterior.column_statistics)[side](
            cells, whole, rows, columns
        )

        def at(points, side=side):
            return likelihood(*((points, columns) if side == 0 else (rows, points)))

        gradient = torch.autograd.functional.jacobian(at, points)
        torch.testing.assert_close(found.gradient, gradient, atol=1e-4, rtol=1e-4)
        hessian = torch.autograd.functional.hessian(at, points)
        own = torch.stack([-hessian[k, :, k, :] for k in range(len(points))])
        torch.testing.assert_close(found.information, own, atol=1e-4, rtol=1e-4)


@settings(max_examples=6)
@given(*SOCIETIES)
def test_sweeps_end_at_a_mode(seed, n, m, d, votes):
    cells, _, rows, columns, priors = planted(seed, n, m, d, votes=votes)
    first = log_posterior(cells, rows, columns, priors)
    for _ in range(150):
        rows, _, columns, _ = sweep(cells, rows, columns, priors)
    assert log_posterior(cells, rows, columns, priors) >= first - 1e-6
    rows.requires_grad_()
    columns.requires_grad_()
    eta = spatial_posterior.linear_predictor(rows, columns)
    y = torch.from_numpy(cells.yes.toarray())
    seen = torch.ones_like(y) if cells.seen is None else torch.from_numpy(cells.seen.toarray())
    value = (seen * (y * eta - torch.nn.functional.softplus(eta))).sum()
    (value + priors[0].log_density(rows) + priors[1].log_density(columns)).backward()
    assert rows.grad.abs().max() < 5e-2
    assert columns.grad.abs().max() < 5e-2


@pytest.mark.parametrize("votes", [False, True])
def test_blocks_do_not_matter(monkeypatch, votes):
    cells, _, rows, columns, priors = planted(1, 40, 12, 2, votes=votes)
    whole = sweep(cells, rows, columns, priors)
    placed = place(cells, rows, columns, priors[0], 3)
    monkeypatch.setattr(spatial_posterior, "_CELLS", 5 * 12)
    assert len(list(cells.blocks())) == 8
    for one, other in zip(whole, sweep(cells, rows, columns, priors), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(placed, place(cells, rows, columns, priors[0], 3), atol=1e-4, rtol=1e-4)


def test_steps_are_damped_and_covariances_proper():
    cells, _, rows, columns, priors = planted(2, 10, 6, 2, votes=False)
    far = rows + 30
    moved, covariances = newton_step(
        far, spatial_posterior.row_statistics(cells, slice(0, 10), far, columns), priors[0]
    )
    assert (moved - far).abs().max() <= 1 + 1e-12
    assert (torch.linalg.eigvalsh(covariances) > 0).all()
