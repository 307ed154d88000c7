import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.columns import in_order
from hemicycle.data.schema import Dataset, roles, sensitive_columns
from hemicycle.data.tabular import Tabular

EDGES = "user,item,weight,time\nada77,i1,1,10\nada77,i2,2.5,11\nbob88,i1,0,12\ncyd99,i3,4,13\n"
PEOPLE = "account,left_right,party,age,bio\nada77,-1,red,30,hello there\nbob88,0.5,blue,,x\ncyd99,1,red,55,y\n"


def source(**config):
    return Tabular(validate(Tabular.Config, Raw(config, {})))


def write(name, text):
    Path(name).write_text(text, encoding="utf-8")
    return name


def problems(**config):
    with pytest.raises(InputError) as caught:
        source(**config).read()
    return caught.value.problems


def only(**config):
    found = problems(**config)
    assert len(found) == 1, [str(problem) for problem in found]
    assert found[0].remedy
    return found[0]


@pytest.fixture
def people():
    columns = {"left_right": "label", "party": "group", "age": "covariate", "bio": "text"}
    return {
        "edges": {"path": write("edges.csv", EDGES), "weight": "weight", "time": "time"},
        "attributes": [{"path": write("people.csv", PEOPLE), "id": "account", "columns": columns}],
    }


# -- what is read ----------------------------------------------------------------------------------------------------


def test_reads_edges_and_attributes(people):
    data = source(public=True, **people).read()
    assert data.users.to_pydict() == {
        "id": ["ada77", "bob88", "cyd99"],
        "left_right": [-1.0, 0.5, 1.0],
        "party": ["red", "blue", "red"],
        "age": [30.0, None, 55.0],
        "bio": ["hello there", "x", "y"],
    }
    assert roles(data.users) == {
        "id": "id",
        "left_right": "label",
        "party": "group",
        "age": "covariate",
        "bio": "text",
    }
    assert data.items.to_pydict() == {"id": ["i1", "i2", "i3"]}
    relation = data.relations["interactions"]
    assert relation.table.to_pydict() == {
        "user": [0, 0, 1, 2],
        "item": [0, 1, 0, 2],
        "weight": [1.0, 2.5, 0.0, 4.0],
        "time": [10.0, 11.0, 12.0, 13.0],
    }
    assert relation.table.schema.types == [pa.int32(), pa.int32(), pa.float32(), pa.float64()]
    assert (relation.social, relation.directed, data.public) == (False, True, True)
    assert data.notes == ("weights of interactions are used by opinion models; recommenders take every edge alike",)


def written(kind):
    table = pacsv.read_csv("edges.csv")
    if kind == "parquet":
        pq.write_table(table, "other.parquet")
    elif kind == "csv.gz":
        Path("other.csv.gz").write_bytes(gzip.compress(Path("edges.csv").read_bytes()))
    else:
        text = EDGES.replace(",", ";" if kind == "csv" else "\t").encode("utf-8-sig")
        Path(f"other.{kind}").write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    return f"other.{kind}"


@pytest.mark.parametrize("kind", ["parquet", "csv.gz", "tsv", "tsv.gz", "csv"])
def test_every_format_reads_the_same(people, kind):
    expected = source(**people).read()
    separator = {"separator": ";"} if kind == "csv" else {}
    edges = {**people["edges"], "path": written(kind), **separator}
    data = source(edges=edges, attributes=people["attributes"]).read()
    assert data.users.equals(expected.users, check_metadata=True)
    assert data.relations["interactions"].table.equals(expected.relations["interactions"].table)


def test_social_and_bipartite_relations_share_their_users():
    write("follows.csv", "a,b\n10,9\n9,2\n2,2\n")
    write("reads.csv", "user,item\n10,x\n11,y\n")
    edges = {
        "follows": {"path": "follows.csv", "user": "a", "target": "b", "social": True, "directed": False},
        "reads": {"path": "reads.csv"},
    }
    data = source(edges=edges, public=True).read()
    assert data.users["id"].to_pylist() == ["2", "9", "10", "11"]
    assert data.relations["follows"].table.to_pydict() == {"user": [2, 1, 0], "item": [1, 0, 0]}
    assert (data.relations["follows"].social, data.relations["follows"].directed) == (True, False)
    assert data.relations["reads"].table.to_pydict() == {"user": [2, 3], "item": [0, 1]}


def test_one_social_list_has_no_items():
    write("f.csv", "user,target\n1,2\n")
    data = source(edges={"path": "f.csv", "social": True}).read()
    assert list(data.relations) == ["follows"]
    assert data.items is None


