"""What every opinion model must hold: derive a test class, set ``config``, and nothing else.

class TestMine(OpinionContract):
    config = Mine.Config()
"""

import numpy as np
import pytest

from hemicycle.opinions.base import OpinionConfig, Sources
from hemicycle.opinions.catalogue import OPINION


def sources_of(dense, positions=None):
    """Sources of a dense weight matrix, users x sources."""
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    weights = dense[rows, columns].astype(np.float32)
    positions = np.zeros((dense.shape[1], 1)) if positions is None else positions
    return Sources(indptr.astype(np.int64), columns.astype(np.int32), weights, positions)


class OpinionContract:
    """Properties of every synchronous opinion model whose opinions are drawn to others and to innate ones."""

    config: OpinionConfig

    @pytest.fixture(params=[1, 3], ids=["1 dimension", "3 dimensions"])
    def state(self, request):
        rng = np.random.default_rng(7)
        dense = (rng.random((30, 30)) < 0.2) * rng.integers(1, 4, (30, 30))
        np.fill_diagonal(dense, 0)
        dense[4] = 0
        innate = rng.uniform(-1, 1, (30, request.param))
        return innate, sources_of(dense, innate), dense

    def step(self, opinions, innate, sources, key=1):
        return OPINION.build(self.config).step(opinions, innate, sources.at(opinions), key)

    def walk(self, innate, sources, steps=8):
        opinions = innate
        for key in range(steps):
            opinions = self.step(opinions, innate, sources, key)
        return opinions

    def test_config_round_trip(self):
        assert OPINION.validate(self.config.model_dump()) == self.config

    def test_keeps_shape_and_type(self, state):
        innate, sources, _ = state
        for kind in (np.float32, np.float64):
            after = self.step(innate.astype(kind), innate.astype(kind), sources)
            assert (after.shape, after.dtype) == (innate.shape, kind)

    def test_same_key_same_result_and_arguments_unchanged(self, state):
        innate, sources, _ = state
        opinions, before = innate[::-1].copy(), innate[::-1].copy()
        first, second = self.step(opinions, innate, sources), self.step(opinions, innate, sources)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(opinions, before)

    def test_users_may_be_renumbered(self, state):
        innate, sources, dense = state
        order = np.random.default_rng(3).permutation(len(innate))
        renumbered = self.step(innate[order], innate[order], sources_of(dense[np.ix_(order, order)]))
        np.testing.assert_allclose(renumbered, self.step(innate, innate, sources)[order], atol=1e-12)

    def test_consensus_is_a_fixed_point(self, state):
        innate, sources, _ = state
        agreed = np.full_like(innate, 0.3)
        np.testing.assert_array_equal(self.walk(agreed, sources), agreed)

    def test_stays_within_the_bounds_of_the_innate_opinions(self, state):
        innate, sources, _ = state
        after = self.walk(innate, sources)
        assert (after >= innate.min(axis=0) - 1e-12).all()
        assert (after <= innate.max(axis=0) + 1e-12).all()

    def test_moves_and_leaves_isolated_users_alone(self, state):
        innate, sources, _ = state
        after = self.walk(innate, sources)
        np.testing.assert_array_equal(after[4], innate[4])
        assert np.abs(after - innate).max() > 0.01
