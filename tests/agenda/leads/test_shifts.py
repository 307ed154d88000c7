import numpy as np
import pytest

from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.agenda.leads.shifts import p_values, starts, surrogates
from hemicycle.core.errors import InputError

TOGETHER = LeadOptions(reach=3)
APART = LeadOptions(reach=3, shifts="apart", surrogates=25)


def echo(shifts):
    """A statistic that tells which shifts it was asked for."""
    return (shifts.astype(float) @ [1, 1000])[:, None, None] * np.ones((1, 2, 2))


def test_together_tries_every_shift_that_no_delay_of_the_data_is_among():
    found = surrogates(echo, (2, 40), TOGETHER, 0)
    assert found.shape == (40 - 3 * 3, 3, 2, 2)
    seen = np.unique(found[:, :, 0, 0] % 1000)
    assert seen.tolist() == list(range(4, 37))  # not 1 to 3, nor -1 to -3
    assert (found[0, :, 0, 0] == [4004, 5005, 6006]).all()


def test_apart_shifts_each_topic_by_itself():
    found = surrogates(echo, (2, 40), APART, 0)
    assert found.shape == (25, 3, 2, 2)
    days = found[:, 0, 0, 0]
    assert len(np.unique(days % 1000 - days // 1000)) > 5
    assert (np.diff(found[:, :, 0, 0], axis=1) == 1001).all()
    np.testing.assert_array_equal(found, surrogates(echo, (2, 40), APART, 0))
    assert not np.array_equal(starts(2, 40, APART, 0), starts(2, 40, APART, 1))


def test_p_value_counts_the_data_among_the_surrogates():
    observed = np.zeros((2, 2, 2))
    observed[:, 0, 1] = [1, 5]
    observed[:, 1, 0] = [0, 2]
    shifted = np.zeros((9, 2, 2, 2))
    shifted[:, 1] = np.arange(9)[:, None, None]  # largest over delays: 0 ... 8
    found = p_values(observed, shifted)
    assert found[0, 1] == pytest.approx((1 + 4) / 10)
    assert found[1, 0] == pytest.approx((1 + 7) / 10)
    assert np.isnan(np.diag(found)).all()


def test_too_few_days():
    with pytest.raises(InputError, match="27 days leave fewer than 19 shifts"):
        starts(2, 27, TOGETHER, 0)
    assert len(starts(2, 28, TOGETHER, 0)) == 19
