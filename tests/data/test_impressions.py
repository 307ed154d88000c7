import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data import batches
from hemicycle.data.impressions import ImpressionSource
from hemicycle.data.schema import Dataset, roles

BEHAVIORS = [
    "1\tU2\t11/11/2019 9:05:58 AM\tN1 N9\tN2-0 N3-1",
    "2\tU10\t11/11/2019 12:00:00 AM\t\tN3-0 N2-1 N4-1",
    "3\tU2\t11/12/2019 1:00:00 PM\tN1 N9\tN3-0 N4-0",
]
LATER = ["1\tU2\t11/20/2019 9:00:00 AM\tN1 N9 N3\tN5-1 N2-0"]
NEWS = [
    'N1\tnews\tpolitics\tA "quoted title\tAbout one\thttp://x\t[]\t[]',
    "N2\tsports\tsoccer\tTwo\t\thttp://x\t[]\t[]",
    "N3\tnews\tworld\tThree\tAbout three\thttp://x\t[]\t[]",
    "N8\tnews\tworld\tNever shown\t\thttp://x\t[]\t[]",
]
DAY = datetime(2019, 11, 11, tzinfo=UTC).timestamp()


def at(*date):
    return datetime(*date, tzinfo=UTC)


def source(**config):
    return ImpressionSource(validate(ImpressionSource.Config, Raw({"source": "impressions", **config}, {})))


def mind(rows=BEHAVIORS, folder="train", news=NEWS):
    Path(folder).mkdir(exist_ok=True)
    Path(folder, "behaviors.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    Path(folder, "news.tsv").write_text("\n".join(news) + "\n", encoding="utf-8")
    return folder


def read_mind(**config):
    return source(**{"layout": "mind", "path": "train", "public": True, **config}).read()


def shown(data):
    users, items = data.users["id"].to_pylist(), data.items["id"].to_pylist()
    rows = data.impressions.to_pylist()
    return [(r["impression"], users[r["user"]], items[r["item"]], r["clicked"], r["time"]) for r in rows]


def clicks(data):
    users, items = data.users["id"].to_pylist(), data.items["id"].to_pylist()
    return [(users[r["user"]], items[r["item"]], r["time"]) for r in data.relations["clicks"].table.to_pylist()]


# -- MIND ------------------------------------------------------------------------------------------------------------


def test_mind_is_read_as_published():
    mind()
    data = read_mind()
    first = DAY + 9 * 3600 + 5 * 60 + 58
    assert shown(data) == [
        (0, "U2", "N2", False, first),
        (0, "U2", "N3", True, first),
        (1, "U10", "N3", False, DAY),
        (1, "U10", "N2", True, DAY),
        (1, "U10", "N4", True, DAY),
        (2, "U2", "N3", False, DAY + 86400 + 13 * 3600),
        (2, "U2", "N4", False, DAY + 86400 + 13 * 3600),
    ]
    assert clicks(data) == [
        ("U10", "N2", DAY),
        ("U10", "N4", DAY),
        ("U2", "N1", DAY),
        ("U2", "N3", first),
        ("U2", "N9", DAY),
    ]
    assert data.items.to_pydict() == {
        "id": ["N1", "N2", "N3", "N4", "N9"],
        "category": ["news", "sports", "news", None, None],
        "subcategory": ["politics", "soccer", "world", None, None],
        "title": ['A "quoted title', "Two", "Three", None, None],
        "abstract": ["About one", None, "About three", None, None],
        "first_shown": [None, DAY, DAY, DAY, None],
    }
    assert [roles(data.items)[name] for name in ("title", "category", "first_shown")] == ["text"] + ["covariate"] * 2
    assert data.notes == (
        "3 impressions read",
        "2 clicks of histories without times given the earliest time of the log",
        "2 of 5 items are described nowhere",
        "1 described items that nobody was shown dropped",
    )


def test_parts_are_put_together_and_known_times_win_over_histories():
    mind()
    mind(LATER, "dev")
    data = read_mind(path=["train", "dev"])
    assert data.impressions["impression"].to_pylist() == [0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert ("U2", "N3", DAY + 9 * 3600 + 5 * 60 + 58) in clicks(data)
    alone = read_mind(path="dev")
    assert ("U2", "N3", DAY + 9 * 86400 + 9 * 3600) in clicks(alone)


def test_people_become_pseudonyms_and_items_stay():
    mind()
    Path("people.csv").write_text("user,side\nU2,left\nU10,right\n")
    people = {"path": "people.csv", "id": "user", "columns": {"side": "group"}}
    data = read_mind(public=False, attributes=[people])
    assert not set(data.users["id"].to_pylist()) & {"U2", "U10"}
    assert data.users["side"].to_pylist() == ["right", "left"]
    assert data.items["title"][1].as_py() == "Two"
    hidden = read_mind(public=False, items_public=False)
    assert "title" not in hidden.items.column_names
    assert "N1" not in hidden.items["id"].to_pylist()


@pytest.mark.parametrize("size", [60, 1 << 20])
def test_pieces_do_not_matter_and_the_result_survives_writing(monkeypatch, tmp_path, size):
    mind()
    whole = read_mind()
    monkeypatch.setattr(batches, "_BLOCK", size)
    data = read_mind()
    data.write(Folder.at(tmp_path / "out"))
    back = Dataset.read(Folder.at(tmp_path / "out"))
    assert back.impressions.equals(whole.impressions)
    assert back.relations["clicks"].table.equals(whole.relations["clicks"].table)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("4\tU2\t2019-11-11\t\tN1-1", r"behaviors.tsv:4 column 'time': 1 values are no times"),
        ("4\tU2\t11/11/2019 9:05:58 AM\t\tN1 N2-1", r"behaviors.tsv:4 column 'impressions': 1 values do not say"),
        ("4\tU2\t11/11/2019 9:05:58 AM", r"behaviors.tsv: 1 lines do not have 5 fields"),
    ],
)
def test_bad_lines_are_named(row, match):
    mind([*BEHAVIORS, row])
    with pytest.raises(InputError, match=match):
        read_mind()


