import numpy as np
import pytest
from pydantic import ValidationError

from hemicycle.exposure.base import Scene
from hemicycle.exposure.catalogue import EXPOSURE
from hemicycle.exposure.mixed import Mixed, last_draw, recommended_part
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.exposure.outlets import Outlets
from hemicycle.exposure.random import Random
from hemicycle.graphs.interaction import InteractionGraph

N = 30


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    users, items = rng.integers(0, N - 2, 90), rng.integers(0, N, 90)
    graph = InteractionGraph.from_edges(users, items, N, N, social=True, weights=rng.random(90) + 0.5)
    return Scene(graph, 1, items=np.array([[0.3], [0.6]]))


def shares(sources):
    """Positions seen by each user and their shares of its exposure: rows of (position, share) summed by source."""
    rows = []
    for i in range(sources.n_users):
        seen = {}
        for e in range(sources.indptr[i], sources.indptr[i + 1]):
            weight = 1.0 if sources.weights is None else float(sources.weights[e])
            source = int(sources.indices[e])
            name = source if source < sources.n_users else f"at {sources.positions[source]}"
            seen[name] = seen.get(name, 0.0) + weight
        total = sum(seen.values())
        rows.append({name: weight / total for name, weight in seen.items()})
    return rows


def part(weight, exposure):
    return {"weight": weight, "of": exposure}


def test_a_mixture_is_the_weighted_sum_of_its_parts(scene):
    opinions = np.linspace(0, 1, N)[:, None]
    press = {"exposure": "outlets", "number": 3, "strength": 1.0}
    other = {"exposure": "outlets", "positions": [[0.11]], "strength": 1.0}
    drawn = {"exposure": "random", "k": 3, "strength": 0.5}
    parts = [part(1.0, "none"), part(0.5, press), part(0.25, drawn), part(0.25, other)]
    found = Mixed(Mixed.Config(parts=parts)).shown(scene, 0, opinions)
    alone = [shares(EXPOSURE.build(EXPOSURE.validate(p["of"])).shown(scene, 0, opinions)) for p in parts]
    mixture = shares(found)
    for user in range(N):
        expected = {}
        for p, rows in zip(parts, alone, strict=True):
            row = rows[user] or {user: 1.0}
            for name, share in row.items():
                expected[name] = expected.get(name, 0.0) + p["weight"] / 2 * share
        assert mixture[user] == pytest.approx(expected, abs=1e-6)
    degrees = Neighbours(Neighbours.Config()).shown(scene, 0, opinions).totals
    np.testing.assert_allclose(found.totals, np.where(degrees == 0, 1, degrees), rtol=1e-5)


def test_parts_of_weight_zero_leave_the_rest_as_it_is(scene):
    opinions = np.zeros((N, 1))
    found = Mixed(Mixed.Config(parts=[part(2, "none"), part(0, "random")])).shown(scene, 0, opinions)
    plain = Neighbours(Neighbours.Config()).shown(scene, 0, opinions)
    np.testing.assert_array_equal(found.indices, plain.indices)
    np.testing.assert_array_equal(found.weights, plain.weights)


def test_parts_are_drawn_at_their_own_steps(scene):
    opinions = np.zeros((N, 1))
    often, seldom = ({"exposure": "random", "strength": 1, "refresh": refresh, "k": 2} for refresh in (2, 5))
    mixture = Mixed(Mixed.Config(parts=[part(1, often), part(1, seldom)]))
    assert [step for step in range(11) if mixture.redraws(step)] == [0, 2, 4, 5, 6, 8, 10]
    found = mixture.shown(scene, 6, opinions).indices.reshape(N, 4)
    np.testing.assert_array_equal(found[:, :2], Random(Random.Config(k=2)).proposals(scene, 6, opinions))
    np.testing.assert_array_equal(found[:, 2:], Random(Random.Config(k=2)).proposals(scene, 5, opinions))
    assert last_draw(Neighbours(Neighbours.Config()), 9) == 0


def test_a_user_to_whom_no_part_shows_anything_sees_nothing(scene):
    found = Mixed(Mixed.Config(parts=[part(1, "none"), part(1, {"exposure": "none", "name": "again"})]))
    assert np.diff(found.shown(scene, 0, np.zeros((N, 1))).indptr)[-1] == 0


def test_problems_of_parts_are_told(scene):
    lists = {"exposure": "recommended", "name": "mf"}
    mixture = Mixed(Mixed.Config(parts=[part(1, lists), part(1, {"exposure": "popular", "by": "growth"})]))
    assert len(mixture.problems(scene)) == 2
    assert recommended_part(mixture.config).name == "mf"
    assert recommended_part(Outlets.Config()) is None


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "at least 1"),
        ([part(0, "none")], "weight 0"),
        ([part(-1, "none")], "greater than or equal to 0"),
        ([part(1, "recommended"), part(1, "recommended")], "keep one"),
        ([part(1, "mixed")], "no exposure 'mixed'"),
    ],
)
def test_impossible_mixtures_are_refused(parts, message):
    with pytest.raises(ValidationError, match=message):
        Mixed.Config(parts=parts)
