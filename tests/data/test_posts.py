import gzip
import json
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.data import batches
from hemicycle.data.batches import RecordFile
from hemicycle.data.posts import Posts
from hemicycle.data.schema import roles
from hemicycle.data.traces import EdgeCounts, Seen, TextPool

HEADER = "id,timestamp_utc,user_id,user_screen_name,text,to_userid,retweeted_user_id,quoted_user_id,links,mentioned_ids"
ROWS = [
    '1,100,7,ada,"@bob look, https://a.fr",8,,,https://www.a.fr/x/?utm_source=t|http://b.org,8|9',
    "2,110,8,bob,RT @ada look,,7,,https://www.a.fr/x/?utm_source=t|http://b.org,8|9",
    "3,120,8,bob,quoting,,,9,,",
    "4,130,7,ada,again,8,,,http://a.fr/x#top,",
    "5,140,7,ada,myself,7,7,,,7",
    '6,150,9,cyd,"two\nlines",,7,,no-link,',
    "6,160,9,cyd,twice,,7,,http://a.fr/x,",
    "7,,9,cyd,no time,,7,,,",
    "8,170,,,no author,,7,,,",
]
ALL = ["retweets", "quotes", "replies", "mentions", "shares"]


def source(**config):
    return Posts(validate(Posts.Config, Raw({"source": "posts", **config}, {})))


