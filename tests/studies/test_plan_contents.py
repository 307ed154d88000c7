"""The vectors that a study's ``features`` name are part of its graph's identity, by what their files hold."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.voteview import Voteview
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.models import GraphOptions
from hemicycle.studies.plan import build_plan, hash_file


@pytest.fixture(scope="module")
def senate():
    return Voteview(Voteview.Config()).read()


def study(path, **values):
    base = {
        "name": "x",
        "data": {"source": "voteview"},
        "seeds": 1,
        "population": {"pop": {"recommender": "popularity"}},
    }
    return StudyConfig.model_validate(base | {"features": {"users": {"file": str(path)}}} | values)


def write(path, senate, number):
    ids = senate.users["id"].to_pylist()
    pd.DataFrame({"id": ids, "vector": list(np.full((len(ids), 2), number))}).to_parquet(path)


def test_a_changed_file_of_vectors_gives_another_graph_and_other_fits(senate, tmp_path):
    path = tmp_path / "vectors.parquet"
    write(path, senate, 1.0)
    graph, fit = build_plan(study(path), senate)
    assert graph.options.contents == {"0 vectors.parquet": hash_file(path)}
    again = build_plan(study(path), senate)
    assert [step.fingerprint for step in again] == [graph.fingerprint, fit.fingerprint]
    write(path, senate, 2.0)
    changed = build_plan(study(path), senate)
    assert changed[0].fingerprint != graph.fingerprint
    assert changed[1].fingerprint != fit.fingerprint


def test_without_files_there_are_no_contents(senate):
    assert build_plan(study("", features={}), senate)[0].options.contents == {}
    assert GraphOptions().contents == {}


def test_a_missing_file_of_vectors_is_refused_before_anything_runs(senate, tmp_path):
    (tmp_path / "vectors.parquet").touch()
    with pytest.raises(InputError, match=r"there is no file '.*vektors\.parquet'; near names there: vectors\.parquet"):
        build_plan(study(tmp_path / "vektors.parquet"), senate)