def test_rows_that_lack_something_are_counted():
    mind([*BEHAVIORS, "4\t\t11/11/2019 9:05:58 AM\t\tN1-1", "5\tU2\t\t\tN1-1", "6\tU2\t11/11/2019 9:05:58 AM\tN1\t"])
    notes = read_mind().notes
    assert notes[:4] == (
        "6 impressions read",
        "1 impressions without a user dropped",
        "1 impressions without a time dropped",
        "1 impressions that show nothing dropped",
    )


def test_missing_folders_and_files():
    mind()
    Path("train/news.tsv").unlink()
    with pytest.raises(InputError) as caught:
        read_mind(path=["train", "dev"])
    assert [p.what for p in caught.value.problems] == ["there is no file 'news.tsv'", "there is no folder 'dev'"]
    mind(["1\tU1\t11/11/2019 9:05:58 AM\t\tN1-0"])
    with pytest.raises(InputError, match="nothing is shown, or nothing is clicked"):
        read_mind()
    with pytest.raises(InputError, match="belong to the layout generic"):
        read_mind(items={"path": "x.csv"})


# -- EB-NeRD ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def eb():
    when = [at(2023, 5, 21, 10), at(2023, 5, 22, 10)]
    log = {
        "impression_id": pa.array([7, 9], pa.uint32()),
        "user_id": pa.array([22, 3], pa.uint32()),
        "impression_time": pa.array(when, pa.timestamp("us")),
        "article_ids_inview": pa.array([[1, 2, 3], [2, 4, 2]], pa.list_(pa.int32())),
        "article_ids_clicked": pa.array([[2], [4]], pa.list_(pa.int32())),
    }
    history = {
        "user_id": pa.array([22, 99], pa.uint32()),
        "article_id_fixed": pa.array([[5, 1, 5], [6]], pa.list_(pa.int32())),
        "impression_time_fixed": pa.array(
            [[at(2023, 5, 2), at(2023, 5, 3), at(2023, 5, 1)], [at(2023, 5, 4)]],
            pa.list_(pa.timestamp("us")),
        ),
    }
    articles = {
        "article_id": pa.array([1, 2, 5], pa.int32()),
        "title": ["Et", "To", "Fem"],
        "subtitle": ["om et", "", None],
        "category_str": ["nyheder", "sport", "krimi"],
        "published_time": pa.array([at(2023, 5, 1, 2), None, at(2023, 4, 30)], pa.timestamp("us")),
    }
    Path("demo/train").mkdir(parents=True)
    pq.write_table(pa.table(log), "demo/train/behaviors.parquet")
    pq.write_table(pa.table(history), "demo/train/history.parquet")
    pq.write_table(pa.table(articles), "demo/articles.parquet")
    return {"layout": "eb_nerd", "path": "demo/train", "public": True}


def seconds(*date):
    return at(*date).timestamp()


def test_eb_nerd_with_a_timed_history(eb):
    data = source(**eb).read()
    first, second = seconds(2023, 5, 21, 10), seconds(2023, 5, 22, 10)
    assert [row[1:4] for row in shown(data)] == [
        ("22", "1", False),
        ("22", "2", True),
        ("22", "3", False),
        ("3", "2", False),
        ("3", "4", True),
    ]
    assert clicks(data) == [
        ("3", "4", second),
        ("22", "1", seconds(2023, 5, 3)),
        ("22", "2", first),
        ("22", "5", seconds(2023, 5, 1)),
        ("99", "6", seconds(2023, 5, 4)),
    ]
    assert data.items["published"].to_pylist() == [seconds(2023, 5, 1, 2), *[None] * 3, seconds(2023, 4, 30), None]
    assert data.items["abstract"].to_pylist() == ["om et", *[None] * 5]
    assert "1 items shown twice in one impression counted once" in data.notes
    assert [path.name for path in source(**eb).files()] == ["behaviors.parquet", "history.parquet", "articles.parquet"]


