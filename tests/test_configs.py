"""Every shipped configuration is valid; every real study has a miniature that runs to its report."""

from pathlib import Path

import pytest
import yaml

from hemicycle import api
from hemicycle.core.config import find, load
from hemicycle.core.storage import Folder
from hemicycle.reports import export
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.run import look

ROOT = Path(__file__).parents[1] / "configs"
FILES = sorted(ROOT.rglob("*.yaml"))
STUDIES = sorted(FILES)
REAL = [path for path in STUDIES if not path.stem.endswith("_debug")]
MINIATURES = [path for path in STUDIES if path.stem.endswith("_debug")]


def named(path):
    return path.stem


def test_there_are_configurations():
    assert {"quickstart", "quickstart_debug"} <= {path.stem for path in STUDIES}
    assert {path.parent.name for path in FILES} == {"searches", "studies"}, "say below how the new kind is validated"


@pytest.mark.parametrize("path", STUDIES, ids=named)
def test_a_study_is_valid_and_called_like_its_file(path):
    config = load(StudyConfig, path)
    assert config.name == path.stem
    assert config.title
    assert config.question


@pytest.mark.parametrize("path", REAL, ids=named)
def test_a_real_study_has_a_miniature(path):
    miniature = path.with_name(f"{path.stem}_debug.yaml")
    assert yaml.safe_load(miniature.read_text(encoding="utf-8"))["extends"] == path.name
    assert f"hemicycle run {path.stem}" in path.read_text(encoding="utf-8"), "the run command stands on top"


def marked(path):
    """A real study, which needs data where its text says so."""
    marks = [pytest.mark.data] if "HEMICYCLE_DATA" in path.read_text(encoding="utf-8") else []
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", [marked(path) for path in REAL])
def test_a_real_study_can_be_planned(path, tmp_path):
    """Everything that is refused before anything runs is refused here."""
    _, steps = look(load(StudyConfig, path), Folder.at(tmp_path))
    assert steps


@pytest.mark.parametrize("path", MINIATURES, ids=named)
def test_a_miniature_does_what_the_real_study_does(path):
    small, real = load(StudyConfig, path), load(StudyConfig, path.stem.removesuffix("_debug"))
    designed = tuple(f"{name}-" for name in real.designs)
    fixed = {name for name in real.population if not designed or not name.startswith(designed)}
    assert fixed <= set(small.population)
    assert set(real.simulations) == set(small.simulations)
    assert set(real.searches) == set(small.searches)
    assert set(real.designs) == set(small.designs)
    assert len(real.probes) == len(small.probes)


def test_the_quickstart_is_found_by_name_and_has_two_workers_in_miniature():
    assert find("quickstart") == ROOT / "studies" / "quickstart.yaml"
    assert {member.workers for member in api.load("quickstart_debug").population.values()} == {1, 2}


@pytest.mark.slow
@pytest.mark.parametrize("path", MINIATURES, ids=named)
def test_a_miniature_runs_to_its_report(path, tmp_path, monkeypatch):
    for drawn in ("png", "pdf"):  # the same for every figure, and shown by the tests of the report
        monkeypatch.setattr(export, drawn, lambda _: b"")
    store = Folder.at(tmp_path / "store")
    study = api.run(path, ["tracking.wandb=disabled"], executor=api.local(), store=store)
    assert study.tables["failures"].empty, study.tables["failures"].to_string()
    assert (study.folder.local / "report.html").stat().st_size > 10_000
    answers = [name for name in study.tables if name in {"records", "simulation_results"} or name.startswith("agenda_")]
    assert any(len(study.tables[name]) for name in answers)
