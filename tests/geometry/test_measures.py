"""Each measure against its definition, and each standard error against leaving users out one by one."""

import numpy as np
import pytest
from scipy.linalg import svdvals
from scipy.spatial.distance import pdist
from scipy.stats import ortho_group, spearmanr

from hemicycle.geometry import measures as similarity_measures
from hemicycle.geometry.measures import CKA, NUCLEAR, distance_ranks, ratios, rsa, stacked


def models(n=60, seed=0, widths=(4, 3, 6)):
    """Models that share part of what they know."""
    source = np.random.default_rng(seed)
    shared = source.standard_normal((n, 5))
    return [shared @ source.standard_normal((5, d)) + source.standard_normal((n, d)) for d in widths]


def centred(x):
    return x - x.mean(axis=0)


def cka_reference(x, y):
    x, y = centred(x), centred(y)
    return np.linalg.norm(x.T @ y) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def hsic_reference(x, y):
    """The unbiased HSIC as Song et al. write it, with n x n kernels."""
    n = len(x)
    k, l = x @ x.T, y @ y.T  # noqa: E741 - the paper's names
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    total = np.trace(k @ l) + k.sum() * l.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ l).sum()
    return total / (n * (n - 3))


def debiased_reference(x, y):
    return hsic_reference(x, y) / np.sqrt(hsic_reference(x, x) * hsic_reference(y, y))


def procrustes_reference(x, y):
    x, y = centred(x), centred(y)
    return svdvals(x.T @ y).sum() / (np.linalg.norm(x) * np.linalg.norm(y))


REFERENCES = {
    "cka": (CKA, cka_reference),
    "cka_debiased": (CKA, debiased_reference),
    "procrustes": (NUCLEAR, procrustes_reference),
}


@pytest.mark.parametrize("measure", REFERENCES)
@pytest.mark.parametrize("columns", [1, 6, 1024])
def test_all_pairs_at_once_are_the_definition_pair_by_pair(measure, columns, monkeypatch):
    monkeypatch.setattr(similarity_measures, "_COLUMNS", columns)
    form, reference = REFERENCES[measure]
    given = models()
    value, _ = ratios(stacked(given), form, [measure])
    wanted = [[reference(x, y) for y in given] for x in given]
    np.testing.assert_allclose(value[0], wanted, atol=2e-5)


def test_two_measures_of_one_product_are_those_made_alone():
    stack = stacked(models())
    both = ratios(stack, CKA, ["cka", "cka_debiased"])
    for k, measure in enumerate(("cka", "cka_debiased")):
        alone = ratios(stack, CKA, [measure])
        np.testing.assert_array_equal(both[0][k], alone[0][0])
        np.testing.assert_allclose(both[1][k], alone[1][0])


@pytest.mark.parametrize("measure", REFERENCES)
def test_the_standard_error_is_that_of_leaving_users_out(measure):
    form, reference = REFERENCES[measure]
    x, y = models(n=150, widths=(3, 4))
    left_out = np.array([reference(np.delete(x, i, 0), np.delete(y, i, 0)) for i in range(len(x))])
    jackknife = np.sqrt((len(x) - 1) * left_out.var())
    _, error = ratios(stacked([x, y]), form, [measure])
    assert error[0, 0, 1] == pytest.approx(jackknife, rel=0.06)
    assert error[0, 0, 0] == 0


def test_rsa_is_the_rank_correlation_of_distances():
    given = models(n=40)
    value, _ = rsa(distance_ranks(stacked(given)))
    wanted = [[spearmanr(pdist(x), pdist(y)).statistic for y in given] for x in given]
    np.testing.assert_allclose(value, wanted, atol=1e-5)


def test_the_error_of_rsa_is_that_of_leaving_users_out():
    x, y = models(n=80, widths=(3, 4))
    _, error = rsa(distance_ranks(stacked([x, y])))
    left_out = [spearmanr(pdist(np.delete(x, i, 0)), pdist(np.delete(y, i, 0))).statistic for i in range(len(x))]
    assert error[0, 1] == pytest.approx(np.sqrt((len(x) - 1) * np.var(left_out)), rel=0.1)
    assert not rsa(distance_ranks(stacked([x, y])), errors=False)[1].any()


@pytest.mark.parametrize("measure", REFERENCES)
def test_rotations_shifts_and_scales_change_nothing(measure):
    x = models()[0]
    turned = 30 * x @ ortho_group.rvs(4, random_state=np.random.default_rng(0)) + 7
    value, _ = ratios(stacked([x, turned]), REFERENCES[measure][0], [measure])
    assert value[0, 0, 1] == pytest.approx(1, abs=1e-5)


def test_more_dimensions_than_users_are_turned_and_kept():
    wide, other = models(n=20, widths=(50, 3))
    stack = stacked([wide, other])
    assert stack.shape == (20, 2, 20)
    assert ratios(stack, CKA, ["cka"])[0][0, 0, 1] == pytest.approx(cka_reference(wide, other), abs=1e-5)


def test_vectors_that_do_not_vary_are_like_nothing():
    given = [*models(n=30)[:2], np.full((30, 4), 0.1)]
    for form, measure in ((CKA, "cka"), (NUCLEAR, "procrustes")):
        value = ratios(stacked(given), form, [measure])[0][0]
        assert np.isnan(value[2]).all()
        assert np.isfinite(value[:2, :2]).all()
    assert np.isnan(rsa(distance_ranks(stacked(given)))[0][0, 2])