def test_ids_match_across_blanks_and_whole_floats():
    write("e.csv", "user,item\n 7 ,1\n8.0,1\n")
    write("p.csv", "id,x\n7.0,1\n8,2\n")
    data = source(
        edges={"path": "e.csv"}, attributes=[{"path": "p.csv", "columns": {"x": "label"}}], public=True
    ).read()
    assert data.users.to_pydict() == {"id": ["7", "8"], "x": [1.0, 2.0]}


def test_iso_dates_become_seconds():
    write("e.csv", "user,item,t\n1,1,1970-01-02\n1,2,1970-01-01T00:00:01.5\n1,3,1970-01-01T01:00:00+01:00\n")
    data = source(edges={"path": "e.csv", "time": "t"}).read()
    assert data.relations["interactions"].table["time"].to_pylist() == [86400.0, 1.5, 0.0]


def test_parquet_timestamps_become_seconds():
    times = pa.array([1_500_000, 0], pa.timestamp("us"))
    pq.write_table(pa.table({"user": [1, 2], "item": [1, 1], "t": times}), "e.parquet")
    data = source(edges={"path": "e.parquet", "time": "t"}).read()
    assert data.relations["interactions"].table["time"].to_pylist() == [1.5, 0.0]


def test_unmatched_rows_are_dropped_and_counted():
    write("e.csv", "user,item\n1,1\n2,1\n3,1\n")
    write("p.csv", "id,x\n1,0\n2,1\n8,5\n9,5\n")
    data = source(edges={"path": "e.csv"}, attributes=[{"path": "p.csv", "columns": {"x": "label"}}]).read()
    assert data.users["x"].to_pylist() == [0.0, 1.0, None]
    assert data.notes == (
        "p.csv: 2 rows dropped, their users are in no edge list",
        "p.csv: 1 of 3 users have no row",
    )


def test_categorical_labels_and_numeric_groups():
    write("e.csv", "user,item\n1,1\n2,1\n3,1\n")
    write("p.csv", "id,stance,code\n1,left,100\n2,right,200\n3,3,NA\n")
    attributes = [{"path": "p.csv", "columns": {"stance": "label", "code": "group"}}]
    data = source(edges={"path": "e.csv"}, attributes=attributes, public=True).read()
    assert data.users["stance"].to_pylist() == ["left", "right", "3"]
    assert data.users["code"].to_pylist() == ["100", "200", None]


def test_paths_are_found_below_the_data_folder(monkeypatch, tmp_path):
    (tmp_path / "sets").mkdir()
    write(tmp_path / "sets" / "e.csv", "user,item\n1,1\n")
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path / "sets"))
    assert source(edges={"path": "e.csv"}).files() == [tmp_path / "sets" / "e.csv"]


@given(st.lists(st.integers(-1000, 1000), unique=True))
def test_whole_numbers_are_ordered_as_numbers(ids):
    assert in_order(map(str, ids)) == [str(i) for i in sorted(ids)]


def test_texts_are_ordered_as_texts():
    assert in_order(["b", "10", "9", "", "b"]) == ["10", "9", "b"]


# -- privacy ---------------------------------------------------------------------------------------------------------


def test_order_and_edges_do_not_depend_on_the_key(people, monkeypatch):
    first = source(**people).read()
    monkeypatch.setenv("HEMICYCLE_KEY", "quite another key")
    second = source(**people).read()
    assert first.users.drop_columns("id").equals(second.users.drop_columns("id"))
    assert first.relations["interactions"].table.equals(second.relations["interactions"].table)
    assert not set(first.users["id"].to_pylist()) & set(second.users["id"].to_pylist())
    assert not set(first.items["id"].to_pylist()) & set(second.items["id"].to_pylist())


def plain(path):
    """A file's bytes, and what stands in it once it is no longer compressed."""
    content = path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        content += str(table.to_pydict()).encode() + table.schema.to_string().encode()
    return content


def test_no_raw_id_and_no_free_text_in_what_is_written(people, tmp_path):
    data = source(name="survey", **people).read()
    folder = Folder.at(tmp_path / "store")
    data.write(folder)
    content = b"".join(plain(path) for path in folder.local.rglob("*") if path.is_file())
    assert data.users["id"].to_pylist()[0].encode() in content
    for secret in (b"ada77", b"bob88", b"cyd99", b"hello there", b"a key for tests only"):
        assert secret not in content
    again = Dataset.read(folder)
    assert sensitive_columns(again.users) == ["left_right", "party"]
    assert again.users.equals(data.users, check_metadata=True)
    assert again.notes == data.notes


