"""Which texts are anchors, and where their groups stand."""

import numpy as np
import pytest

from hemicycle.attitudes.text_anchors import Anchors, anchors_from_labels, anchors_from_words, without_words
from hemicycle.core.errors import InputError


def test_three_groups_and_poles():
    texts = ["alpha x", "beta x", "gamma x", "alpha beta", "alphabet", ""]
    found = anchors_from_words(texts, {"l": ["alpha"], "c": ["beta"], "r": ["GAMMA"]})
    assert found.rows.tolist() == [0, 1, 2]
    assert found.poles.tolist() == [-1, 0, 1]
    own = anchors_from_words(texts, {"l": ["alpha x"], "r": ["beta"]}, {"r": 7, "l": 2})
    assert dict(zip(own.rows.tolist(), own.poles.tolist(), strict=True)) == {0: 2, 1: 7, 3: 7}
    labelled = anchors_from_labels(["b", None, "a", ""])
    assert (labelled.rows.tolist(), labelled.poles.tolist()) == ([0, 2], [1, -1])


def test_labels_of_authors_hold_for_their_texts():
    found = anchors_from_labels(["left", None, "right"], np.array([2, 0, 1, 0]), {"left": 1, "right": 9})
    assert dict(zip(found.rows.tolist(), found.poles.tolist(), strict=True)) == {0: 9, 1: 1, 3: 1}


def test_anchors_own_words_can_be_left_out():
    found = without_words(["Alpha and alphabet", "beta!", ""], {"l": ["alpha"], "r": ["beta"]})
    assert [text.split() for text in found] == [["and", "alphabet"], ["!"], []]


def test_shuffling_keeps_texts_and_numbers():
    anchors = Anchors(np.arange(50), np.repeat([-1.0, 1.0], 25))
    mixed = anchors.shuffled(np.random.default_rng(0))
    np.testing.assert_array_equal(mixed.rows, anchors.rows)
    assert mixed.poles.sum() == 0
    assert (mixed.poles != anchors.poles).any()


@pytest.mark.parametrize(
    ("words", "poles", "message"),
    [
        ({"left": ["a"]}, None, "1 group of anchors"),
        ({"left": ["a"], "right": [" "]}, None, "right: no words"),
        ({"left": ["a"], "right": ["b"]}, {"left": 1}, "poles for left"),
        ({"left": ["a"], "right": ["b"]}, {"left": 1, "right": 1}, "all the same"),
    ],
)
def test_bad_anchors(words, poles, message):
    with pytest.raises(InputError, match=message):
        anchors_from_words(["a b"], words, poles)
