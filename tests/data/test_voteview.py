import os
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.schema import is_public, roles
from hemicycle.data.voteview import Voteview, bundled_folder

MEMBERS = """congress,chamber,icpsr,state_abbrev,party_code,bioname,born,nominate_dim1,nominate_dim2
100,President,99,USA,200,PRESIDENT,1911,0.5,0.1
100,Senate,30,ME,328,THREE,1950,,
100,Senate,4,NY,100,FOUR,1940,-0.5,0.25
100,Senate,5,TX,200,FIVE,1930,0.5,0.5
"""
VOTES = """congress,chamber,rollnumber,icpsr,cast_code,prob
100,Senate,1,30.0,1,99
100,Senate,1,4.0,3,99
100,Senate,2,4.0,6,99
100,Senate,2,30.0,4,99
100,Senate,2,5.0,9,99
100,Senate,10,4.0,2,99
100,Senate,11,5.0,1,99
100,Senate,1,99.0,1,99
"""


def source(**config):
    return Voteview(Voteview.Config(**config))


@pytest.fixture
def small():
    Path("S100_members.csv").write_text(MEMBERS)
    Path("S100_votes.csv").write_text(VOTES)
    return {"path": ".", "congress": 100, "min_votes": 2}


def test_yeas_are_votes_and_nays_are_nays(small):
    data = source(**small).read()
    assert data.name == "Senate 100"
    assert data.users.to_pydict() == {
        "id": ["4", "30"],
        "name": ["FOUR", "THREE"],
        "party": ["Democrat", "Independent"],
        "state": ["NY", "ME"],
        "age": [47.0, 37.0],
        "nominate_dim1": [-0.5, None],
        "nominate_dim2": [0.25, None],
    }
    assert data.items["id"].to_pylist() == ["RS1000001", "RS1000002", "RS1000010"]
    assert data.relations["votes"].table.to_pydict() == {"user": [1, 0, 0], "item": [0, 0, 2]}
    assert data.relations["nays"].table.to_pydict() == {"user": [0, 1], "item": [1, 1]}
    assert "recovery check" in data.notes[0]
    assert data.notes[1:] == ("1 members with fewer than 2 votes dropped",)


def test_bundled_senate():
    data = source().read()
    votes, nays = (data.relations[name].table for name in ("votes", "nays"))
    assert (data.users.num_rows, data.items.num_rows, votes.num_rows, nays.num_rows) == (101, 1054, 59509, 34799)
    assert data.public
    assert is_public(data.users)
    assert roles(data.users) == {
        "id": "id",
        "name": "name",
        "party": "group",
        "state": "covariate",
        "age": "covariate",
        "nominate_dim1": "label",
        "nominate_dim2": "label",
    }
    assert "CARTER, James Earl, Jr." not in data.users["name"].to_pylist()
    assert np.isfinite(data.users["nominate_dim1"].to_numpy()).all()


def test_second_dimension_and_party_are_not_the_same_story():
    """The reason for bundling this Senate: party explains dimension 1 in part and dimension 2 less."""
    users = source().read().users.to_pandas()
    for column, low, high in (("nominate_dim1", 0.5, 0.85), ("nominate_dim2", 0.0, 0.5)):
        within = users.groupby("party")[column].transform("mean")
        assert low < within.var() / users[column].var() < high


def test_bundle_is_small_and_says_where_it_comes_from():
    assert sum(file.stat().st_size for file in bundled_folder().iterdir()) < 100_000
    assert "Voteview: Congressional Roll-Call Votes Database" in (bundled_folder() / "README.md").read_text()
    assert bundled_folder() == Path(str(resources.files("hemicycle"))) / "data" / "bundled"


def test_missing_congress_says_where_to_get_it():
    with pytest.raises(InputError) as caught:
        source(congress=97).read()
    assert ["S097_votes" in caught.value.problems[0].what, "S097_members" in caught.value.problems[1].what] == [
        True
    ] * 2
    assert "voteview.com" in caught.value.problems[0].remedy


def test_missing_columns_in_both_files(small):
    Path("S100_votes.csv").write_text(VOTES.replace("cast_code", "cast"))
    Path("S100_members.csv").write_text(MEMBERS.replace("born", "birth"))
    with pytest.raises(InputError) as caught:
        source(**small).read()
    assert ["'cast_code'" in caught.value.problems[0].what, "'born'" in caught.value.problems[1].what] == [True] * 2


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("30.0,1,99", "30.0,yea,99", "S100_votes.csv:2 column 'cast_code'"),
        ("30.0,1,99", "30.0,,99", "S100_votes.csv:2 column 'cast_code'"),
        ("Senate,1,30.0", "Senate,one,30.0", "S100_votes.csv:2 column 'rollnumber'"),
        ("Senate,1,30.0", "Senate,,30.0", "S100_votes.csv:2 column 'rollnumber'"),
        ("Senate,1,30.0", "Senate,1,", "S100_votes.csv:2 column 'icpsr'"),
    ],
)
def test_bad_votes(small, old, new, where):
    Path("S100_votes.csv").write_text(VOTES.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        source(**small).read()
    assert caught.value.problems[0].where.endswith(where)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("1940", "old", "S100_members.csv:4 column 'born'"),
        ("Senate,5", "Senate,4", "S100_members.csv:4,5 column 'icpsr'"),
    ],
)
def test_bad_members(small, old, new, where):
    Path("S100_members.csv").write_text(MEMBERS.replace(old, new))
    with pytest.raises(InputError) as caught:
        source(**small).read()
    assert caught.value.problems[0].where.endswith(where)


def test_nobody_votes_enough(small):
    with pytest.raises(InputError, match="lower min_votes"):
        source(**{**small, "min_votes": 50}).read()


@pytest.mark.data
@pytest.mark.skipif("HEMICYCLE_DATA" not in os.environ, reason="HEMICYCLE_DATA is not set")
@pytest.mark.parametrize(("congress", "members", "yeas"), [(96, 101, 59509), (113, 103, 42956), (117, 100, 55297)])
def test_voteview_exports(congress, members, yeas):
    data = source(path="us_senate_rollcall", congress=congress).read()
    assert (data.users.num_rows, data.relations["votes"].table.num_rows) == (members, yeas)
    if congress == 96:
        bundled = source().read()
        assert bundled.users.equals(data.users)
