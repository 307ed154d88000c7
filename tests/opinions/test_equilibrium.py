import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.opinions.base import People
from hemicycle.opinions.equilibrium import ConvergenceError, Solver
from hemicycle.opinions.friedkin_johnsen import FriedkinJohnsen


def undirected(seed, n=30, share=0.2):
    rng = np.random.default_rng(seed)
    upper = np.triu((rng.random((n, n)) < share) * rng.integers(1, 4, (n, n)), 1).astype(float)
    return upper + upper.T


def directed(seed, n=30):
    rng = np.random.default_rng(seed)
    dense = (rng.random((n, n)) < 0.2) * rng.integers(1, 4, (n, n)).astype(float)
    np.fill_diagonal(dense, 0)
    return dense


def innate(seed, n=30, dims=2):
    return np.random.default_rng(seed).uniform(-1, 1, (n, dims))


def solve(dense, s, people=None, solver=None, positions=None, **options):
    model = FriedkinJohnsen(FriedkinJohnsen.Config(**options))
    model = model if people is None else model.bound(people)
    return model.equilibrium(s, sources_of(dense, s if positions is None else positions), solver)


@given(seed=st.integers(0, 500))
def test_by_degree_is_the_dense_solution_by_conjugate_gradients(seed):
    dense, s = undirected(seed), innate(seed)
    found = solve(dense, s)
    laplacian = np.diag(dense.sum(1)) - dense
    assert found.method == "conjugate gradients"
    np.testing.assert_allclose(found.opinions, np.linalg.solve(np.eye(30) + laplacian, s), atol=1e-8)


@given(seed=st.integers(0, 500))
def test_polarization_disagreement_and_internal_conflict_add_up(seed):
    dense, s = undirected(seed), innate(seed, dims=1)
    z = solve(dense, s).opinions
    polarization, internal = (z**2).sum(), ((z - s) ** 2).sum()
    disagreement = (dense * (z - z.T) ** 2).sum() / 2
    assert polarization + 2 * disagreement + internal == pytest.approx((s**2).sum(), abs=1e-7)
    assert polarization + disagreement == pytest.approx((s * z).sum(), abs=1e-7)


@given(seed=st.integers(0, 500))
def test_any_susceptibility_on_a_directed_graph_is_the_dense_solution(seed):
    dense, s = directed(seed), innate(seed)
    dense[3] = 0
    pull = np.random.default_rng(seed).uniform(0, 1, 30)
    shares = np.divide(dense, dense.sum(1, keepdims=True), where=dense.sum(1, keepdims=True) > 0, out=np.eye(30))
    found = solve(dense, s, People(30, columns={"p": pull}), susceptibility="p")
    expected = np.linalg.solve(np.eye(30) - pull[:, None] * shares, (1 - pull)[:, None] * s)
    assert found.method == "gmres"
    np.testing.assert_allclose(found.opinions, expected, atol=1e-7)


def test_asymmetric_weights_by_degree_are_not_left_to_conjugate_gradients():
    dense, s = directed(1), innate(1)
    found = solve(dense, s)
    assert found.method == "gmres"
    degrees = dense.sum(1)
    np.testing.assert_allclose(found.opinions, np.linalg.solve(np.diag(1 + degrees) - dense, s), atol=1e-8)


@pytest.mark.parametrize("options", [{}, {"susceptibility": 0.9}, {"susceptibility": {"left": 1.0, "right": 0.2}}])
def test_steps_end_where_the_equilibrium_is(options):
    dense, s = directed(4), innate(4)
    groups = np.array(["left", "right"])[np.arange(30) % 2]
    people = People(30, groups=groups, fixed=np.arange(30) == 7)
    outlets = np.random.default_rng(5).uniform(-1, 1, (3, 2))
    wide = np.hstack([dense, np.random.default_rng(6).random((30, 3)).astype(np.float32)])
    sources = sources_of(wide, np.concatenate([s, outlets]))
    model = FriedkinJohnsen(FriedkinJohnsen.Config(**options)).bound(people)
    x = s
    for _ in range(600):
        x = model.step(x, s, sources.at(x), 0)
    found = model.equilibrium(s, sources)
    np.testing.assert_allclose(found.opinions, x, atol=1e-8)
    np.testing.assert_array_equal(found.opinions[7].round(9), s[7].round(9))
    assert found.residual <= 1e-10


def test_single_precision_is_solved_in_double():
    dense, s = undirected(2), innate(2).astype(np.float32)
    exact = solve(dense, s.astype(np.float64)).opinions
    np.testing.assert_allclose(solve(dense, s).opinions, exact, atol=1e-9)


def test_without_will_there_is_no_single_equilibrium():
    with pytest.raises(InputError, match="30 users of susceptibility 1 are reached by no innate opinion"):
        solve(undirected(1), innate(1), susceptibility=1.0)


def test_a_single_will_reaches_all_who_follow_it_however_far():
    chain, s = np.eye(30, k=-1), innate(3)
    pull = np.ones(30)
    pull[0] = 0
    found = solve(chain, s, People(30, columns={"p": pull}), susceptibility="p")
    np.testing.assert_allclose(found.opinions, np.tile(s[0], (30, 1)), atol=1e-8)


@pytest.mark.parametrize("dense", [undirected(1), directed(1)], ids=["symmetric", "directed"])
def test_too_few_iterations_are_an_error(dense):
    with pytest.raises(ConvergenceError, match="allow more than 2 iterations"):
        solve(dense, innate(1), solver=Solver(iterations=2))


def test_no_opinion_is_its_own_equilibrium():
    found = solve(undirected(1), np.zeros((30, 1)))
    np.testing.assert_array_equal(found.opinions, 0)
