"""Simulated attention: keys, pairing, shocks, posts."""

import numpy as np
import pytest

from hemicycle.agenda.simulated.generators import course, usual_share
from hemicycle.agenda.simulated.influence import AgendaSimulation, Influence, News, Shock
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.errors import InputError

SMALL = AgendaSimulation(topics=5, days=40, burn_in=10, posts=0)
EDGE = Influence(leader="media", follower="public", strength=0.3)


@pytest.mark.parametrize("model", ["capacity", "panel var", "hawkes"])
def test_same_seed_same_attention(model):
    options = SMALL.replace(model=model, posts=50)
    one, two, other = (simulate_agenda(options, seed).shares for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
    assert one.shape == (5, 40, 3)
    assert ((one >= 0) & (one <= 1)).all()


@pytest.mark.parametrize("posts", [0, 37])
def test_shares_of_limited_capacity_sum_to_one(posts):
    found = simulate_agenda(SMALL.replace(posts=posts), 3)
    np.testing.assert_allclose(found.shares.sum(axis=0), 1, atol=1e-12)
    assert found.unit == (1 / 37 if posts else 0)


def test_no_exposure_and_none_at_all_are_the_same_to_the_last_bit():
    options = SMALL.replace(posts=100)
    without = simulate_agenda(options, 4)
    np.testing.assert_array_equal(simulate_agenda(options, 4, np.zeros((40, 3, 5))).shares, without.shares)


def test_noise_is_paired():
    longer = course(SMALL.replace(days=60), 5).x
    np.testing.assert_array_equal(longer[:40], course(SMALL, 5).x)
    more = course(SMALL.replace(groups=("x", *SMALL.groups)), 5).x
    np.testing.assert_array_equal(more[:, 1:], course(SMALL, 5).x)
    led = course(SMALL.with_influence(EDGE), 5).x
    np.testing.assert_array_equal(led[:, :2], course(SMALL, 5).x[:, :2])
    assert (led[:, 2] != course(SMALL, 5).x[:, 2]).any()


def test_topics_can_be_renamed():
    names, order = ("a", "b", "c"), [2, 0, 1]
    one = course(SMALL.replace(topics=names), 6).shares
    two = course(SMALL.replace(topics=tuple(names[k] for k in order)), 6).shares
    np.testing.assert_allclose(two, one[:, :, order], rtol=1e-9)


def test_shocks_raise_a_topic_and_fade():
    quiet = SMALL.replace(noise=0.0)
    shocked = quiet.replace(shocks=(Shock(topic="topic-2", day=10, size=1.0, days=2, groups=("media",)),))
    change = course(shocked, 7).shares - course(quiet, 7).shares
    assert not change[:10].any()
    assert not change[:, 1:].any()
    assert (change[10:15, 0, 2] > 0).all()
    assert change[11, 0, 2] > change[10, 0, 2] > change[14, 0, 2]


def test_news_move_all_groups_alike():
    options = SMALL.replace(noise=0.0, taste=0.0, news=News(rate=0.1, size=1.0, half_life=2.0))
    x = course(options, 8).x
    np.testing.assert_allclose(x[:, 0], x[:, 1], atol=1e-12)
    assert x.std(axis=0).max() > 0.1


def test_shared_noise_correlates_groups():
    options = AgendaSimulation(model="panel var", topics=10, days=800, inertia=0.0, shared=0.6, posts=0)
    x = course(options, 9).x
    x = x - x.mean(axis=0)
    assert np.corrcoef(x[:, 0].ravel(), x[:, 1].ravel())[0, 1] == pytest.approx(0.6, abs=0.03)


def test_posts_give_zeros_and_rounding_units():
    options = SMALL.replace(posts=20, unit=0.01, topics=15, spread=2.0)
    found = simulate_agenda(options, 10)
    assert (found.shares == 0).mean() > 0.1
    np.testing.assert_allclose(found.shares, np.round(found.shares, 2), atol=1e-12)
    assert found.unit == 0.05


def test_usual_shares():
    assert usual_share(SMALL) == 0.2
    assert usual_share(SMALL.replace(share=0.01)) == 0.01
    assert usual_share(SMALL.replace(model="panel var", topics=1)) == 0.5


def test_exposures_that_do_not_fit():
    with pytest.raises(InputError, match=r"days x groups x topics are \(40, 3, 5\)"):
        simulate_agenda(SMALL, 1, np.zeros((40, 3, 4)))
    with pytest.raises(InputError, match="not finite"):
        simulate_agenda(SMALL, 1, np.full((40, 3, 5), np.nan))
    with pytest.raises(InputError, match="not mediated"):
        simulate_agenda(SMALL.replace(model="hawkes", posts=9), 1, np.zeros((40, 3, 5)))
