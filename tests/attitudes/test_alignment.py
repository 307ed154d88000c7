"""Maps turned, stretched and moved on purpose come back; shuffled names do not fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.stats import ortho_group

from hemicycle.attitudes.alignment import AlignmentOptions, align
from hemicycle.attitudes.landmarks import Landmarks
from hemicycle.core.errors import InputError

QUIET = AlignmentOptions(permutations=0)


def planted(seed, n=20, d=2, k=3, noise=0.0):
    """One true map and k versions of it: turned, mirrored, stretched, moved."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n, d))
    names = [f"party {i}" for i in range(n)]
    maps = {}
    for wave in range(k):
        turn = np.eye(1) * rng.choice([-1, 1]) if d == 1 else ortho_group.rvs(d, random_state=rng)
        points = rng.uniform(0.5, 2) * (truth + noise * rng.normal(size=truth.shape)) @ turn + rng.normal(size=d)
        maps[f"wave {wave}"] = Landmarks(names, points)
    return truth, maps


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 5))
def test_similar_maps_become_one(seed, d, k):
    _, maps = planted(seed, d=d, k=k)
    found = align(maps, np.random.default_rng(0), QUIET)
    assert found.fit == pytest.approx(1, abs=1e-9)
    assert found.residuals["residual"].max() < 1e-4
    assert found.residuals["held_out"].max() < 1e-3
    first = maps["wave 0"]
    np.testing.assert_allclose(found.transforms["wave 0"].apply(first.points), first.points, atol=1e-9)
    np.testing.assert_allclose(found.consensus, first.points, atol=1e-4)


def test_two_maps_agree_with_scipy():
    _, maps = planted(3, k=2, noise=0.3)
    found = align(maps, np.random.default_rng(0), QUIET)
    disparity = procrustes(*(m.points for m in maps.values()))[2]
    assert found.fit == pytest.approx((1 + np.sqrt(1 - disparity)) / 2, abs=1e-6)


def test_turned_by_brute_force():
    _, maps = planted(5, k=2, noise=0.4)
    x, y = (m.points - m.points.mean(0) for m in maps.values())
    found = align(maps, np.random.default_rng(0), AlignmentOptions(scale=False, permutations=0))
    own = 2 * np.square(found.residuals["residual"]).sum()
    angles = np.linspace(0, 2 * np.pi, 7201)
    turns = [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) * s for a in angles for s in ([1, 1], [1, -1])]
    best = min(np.square(x - y @ turn).sum() for turn in turns)
    assert own == pytest.approx(best, rel=1e-5)
    assert own <= best


def test_landmarks_may_be_missing_and_users_follow():
    _, maps = planted(7, n=30, noise=0.02)
    parts = {"wave 0": range(20), "wave 1": range(10, 30), "wave 2": [*range(5), *range(25, 30)]}
    cut = {w: Landmarks([maps[w].names[i] for i in rows], maps[w].points[list(rows)]) for w, rows in parts.items()}
    found = align(cut, np.random.default_rng(0), QUIET)
    everybody = {wave: found.transforms[wave].apply(maps[wave].points) for wave in maps}
    spread = everybody["wave 0"].std()
    assert np.abs(everybody["wave 1"] - everybody["wave 0"]).max() < 0.25 * spread
    assert np.abs(everybody["wave 2"] - everybody["wave 0"]).max() < 0.25 * spread
    assert len(found.names) == 20


def test_chance_is_told_from_agreement():
    _, maps = planted(11, n=15, noise=0.2)
    found = align(maps, np.random.default_rng(0), AlignmentOptions(permutations=49))
    assert found.p_value == 0.02
    assert found.null.max() < found.fit
    rng = np.random.default_rng(1)
    unrelated = {w: Landmarks(m.names, rng.normal(size=m.points.shape)) for w, m in maps.items()}
    chance = align(unrelated, np.random.default_rng(0), AlignmentOptions(permutations=49))
    assert chance.p_value > 0.05
    assert chance.held_out_fit < 0.2 < chance.fit  # three random maps always fit a little; held out they do not


def test_p_values_of_unrelated_maps_are_uniform():
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        maps = {w: Landmarks(list("abcdefghij"), rng.normal(size=(10, 2))) for w in "xy"}
        found.append(align(maps, rng, AlignmentOptions(permutations=19)).p_value)
    assert np.mean(np.array(found) <= 0.1) < 0.25
    assert 0.35 < np.mean(found) < 0.65


def test_weights_and_uncertainty():
    _, maps = planted(2, k=2)
    bent = maps["wave 1"].points.copy()
    bent[0] += 5
    light = np.ones(20)
    light[0] = 1e-6
    weighted = {"a": Landmarks(maps["wave 0"].names, maps["wave 0"].points, light)}
    weighted["b"] = Landmarks(maps["wave 1"].names, bent, light)
    found = align(weighted, np.random.default_rng(0), QUIET)
    table = found.residuals.set_index(["map", "landmark"])["residual"]
    assert table.drop("party 0", level="landmark").max() < 0.01 < table["b", "party 0"]
    transform = found.transforms["b"]
    np.testing.assert_allclose(transform.apply_sds(np.full((1, 2), 0.5)), np.full((1, 2), 0.5 * transform.scale))


def test_mirrors_only_where_allowed():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(12, 2))
    maps = {"a": Landmarks(list("abcdefghijkl"), points), "b": Landmarks(list("abcdefghijkl"), points * [1, -1])}
    assert align(maps, rng, QUIET).fit == pytest.approx(1)
    turned = align(maps, rng, AlignmentOptions(reflect=False, permutations=0))
    assert turned.fit < 0.95
    assert np.linalg.det(turned.transforms["b"].rotation) == pytest.approx(1)


def test_same_key_same_result():
    _, maps = planted(4, noise=0.5)
    one, two = (align(maps, np.random.default_rng(8), AlignmentOptions(permutations=9)) for _ in range(2))
    np.testing.assert_array_equal(one.null, two.null)
    np.testing.assert_array_equal(one.consensus, two.consensus)


NAMES = list("abcd")
POINTS = np.arange(8.0).reshape(4, 2)


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        ({"a": Landmarks(NAMES, POINTS)}, "1 map"),
        ({"a": Landmarks(NAMES, POINTS), "b": Landmarks(list("wxyz"), POINTS)}, "b: shares 0 landmarks with a"),
        ({"a": Landmarks(NAMES, POINTS), "b": Landmarks(list("abyz"), POINTS)}, "shares 2 landmarks"),
        ({"a": Landmarks(NAMES, POINTS), "b": Landmarks(NAMES[:3], POINTS)}, "3 names, points of shape"),
        ({"a": Landmarks(NAMES, POINTS), "b": Landmarks(NAMES, POINTS[:, :1])}, "dimensions"),
        ({"a": Landmarks(NAMES, POINTS), "b": Landmarks(list("aabc"), POINTS)}, "stand twice"),
        ({"a": Landmarks(NAMES, POINTS), "b": Landmarks(NAMES, np.full((4, 2), np.nan))}, "NaN"),
        ({"a": Landmarks(NAMES, POINTS), "b": Landmarks(NAMES, POINTS, np.zeros(4))}, "not positive"),
    ],
)
def test_maps_that_cannot_be_aligned(maps, message):
    with pytest.raises(InputError, match=message):
        align(maps, np.random.default_rng(0))
