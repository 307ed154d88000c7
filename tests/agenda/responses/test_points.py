import numpy as np
import pytest
from scipy.special import expit, logit

from hemicycle.agenda.responses.impulse import permanent, responses_to_deviation
from hemicycle.agenda.responses.points import Translation, published
from hemicycle.core.seeding import rng

MEANS = np.array([0.01, 0.03, 0.2])


def deviations(seed=0):
    coefficients = rng("points", seed).normal(size=(2, 3, 3)) * 0.15
    return responses_to_deviation(coefficients, np.diag([0.5, 1.0, 2.0]), 6, "orthogonalised")


def test_the_impulse_group_rises_by_the_points_asked_for():
    found = Translation(MEANS, 10.0).translated(deviations())
    np.testing.assert_allclose(np.diag(found["one-time", "points"][0]), 10)
    np.testing.assert_allclose(np.diagonal(found["permanent", "points"], axis1=1, axis2=2), 10)


def test_responses_start_from_the_responding_groups_mean():
    found = Translation(MEANS, 5.0).translated(deviations())
    moved = found["one-time", "logit"][3, 2, 0]
    wanted = 100 * (expit(logit(0.2) + moved) - 0.2)
    assert found["one-time", "points"][3, 2, 0] == pytest.approx(wanted)
    size = logit(0.06) - logit(0.01)
    assert moved == pytest.approx(size * deviations()[3, 2, 0] / deviations()[0, 0, 0])


def test_cumulative_points_are_summed_from_day_zero():
    found = Translation(MEANS).translated(deviations())
    np.testing.assert_allclose(found["one-time cumulative", "points"], found["one-time", "points"].cumsum(0))


def test_no_response_is_no_point():
    still = np.zeros((4, 3, 3))
    still[0] = np.eye(3)
    found = Translation(MEANS).translated(still)["one-time", "points"]
    np.testing.assert_allclose(found[1:], 0, atol=1e-12)


def test_shares_need_no_translation():
    found = Translation(MEANS, 10.0, logits=False).translated(deviations())
    np.testing.assert_allclose(found["one-time", "points"], 100 * found["one-time", "share"])
    np.testing.assert_allclose(np.diag(found["one-time", "share"][0]), 0.1)


def test_repeated_shocks():
    found = Translation(MEANS, lasting="repeated").translated(deviations())
    np.testing.assert_allclose(found["permanent", "logit"], found["one-time", "logit"].cumsum(0))


def literal_published(effect, own, points):
    """The published loop: rows are days on which a new shock comes, columns the days it is felt."""
    days = len(effect)
    of_own, of_other = np.zeros((days, days)), np.zeros((days, days))
    of_own[0], of_other[0] = own, effect
    for day in range(1, days):
        shock = 1 - of_own[:, day - 1].sum()
        of_own[day, day:] = own[: days - day] * shock
        of_other[day, day:] = effect[: days - day] * shock
    return points * of_other.sum(0)


def test_the_published_translation_is_their_loop():
    found = published(deviations(), 10.0)
    effect = expit(deviations().cumsum(0)) - 0.5
    np.testing.assert_allclose(found["one-time", "points"][1:], 10 * effect[1:])
    for response, impulse in ((0, 1), (2, 0), (1, 1)):
        wanted = literal_published(effect[1:, response, impulse], effect[1:, impulse, impulse], 10.0)
        np.testing.assert_allclose(found["permanent", "points"][1:, response, impulse], wanted)
    assert not found["permanent", "points"][0].any()


def test_the_published_rule_keeps_logits_as_they_are():
    one, other = (Translation(MEANS, rule=rule).translated(deviations()) for rule in ("mean", "published"))
    np.testing.assert_array_equal(one["permanent", "logit"], other["permanent", "logit"])
    assert ("one-time cumulative", "points") not in other


def test_replications_are_translated_like_one():
    stack = np.array([deviations(0), deviations(1)])
    for rule in ("mean", "published"):
        translation = Translation(MEANS, rule=rule)
        for shock, values in translation.translated(stack).items():
            np.testing.assert_allclose(values[1], translation.translated(stack[1])[shock])


def test_permanent_effects_exceed_one_time_effects_of_a_persistent_group():
    coefficients = np.array([[[0.5, 0.0], [0.3, 0.3]]])
    unit = responses_to_deviation(coefficients, np.eye(2), 10, "orthogonalised")
    assert permanent(unit)[10, 1, 0] > unit[10, 1, 0]
