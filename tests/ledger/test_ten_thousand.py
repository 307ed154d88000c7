"""Ten thousand models: the index, a question, and a run that finds everything finished, in CPU-seconds."""

import time

import planted
import pytest

from hemicycle.core.storage import Folder
from hemicycle.ledger.library import Library
from hemicycle.ledger.questions import ask
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.studies.engine import execute
from hemicycle.studies.executor import LocalExecutor
from hemicycle.studies.models import FitOptions, GraphOptions, fit_step, graph_step
from hemicycle.studies.steps import Step

pytestmark = pytest.mark.slow

MANY = 10_000


@pytest.fixture(scope="module")
def steps():
    graph = Step("graph", "graph", graph_step, GraphOptions())
    recommender = RECOMMENDER.validate({"model": "lightgcn", "dim": 8})
    fits = (FitOptions(recommender=recommender, seed=seed) for seed in range(MANY))
    return [Step("fit", f"fit lightgcn-s{o.seed}", fit_step, o, {"graph": graph}) for o in fits]


@pytest.fixture(scope="module")
def store(tmp_path_factory, steps):
    folder = Folder.at(tmp_path_factory.mktemp("many"))
    planted.plant_named(folder, "graph", steps[0].inputs["graph"].fingerprint, "graph")
    for step in steps:
        records = [planted.record(step.fingerprint, "lightgcn", step.options.seed)]
        planted.plant_named(folder, "fit", step.fingerprint, step.title, records=records)
    planted.plant_study(folder, "many", [(s.kind, s.fingerprint, s.title) for s in steps])
    return folder


def cpu(function):
    """What a function returns, and the CPU-seconds that it took."""
    start = time.process_time()
    found = function()
    return found, time.process_time() - start


def test_the_index_is_made_in_a_minute_and_a_question_answered_in_two_seconds(store):
    _, rebuilding = cpu(lambda: Library.of(store, rebuild=True))
    sql = "SELECT count(*) AS n, max(seed) AS last FROM models WHERE recommender.dim = 8"
    found, asking = cpu(lambda: ask(Library.of(store), sql).to_pylist())
    assert found == [{"n": MANY, "last": MANY - 1}]
    assert rebuilding < 60
    assert asking < 2


def test_a_run_finds_everything_finished_in_ten_seconds(store, steps):
    outcome, seconds = cpu(lambda: execute(steps, store, LocalExecutor(), lambda event: None))
    assert outcome.count("cached") == MANY + 1
    assert seconds < 10