def test_eb_nerd_histories_whose_lists_do_not_match(eb):
    table = pq.read_table("demo/train/history.parquet")
    short = pa.array([[at(2023, 5, 2)], [at(2023, 5, 4)]], pa.list_(pa.timestamp("us")))
    pq.write_table(table.set_column(2, "impression_time_fixed", short), "demo/train/history.parquet")
    with pytest.raises(InputError, match=r"history.parquet rows 1 column 'impression_time_fixed'"):
        source(**eb).read()
    pq.write_table(table.drop_columns(["user_id"]), "demo/train/history.parquet")
    with pytest.raises(InputError, match="no column 'user_id'"):
        source(**eb).files()


# -- generic ---------------------------------------------------------------------------------------------------------


def generic(form, **config):
    rows = [
        {"who": "a", "at": "2024-01-01", "seen": "x y z", "hit": "y", "past": "w"},
        {"who": "b", "at": "2024-01-02", "seen": "x", "hit": "x q", "past": ""},
    ]
    items = [{"id": "x", "head": "Title x", "out": "2023-12-31"}, {"id": "y", "head": "Title y", "out": ""}]
    for name, records in (("log", rows), ("items", items)):
        if form == "jsonl":
            lists = {"seen", "hit", "past"}
            lines = ({k: v.split() if k in lists else v for k, v in record.items()} for record in records)
            Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
        else:
            lines = [",".join(records[0]), *(",".join(record.values()) for record in records)]
            Path(f"{name}.csv").write_text("\n".join(lines))
    columns = {"user": "who", "time": "at", "shown": "seen", "clicked": "hit", "history": "past"}
    table = {"path": f"items.{form}", "title": "head", "published": "out"}
    plain = {"layout": "generic", "path": f"log.{form}", "columns": columns, "items": table, "public": True}
    return source(**{**plain, **config})


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_generic_logs(form):
    data = generic(form).read()
    new_year = seconds(2024, 1, 1)
    assert [row[1:4] for row in shown(data)] == [
        ("a", "x", False),
        ("a", "y", True),
        ("a", "z", False),
        ("b", "x", True),
    ]
    assert clicks(data) == [
        ("a", "w", new_year),
        ("a", "y", new_year),
        ("b", "q", new_year + 86400),
        ("b", "x", new_year + 86400),
    ]
    assert data.items["title"].to_pylist() == [None, None, "Title x", "Title y", None]
    assert data.items["published"].to_pylist() == [None, None, new_year - 86400, None, None]
    assert "1 clicked items that were not shown kept as clicks only" in data.notes


def test_generic_logs_that_cannot_be_used():
    with pytest.raises(InputError, match="no column 'viewed'"):
        generic("csv", columns={"user": "who", "time": "at", "shown": "viewed", "clicked": "hit"}).files()
    with pytest.raises(InputError, match="no record has 'viewed'"):
        generic("jsonl", columns={"user": "who", "time": "at", "shown": "viewed", "clicked": "hit"}).read()
    with pytest.raises(InputError, match=r"log.csv:2,3 column 'who': 2 values are no times"):
        generic("csv", columns={"user": "who", "time": "who", "shown": "seen", "clicked": "hit"}).read()
    with pytest.raises(InputError, match=r"items.csv:2,3 column 'published': 2 values are no times"):
        generic("csv", items={"path": "items.csv", "published": "head"}).read()


def test_many_impressions_agree_with_a_literal_reading():
    rng = np.random.default_rng(0)
    rows, expected = [], {}
    for k in range(400):
        user, items = f"U{rng.integers(20)}", rng.choice(40, 5, replace=False)
        flags = rng.random(5) < 0.3
        rows.append(
            f"{k}\t{user}\t11/11/2019 {1 + k % 11}:00:00 PM\t\t"
            + " ".join(f"N{i}-{int(f)}" for i, f in zip(items, flags, strict=True))
        )
        for item in items[flags]:
            key, hour = (user, f"N{item}"), DAY + 12 * 3600 + (1 + k % 11) * 3600
            expected[key] = min(expected.get(key, np.inf), hour)
    mind(rows, news=NEWS)
    data = read_mind()
    assert {(user, item): when for user, item, when in clicks(data)} == expected
    assert data.impressions.num_rows == 2000
