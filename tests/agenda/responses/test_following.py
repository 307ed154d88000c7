import numpy as np

from hemicycle.agenda.responses.following import following, following_shares, paired
from hemicycle.core.seeding import rng

GROUPS = ("left", "right", "press")


def test_both_ways_of_a_replication_are_subtracted_from_each_other():
    """A factor that moves all effects of a replication leaves no trace in the difference of equal effects."""
    value = np.array([[0.0, 2.0, 1.0], [2.0, 0.0, 3.0], [0.5, 3.0, 0.0]])
    drawn = value * rng("following").uniform(0.5, 1.5, size=(50, 1, 1))
    found = paired(value, drawn, 0.9)
    assert found.low[0, 1] == found.high[0, 1] == 0
    assert found.low[0, 2] < 0.5 < found.high[0, 2]
    np.testing.assert_allclose(found.low, -found.high.T)


def test_who_stands_where():
    effects = np.zeros((4, 3, 3))
    effects[3, 0, 2], effects[3, 2, 0] = 5.0, 1.0  # the left responds to the press by 5, the press to the left by 1
    estimates = {("permanent", "points"): effects, ("permanent", "logit"): effects}
    spread = {shock: values[None] for shock, values in estimates.items()}
    table = following(estimates, spread, GROUPS, 0.95)
    assert len(table) == 6
    row = table[(table["a"] == "left") & (table["b"] == "press")].iloc[0]
    assert (row["b_on_a"], row["a_on_b"], row["difference"], row["day"]) == (5, 1, 4, 3)
    assert row["shock"] == "permanent"


def test_shares_are_compared_alike():
    shares = rng("shares").uniform(size=(3, 3, 3))
    table = following_shares(shares, shares[None], GROUPS, 0.95)
    assert list(table) == ["a", "b", "b_in_a", "a_in_b", "difference", "ci_low", "ci_high", "day"]
    row = table[(table["a"] == "right") & (table["b"] == "press")].iloc[0]
    assert row["b_in_a"] == shares[2, 1, 2]
    assert row["difference"] == shares[2, 1, 2] - shares[2, 2, 1]
    assert len(table) == 6