def write(name="t.csv", rows=ROWS, header=HEADER):
    Path(name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return name


def edges(data, kind):
    """Raw ids of a public data set's edges, with weight and time."""
    table, users = data.relations[kind].table, data.users["id"].to_pylist()
    ends = data.items["id"].to_pylist() if kind == "shares" else users
    return [(users[r["user"]], ends[r["item"]], r["weight"], r["time"]) for r in table.to_pylist()]


def minet(**config):
    path = config.pop("path", None) or write()
    return source(**{"path": path, "preset": "minet", "relations": ALL, "public": True, **config})


# -- what is read ----------------------------------------------------------------------------------------------------


def test_every_kind_of_interaction():
    data = minet(shares={"item": "url"}).read()
    assert edges(data, "retweets") == [("8", "7", 1, 110), ("9", "7", 1, 150)]
    assert edges(data, "quotes") == [("8", "9", 1, 120)]
    assert edges(data, "replies") == [("7", "8", 2, 130)]
    assert edges(data, "mentions") == [("7", "8", 1, 100), ("7", "9", 1, 100)]
    assert edges(data, "shares") == [
        ("7", "a.fr/x", 2, 130),
        ("7", "b.org", 1, 100),
        ("8", "a.fr/x", 1, 110),
        ("8", "b.org", 1, 110),
    ]
    kinds = [(r.social, r.directed) for r in data.relations.values()]
    assert kinds == [(True, True)] * 4 + [(False, True)]
    assert data.users["id"].to_pylist() == ["7", "8", "9"]


def test_what_was_dropped_is_counted():
    notes = minet().read().notes
    assert notes[0] == "9 posts read from 1 files"
    assert set(notes[1:]) == {
        "1 posts without an author dropped",
        "1 posts without a time dropped",
        "1 posts that stand twice dropped",
        "1 retweets of oneself dropped",
        "3 mentions of a post that is passed on dropped",
        "1 replies of a post that is passed on dropped",
        "1 links that are no address dropped",
    }


def test_people_become_pseudonyms_and_their_words_are_not_kept():
    data = minet(public=False, shares={"item": "url", "texts": 5, "text_authors": 1}).read()
    assert not data.public
    assert not set(data.users["id"].to_pylist()) & {"7", "8", "9"}
    assert data.users.column_names == ["id"]
    assert data.items.column_names == ["id"]
    assert "a.fr/x" not in data.items["id"].to_pylist()
    assert data.relations["retweets"].table["user"].to_pylist() == [1, 2]
    site = minet(public=False, relations=["shares"]).read()
    assert site.items["id"].to_pylist() == ["a.fr", "b.org"]


def test_texts_of_pages_need_several_writers_and_lose_handles():
    data = minet(shares={"item": "domain", "texts": 5, "text_authors": 2}).read()
    assert dict(zip(data.items["id"].to_pylist(), data.items["text"].to_pylist(), strict=True)) == {
        "a.fr": "look, look",
        "b.org": "look, look",
    }
    lonely = minet(shares={"item": "domain", "texts": 5, "text_authors": 3}).read()
    assert lonely.items["text"].to_pylist() == [None, None]
    assert roles(data.items)["text"] == "text"


def test_texts_of_public_users_are_their_own():
    data = minet(user_texts=2).read()
    assert data.users["text"].to_pylist() == ["look, again", "quoting", None]


def test_links_that_are_passed_on_can_be_left_out():
    data = minet(reshared=False, shares={"item": "url"}).read()
    assert {edge[0] for edge in edges(data, "shares")} == {"7"}


def test_interactions_with_people_who_posted_nothing_can_be_left_out():
    rows = [*ROWS, "9,180,8,bob,x,,77,,,"]
    assert ("8", "77", 1, 180) in edges(minet(path=write(rows=rows)).read(), "retweets")
    data = minet(path=write(rows=rows), authors_only=True).read()
    assert "77" not in data.users["id"].to_pylist()
    assert "1 retweets of people who posted nothing dropped" in data.notes


def test_outlets_and_their_categories():
    Path("o.csv").write_text("name,prefixes,side\nA,http://a.fr|https://a.fr/z,Left\n")
    table = {"path": "o.csv", "columns": {"side": "group"}}
    data = minet(shares={"item": "outlet", "outlets": table}).read()
    assert data.items.to_pydict() == {"id": ["A", "b.org"], "side": ["Left", None]}
    assert "2 links of no outlet kept by their sites" in data.notes
    assert roles(data.items)["side"] == "group"
    dropped = minet(shares={"item": "outlet", "outlets": {**table, "unmatched": "drop"}}).read()
    assert dropped.items["id"].to_pylist() == ["A"]
    pages = minet(shares={"item": "url", "outlets": table}).read()
    assert pages.items.to_pydict() == {"id": ["a.fr/x", "b.org"], "outlet": ["A", None], "side": ["Left", None]}


def test_attributes_of_users_are_joined():
    Path("people.csv").write_text("account,left_right\n7,-1\n8,1\n9,0\n")
    part = {"path": "people.csv", "id": "account", "columns": {"left_right": "label"}}
    assert minet(attributes=[part]).read().users["left_right"].to_pylist() == [-1, 1, 0]


# -- formats ---------------------------------------------------------------------------------------------------------


def records():
    return pacsv.read_csv(write(), parse_options=pacsv.ParseOptions(newlines_in_values=True)).to_pylist()


def as_lists(record):
    names = {"links", "mentioned_ids"}
    return {k: (str(v).split("|") if v else []) if k in names else v for k, v in record.items()}


@pytest.mark.parametrize("kind", ["csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet", "two"])
@pytest.mark.parametrize("block", [64, 1 << 20])
def test_every_format_reads_alike(monkeypatch, kind, block):
    """Also in pieces of few rows: what is counted does not depend on where a piece ends."""
    expected = minet(shares={"item": "url"}).read()
    text = Path("t.csv").read_bytes()
    if kind == "csv.gz":
        Path("t.csv.gz").write_bytes(gzip.compress(text))
    elif kind == "tsv":
        plain = text.decode().replace('"@bob look, https://a.fr"', "@bob look; https://a.fr")
        Path("t.tsv").write_text(plain.replace(",", "\t"))
    elif kind.startswith("jsonl"):
        lines = "\n".join(json.dumps(as_lists(r)) for r in records()).encode()
        Path(f"t.{kind}").write_bytes(gzip.compress(lines) if kind.endswith("gz") else lines)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist([as_lists(r) for r in records()]), "t.parquet")
    else:
        write("1.csv", ROWS[:3])
        write("2.csv", ROWS[3:])
    monkeypatch.setattr(batches, "_ROWS", 2)
    monkeypatch.setattr(
        batches, "_BLOCK", block if "csv" not in kind and kind not in ("tsv", "two") else max(block, 300)
    )
    path = ["1.csv", "2.csv"] if kind == "two" else f"t.{kind}"
    data = minet(path=path, shares={"item": "url"}).read()
    for name in ALL:
        assert data.relations[name].table.equals(expected.relations[name].table), name
    assert data.notes[1:] == expected.notes[1:]


def test_nested_json_of_mixed_kinds():
    lines = [
        {"user": {"id": 7}, "when": "2024-01-01T00:00:00Z", "rt": {"user": {"id": "8"}}},
        {"user": {"id": "seven"}, "when": 1704067201, "rt": None},
        {"user": {"id": 9.0}, "when": "1704067202", "rt": {"user": {"id": 7}}},
    ]
    Path("t.jsonl").write_text("\n\n".join(json.dumps(line) for line in lines))
    columns = {"author": "user.id", "time": "when", "retweeted": "rt.user.id"}
    data = source(path="t.jsonl", columns=columns, public=True)
    with pytest.raises(InputError, match=r"t\.jsonl:1 column 'when': 1 values are neither"):
        data.read()
    Path("t.jsonl").write_text("\n\n".join(json.dumps({**line, "when": "2024-01-01"}) for line in lines))
    assert edges(data.read(), "retweets") == [("7", "8", 1, 1704067200), ("9", "7", 1, 1704067200)]
    Path("t.jsonl").write_text("\n".join(json.dumps({**line, "user": {"id": 5}}) for line in lines[:1]))
    assert edges(data.read(), "retweets") == [("5", "8", 1, 1704067200)]


