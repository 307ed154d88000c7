import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.exposure.choice import ChoiceConfig, click_probabilities, clicks

N, K = 20_000, 4
PROPOSALS = np.array([2, 0, 3, 1])
POSITIONS = np.array([[0.0], [0.5], [-0.25], [1.0]])
SCORES = np.array([1.0, -0.5, 0.25, 0.0])
SEEN = np.array([0, 2, 1, 0])


def literal(config, proposals, scores, opinion, seen):
    """Chances of one user's clicks, slot by slot."""
    look = [(r + 1) ** -config.position_bias for r in range(len(proposals))]
    pull = [
        config.appeal
        + config.relevance * scores[r]
        - config.distance * abs(opinion - POSITIONS[j, 0])
        - config.satiation * seen[r]
        for r, j in enumerate(proposals)
    ]
    shown = [j >= 0 for j in proposals]
    chance = [1 / (1 + np.exp(-v)) if s else 0.0 for v, s in zip(pull, shown, strict=True)]
    if config.model == "position":
        return [e * a for e, a in zip(look, chance, strict=True)]
    if config.model == "cascade":
        return [look[r] * chance[r] * np.prod([1 - a for a in chance[:r]]) for r in range(len(look))]
    odds = [e * np.exp(v) if s else 0.0 for e, v, s in zip(look, pull, shown, strict=True)]
    return [o / (1 + sum(odds)) for o in odds]


@pytest.mark.parametrize("model", ["position", "cascade", "logit"])
@pytest.mark.parametrize("position_bias", [0.0, 1.0])
def test_clicks_are_as_frequent_as_their_chances(model, position_bias):
    config = ChoiceConfig(
        model=model, appeal=0.3, relevance=0.8, distance=1.5, position_bias=position_bias, satiation=0.4
    )
    proposals = np.tile(PROPOSALS, (N, 1))
    opinions = np.full((N, 1), 0.2)
    arguments = (config, proposals, np.tile(SCORES, (N, 1)), opinions, POSITIONS)
    expected = literal(config, PROPOSALS, SCORES, 0.2, SEEN)
    seen = np.tile(SEEN, (N, 1))
    np.testing.assert_allclose(click_probabilities(*arguments, seen)[0], expected)
    drawn = clicks(*arguments, key=5, seen=seen)
    errors = np.sqrt(np.array(expected) * (1 - np.array(expected)) / N)
    assert (np.abs(drawn.mean(axis=0) - expected) < 4 * errors).all()
    if model != "position":
        assert drawn.sum(axis=1).max() == 1


@pytest.mark.parametrize("model", ["position", "cascade", "logit"])
def test_nothing_is_clicked_in_an_empty_slot(model):
    config = ChoiceConfig(model=model, appeal=9)
    proposals = np.array([[-1, 2, -1], [-1, -1, -1]])
    found = click_probabilities(config, proposals, None, np.zeros((2, 1)), POSITIONS)
    np.testing.assert_allclose(found[0], literal(config, proposals[0], [0] * 3, 0.0, [0] * 3))
    assert (found[1] == 0).all()
    assert not clicks(config, proposals, None, np.zeros((2, 1)), POSITIONS, 1)[proposals < 0].any()


def test_padding_may_have_no_score():
    scores = np.array([[0.5, -np.inf]], np.float32)
    found = click_probabilities(ChoiceConfig(relevance=1), np.array([[1, -1]]), scores, np.zeros((1, 1)), POSITIONS)
    assert np.isfinite(found).all()
    assert found[0, 0] > 0


def test_draws_go_by_user_and_slot_alone():
    config, opinions = ChoiceConfig(), np.zeros((50, 1))
    proposals = np.tile(PROPOSALS, (50, 1))
    whole = clicks(config, proposals, None, opinions, POSITIONS, 3)
    np.testing.assert_array_equal(clicks(config, proposals[:9, :2], None, opinions[:9], POSITIONS, 3), whole[:9, :2])
    assert (whole != clicks(config, proposals, None, opinions, POSITIONS, 4)).any()


def test_distance_is_euclidean():
    found = click_probabilities(
        ChoiceConfig(position_bias=0), np.array([[1]]), None, np.zeros((1, 2)), np.array([[9.0, 9.0], [3.0, 4.0]])
    )
    np.testing.assert_allclose(found, 1 / (1 + np.exp(5.0)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"proposals": np.zeros((2, 3), int)}, "for 1 users"),
        ({"proposals": np.array([[4]])}, "outside"),
        ({"proposals": np.array([[-2]])}, "outside"),
        ({"positions": np.zeros((4, 2))}, "dimensions"),
        ({"config": ChoiceConfig(relevance=1)}, "no scores"),
        ({"scores": np.zeros((1, 2))}, "scores of shape"),
        ({"seen": np.zeros((1, 2))}, "earlier clicks"),
    ],
)
def test_bad_arguments_are_told(change, message):
    fine = {"config": ChoiceConfig(), "proposals": np.array([[1]]), "scores": None, "positions": POSITIONS, "key": 1}
    with pytest.raises(InputError, match=message):
        clicks(**{**fine, "opinions": np.zeros((1, 1)), **change})