@pytest.mark.parametrize(("flag", "shown"), [(True, True), (False, False), (None, False)])
def test_items_are_pseudonymous_unless_public(people, flag, shown):
    write("outlets.csv", "id,title,lean\ni1,The Daily,0\ni2,Week,1\ni3,Sun,2\n")
    outlets = {"path": "outlets.csv", "entity": "items", "columns": {"title": "name", "lean": "label"}}
    data = source(edges=people["edges"], attributes=[outlets], items_public=flag).read()
    assert ("title" in data.items.column_names) == shown
    assert (data.items["id"].to_pylist() == ["i1", "i2", "i3"]) == shown
    assert (sensitive_columns(data.items) == []) == shown


def test_problems_of_private_data_show_no_id_and_no_value(people):
    write("people.csv", PEOPLE + "ada77,secretly,green,1,z\n")
    text = "\n".join(map(str, problems(**people)))
    assert "people.csv:2,5 column 'account'" in text
    assert "people.csv:5 column 'left_right'" in text
    assert not any(secret in text for secret in ("ada77", "secretly", "green"))


# -- bad input -------------------------------------------------------------------------------------------------------


def test_missing_file_names_its_neighbours():
    write("edges.csv", EDGES)
    found = only(edges={"path": "edgse.csv"})
    assert "edges.csv" in found.what
    assert str(Path("edgse.csv").absolute()) in found.where


def test_missing_columns_and_files_come_together():
    write("edges.csv", EDGES)
    attributes = [{"path": "people.csv", "columns": {"x": "label"}}]
    found = problems(edges={"path": "edges.csv", "user": "usr", "weight": "wieght"}, attributes=attributes)
    assert ["people.csv" in found[0].what, "'usr' (user)" in found[1].what, "'weight'" in found[2].what] == [True] * 3
    assert found[1].where.endswith("edges.csv:1")
    assert "did you mean 'user'" in found[1].what


def test_a_column_that_stands_twice():
    assert "twice" in only(edges={"path": write("e.csv", "user,item,user\n1,1,1\n")}).what


BAD_WEIGHTS = [
    ("x", "not numbers"),
    ("", "empty or NaN"),
    ("nan", "empty or NaN"),
    ("inf", "infinite"),
    ("-inf", "negative"),
    ("-0.5", "negative"),
]


@pytest.mark.parametrize(("value", "what"), BAD_WEIGHTS)
@pytest.mark.parametrize("blank", ["", "\n"])
def test_bad_weights_with_their_line(value, what, blank):
    write("e.csv", f"user,item,w\n1,1,1\n{blank}1,2,{value}\n1,3,2\n")
    found = problems(edges={"path": "e.csv", "weight": "w"})[0]
    assert found.what.startswith("1 values are")
    assert what in found.what
    assert found.where.endswith(f"e.csv:{3 + len(blank)} column 'w'")


def test_only_the_first_lines_are_listed_with_the_count():
    write("e.csv", "user,item,w\n" + "1,1,x\n" * 9)
    found = only(edges={"path": "e.csv", "weight": "w"})
    assert found.what.startswith("9 values")
    assert ":2,3,4,5,6 " in found.where


def test_bad_weights_in_parquet_with_their_row():
    pq.write_table(pa.table({"user": [1, 2], "item": [1, 1], "w": [1.0, np.nan]}), "e.parquet")
    assert "rows 2 column 'w'" in only(edges={"path": "e.parquet", "weight": "w"}).where


def test_bad_times():
    write("e.csv", "user,item,t\n1,1,2024-01-01\n1,2,yesterday\n1,3,\n")
    found = problems(edges={"path": "e.csv", "time": "t"})
    assert [problem.where.rsplit("/", 1)[-1] for problem in found] == ["e.csv:3 column 't'", "e.csv:4 column 't'"]


def test_empty_ids():
    write("e.csv", "user,item\n1,1\n,2\n3, \n")
    found = problems(edges={"path": "e.csv"})
    assert ["e.csv:3 column 'user'" in found[0].where, "e.csv:4 column 'item'" in found[1].where] == [True, True]


def test_null_ids_in_parquet():
    pq.write_table(pa.table({"user": [1, None], "item": ["a", "b"]}), "e.parquet")
    assert "rows 2 column 'user'" in only(edges={"path": "e.parquet"}).where


@pytest.mark.parametrize("text", ["user,target\n", "user,target\n1,1\n2,2\n"])
def test_empty_graph(text):
    assert "no edge" in only(edges={"path": write("e.csv", text), "social": True}).what


def test_empty_file():
    assert "empty" in only(edges={"path": write("e.csv", "")}).what


