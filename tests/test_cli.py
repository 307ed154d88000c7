"""The command line: what it prints, where, and its exit codes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hemicycle import api, cli
from hemicycle.cli import main
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder


@pytest.fixture
def store(small_study, tmp_path):
    shutil.copytree(small_study[1].local, tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def hemicycle(monkeypatch, capsys, tmp_path):
    """Run a command in this process; returns its exit code and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["hemicycle", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def test_help_needs_nothing_slow():
    script = """
import sys
from hemicycle.cli import main
try:
    main()
except SystemExit:
    sys.exit(any(name in sys.modules for name in ("torch", "ray", "pandas")))
"""
    done = subprocess.run([sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for verb in ("plan", "run", "status", "show", "export", "report", "doctor", "data", "population"):
        assert f" {verb} " in done.stdout


# -- run -------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_figures")
def test_run_tells_what_was_found_and_what_comes_next(hemicycle, small_config, tmp_path):
    code, out, err = hemicycle("run", small_config, "--executor", "local", "--store", tmp_path / "new")
    assert code == 0
    assert "steps run, 0 found finished, 0 failed, 0 not run." in out
    assert "R²" in out
    assert f"Report: {tmp_path}/new/studies/small-" in out
    assert "Next:   hemicycle export small-" in out
    assert "steps, 0 failed" in err
    assert (tmp_path / "new" / "studies").is_dir()


def test_the_second_run_says_that_there_is_nothing_to_do(hemicycle, small_config, store):
    code, out, err = hemicycle("run", small_config, "--executor", "local", "--store", store)
    assert (code, err) == (0, "")
    assert out.startswith("Nothing to do: all ")


@pytest.mark.usefixtures("no_figures")
def test_failures_are_told_with_what_to_type(hemicycle, small_config, store, monkeypatch):
    from hemicycle.studies import probing

    shutil.rmtree(store / "steps" / "probe")

    def fail(*_):
        raise FloatingPointError("no [number]")

    monkeypatch.setattr(probing, "probe_targets", fail)
    for _ in range(2):  # the second run changes nothing, and does not say that all is well
        code, out, err = hemicycle("run", small_config, "--executor", "local", "--store", store)
        assert code == 3
        assert "3 failed" in out
        assert "failed: probe mf-s0: FloatingPointError: no [number]" in err
        assert "3 steps failed, 0 could not run. More: hemicycle show " in err
    shown = err.split("hemicycle show ")[1].split(" ")[0]
    code, out, _ = hemicycle("show", shown, "--store", store)
    assert "no [number]" in json.loads(out)["error"]


def test_an_interruption_is_no_loss(hemicycle, small_config, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "run", interrupted)
    code, _, err = hemicycle("run", small_config, "--executor", "local", "--store", tmp_path)
    assert code == 130
    assert "goes on from here" in err


def test_a_job_runs_a_part_of_a_study(hemicycle, small_config, store, monkeypatch, capsys):
    def simulations(config):
        return config.replace(name="part", population={}, probes=())

    monkeypatch.setattr(api, "write_report", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["job", str(small_config), "--executor", "local", "--store", str(store)])
    with pytest.raises(SystemExit) as end:
        cli.job(simulations)
    assert not end.value.code
    out = capsys.readouterr().out
    assert "Nothing to run: all 9 steps were finished before; tables and report are new." in out
    assert "Under Friedkin-Johnsen" in out
    assert api.find_study("part", Folder.at(store)).exists("tables/simulation_results.parquet")


def test_the_store_comes_from_the_environment(hemicycle, small_config, store, monkeypatch):
    monkeypatch.setenv("HEMICYCLE_STORE", str(store))
    assert "Nothing to do" in hemicycle("run", small_config, "--executor", "local")[1]


# -- look ------------------------------------------------------------------------------------------------------------


def test_plan_shows_steps_and_totals(hemicycle, small_config, store, tmp_path):
    code, out, _ = hemicycle("plan", small_config, "--store", tmp_path / "none")
    assert code == 0
    assert "fit mf-s0\tto run\tnew\t" in out
    assert f"Next: hemicycle run {small_config} --store {tmp_path / 'none'}" in out
    assert not (tmp_path / "none").exists()
    again = hemicycle("plan", small_config, "title=A new title", "seeds=2", "--store", tmp_path / "none")[1]
    assert f"Next: hemicycle run {small_config} 'title=A new title' seeds=2 --store {tmp_path / 'none'}" in again
    assert "0 of " in hemicycle("plan", small_config, "--store", store)[1]


def test_plan_as_json(hemicycle, small_config, store):
    code, out, _ = hemicycle("plan", small_config, "seeds=2", "--json", "--store", store)
    found = json.loads(out)
    assert code == 0
    assert [s["step"] for s in found["steps"] if s["state"] == "to run"] == ["fit popularity-s1", "fit mf-s1"]
    assert found["seconds"] > 0
    assert found["problems"] == []


def test_plan_refuses_what_cannot_fit(hemicycle, small_config, tmp_path, monkeypatch):
    monkeypatch.setattr(Folder, "free_bytes", lambda _: 10)
    code, _, err = hemicycle("plan", small_config, "--store", tmp_path)
    assert code == 2
    assert "the plan does not fit" in err
    assert "choose another --store" in err


def test_status(hemicycle, store, tmp_path):
    header, row = hemicycle("status", "--store", store)[1].splitlines()[:2]
    assert header.split("\t")[:2] == ["study", "steps"]
    assert row.startswith("small-")
    code, out, _ = hemicycle("status", "--store", tmp_path / "empty")
    assert code == 0
    assert "Next: hemicycle run quickstart" in out


def test_show(hemicycle, store):
    code, out, _ = hemicycle("show", "mf-s0", "--store", store)
    assert code == 0
    assert json.loads(out)["title"] == "fit mf-s0"
    code, out, err = hemicycle("show", "mf-s9", "--store", store)
    assert (code, out) == (2, "")
    assert "0 runs are called 'mf-s9'" in err


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_export_writes_the_formats_of_other_programs(hemicycle, small_study, store, tmp_path, form):
    code, out, _ = hemicycle("export", "small", "ranking_results", "--format", form, "--store", store)
    assert code == 0
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}[form]
    found, table = read(tmp_path / f"ranking_results.{form}"), small_study[0].tables["ranking_results"]
    assert f"{len(table)} rows: ranking_results.{form}" in out
    assert list(found.columns) == list(table.columns)
    pd.testing.assert_series_equal(found["value"], table["value"])


def test_export_to_a_place(hemicycle, store, tmp_path):
    assert hemicycle("export", "small", "records", "-o", tmp_path / "r.csv", "--store", store)[0] == 0
    assert (tmp_path / "r.csv").is_file()


def test_the_report_again(hemicycle, small_config, store, tmp_path, no_figures):
    code, out, _ = hemicycle("report", small_config, "--store", store)
    assert code == 0
    assert out.startswith("Report: ")
    code, _, err = hemicycle("report", small_config, "--store", tmp_path / "none")
    assert code == 2
    assert "finish it first: hemicycle run" in err


def test_population(hemicycle, small_study, small_config, store, tmp_path):
    out = hemicycle("population", "list", "small", "--store", store)[1]
    assert [line.split("\t")[0] for line in out.splitlines()] == ["name", "mf-s0", "mf-s0-untrained", "popularity-s0"]
    ids = small_study[0].dataset.users["id"].to_pylist()
    pd.DataFrame({"id": ids, "vector": [[1.0, i] for i in range(len(ids))]}).to_parquet(tmp_path / "v.parquet")
    code, out, _ = hemicycle("population", "add", small_config, "theirs", tmp_path / "v.parquet")
    assert code == 0
    assert "Next:    hemicycle run small+theirs.yaml" in out
    assert (tmp_path / "small+theirs.yaml").is_file()


def test_schema(hemicycle):
    schema = json.loads(hemicycle("schema")[1])
    assert {"name", "data", "population", "probes", "simulations"} <= set(schema["properties"])


# -- data and machine ------------------------------------------------------------------------------------------------


def test_data(hemicycle, small_config, tmp_path):
    code, out, _ = hemicycle("data", "list")
    assert code == 0
    assert "\t" in out
    assert "nominate_dim1" in hemicycle("data", "describe", small_config)[1]
    code, out, _ = hemicycle("data", "synthesize", tmp_path / "society", "users=40", "follows.per_user=3", "items=0")
    assert code == 0
    assert out.startswith("users: 40")
    assert hemicycle("data", "fetch", "no such set")[0] == 2


def test_doctor(hemicycle, tmp_path, monkeypatch):
    from hemicycle.compute import doctor

    monkeypatch.setattr(doctor, "LEAST_MEMORY", 0)
    monkeypatch.setattr(doctor, "LEAST_DISK", 0)
    code, out, err = hemicycle("doctor", "--store", tmp_path)
    assert (code, err) == (0, "")
    assert "ok\tstore" in out
    (tmp_path / "file").write_text("x")
    code, out, err = hemicycle("doctor", "--store", tmp_path / "file" / "store")
    assert code == 1
    assert "!!\tstore" in out
    assert "choose another with --store" in err


def test_messages_keep_their_brackets(hemicycle, monkeypatch):
    def fail(*_):
        raise InputError("a [red] thing", "file [1]", "[bold] remedy")

    monkeypatch.setattr(api, "load", fail)
    code, out, err = hemicycle("run", "x")
    assert (code, out) == (2, "")
    assert err == "file [1]: a [red] thing\n    -> [bold] remedy\n"


@pytest.mark.slow
def test_the_installed_command(tmp_path):
    command = Path(sys.executable).with_name("hemicycle")
    done = subprocess.run([command, "run", "quikstart"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "there is no configuration 'quikstart'" in done.stderr
    assert "quickstart" in done.stderr.split("shipped")[1]
    assert list(tmp_path.iterdir()) == []


def test_an_export_into_no_folder_is_refused(hemicycle, store):
    code, _, err = hemicycle("export", "small", "records", "-o", "nowhere/x.csv", "--store", store)
    assert code == 2
    assert "there is no folder nowhere" in err
