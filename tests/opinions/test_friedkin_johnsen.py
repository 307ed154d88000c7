import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from opinions.reference_averaging import friedkin_johnsen

from hemicycle.opinions.friedkin_johnsen import FriedkinJohnsen


class Literal(OpinionContract):
    def reference(self, opinions, innate, sources, key):
        model = self.model()
        given = None if model.config.susceptibility == "degree" else model.values("susceptibility")
        return friedkin_johnsen(opinions, innate, sources, given)


class TestByDegree(Literal):
    config = FriedkinJohnsen.Config()


class TestConstantSusceptibility(Literal):
    config = FriedkinJohnsen.Config(susceptibility=0.6, name="constant")


class TestSusceptibilityOfEachUser(Literal):
    config = FriedkinJohnsen.Config(susceptibility="unit")


class TestDrawnSusceptibility(Literal):
    config = FriedkinJohnsen.Config(susceptibility={"draw": "beta", "a": 2, "b": 1})
    equivariant = False  # the draws are the users' own


def fixed_point(config, innate, dense, steps=400):
    model, sources, x = FriedkinJohnsen(config), sources_of(dense), innate
    for _ in range(steps):
        x = model.step(x, innate, sources.at(x), 0)
    return x


def random_graph(rng, n=25, *, weighted=False):
    upper = np.triu((rng.random((n, n)) < 0.25) * (rng.integers(1, 4, (n, n)) if weighted else 1), 1)
    return (upper + upper.T).astype(float)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_fixed_point_by_degree_is_the_dense_solution(seed, weighted):
    rng = np.random.default_rng(seed)
    dense, innate = random_graph(rng, weighted=weighted), rng.uniform(-1, 1, (25, 2))
    laplacian = np.diag(dense.sum(1)) - dense
    z = fixed_point(FriedkinJohnsen.Config(), innate, dense)
    np.testing.assert_allclose(z, np.linalg.solve(np.eye(25) + laplacian, innate), atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_polarization_disagreement_and_internal_conflict_add_up(seed):
    rng = np.random.default_rng(seed)
    dense, s = random_graph(rng), rng.uniform(-1, 1, (25, 1))
    s -= s.mean()
    z = fixed_point(FriedkinJohnsen.Config(), s, dense)
    polarization, internal = (z**2).sum(), ((z - s) ** 2).sum()
    differences = (z - z.T) ** 2
    half_disagreement = (dense * differences).sum() / 2
    assert polarization + 2 * half_disagreement + internal == pytest.approx((s**2).sum(), abs=1e-10)
    assert polarization + half_disagreement == pytest.approx(float((s * z).sum()), abs=1e-10)


def test_fixed_point_with_constant_susceptibility_on_a_directed_graph():
    rng = np.random.default_rng(5)
    dense, s = (rng.random((20, 20)) < 0.3).astype(float), rng.uniform(-1, 1, (20, 1))
    np.fill_diagonal(dense, 0)
    assert dense.sum(1).min() > 0
    shares = dense / dense.sum(1, keepdims=True)
    z = fixed_point(FriedkinJohnsen.Config(susceptibility=0.7), s, dense)
    np.testing.assert_allclose(z, np.linalg.solve(np.eye(20) - 0.7 * shares, 0.3 * s), atol=1e-10)


def test_one_step_is_the_literal_equation():
    rng = np.random.default_rng(6)
    dense, x, s = rng.random((9, 9)), rng.random((9, 2)), rng.random((9, 2))
    dense = dense.astype(np.float32).astype(float)
    after = FriedkinJohnsen(FriedkinJohnsen.Config(susceptibility=0.25)).step(x, s, sources_of(dense, x), 0)
    for i in range(9):
        seen = sum(dense[i, j] * x[j] for j in range(9)) / dense[i].sum()
        np.testing.assert_allclose(after[i], 0.75 * s[i] + 0.25 * seen, atol=1e-12)


def test_full_susceptibility_is_degroot_and_conserves_the_degree_weighted_mean():
    rng = np.random.default_rng(8)
    dense, s = random_graph(rng, 20) + np.diag(np.ones(20)), rng.uniform(-1, 1, (20, 1))
    degrees = dense.sum(1)
    z = fixed_point(FriedkinJohnsen.Config(susceptibility=1.0), s, dense, steps=2000)
    np.testing.assert_allclose(z, (degrees @ s / degrees.sum()).item(), atol=1e-8)


def test_no_susceptibility_keeps_innate_opinions():
    rng = np.random.default_rng(9)
    s = rng.uniform(-1, 1, (12, 1))
    np.testing.assert_array_equal(fixed_point(FriedkinJohnsen.Config(susceptibility=0.0), s, np.ones((12, 12)), 3), s)
