"""Items stand where their audiences stand; small audiences are drawn in, tiny ones are not shown."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.attitudes.audiences import AudienceOptions, audience_positions
from hemicycle.core.disclosure import K
from hemicycle.core.errors import InputError

RAW = AudienceOptions(shrink=False, least=1)


def reference(matrix, positions, user_of_item):
    """Weighted mean and standard deviation of one item's audience, person by person."""
    pairs = [(w, x) for w, x in zip(matrix[:, user_of_item], positions, strict=True) if w > 0 and np.isfinite(x)]
    total = sum(w for w, _ in pairs)
    mean = sum(w * x for w, x in pairs) / total
    effective = total**2 / sum(w * w for w, _ in pairs)
    variance = sum(w * (x - mean) ** 2 for w, x in pairs) / total
    sd = np.sqrt(variance / (1 - 1 / effective)) if effective > 1 + 1e-9 else np.nan
    return len(pairs), mean, sd


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(3, 15), st.integers(1, 6))
def test_means_person_by_person(seed, n, m):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 4, (n, m)) * (rng.random((n, m)) < 0.6)
    matrix[0] = 1
    positions = rng.normal(3, 1, n)
    positions[1] = np.nan
    found = audience_positions(sp.csr_array(matrix.astype(float)), positions, public=True, options=RAW)
    for j in range(m):
        count, mean, sd = reference(matrix, positions, j)
        assert found.n[j] == count
        assert found.means[j, 0] == pytest.approx(mean)
        assert found.values[j, 0] == pytest.approx(mean)
        assert found.dispersion[j, 0] == pytest.approx(sd, nan_ok=True, abs=1e-6)


def society(seed, n=4000, m=300, between=0.5):
    """Users of two dimensions, and items whose audiences of 3 to 300 people stand around their own position."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, between, (m, 2))
    sizes = np.exp(rng.uniform(np.log(3), np.log(300), m)).astype(int)
    users = np.concatenate([np.full(size, j) for j, size in enumerate(sizes)])
    points = truth[users] + rng.standard_normal((len(users), 2))
    matrix = sp.csr_array((np.ones(len(users)), (np.arange(len(users)), users)), shape=(len(users), m))
    return truth, sizes, matrix, points


def test_shrinkage_is_nearer_the_truth_and_intervals_cover():
    truth, sizes, matrix, points = society(0)
    drawn = audience_positions(matrix, points, public=True)
    plain = audience_positions(matrix, points, public=True, options=AudienceOptions(shrink=False))
    errors = [np.square(found.values - truth).mean() for found in (drawn, plain)]
    assert errors[0] < 0.75 * errors[1]
    for found in (drawn, plain):
        assert 0.92 < ((found.low <= truth) & (truth <= found.high)).mean() < 0.975
    order = np.argsort(sizes)
    assert (np.diff(drawn.shrinkage[order, 0]) <= 1e-12).all()
    assert (plain.shrinkage == 0).all()
    np.testing.assert_allclose(np.nanmedian(drawn.dispersion), 1, atol=0.1)


def test_items_that_are_all_alike_become_one():
    _, _, matrix, points = society(1, between=0.0)
    found = audience_positions(matrix, points, public=True)
    assert found.values.std(0).max() < 0.25 * found.means.std(0).min()


def test_small_audiences_of_private_people_are_hidden():
    _, sizes, matrix, points = society(2)
    found = audience_positions(matrix, points)
    np.testing.assert_array_equal(found.shown, sizes >= K)
    for column in (found.values, found.low, found.high, found.means, found.dispersion, found.shrinkage):
        assert np.isnan(column[~found.shown]).all()
        assert np.isfinite(column[found.shown]).all()
    assert (found.n[~found.shown] == -1).all()
    assert (found.n[found.shown] >= K).all()
    assert audience_positions(matrix, points, public=True).shown.all()


def test_unknown_people_do_not_make_an_audience_large():
    matrix = sp.csr_array(np.ones((K + 5, 2)))
    positions = np.linspace(-1, 1, K + 5)
    assert audience_positions(matrix, positions).n.tolist() == [K + 5] * 2
    positions[:6] = np.nan
    with pytest.raises(InputError, match=f"none of 2 audiences has {K} people"):
        audience_positions(matrix, positions)


def test_one_person_does_not_hide_behind_ten():
    weights = np.ones((K + 2, 2))
    weights[0, 0] = 1e6
    found = audience_positions(sp.csr_array(weights), np.linspace(0, 1, K + 2))
    assert found.shown.tolist() == [False, True]
    once = audience_positions(sp.csr_array(weights), np.linspace(0, 1, K + 2), options=AudienceOptions(weighted=False))
    assert once.shown.all()


def test_order_of_users_does_not_matter():
    _, _, matrix, points = society(3)
    order = np.random.default_rng(0).permutation(len(points))
    one, two = audience_positions(matrix, points), audience_positions(matrix[order], points[order])
    np.testing.assert_allclose(one.values, two.values)


GOOD = sp.csr_array(np.ones((20, 3)))


@pytest.mark.parametrize(
    ("matrix", "positions", "message"),
    [
        (GOOD, np.zeros(19), "positions of shape"),
        (GOOD, np.zeros((20, 1, 1)), "positions of shape"),
        (GOOD, np.full(20, np.nan), "no user's position is known"),
        (GOOD * np.nan, np.zeros(20), "NaN, infinite or negative"),
        (-GOOD, np.zeros(20), "negative"),
    ],
)
def test_bad_input(matrix, positions, message):
    with pytest.raises(InputError, match=message):
        audience_positions(matrix, positions)
