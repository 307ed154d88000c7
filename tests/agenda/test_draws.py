import numpy as np

from hemicycle.agenda.draws import draws


def test_draws_depend_on_their_number_alone():
    whole = draws(7, 3, 10)
    assert whole.shape == (10, 7)
    assert (whole.sum(1) == 7).all()
    np.testing.assert_array_equal(np.concatenate([draws(7, 3, 4), draws(7, 3, 6, first=4)]), whole)
    assert not np.array_equal(draws(7, 4, 10), whole)
    assert draws(7, 3, 0).shape == (0, 7)


def test_every_cluster_is_drawn_as_often():
    assert np.abs(draws(5, 0, 4000).mean(0) - 1).max() < 0.06