# -- what is refused -------------------------------------------------------------------------------------------------


def test_columns_that_are_missing_in_any_file():
    write("1.csv")
    write("2.csv", header=HEADER.replace("links", "urls"))
    with pytest.raises(InputError) as caught:
        minet(path=["1.csv", "2.csv", "3.csv"]).read()
    assert ["'3.csv'" in str(p) or "'links'" in str(p) for p in caught.value.problems] == [True, True]


def test_times_that_are_none_are_shown_by_line():
    rows = [*ROWS[:2], ROWS[2].replace("120", "soon"), *ROWS[3:]]
    with pytest.raises(InputError, match=r"t\.csv:4 column 'timestamp_utc': 1 values are neither") as caught:
        minet(path=write(rows=rows)).read()
    assert "soon" not in str(caught.value)


def test_damaged_files():
    with pytest.raises(InputError, match="1 lines do not have 10 fields"):
        minet(path=write(rows=[*ROWS, "1,2"])).read()
    Path("t.jsonl").write_text('{"user_id": 1}\n\n[1]\n{"user_id": ')
    with pytest.raises(InputError, match=r"t\.jsonl:3,4: 2 lines are no JSON objects"):
        minet(path="t.jsonl").read()
    Path("t.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="not text in UTF-8"):
        minet(path="t.csv.gz").read()
    Path("t.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match="not Parquet"):
        minet(path="t.parquet").read()


def test_a_relation_without_an_edge():
    with pytest.raises(InputError, match=r"column 'quoted_user_id': there are no quotes") as caught:
        minet(path=write(rows=ROWS[:2])).read()
    assert "leave quotes out" in str(caught.value)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"preset": None}, r"replies need a column|retweets need a column"),
        ({"public": False, "user_texts": 3}, "by design not kept"),
        ({"shares": {"item": "outlet"}}, "items are outlets"),
        ({"preset": None, "relations": ["shares"], "columns": {"links": "l"}, "user_texts": 1}, "name columns.text"),
        ({"preset": "other"}, "preset"),
        ({"relations": []}, "relations"),
        ({"columns": {"athor": "x"}}, "did you mean 'author'"),
    ],
)
def test_configurations_that_make_no_sense(config, match):
    with pytest.raises(InputError, match=match):
        minet(**config)


# -- parts -----------------------------------------------------------------------------------------------------------


def test_seen_tells_first_times_across_calls():
    seen = Seen()
    drawn = np.random.default_rng(0).integers(0, 300, 1000).astype(str)
    found = np.concatenate([seen.new(pa.chunked_array([drawn[k : k + 7].tolist()])) for k in range(0, 1000, 7)])
    assert found.tolist() == [value not in set(drawn[:k]) for k, value in enumerate(drawn)]
    assert len(seen.runs) < 12
    assert seen.new(pa.chunked_array([["", None, ""]])).all()


def test_edges_are_summed_across_parts():
    counts, rng = EdgeCounts(), np.random.default_rng(0)
    drawn = rng.integers(0, 4, (500, 2))
    for part in np.array_split(np.arange(500), 9):
        counts.add(drawn[part, 0], drawn[part, 1], part.astype(float))
    table = counts.table()
    assert len(table) == 16
    for row in table.itertuples():
        rows = np.flatnonzero((drawn == [row.user, row.item]).all(1))
        assert (row.weight, row.time) == (len(rows), rows.max())


def test_text_pool_keeps_the_first_of_each():
    pool = TextPool(most=2)
    pool.add(np.array([0, 1, 0, -1]), np.array([5, 5, 5, 5]), pa.array(["a", "b", "c", "d"]))
    pool.add(np.array([0, 1, 2]), np.array([5, 6, 6]), pa.array(["e", "RT @x f", None]))
    assert pool.texts(3).to_pylist() == ["a c", "b f", None]


def test_a_hundred_thousand_posts_take_seconds():
    n = 100_000
    rng = np.random.default_rng(0)
    columns = {"author": rng.integers(0, 5000, n), "rt": rng.integers(0, 5000, n), "time": np.arange(n)}
    links = [f"https://site{k % 700}.org/{k % 9000}" for k in range(n)]
    pacsv.write_csv(pa.table({**columns, "links": links}), "big.csv")
    names = {"author": "author", "retweeted": "rt", "time": "time", "links": "links"}
    start = time.process_time()
    data = source(path="big.csv", columns=names, relations=["retweets", "shares"]).read()
    assert time.process_time() - start < 10
    assert data.items.num_rows == 700
    assert sum(RecordFile(Path("big.csv")).batches(["rt"]).__next__().table.shape) > 2