def test_ragged_lines():
    found = only(edges={"path": write("e.csv", "user,item\n1,1\n1\n1,2,3\n")})
    assert found.what == "2 lines do not have 2 fields"
    assert found.where.endswith("e.csv:3,4")


@pytest.mark.parametrize(
    ("name", "content"), [("e.csv", b"user,item\n\xff\xfe,1\n"), ("e.parquet", b"no"), ("e.csv.gz", b"no")]
)
def test_damaged_files(name, content):
    Path(name).write_bytes(content)
    assert name in only(edges={"path": name}).where


def test_duplicate_users_with_their_lines(people):
    write("people.csv", PEOPLE + "bob88,1,red,1,z\n")
    found = only(**people)
    assert "1 users that stand more than once" in found.what
    assert found.where.endswith("people.csv:3,5 column 'account'")


def test_a_mostly_numeric_label(people):
    write("people.csv", PEOPLE.replace("0.5", "half"))
    found = only(**people)
    assert "1 values are not numbers" in found.what
    assert found.where.endswith("people.csv:3 column 'left_right'")


def test_an_infinite_label(people):
    write("people.csv", PEOPLE.replace("0.5", "inf"))
    assert only(**people).where.endswith("people.csv:3 column 'left_right'")


@pytest.mark.parametrize(("values", "what"), [(("1", "1", "1"), "one class"), (("", "", ""), "no value")])
def test_a_label_that_tells_nobody_apart(people, values, what):
    lines = [f"{name},{value},red,1,x" for name, value in zip(("ada77", "bob88", "cyd99"), values, strict=True)]
    write("people.csv", "account,left_right,party,age,bio\n" + "\n".join(lines) + "\n")
    found = only(**people)
    assert what in found.what
    assert "column 'left_right'" in found.where


def test_one_class_among_the_users_of_the_graph(people):
    write("people.csv", "account,left_right,party,age,bio\nada77,1,r,1,x\nbob88,1,r,1,x\nelse,2,r,1,x\n")
    assert "one class only among the nodes" in only(**people).what


def test_ids_that_match_nobody(people):
    write("people.csv", "account,left_right,party,age,bio\nx,1,r,1,x\ny,2,r,1,x\n")
    found = only(**people)
    assert found.what == "none of its 2 ids is an id of the edges' users"
    assert "column 'account'" in found.where


def test_two_tables_with_one_column(people):
    write("more.csv", "id,age\nada77,1\nbob88,2\n")
    people["attributes"].append({"path": "more.csv", "columns": {"age": "covariate"}})
    assert "'age' was already read" in only(**people).what


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"edges": {}}, "at least 1"),
        ({"edges": {"path": "e", "item": "a", "target": "b"}}, "not both"),
        ({"edges": {"path": "e", "target": "b"}}, "social: true"),
        ({"edges": {"path": "e", "directed": False}}, "only social"),
        ({"edges": {"path": "e", "usr": "x"}}, "'usr'; did you mean 'user'"),
        ({"edges": {"path": "e"}, "attributes": [{"path": "p", "columns": {"id": "label"}}]}, "taken"),
        ({"edges": {"path": "e"}, "attributes": [{"path": "p", "columns": {"x": "lable"}}]}, "label"),
        (
            {
                "edges": {"path": "e", "social": True},
                "attributes": [{"path": "p", "entity": "items", "columns": {"x": "label"}}],
            },
            "every edge list is social",
        ),
    ],
)
def test_bad_configuration(config, message):
    with pytest.raises(InputError, match=message):
        source(**config)


def test_configuration_round_trip(people):
    config = source(**people).config
    assert Tabular.Config.model_validate(config.model_dump(mode="json")) == config
    assert config.replace(name="x").edges == config.edges
    with pytest.raises(ValidationError):
        config.name = "y"


def test_schema_for_editors_allows_one_or_several_edge_lists():
    import jsonschema

    schema = Tabular.Config.model_json_schema()
    jsonschema.validate({"edges": {"path": "e"}}, schema)
    jsonschema.validate({"edges": {"reads": {"path": "e"}}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"edges": {"reads": {"file": "e"}}}, schema)


@pytest.mark.slow
def test_a_million_edges_in_seconds():
    import time

    rng = np.random.default_rng(0)
    pairs = {"user": rng.integers(0, 100_000, 1_000_000), "item": rng.integers(0, 10_000, 1_000_000)}
    pacsv.write_csv(pa.table(pairs), "e.csv")
    start = time.perf_counter()
    data = source(edges={"path": "e.csv"}).read()
    assert data.relations["interactions"].table.num_rows == 1_000_000
    assert time.perf_counter() - start < 10
