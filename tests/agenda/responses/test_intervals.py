import numpy as np

from hemicycle.agenda.responses.intervals import interval, long_table, percentiles


def test_percentile_ends():
    drawn = np.arange(101.0)[:, None] * np.ones((1, 3))
    found = interval(np.zeros(3), drawn, 0.9)
    np.testing.assert_allclose(found.low, 5)
    np.testing.assert_allclose(found.high, 95)


def test_no_replication_gives_no_ends():
    found = interval(np.zeros((2, 2, 2)), np.empty((0, 2, 2, 2)), 0.95)
    assert np.isnan(found.low).all()
    assert found.low.shape == (2, 2, 2)


def test_what_is_unknown_is_left_out():
    drawn = np.arange(101.0)[:, None] * np.ones((1, 3))
    drawn[::2, 1] = np.nan
    drawn[:, 2] = np.nan
    low, high = percentiles(drawn, 0.9)
    np.testing.assert_allclose(low, [5, np.quantile(np.arange(1, 101, 2), 0.05), np.nan])
    np.testing.assert_allclose(high, [95, np.quantile(np.arange(1, 101, 2), 0.95), np.nan])


def test_long_tables_name_what_stands_where():
    values = np.arange(8.0).reshape(2, 2, 2)
    table = long_table(interval(values, values[None] - 1, 0.95), ("left", "right"), "share")
    row = table[(table["response"] == "right") & (table["impulse"] == "left") & (table["day"] == 1)]
    assert row["share"].item() == values[1, 1, 0]
    assert row["ci_low"].item() == values[1, 1, 0] - 1
