import numpy as np
import pandas as pd
import pyarrow as pa

from hemicycle.data.assembly import Column, edge_table, node_table
from hemicycle.data.describe import describe
from hemicycle.data.schema import Dataset, Relation
from hemicycle.data.voteview import Voteview


def value(frame, *key):
    return frame.set_index(["table", "column", "statistic"])["value"].loc[key]


def society(n, parties, *, public):
    columns = {
        "lean": Column(pa.array(np.linspace(0, 1, n)), "label"),
        "party": Column(pa.array(parties), "group"),
    }
    users = node_table([str(i) for i in range(n)], columns, "users", public=public)
    ring = np.arange(n)
    return Dataset("ring", users, None, {"follows": Relation(edge_table(ring, (ring + 1) % n), social=True)}, public)


def test_senate():
    frame = describe(Voteview(Voteview.Config()).read())
    assert value(frame, "users", "", "count") == 101
    assert value(frame, "items", "", "count") == 1054
    assert value(frame, "users", "party", "count of Democrat") == 59
    assert value(frame, "users", "state", "further classes") == 30
    assert value(frame, "users", "nominate_dim1", "max") == 0.641
    assert value(frame, "votes", "degree", "mean") == 59509 / 101
    assert not frame["column"].isin(["id", "name"]).any()


def test_private_people_show_no_extremes_and_no_small_class():
    parties = ["red"] * 40 + ["blue"] * 30 + ["only one"] + ["green"] * 12
    frame = describe(society(83, parties, public=False))
    text = frame.to_csv()
    assert "only one" not in text
    assert "green" not in text
    assert value(frame, "users", "party", "count of red") == 40
    assert value(frame, "users", "party", "further classes") == 2
    assert not frame["statistic"].isin(["min", "max"]).any()
    assert value(frame, "users", "lean", "known") == 83


def test_under_ten_people_nothing_is_told_of_them():
    frame = describe(society(9, ["red"] * 9, public=False))
    known = frame[frame["column"] == "lean"]
    assert known["statistic"].tolist() == ["known"]
    assert known["value"].isna().all()


def test_the_same_people_in_public():
    frame = describe(society(9, ["red"] * 9, public=True))
    assert value(frame, "users", "lean", "max") == 1.0
    assert value(frame, "follows", "degree", "max") == 1.0
    assert isinstance(frame, pd.DataFrame)
