"""Mediated agendas: arms, pairing, what is refused."""

import numpy as np
import pytest
from agenda.news_society import AGENDA, DAYS, feed, mediator

from hemicycle.agenda.simulated.arms import arm_scores
from hemicycle.agenda.simulated.closed_loop import LoopOptions
from hemicycle.agenda.simulated.mediated import MediationOptions, mediated_agenda
from hemicycle.agenda.simulated.newsfeed import ListOptions
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.errors import InputError
from hemicycle.exposure.retraining import RetrainConfig

LISTS = ListOptions(k=3, users=40)
LOOP = LoopOptions(every=30, retrain=RetrainConfig(epochs=1))
ARMS = ("none", "random", "popularity", "model", "untrained", "permuted")


def arms(**changes):
    return mediated_agenda(AGENDA, feed(), mediator(), MediationOptions(lists=LISTS, **changes), 1)


@pytest.mark.parametrize("loop", [None, LOOP])
def test_weight_0_is_no_mediation_to_the_last_bit(loop):
    found = arms(weight=0.0, loop=loop)
    assert tuple(found) == ARMS
    for arm in found.values():
        np.testing.assert_array_equal(arm.attention.shares, found["none"].attention.shares)
    assert found["model"].shown.any()
    assert not found["none"].shown.any()


def test_none_is_the_agenda_without_a_recommender():
    plain = simulate_agenda(AGENDA.replace(topics=feed().topics), 1)
    np.testing.assert_array_equal(arms(arms=("none",))["none"].attention.shares, plain.shares)


def test_groups_follow_what_they_are_shown():
    found = arms(weight=4.0)
    gain = found["model"].attention.shares - found["none"].attention.shares
    shown = found["model"].shown.transpose(2, 0, 1)
    assert not gain[:, :, 0].any()  # the media are shown nothing
    for group in (1, 2):
        assert np.corrcoef(gain[:, :, group].ravel(), shown[:, :, group].ravel())[0, 1] > 0.6


def test_trained_lists_differ_from_controls():
    spread = {arm: made.shown[:, 1:].std() for arm, made in arms().items()}
    assert spread["model"] > 2 * spread["random"]
    assert spread["untrained"] < 1.5 * spread["random"]
    same = arms(arms=("popularity",))["popularity"].shown
    np.testing.assert_array_equal(same[:, 1], same[:, 2])  # one list for everybody


def test_weights_of_groups():
    found = arms(weight={"left": 3.0})
    np.testing.assert_array_equal(found["model"].attention.shares[:, :, 2], found["none"].attention.shares[:, :, 2])
    assert (found["model"].attention.shares[:, :, 1] != found["none"].attention.shares[:, :, 1]).any()


def test_closed_forms_are_never_untrained():
    assert arm_scores("untrained", mediator(closed_form=True), 0) is None
    for loop in (None, LOOP):
        options = MediationOptions(lists=LISTS, arms=("none", "untrained", "model"), loop=loop)
        assert tuple(mediated_agenda(AGENDA, feed(), mediator(closed_form=True), options, 1)) == ("none", "model")


def test_a_model_that_learns_shows_other_things():
    three = ("none", "popularity", "model")
    still, learns, again = (arms(weight=2.0, arms=three, loop=loop) for loop in (None, LOOP, LOOP))
    np.testing.assert_array_equal(learns["none"].attention.shares, still["none"].attention.shares)
    assert (learns["model"].shown[30:] != still["model"].shown[30:]).any()
    np.testing.assert_array_equal(learns["model"].shown, again["model"].shown)
    np.testing.assert_array_equal(learns["model"].attention.shares, again["model"].attention.shares)
    assert learns["popularity"].shown.any()


@pytest.mark.parametrize(
    ("agenda", "said"),
    [
        ({"model": "panel var"}, "choose capacity"),
        ({"topics": ("a", "b")}, "topics of the agenda are not those of the news"),
        ({"groups": ("media", "left")}, "no group 'right'"),
        ({"days": DAYS + 1}, "recycle: true"),
    ],
)
def test_agendas_that_do_not_fit(agenda, said):
    with pytest.raises(InputError, match=said):
        mediated_agenda(AGENDA.replace(influence=(), **agenda), feed(), mediator(), MediationOptions(), 1)


def test_mediators_and_weights_that_do_not_fit():
    with pytest.raises(InputError, match="no mediated group 'media'"):
        arms(weight={"media": 1.0})
    other = feed().__class__(
        feed().topics, feed().item_topic[:5], feed().item_day[:5], feed().groups, feed().user_group
    )
    with pytest.raises(InputError, match="120 users and 900 items for a feed of"):
        mediated_agenda(AGENDA, other, mediator(), MediationOptions(), 1)
