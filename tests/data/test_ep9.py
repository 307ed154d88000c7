import gzip
import os
import time
from pathlib import Path

import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.ep9 import EP9
from hemicycle.data.schema import is_public, roles

VOTES = "#rollcalls\t11,12,13,14\n5\t+-0+\n30\t+++.\n4\t+..-\n"
MEPS = """epid,firstname,lastname,active,birthdate,country,eugroup,party,voteid
1,Anna,AY,1,1969-07-01,fr,EPP,Les R,5
2,Bea,BEE,1,,de,,Die G,30
3,Cyd,SEE,1,1970-12-31,fr,ID,New,4
4,Not,VOTING,1,1970-01-01,fr,ID,New,99
"""
ROLLS = """identifier,date,report,desc,title,for,against,abstention
14,2020-01-02 00:00:01,,,Last,1,1,0
11,2020-01-01 00:00:00,A9-1,,First,3,0,0
12,2020-01-01 00:00:05,A9-1,,"Second, part 2",1,1,0
13,2020-01-01 00:00:09,A9-2,,Third,1,0,1
15,2020-01-01 00:00:09,A9-2,,Nobody,0,0,0
"""
PARTIES = "country,party,ches2019_party_id\nfr,Les R,601\nde,Die G,304\nfr,Other,605\n"
CHES = "country,party,party_id,lrgen,galtan\n6,LR,601,7.5,6\n3,GR,304,2.5,\n"


def source(**config):
    return EP9(
        EP9.Config(**{"path": ".", "ches": "ches.csv", "positions": ["lrgen", "galtan"], "min_votes": 0, **config})
    )


@pytest.fixture(autouse=True)
def files():
    Path("votes_by_mep.tsv.gz").write_bytes(gzip.compress(VOTES.encode()))
    Path("meps.csv").write_text(MEPS)
    Path("item_rollcall.csv.gz").write_bytes(gzip.compress(ROLLS.encode()))
    Path("party_to_ches2019.csv").write_text(PARTIES)
    Path("ches.csv").write_text(CHES)


def test_members_carry_their_partys_positions():
    data = source().read()
    assert data.users.to_pydict() == {
        "id": ["5", "30", "4"],
        "name": ["Anna AY", "Bea BEE", "Cyd SEE"],
        "eugroup": ["EPP", None, "ID"],
        "party": ["Les R (fr)", "Die G (de)", "New (fr)"],
        "country": ["fr", "de", "fr"],
        "age": [50.0, None, 48.0],
        "lrgen": [7.5, 2.5, None],
        "galtan": [6.0, None, None],
    }
    assert is_public(data.users)
    assert [name for name, role in roles(data.users).items() if role == "label"] == ["lrgen", "galtan"]
    assert roles(source(country="group").read().users)["country"] == "group"
    assert "same for all of a party; 2 of 3 members" in data.notes[0]
    assert data.notes[1] == "1 members have no parliamentary group in the file"


def test_a_party_is_one_of_its_country_and_of_the_survey_and_independents_have_none():
    rows = "".join(
        f"{n},P,Q,1,,{country},EPP,{party},{n}\n"
        for n, country, party in (
            (5, "fr", "Les R"),
            (30, "be", "Les R"),
            (4, "fr", "Other R"),
            (7, "fr", "Independent"),
        )
    )
    Path("meps.csv").write_text(MEPS.splitlines()[0] + "\n" + rows)
    Path("party_to_ches2019.csv").write_text(PARTIES + "fr,Other R,601\nfr,Independent,601\n")
    Path("votes_by_mep.tsv.gz").write_bytes(gzip.compress((VOTES + "7\t++--\n").encode()))
    users = source().read().users
    assert users["party"].to_pylist() == ["Les R / Other R (fr)", "Les R (be)", "Les R / Other R (fr)", None]
    assert users["lrgen"].to_pylist() == [7.5, None, 7.5, None]


