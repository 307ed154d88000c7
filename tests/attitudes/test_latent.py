import numpy as np
import pytest
import scipy.sparse as sp

from hemicycle.attitudes.correspondence import correspondence
from hemicycle.attitudes.latent import Blocks, latent_space
from hemicycle.core.errors import InputError


@pytest.fixture(scope="module")
def votes():
    """Members on a line vote for what is near: a column for and one against each roll call."""
    random = np.random.default_rng(0)
    place, cut, side = random.normal(size=80), random.normal(size=60), random.choice([-1, 1], 60)
    yes = random.random((80, 60)) < 1 / (1 + np.exp(-2 * side * (place[:, None] - cut)))
    there = random.random((80, 60)) < 0.8
    table = sp.csr_array(np.hstack([yes & there, ~yes & there]).astype(float))
    return table, Blocks.numbered(np.tile(np.arange(60), 2)), place


@pytest.mark.parametrize("method", ["correspondence", "ideal_points"])
def test_both_methods_place_members(votes, method):
    table, blocks, place = votes
    found = latent_space(table, method, 1, blocks)
    assert abs(np.corrcoef(found.rows[:, 0], place)[0, 1]) > 0.9
    assert len(found.index) == len(found.columns)
    assert (found.row_sds is None) == (method == "correspondence")


def test_correspondence_is_the_analysis_itself(votes):
    table, blocks, _ = votes
    assert np.array_equal(
        latent_space(table, "correspondence", 3, blocks).rows, correspondence(table, 3, blocks.of).rows
    )


def test_answers_are_numbered_within_questions(votes):
    _, blocks, _ = votes
    assert np.bincount(blocks.answer).tolist() == [60, 60]
    some = blocks.select(np.array([5, 65, 70]))
    assert some.of.tolist() == [0, 0, 1]
    assert some.answer.tolist() == [0, 1, 1]


def test_three_answers_are_no_votes(votes):
    table, _, _ = votes
    with pytest.raises(InputError, match="3 relations to the same items"):
        latent_space(table, "ideal_points", 1, Blocks.numbered(np.tile(np.arange(40), 3)))
