"""What every opinion model must hold: derive a test class, set ``config``, and what its model is like.

class TestMine(OpinionContract):
    config = Mine.Config()

    def reference(self, opinions, innate, sources, key):  # the paper's equations, in plain loops
        ...
"""

from dataclasses import replace
from functools import cache

import numba
import numpy as np
import pytest

from hemicycle.core import loops
from hemicycle.opinions.base import OpinionConfig, People, Sources
from hemicycle.opinions.catalogue import OPINION

ISOLATED, ZEALOT = 4, 9


def sources_of(dense, positions=None):
    """Sources of a dense weight matrix, users x sources."""
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    weights = dense[rows, columns].astype(np.float32)
    positions = np.zeros((dense.shape[1], 1)) if positions is None else positions
    return Sources(indptr.astype(np.int64), columns.astype(np.int32), weights, positions)


@cache
def many_sources(n=100):
    """Sources for several threads where an entry is much work; made once."""
    rng = np.random.default_rng(1)
    return sources_of((rng.random((n, n)) < 0.5) * rng.random((n, n)))


def on_threads(count, compute):
    """What ``compute`` returns on this number of numba's threads."""
    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        return compute()
    finally:
        numba.set_num_threads(before)


class OpinionContract:
    """Properties of an opinion model; a class says which of them its model does not have, and why."""

    config: OpinionConfig
    dims = (1, 2, 8)
    """Numbers of dimensions that the model takes."""
    equivariant = True
    """The order of users does not matter: neither updates one after the other nor draws for each user."""
    consensus_stays = True
    """Users who agree, and hold what they innately hold, move nowhere, to the last bit."""
    keeps_hull = True
    """Opinions stay between the least and the greatest innate one of each dimension."""
    isolated_stay = True
    """A user whom nobody sees and who sees nobody moves nowhere."""
    moves = True
    """Something happens within eight steps."""
    precision = 1e-5
    """How close float32 and float64 are after a step; None where a rounding may turn a decision."""
    reference = None
    """Method (opinions, innate, sources, key) -> opinions after one step of the bound model, by plain loops."""
    tolerance = 1e-12
    """How close the reference is, in float64."""

    def start(self, rng, n, dims):
        """Draw innate opinions; override where not every number is an opinion."""
        return rng.uniform(-1, 1, (n, dims))

    def agreed(self, n, dims):
        """Return a consensus; override where not every number is an opinion."""
        return np.full((n, dims), 0.3)

    def people(self, n):
        """Return what is known of the users: columns ``unit`` in (0, 1) and ``small`` in (0, .3), two groups."""
        unit = np.linspace(0.05, 0.95, n)
        columns = {"unit": unit[::-1], "small": unit * 0.3}
        return People(n, key=5, groups=np.array(["left", "right"])[np.arange(n) % 2], columns=columns)

    # -- what the tests share --

    @pytest.fixture(params=[1, 2, 8], ids="{} dimensions".format)
    def state(self, request):
        if request.param not in self.dims:
            pytest.skip(f"opinions of {self.dims} dimensions")
        rng = np.random.default_rng(7)
        dense = (rng.random((30, 30)) < 0.2) * rng.integers(1, 4, (30, 30))
        np.fill_diagonal(dense, 0)
        dense[ISOLATED] = dense[:, ISOLATED] = 0
        innate = self.start(rng, 30, request.param).astype(np.float32).astype(np.float64)
        return innate, sources_of(dense, innate), dense

    def model(self, people=None):
        return OPINION.build(self.config).bound(self.people(30) if people is None else people)

    def step(self, opinions, innate, sources, key=1, people=None):
        return self.model(people).step(opinions, innate, sources.at(opinions), key)

    def walk(self, innate, sources, steps=8, people=None):
        opinions, model = innate, self.model(people)
        for key in range(steps):
            opinions = model.step(opinions, innate, sources.at(opinions), key)
        return opinions

    # -- the tests: zealots stay because the model's step ends with ``return self.held(opinions, after)`` --

    def test_config_round_trip(self):
        assert OPINION.validate(self.config.model_dump()) == self.config
        assert OPINION.validate(self.config.model_dump(mode="json")) == self.config

    def test_good_opinions_are_no_problem(self, state):
        innate, _, _ = state
        assert OPINION.build(self.config).problems(width=2.0) == []
        assert self.model().start_problems(innate, (-1.0, 1.0)) == []

    def test_keeps_shape_and_type(self, state):
        innate, sources, _ = state
        for kind in (np.float32, np.float64):
            after = self.step(innate.astype(kind), innate.astype(kind), sources)
            assert (after.shape, after.dtype) == (innate.shape, kind)

    def test_same_key_same_result_and_arguments_unchanged(self, state):
        innate, sources, _ = state
        opinions, before, seen = innate[::-1].copy(), innate.copy(), sources.weights.copy()
        first, second = self.step(opinions, innate, sources), self.step(opinions, innate, sources)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(opinions, before[::-1])
        np.testing.assert_array_equal(innate, before)
        np.testing.assert_array_equal(sources.weights, seen)

    def test_users_may_be_renumbered(self, state):
        if not self.equivariant:
            pytest.skip("the order of users matters")
        innate, sources, dense = state
        order, people = np.random.default_rng(3).permutation(len(innate)), self.people(30)
        columns = {name: column[order] for name, column in people.columns.items()}
        moved = replace(people, columns=columns, groups=people.groups[order])
        renumbered = self.step(innate[order], innate[order], sources_of(dense[np.ix_(order, order)]), people=moved)
        np.testing.assert_allclose(renumbered, self.step(innate, innate, sources)[order], atol=1e-12)

    def test_consensus_is_a_fixed_point(self, state):
        if not self.consensus_stays:
            pytest.skip("not in this model")
        _, sources, _ = state
        for kind in (np.float32, np.float64):
            agreed = self.agreed(30, state[0].shape[1]).astype(kind)
            for seen in (sources, replace(sources, weights=None)):
                np.testing.assert_array_equal(self.walk(agreed, seen), agreed)

    def test_stays_within_the_bounds(self, state):
        innate, sources, _ = state
        after = self.walk(innate, sources)
        lows, highs = (innate.min(axis=0), innate.max(axis=0)) if self.keeps_hull else (-1.0, 1.0)
        assert (after >= lows - 1e-12).all()
        assert (after <= highs + 1e-12).all()

    def test_moves(self, state):
        innate, sources, _ = state
        assert (np.abs(self.walk(innate, sources) - innate).max() > 0.01) is np.bool_(self.moves)

    def test_isolated_users_stay(self, state):
        if not self.isolated_stay:
            pytest.skip("opinions move by themselves")
        innate, sources, _ = state
        np.testing.assert_array_equal(self.walk(innate, sources)[ISOLATED], innate[ISOLATED])

    def test_zealots_stay_and_influence_others(self, state):
        innate, sources, _ = state
        zealots = replace(self.people(30), fixed=np.arange(30) == ZEALOT)
        after = self.walk(innate, sources, people=zealots)
        np.testing.assert_array_equal(after[ZEALOT], innate[ZEALOT])
        assert self.moves == bool(np.abs(after - innate).max() > 0)

    @pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only on this machine")
    def test_does_not_depend_on_the_number_of_threads(self, monkeypatch):
        monkeypatch.setattr(loops, "_WORK_A_PART", 100)
        sources = many_sources()
        innate = self.start(np.random.default_rng(2), sources.n_users, self.dims[-1]).astype(np.float32)
        people = self.people(sources.n_users)
        one, two = (on_threads(n, lambda: self.walk(innate, sources, 2, people)) for n in (1, 2))
        np.testing.assert_array_equal(one, two)

    def test_single_and_double_precision_are_close(self, state):
        if self.precision is None:
            pytest.skip("a rounding may turn a decision")
        innate, sources, _ = state
        single, double = (self.step(innate.astype(kind), innate.astype(kind), sources) for kind in ("f4", "f8"))
        np.testing.assert_allclose(single, double, atol=self.precision)

    @pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "unweighted"])
    def test_equals_the_literal_reference(self, state, weighted):
        if self.reference is None:
            pytest.skip("no reference is given")
        innate, sources, _ = state
        sources = sources if weighted else replace(sources, weights=None)
        opinions = innate[::-1].copy()
        expected = self.reference(opinions, innate, sources.at(opinions), 3)
        np.testing.assert_allclose(self.step(opinions, innate, sources, 3), expected, atol=self.tolerance)
