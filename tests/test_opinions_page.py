"""The page on opinions: its examples pass the contract, its keys and tables exist, its commands are commands."""

import re
import shlex
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
import yaml
from contracts.opinion_contract import OpinionContract
from estimation import planted_waves
from typer.testing import CliRunner

from hemicycle.cli import app
from hemicycle.core.config import Raw, find, validate
from hemicycle.estimation.catalogue import MECHANISMS
from hemicycle.estimation.estimate import COMMON
from hemicycle.exposure.base import Scene, neighbours
from hemicycle.exposure.catalogue import EXPOSURE, EXPOSURES
from hemicycle.opinions.catalogue import OPINIONS
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.simulation_tables import simulation_tables

TEXT = (Path(__file__).resolve().parents[1] / "platform" / "docs" / "opinions.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, flags=re.DOTALL)
SOURCES = {"median": "opinions", "distant": "exposure"}
ASKED = {"opinions", "arms", "mediators", "conduct", "knowledge", "grid", "sensitivity", "zealots", "densities"}


def blocks(kind):
    return [text for name, text in BLOCKS if name == kind]


def loaded(name):
    """The example that stands in the file ``name``, as a module."""
    module = types.ModuleType(f"hemicycle.{SOURCES[name]}.{name}")
    sys.modules[module.__name__] = module
    source = next(text for text in blocks("python") if f"{SOURCES[name]}/{name}.py" in text)
    exec(compile(source, "opinions.md", "exec"), module.__dict__)  # noqa: S102 it is our own
    return module


MEDIAN, DISTANT = loaded("median"), loaded("distant")


@pytest.fixture(autouse=True)
def added(monkeypatch):
    for module, table in ((MEDIAN, OPINIONS), (DISTANT, EXPOSURES)):
        name = module.__name__.rpartition(".")[2]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(table, name, f"{module.__name__}:{name.capitalize()}")


class TestMedian(OpinionContract):
    config = MEDIAN.Median.Config()

    def reference(self, opinions, innate, sources, key):
        after = np.array(opinions)
        for i, (first, last) in enumerate(zip(sources.indptr[:-1], sources.indptr[1:], strict=True)):
            for d in range(opinions.shape[1]):
                heard = sorted(sources.positions[j, d] for j in sources.indices[first:last])
                if heard:
                    middle = (heard[(len(heard) - 1) // 2] + heard[len(heard) // 2]) / 2
                    after[i, d] = 0.5 * opinions[i, d] + 0.5 * middle
        return after


def test_distant_users_are_proposed_and_strength_0_is_no_exposure():
    opinions = np.random.default_rng(0).uniform(-1, 1, (200, 1))
    scene = Scene(planted_waves.homophilous_graph(opinions[:, 0], 5, np.random.default_rng(1)), seed=3)
    arm = EXPOSURE.build(EXPOSURE.validate({"exposure": "distant", "k": 3}))
    shown = arm.proposals(scene, 0, opinions)
    assert shown.shape == (200, 3)
    assert np.array_equal(shown, arm.proposals(scene, 0, opinions))
    assert not np.array_equal(shown, arm.proposals(scene, 10, opinions))
    assert (np.abs(opinions[shown, 0] - opinions).mean(axis=1) > np.abs(opinions[:, 0] - opinions).mean(axis=1)).all()
    none = EXPOSURE.build(EXPOSURE.validate({"exposure": "distant", "strength": 0})).shown(scene, 0, opinions)
    assert np.array_equal(none.indices, neighbours(scene.graph, opinions).indices)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_keys_of_its_yaml_are_valid(text):
    given = yaml.safe_load(text)
    assert set(given) <= {"society", "simulations"}
    study = validate(StudyConfig, Raw({"name": "page", "data": {"source": "voteview", "congress": 96}, **given}, {}))
    assert all(simulation.cells() for simulation in study.simulations.values())


def test_questions_models_and_tables_are_all_there():
    for key in ASKED:
        assert f"`simulations.NAME.{key}`" in TEXT, key
    for table in simulation_tables([], None):
        assert f"`{table}`" in TEXT, table
    for name in {*OPINIONS, *EXPOSURES, *MECHANISMS}:
        assert f"`{name}`" in TEXT or name in SOURCES, name


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Waves and follows under the names of the page."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hemicycle.cli.estimate_files._draw", lambda *_: None)
    measured, graph, _ = planted_waves.waves("assimilation", np.random.default_rng(0), n=300, n_waves=3)
    table = pd.DataFrame(measured, columns=["wave_1", "wave_2", "wave_3"])
    table.assign(id=[f"u{i}" for i in range(300)]).to_csv("waves.csv", index=False)
    ends = {"user": graph.rows(), "item": graph.indices}
    pd.DataFrame({name: [f"u{i}" for i in own] for name, own in ends.items()}).to_csv("follows.csv", index=False)


@pytest.mark.usefixtures("files")
def test_its_commands_are_commands():
    commands, estimated = typer.main.get_command(app), 0
    for line in filter(None, "".join(blocks("shell")).replace("\\\n", " ").splitlines()):
        program, verb, *words = shlex.split(line)
        assert program == "hemicycle"
        with commands.commands[verb].make_context(verb, list(words)):
            pass  # unknown options and too many words are refused here
        if verb in {"run", "plan"}:
            assert find(words[0]).exists()
        if verb == "estimate":
            done = CliRunner().invoke(app, [verb, *words])
            assert done.exit_code == 0, done.output
            estimated += 1
    assert estimated == 2


@pytest.mark.usefixtures("files")
def test_its_script_runs():
    scope = {}
    exec(next(text for text in blocks("python") if "api.estimate" in text), scope)  # noqa: S102 it is our own
    found = scope["found"]
    assert found.verdict.startswith("assimilation")
    assert set(found.comparison["mechanism"]) == {"none", "assimilation", "bounded_confidence", "distance_decay"}
    row = found.results.set_index(["group", "mechanism", "parameter"]).loc[(COMMON, "assimilation", "susceptibility")]
    assert row["ci_low"] < 0.3 < row["ci_high"]


def test_the_page_is_short():
    assert "@@" not in TEXT
    assert len(TEXT.splitlines()) <= 300