def test_each_sign_is_a_relation_with_times():
    data = source().read()
    first = 1577836800.0
    assert data.items.to_pydict() == {
        "id": ["11", "12", "13", "14"],
        "title": ["First", "Second, part 2", "Third", "Last"],
        "report": ["A9-1", "A9-1", "A9-2", None],
        "time": [first, first + 5, first + 9, first + 86401],
    }
    votes = data.relations["votes"].table.to_pydict()
    assert votes == {
        "user": [0, 0, 1, 1, 1, 2],
        "item": [0, 3, 0, 1, 2, 0],
        "time": [first, first + 86401, first, first + 5, first + 9, first],
    }
    assert data.relations["against"].table.select(["user", "item"]).to_pydict() == {"user": [0, 2], "item": [1, 3]}
    assert data.relations["abstained"].table.select(["user", "item"]).to_pydict() == {"user": [0], "item": [2]}


def test_roll_calls_of_one_opinion_and_rare_voters_are_dropped_and_counted():
    data = source(unanimous=0.9, min_votes=2, ches=None).read()
    assert data.items["id"].to_pylist() == ["12", "14"]
    assert data.users["id"].to_pylist() == ["5"]
    assert data.notes == (
        "2 members with fewer than 2 votes dropped",
        "2 roll calls with more than 90.0% on one side or without votes dropped",
    )
    assert "lrgen" not in data.users.column_names
    with pytest.raises(InputError, match="lower min_votes"):
        source(min_votes=9).read()


@pytest.mark.parametrize(
    ("file", "old", "new", "match"),
    [
        ("votes_by_mep.tsv.gz", "+..-", "+..", r"votes_by_mep.tsv.gz:4: 1 lines do not have one character"),
        ("votes_by_mep.tsv.gz", "+++.", "+?+.", r"votes_by_mep.tsv.gz:3: 1 lines hold other signs"),
        ("votes_by_mep.tsv.gz", "#roll", "roll", r"votes_by_mep.tsv.gz:1: the first line"),
        ("votes_by_mep.tsv.gz", "30\t", "5\t", "1 members stand twice"),
        ("votes_by_mep.tsv.gz", "11,12", "11,11", "1 roll calls stand twice"),
        ("meps.csv", ",30\n", ",31\n", r"meps.csv column 'voteid': 1 of 3 ids of the votes file are missing"),
        ("meps.csv", ",30\n", ",5\n", r"meps.csv:2,3 column 'voteid': 2 values are ids that stand twice"),
        ("meps.csv", "1969-07-01", "long ago", r"meps.csv:2 column 'birthdate': 1 values are no dates"),
        ("meps.csv", "eugroup", "group", "no column 'eugroup'"),
        ("item_rollcall.csv.gz", "2020-01-01 00:00:05", "", r"item_rollcall.csv.gz:4 column 'date'"),
        ("item_rollcall.csv.gz", "\n12,", "\n22,", "1 of 4 ids of the votes file are missing"),
        ("party_to_ches2019.csv", "601", "LR", r"party_to_ches2019.csv:2 column 'ches2019_party_id'"),
        ("ches.csv", "7.5", "right", r"ches.csv:2 column 'lrgen'"),
        ("ches.csv", "lrgen", "lr", "no column 'lrgen'"),
    ],
)
def test_bad_files(file, old, new, match):
    path = Path(file)
    text = gzip.decompress(path.read_bytes()).decode() if file.endswith("gz") else path.read_text()
    assert old in text
    changed = text.replace(old, new, 1).encode()
    path.write_bytes(gzip.compress(changed) if file.endswith("gz") else changed)
    with pytest.raises(InputError, match=match):
        source().read()


def test_missing_and_damaged_files():
    Path("meps.csv").unlink()
    Path("ches.csv").unlink()
    with pytest.raises(InputError) as caught:
        source().files()
    assert len(caught.value.problems) == 2
    Path("meps.csv").write_text(MEPS)
    Path("votes_by_mep.tsv.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="damaged"):
        source(ches=None).read()


@pytest.mark.data
@pytest.mark.skipif("HEMICYCLE_DATA" not in os.environ, reason="HEMICYCLE_DATA is not set")
def test_the_ninth_parliament():
    start = time.process_time()
    data = EP9(EP9.Config(ches="ches/CHES2019V3.csv", min_votes=0)).read()
    assert time.process_time() - start < 10
    assert (data.users.num_rows, data.items.num_rows) == (867, 19274)
    sizes = {name: relation.table.num_rows for name, relation in data.relations.items()}
    assert sizes == {"votes": 7_182_508, "against": 4_734_140, "abstained": 682_838}
    assert data.users["lrgen"].null_count == 867 - 703  # independents have no party, and so no position
