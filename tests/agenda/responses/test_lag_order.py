import numpy as np
import pytest
from statsmodels.tsa.api import VAR

from hemicycle.agenda.responses.lag_order import chosen_lags, lag_orders
from hemicycle.agenda.responses.panel import panel_of
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng


def second_order(topics, times, groups=2):
    values = rng("lag order", topics).normal(size=(topics, times, groups))
    for t in range(2, times):
        values[:, t] += 0.5 * values[:, t - 2]
    return values


def test_criteria_equal_statsmodels():
    values = second_order(1, 200)
    theirs = VAR(values[0]).select_order(6)
    ours = lag_orders(panel_of(values, 6))
    for name, other in (("aic", "aic"), ("bic", "bic"), ("hq", "hqic")):
        np.testing.assert_allclose(ours[name], theirs.ics[other][1:], atol=1e-10)


def test_all_lags_are_compared_on_the_same_rows():
    values = second_order(3, 60)
    several, alone = lag_orders(panel_of(values, 5)), lag_orders(panel_of(values[:, 4:], 1))
    np.testing.assert_allclose(several.loc[0], alone.loc[0], atol=1e-10)


@pytest.mark.parametrize("criterion", ["aic", "bic", "hq"])
def test_the_planted_order_is_chosen(criterion):
    lags, table = chosen_lags(second_order(6, 200), criterion, 6, stacked=False, fixed_effects=True)
    assert lags == 2
    assert table["lags"][table["chosen"]].tolist() == [2]


def test_a_given_number_is_kept():
    lags, table = chosen_lags(second_order(2, 60), 9, 3, stacked=True, fixed_effects=False)
    assert lags == 9
    assert len(table) == 9


def test_few_days_compare_fewer_lags():
    lags, table = chosen_lags(second_order(1, 20), "aic", 14, stacked=False, fixed_effects=True)
    assert 1 <= lags <= len(table) < 8


def test_too_few_days_for_the_number_asked_for():
    with pytest.raises(InputError, match="7 lags of 2 groups"):
        chosen_lags(second_order(1, 20), 7, 14, stacked=False, fixed_effects=True)
