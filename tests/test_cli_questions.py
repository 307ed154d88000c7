"""The commands query and compare: what they print, write and refuse."""

import json
import subprocess
import sys

import pandas as pd
import planted
import pytest

from hemicycle import api, cli
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = Folder.at(tmp_path_factory.mktemp("asked"))
    planted.plant_population(folder)
    second = planted.plant_population(folder, "two", lift=0.05, dim=16)
    (second / "tables").write_table("people", planted.private_table())
    return folder


@pytest.fixture
def hemicycle(monkeypatch, capsys, tmp_path, store):
    """Run a command on the store in this process; returns its exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hemicycle", *map(str, arguments), "--store", store.uri])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


COUNT = "SELECT family, count(*) AS n FROM models GROUP BY family ORDER BY family"


def test_an_answer_is_a_table(hemicycle):
    assert hemicycle("query", COUNT) == (0, "family\tn\nlightgcn\t6\nmf\t6\n", "")


def test_without_a_question_the_tables_and_an_example_are_shown(hemicycle):
    code, out, _ = hemicycle("query")
    assert code == 0
    assert "models  12 rows" in out
    assert "recommender.dim" in out
    assert "withheld: people of two-12345678" in out
    example = out.rsplit('Ask:  hemicycle query "', 1)[1].split('"')[0]
    assert hemicycle("query", example)[0] == 0


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.parquet", "a.md"])
def test_an_answer_is_written_in_the_format_of_the_file(hemicycle, tmp_path, name):
    code, out, _ = hemicycle("query", COUNT, "--output", name)
    assert (code, out) == (0, f"2 rows: {name}\n")
    path = tmp_path / name
    if name.endswith("md"):
        assert path.read_text().splitlines()[2] == "| lightgcn | 6 |"
        return
    readers = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}
    assert readers[name[2:]](path).to_dict("list") == {"family": ["lightgcn", "mf"], "n": [6, 6]}


def test_a_format_without_a_file_goes_to_the_terminal(hemicycle):
    code, out, _ = hemicycle("query", COUNT, "--format", "json")
    assert code == 0
    assert json.loads(out)[1] == {"family": "mf", "n": 6}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("FROM modles",), "did you mean 'models'?"),
        (("FROM people",), "withheld"),
        ((COUNT, "--format", "parquet"), "--output"),
        ((COUNT, "--output", "a.xls"), "does not say its format"),
        ((COUNT, "--output", "none/a.csv"), "there is no folder none"),
    ],
)
def test_mistakes_end_in_a_message(hemicycle, arguments, told):
    code, out, err = hemicycle("query", *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_questions_do_not_wait_for_what_they_do_not_need(store):
    script = """
import sys
from hemicycle.cli import main
try:
    main()
finally:
    sys.stderr.write(",".join(name for name in ("torch", "ray", "altair", "scipy") if name in sys.modules))
"""
    command = [sys.executable, "-c", script, "query", COUNT, "--store", store.uri]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("family\tn\nlightgcn\t6\nmf\t6\n", "")


def test_compare_prints_and_writes(hemicycle, tmp_path):
    code, out, err = hemicycle("compare", "one", "two", "--html", "c.html", "--markdown", "c.md")
    assert code == 0
    assert "population.mf.recommender.dim\t8\t16" in out
    assert "paired bootstrap over users (n = 120 users)" in out
    assert "7 comparisons with one" in err
    assert "<!DOCTYPE html>" in (tmp_path / "c.html").read_text()
    assert "# Comparison of one and two" in (tmp_path / "c.md").read_text()


def test_compare_refuses_unknown_names_and_folders(hemicycle):
    code, _, err = hemicycle("compare", "one", "tow")
    assert code == 2
    assert "nearest: two" in err
    code, _, err = hemicycle("compare", "one", "two", "--html", "none/c.html")
    assert code == 2
    assert "there is no folder none" in err


def test_the_verbs_are_functions_too(store):
    assert api.query(COUNT, store).to_pylist()[0] == {"family": "lightgcn", "n": 6}
    assert api.compare("one", "two", store=store).labels == ["one", "two"]
    with pytest.raises(InputError, match="no study"):
        api.query(COUNT, store / "none")
