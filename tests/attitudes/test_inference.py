import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse as sp

from hemicycle.attitudes.inference import InferenceOptions, attitude_table, infer
from hemicycle.attitudes.map_points import POINT_COLUMNS, attitude_points
from hemicycle.attitudes.parties import PartyPositions
from hemicycle.core.disclosure import check_release
from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.data.schema import is_public

PARTIES, ACTORS, USERS = 14, 84, 900


@pytest.fixture(scope="module")
def society():
    """Users follow actors who stand near them on two axes: table, parties of actors, positions, users' own places."""
    random = np.random.default_rng(0)
    means = random.uniform(0, 10, (PARTIES, 2))
    codes = np.arange(ACTORS) % PARTIES
    actors = means[codes] + random.normal(0, 0.4, (ACTORS, 2))
    users = random.uniform(0, 10, (USERS, 2))
    distance = ((users[:, None] - actors[None]) ** 2).sum(axis=2)
    follows = random.random((USERS, ACTORS)) < 1 / (1 + np.exp(0.3 * distance - 2))
    names = tuple(f"P{i}" for i in range(PARTIES))
    missing = np.full((PARTIES, 2), np.nan)
    positions = PartyPositions(names, names, ("",) * PARTIES, ("left_right", "eu"), means, missing, missing[:, 0])
    return sp.csr_array(follows.astype(float)), codes, positions, users


@pytest.fixture(scope="module")
def inferred(society):
    table, codes, positions, _ = society
    said = []
    found = infer(table, codes, positions, InferenceOptions(), report=said.append)
    assert [line.split()[0] for line in said] == ["filters", "correspondence", "maps", "attitudes"]
    return found


def test_planted_attitudes_are_recovered(inferred, society):
    *_, users = society
    for j in range(2):
        r = np.corrcoef(inferred.users.attitudes[:, j], users[inferred.users.index, j])[0, 1]
        assert r > 0.85
    assert (inferred.map.results["r2_nested"] > 0.7).all()
    low, high = inferred.users.interval()
    assert (low < inferred.users.attitudes).all()
    assert (inferred.users.attitudes < high).all()
    assert len(inferred.actors.index) == ACTORS


def test_what_was_dropped_is_counted(inferred):
    dropped = USERS - len(inferred.users.index)
    assert f"{dropped} users who follow fewer than 3 actors dropped" in inferred.notes


def test_members_may_be_the_rows(society):
    table, codes, positions, _ = society
    turned = infer(sp.csr_array(table.T), codes, positions, InferenceOptions(), members="rows")
    assert turned.users.attitudes.shape == (ACTORS, 2)
    assert (turned.map.results["r2_nested"] > 0.7).all()
    with pytest.raises(InputError, match="84 parties for 900 rows"):
        infer(table, codes, positions, InferenceOptions(), members="rows")


def test_unconnected_parts_are_said():
    halves = np.kron(np.eye(2), np.ones((20, 7)))
    halves[np.random.default_rng(0).random(halves.shape) < 0.3] = 0
    halves[:, 0] = halves[:, 0]
    names = tuple("abcdefg")
    positions = PartyPositions(
        names, names, ("",) * 7, ("x",), np.arange(7.0)[:, None], np.full((7, 1), np.nan), np.full(7, np.nan)
    )
    options = InferenceOptions(dims=2, filters={"min_actors": 1, "min_followers": 1})
    found = infer(sp.csr_array(halves), np.arange(14) % 7, positions, options)
    assert any("falls into 2 unconnected parts" in note for note in found.notes)


def test_attitudes_of_people_stay_inside(inferred):
    ids = pa.array([f"{i:032x}" for i in inferred.users.index])
    table = attitude_table(inferred.users, inferred.map.attitudes, ids, public=False)
    assert table.column_names[:4] == ["id", "left_right", "left_right_low", "left_right_high"]
    with pytest.raises(DisclosureError, match="left_right, left_right_low"):
        check_release("attitudes", table)
    assert is_public(attitude_table(inferred.users, inferred.map.attitudes, ids, public=True))


def test_the_map_shows_cells_of_ten_and_no_person(inferred):
    points = attitude_points(inferred, public=False, members_public=True)
    assert tuple(points.columns) == POINT_COLUMNS
    assert set(points["kind"]) == {"cell", "party", "axis"}
    cells = points[points["kind"] == "cell"]
    assert (cells["n"] >= 10).all()
    hidden = len(inferred.users.index) - cells["n"].sum()
    assert hidden == 0 or hidden >= 10
    assert (points[points["kind"] == "party"]["n"] == 6).all()
    private = attitude_points(inferred, public=False, members_public=False)
    assert not (private["kind"] == "party").any(), "parties of six people who are not public"


def test_axes_point_where_the_attitude_rises(inferred):
    points = attitude_points(inferred, public=True, members_public=True)
    people, axes = points[points["kind"] == "person"], points[points["kind"] == "axis"]
    assert np.hypot(axes["dx"], axes["dy"]).to_numpy() == pytest.approx(1)
    first = axes.iloc[0]
    along = people["x"] * first["dx"] + people["y"] * first["dy"]
    assert np.corrcoef(along, people["value"])[0, 1] > 0.9
    assert 0 < first["value"] <= 1


@pytest.mark.slow
def test_twenty_thousand_users_take_a_moment(society):
    import time

    table, codes, positions, _ = society
    many = sp.csr_array(sp.vstack([table] * 25, format="csr"))
    began = time.process_time()
    found = infer(many, codes, positions, InferenceOptions())
    assert len(found.users.index) > 15_000
    assert time.process_time() - began < 20
