"""Questions: what they see and what they do not, their mistakes, and their answers as files."""

import json

import planted
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemicycle.core.errors import DisclosureError, InputError
from hemicycle.core.storage import Folder
from hemicycle.ledger import answers, library
from hemicycle.ledger.library import Library
from hemicycle.ledger.questions import EXAMPLE, ask, notes, overview


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two studies; the second also has a table of people who are not public, and one of its own types."""
    folder = Folder.at(tmp_path_factory.mktemp("questions"))
    planted.plant_population(folder)
    second = planted.plant_population(folder, "two", lift=0.05, dim=16)
    (second / "tables").write_table("people", planted.private_table())
    (second / "tables").write_table("bare", pa.table({"user": [1, 2], "score": [0.1, 0.2]}))
    return folder


@pytest.fixture(scope="module")
def opened(store):
    return Library.of(store)


def answer(opened, sql):
    return ask(opened, sql).to_pylist()


def test_the_example_works(opened):
    found = answer(opened, EXAMPLE)
    assert [(row["family"], row["dim"]) for row in found] == [
        ("lightgcn", 16),
        ("lightgcn", 8),
        ("mf", 16),
        ("mf", 8),
    ]
    assert found[0]["ndcg"] > found[1]["ndcg"]


def test_tables_of_all_studies_are_one_with_the_study_in_front(opened):
    found = answer(opened, "SELECT study, count(*) AS n FROM metrics GROUP BY study ORDER BY study")
    assert found == [{"study": "one-12345678", "n": 18}, {"study": "two-12345678", "n": 18}]
    assert ask(opened, "FROM probes").column_names[0] == "study"
    assert answer(opened, "SELECT count(*) AS n FROM simulation_contrasts") == [{"n": 2}]


def test_options_and_configurations_can_be_asked_for(opened):
    sql = "SELECT DISTINCT recommender.dim AS dim, train.epochs AS epochs, config->>'$.k' AS k FROM models ORDER BY dim"
    assert answer(opened, sql) == [{"dim": 8, "epochs": 3, "k": "20"}, {"dim": 16, "epochs": 3, "k": "20"}]


def test_names_in_any_case_quoted_or_in_a_function_mean_the_table(opened):
    for sql in ('FROM "Metrics"', "FROM METRICS", "FROM query_table('metrics')", "WITH a AS (FROM metrics) FROM a"):
        assert ask(opened, sql).num_rows == 36


def test_the_overview_names_every_table_with_its_columns(opened):
    found = {name: (rows, columns) for name, rows, columns in overview(opened)}
    assert found["models"][0] == "12"
    assert "recommender.dim" in found["models"][1]
    assert found["metrics"][0] == "36"
    assert "people" not in found
    assert {row["name"] for row in answer(opened, "SHOW TABLES")} == set(found)


# -- what may not be seen ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", ["SELECT * FROM people", "SELECT avg(left_right) FROM People", "FROM bare"])
def test_people_who_are_not_public_are_withheld(opened, sql):
    with pytest.raises(DisclosureError, match=r"withheld|no table"):
        ask(opened, sql)


def test_withheld_tables_are_named_with_the_reason(opened):
    told = notes(opened)
    assert [line.split(" of ")[0] for line in told] == ["withheld: bare", "withheld: people"]
    assert "sensitive values of people who are not public: left_right" in told[1]
    assert notes(opened, "FROM models") == []
    why = answer(opened, "SELECT \"table\", withheld FROM tables WHERE withheld <> ''")
    assert [row["table"] for row in why] == ["bare", "people"]


def test_a_table_that_turns_sensitive_after_it_was_indexed_is_not_shown(store):
    opened = Library.of(store)
    tables = store / "studies" / "one-12345678" / "tables"
    before = tables.read_table("records")
    tables.write_table("records", planted.private_table())
    try:
        assert {row["study"] for row in answer(opened, "FROM records")} == {"two-12345678"}
        assert "sensitive" in notes(opened)[2]
    finally:
        tables.write_table("records", before)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "FROM '/etc/passwd'",
    ],
)
def test_questions_reach_no_files(opened, sql):
    with pytest.raises(InputError, match=r"cannot read or write files|there is no table"):
        ask(opened, sql)


def test_questions_reach_no_variables_of_this_process(opened):
    secret = pa.table({"a": [1]})
    with pytest.raises(InputError, match="no table 'secret'"):
        ask(opened, "FROM secret")
    del secret


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("COPY models TO 'x.csv'", "COPY"),
        ("CREATE TABLE x AS FROM models", "CREATE"),
        ("DELETE FROM models", "DELETE"),
        ("SET enable_external_access=true", "SET"),
        ("ATTACH 'x.db'", "ATTACH"),
        ("INSTALL httpfs", "LOAD"),
        ("SELECT 1; SELECT 2", "SELECT, SELECT"),
        ("", "empty"),
        ("-- nothing", "empty"),
    ],
)
def test_a_question_is_one_select(opened, sql, kind):
    with pytest.raises(InputError, match=f"one SELECT; this is {kind}"):
        ask(opened, sql)


# -- mistakes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT * FROM metrix", "there is no table 'metrix'; did you mean 'metrics'?"),
        ("SELECT * FROM ranking_results", "the table ranking_results is called metrics in questions"),
        ("SELECT famly FROM models", "there is no column 'famly'; did you mean 'family'?"),
        ("SELECT m.famly FROM models m", "there is no column 'famly'; did you mean 'family'?"),
        ("SELECT recommender.dimm FROM models", "there is no field 'dimm'; did you mean 'dim'?"),
        ("SELECT zzz.dim FROM models", "there is no column 'zzz'"),
        ("SELEC 1", "syntax error"),
        ("SELECT family FROM models JOIN metrics ON id = record_id", "Ambiguous reference"),
        ("SELECT CAST('x' AS INT)", "Could not convert"),
    ],
)
def test_mistakes_say_what_is_meant(opened, sql, what):
    with pytest.raises(InputError) as found:
        ask(opened, sql)
    assert what in str(found.value)
    assert found.value.problems[0].remedy


def test_what_cannot_be_read_is_left_out_and_told(tmp_path):
    folder = Folder.at(tmp_path)
    place = planted.plant_population(folder)
    planted.plant_population(folder, "two")
    opened = Library.of(folder)
    (place / "tables").write_bytes("ranking_results.parquet", b"broken")
    assert {row["study"] for row in answer(opened, "SELECT DISTINCT study FROM metrics")} == {"two-12345678"}
    assert "not read: " in notes(opened)[0]
    assert "1 files of the store cannot be read" in notes(Library.of(folder))[0]


def test_columns_of_several_types_become_text():
    tables = [pa.table({"a": [1], "b": [1]}), pa.table({"a": ["x"], "b": [0.5]}), pa.table({"c": [True]})]
    assert library._together(tables).to_pylist() == [
        {"a": "1", "b": "1", "c": None},
        {"a": "x", "b": "0.5", "c": None},
        {"a": None, "b": None, "c": True},
    ]
    widened = library._together([pa.table({"b": [1]}), pa.table({"b": [0.5]})])
    assert widened["b"].to_pylist() == [1.0, 0.5]


def test_a_table_of_a_study_cannot_stand_for_one_of_the_index(tmp_path):
    folder = Folder.at(tmp_path)
    place = planted.plant_population(folder)
    (place / "tables").write_table("models", pa.table({"study": ["x"], "a": [1]}))
    opened = Library.of(folder)
    assert answer(opened, "SELECT study, a FROM study_models") == [{"study": "one-12345678", "a": 1}]
    assert ask(opened, "FROM models").num_rows == 6


# -- answers -----------------------------------------------------------------------------------------------------------

ANSWER = pa.table({"a": [1, None], "b": ["x|y\n", "é"], "c": [{"d": [1]}, None], "e": [float("nan"), 0.5]})


def test_answers_as_text_and_files(tmp_path):
    assert answers.cells(ANSWER) == [("1", "x|y\n", '{"d": [1]}', "nan"), ("", "é", "", "0.5")]
    assert answers.encode(ANSWER, "csv").decode().splitlines()[0] == '"a","b","c","e"'
    assert json.loads(answers.encode(ANSWER, "json"))[0] == {"a": 1, "b": "x|y\n", "c": {"d": [1]}, "e": None}
    lines = answers.encode(ANSWER, "markdown").decode().splitlines()
    assert lines[:2] == ["| a | b | c | e |", "| --- | --- | --- | --- |"]
    assert lines[2] == '| 1 | x\\|y  | {"d": [1]} | nan |'
    path = tmp_path / "a.parquet"
    path.write_bytes(answers.encode(ANSWER, "parquet"))
    assert pq.read_table(path).select(["a", "b"]).equals(ANSWER.select(["a", "b"]))
