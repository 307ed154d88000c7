from collections import Counter
from itertools import permutations
from math import log

import numba
import numpy as np
import pytest
from agenda.lead_panels import data, panel

from hemicycle.agenda.leads import granger
from hemicycle.agenda.leads.measures import MEASURES
from hemicycle.agenda.leads.transfer_entropy import Symbols, entropies, gaussian, ordinal_symbols, quantile_symbols


def literal(triples):
    """Sum of p(b', b, a) ln p(b'|b, a) / p(b'|b) over what was seen."""
    n, joint = len(triples), Counter(triples)
    past, pair, given = (Counter(part) for part in zip(*[((b, a), (x, b), b) for x, b, a in triples], strict=True))
    return sum(m / n * log(m * given[b] / past[b, a] / pair[x, b]) for (x, b, a), m in joint.items())


@pytest.fixture
def symbols():
    found = np.random.default_rng(0).integers(0, 3, (3, 30, 2))
    found[1, 4:7, 0] = -1
    found[2, 9, 1] = -1
    return found


def triples(symbols, lag, circular):
    found = []
    for topic in symbols:
        for day in range(1, len(topic)):
            then = day - lag
            then = then % len(topic) if circular else then
            if then >= 0 and min(topic[day, 1], topic[day - 1, 1], topic[then, 0]) >= 0:
                found.append((topic[day, 1], topic[day - 1, 1], topic[then, 0]))
    return found


@pytest.mark.parametrize("lag", [1, 3])
def test_entropy_of_counts_is_the_definitions(symbols, lag):
    counts = Symbols(symbols, 3).counts((0, 1), lag, np.zeros((3, 30), int))
    assert counts.sum() == len(triples(symbols, lag, circular=False))
    assert entropies(counts)[0] == pytest.approx(literal(triples(symbols, lag, circular=False)), abs=1e-12)


def test_counts_of_clusters_add_up(symbols):
    labels = np.repeat(np.arange(3)[:, None], 30, 1)
    of_topics = Symbols(symbols, 3).counts((0, 1), 2, labels)
    whole = Symbols(symbols, 3).counts((0, 1), 2, np.zeros((3, 30), int))
    np.testing.assert_array_equal(of_topics.sum(0), whole[0])
    assert of_topics[1].sum() == len(triples(symbols[[1]], 2, circular=False))


def test_shifted_leader_goes_round_the_circle(symbols):
    found = Symbols(symbols, 3).shifted(np.array([[4, 4, 4], [31, 1, 1], [5, 9, 9]]))
    assert found[0, 0, 1] == pytest.approx(literal(triples(symbols, 4, circular=True)), abs=1e-12)
    assert found[1, 0, 1] == pytest.approx(literal(triples(symbols, 1, circular=True)), abs=1e-12)
    apart = triples(symbols[[0]], 5, circular=True) + triples(symbols[1:], 9, circular=True)
    assert found[2, 0, 1] == pytest.approx(literal(apart), abs=1e-12)
    assert not found[:, [0, 1], [0, 1]].any()


def test_shifted_does_not_depend_on_threads():
    symbols = Symbols(np.random.default_rng(1).integers(0, 3, (20, 300, 2)), 3)
    shifts = np.repeat(np.arange(300)[:, None], 20, 1)
    found = []
    for threads in (1, 2):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
        found.append(symbols.shifted(shifts))
    np.testing.assert_array_equal(*found)


def test_nothing_counted_is_no_entropy():
    assert entropies(np.zeros((2, 3, 3, 3))).tolist() == [0, 0]


def test_quantile_symbols_by_hand():
    values = np.array([0.0, 0, 0, 0, 1, 2, 3, 4, np.nan])[None, :, None]
    assert quantile_symbols(values, 2)[0, :, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, -1]
    assert quantile_symbols(np.full((1, 3, 1), np.nan), 3).tolist() == [[[-1], [-1], [-1]]]


def test_ordinal_symbols_number_the_permutations():
    values = np.random.default_rng(2).normal(size=(2, 40, 1))
    values[1, 7] = np.nan
    found = ordinal_symbols(values, 3)
    numbers = {order: i for i, order in enumerate(permutations(range(3)))}
    for topic, day in np.ndindex(2, 40):
        window = values[topic, max(day - 2, 0) : day + 1, 0]
        whole = len(window) == 3 and np.isfinite(window).all()
        expected = numbers[tuple(np.argsort(window).tolist())] if whole else -1
        assert found[topic, day, 0] == expected
    assert ordinal_symbols(values[:, :2], 3).tolist() == [[[-1], [-1]]] * 2


def test_gaussian_transfer_entropy_is_half_of_grangers_measure():
    """Against the entropies of the covariance matrix, ln det (2 pi e S) / 2 each, of one topic's rows."""
    values = panel(6, (1, 200, 2), leads=((0, 1),))
    x = np.lib.stride_tricks.sliding_window_view(values[0], 3, axis=0)  # (rows, groups, day)
    present, own, other = x[:, 1, 2:], x[:, 1, :2], x[:, 0, :2]

    def entropy(*parts):
        return np.linalg.slogdet(np.atleast_2d(np.cov(np.hstack(parts), rowvar=False)))[1] / 2

    expected = entropy(present, own) - entropy(own) - entropy(present, own, other) + entropy(own, other)
    products = data(values, clusters="blocks", weights="none").products
    measure = granger.measures(products, np.ones((1, 20)))[0]
    assert gaussian(measure)[0, 1] == pytest.approx(expected, rel=1e-9)


def squared(seed):
    """b follows the size of what a did the day before, whatever its sign: nothing for a correlation to see."""
    random = np.random.default_rng(seed)
    a, noise = random.normal(size=(2, 10, 150))
    b = noise + np.pad(np.abs(a[:, :-1]), ((0, 0), (1, 0)))
    return np.stack([a, b], 2)


@pytest.mark.parametrize("symbols", ["quantiles", "ordinal"])
def test_any_shape_of_dependence_is_seen(symbols):
    series = data(squared(1), symbols=symbols, clusters="topics", replications=100)
    found = MEASURES["transfer entropy"](series)
    if symbols == "quantiles":
        assert found.p_value[0, 1] == found.p_value[~np.eye(2, dtype=bool)].min() < 0.01
        assert found.lag[0, 1] == 1
        assert np.quantile(found.drawn[:, 0, 1], 0.025) > 0
    assert found.p_value[1, 0] > 0.05
    assert MEASURES["cross-correlation"](series).p_value[0, 1] > 0.05


def test_ordinal_patterns_see_a_planted_leader():
    found = MEASURES["transfer entropy"](data(panel(0, strength=0.6), symbols="ordinal", clusters="topics"))
    assert found.p_value[0, 1] < 0.02
    assert found.value[0, 1] > 3 * abs(found.value[1, 0])
