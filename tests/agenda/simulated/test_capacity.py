"""Attention of limited capacity: the kernel against plain Python, and what softmax must hold."""

import numpy as np
import pytest
from agenda import reference_capacity as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.agenda.simulated.capacity import LOG_SHARE, PANEL, SHARE, Dynamics, advance, centred, shares
from hemicycle.core.seeding import rng


def dynamics(seed, kind, groups=3, topics=4, lags=2):
    draws = rng("capacity test", seed)
    influence = 0.2 * draws.normal(size=(lags, groups, groups))
    base = centred(draws.normal(size=(groups, topics)))
    return Dynamics(base, draws.uniform(0, 0.6, groups), influence, kind)


@pytest.mark.parametrize("kind", [PANEL, LOG_SHARE, SHARE])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_kernel_equals_plain_python(kind, seed):
    moves = dynamics(seed, kind)
    force = 0.3 * rng("force", seed).normal(size=(12, 3, 4))
    before = moves.rest() + 0.1
    found = advance(moves, before, force)
    np.testing.assert_allclose(found, reference.advance(moves, before, force), rtol=1e-10, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_shares_sum_to_one_and_topics_can_be_renamed(seed):
    moves, order = dynamics(seed, LOG_SHARE), rng("order", seed).permutation(4)
    force = rng("force", seed).normal(size=(20, 3, 4))
    p = shares(advance(moves, moves.rest(), force))
    np.testing.assert_allclose(p.sum(axis=-1), 1, atol=1e-12)
    renamed = Dynamics(moves.base[:, order], moves.inertia, moves.influence)
    q = shares(advance(renamed, renamed.rest(), force[:, :, order]))
    np.testing.assert_allclose(q, p[:, :, order], rtol=1e-9)


def test_groups_can_be_renamed():
    moves, order = dynamics(1, SHARE), np.array([2, 0, 1])
    force = rng("force").normal(size=(20, 3, 4))
    turned = Dynamics(moves.base[order], moves.inertia[order], moves.influence[:, order][:, :, order], SHARE)
    found = advance(turned, turned.rest(), force[:, order])
    np.testing.assert_allclose(found, advance(moves, moves.rest(), force)[:, order], rtol=1e-9)


def test_at_rest_nothing_moves_and_blocks_join():
    moves = dynamics(2, LOG_SHARE)
    nothing = advance(moves, moves.rest(), np.zeros((5, 3, 4)))
    np.testing.assert_allclose(nothing, np.repeat(moves.base[None], 5, 0), atol=1e-12)
    force = rng("force").normal(size=(10, 3, 4))
    whole = advance(moves, moves.rest(), force)
    head = advance(moves, moves.rest(), force[:6])
    np.testing.assert_array_equal(advance(moves, head[-2:], force[6:]), whole[6:])


def test_one_topic_rises_only_as_others_fall():
    moves = dynamics(3, LOG_SHARE)
    push = np.zeros((1, 3, 4))
    push[0, :, 0] = 1.0
    change = shares(advance(moves, moves.rest(), push))[0] - shares(moves.base)
    assert (change[:, 0] > 0).all()
    assert (change[:, 1:] < 0).all()


def test_signals_agree_for_small_deviations():
    log, share = dynamics(4, LOG_SHARE), dynamics(4, SHARE)
    before, force = log.rest(), np.zeros((3, 3, 4))
    before[-1] = centred(before[-1] + 1e-4 * rng("small").normal(size=(3, 4)))
    a, b = (advance(moves, before, force) - moves.base for moves in (log, share))
    np.testing.assert_allclose(a, b, atol=2e-7)
    assert np.abs(a).max() > 1e-5


def test_forces_without_end_stay_finite():
    moves = dynamics(5, SHARE)
    assert np.isfinite(advance(moves, moves.rest(), np.full((200, 3, 4), 1e6))).all()
