"""Processes and machines that are lost while a study or a search runs."""

import json
from pathlib import Path

import pytest

from hemicycle import api
from hemicycle.core.storage import Folder
from hemicycle.studies.engine import FAILED

pytestmark = [pytest.mark.ray, pytest.mark.slow]
BROKEN = "population.broken={recommender: {model: mf, dim: 4}, train: {lr: 1e38}, seeds: 1}"

LOSSES = """
import contextlib, os, sys, time, warnings
import psutil, ray
from ray.cluster_utils import Cluster
from hemicycle import api
from hemicycle.core.storage import Folder

config, override, store = sys.argv[1:]
api.write_report = lambda facts, tables, folder: folder.write_bytes("report.html", b"-")
warnings.simplefilter("ignore")
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
second = cluster.add_node(num_cpus=1)
finished, lost = [], []

def alive():
    return sum(node["Alive"] for node in ray.nodes())

def kill_a_busy_worker():
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            name, mark = process.name(), process.environ().get("HEMICYCLE_TEST_MARK")
            if name.startswith("ray::") and "IDLE" not in name and "Agent" not in name:
                if mark == os.environ["HEMICYCLE_TEST_MARK"]:
                    process.kill()
                    return ["worker"]
    return []

def lose(event):
    if event.state != "finished":
        return
    finished.append(event.step.title)
    if len(finished) >= 3 and not lost:
        lost.extend(kill_a_busy_worker())
    elif len(finished) >= 6 and lost == ["worker"]:
        cluster.remove_node(second, allow_graceful=False)
        lost.append("node")
        end = time.monotonic() + 300
        while alive() > 1 and time.monotonic() < end:
            time.sleep(0.1)
        lost.append(alive())

study = api.run(config, [override], executor=api.ray(cluster.address), store=Folder.at(store), listener=lose)
print("RESULT", *lost, study.outcome.count("finished"), study.outcome.count("failed"))
cluster.shutdown()
"""


def test_a_lost_worker_and_a_lost_node_change_no_table(
    programs, small_config, tmp_path, no_figures, assert_same_tables
):
    script = tmp_path / "losses.py"
    script.write_text(LOSSES, encoding="utf-8")
    alone = api.run(small_config, [BROKEN], executor=api.local(), store=Folder.at(tmp_path / "alone"))
    assert alone.outcome.count("failed") == 1
    code, out, err = programs.run(
        "python", script, small_config, BROKEN, tmp_path / "cluster", RAY_AUTH_MODE="disabled"
    )
    expected = f"RESULT worker node 1 {alone.outcome.count('finished')} 1"
    assert (code, out.splitlines()[-1:]) == (0, [expected]), out + err
    assert_same_tables(tmp_path / "cluster", tmp_path / "alone")
    (broken,) = (tmp_path / "cluster").glob(f"steps/fit/*/{FAILED}")
    row = json.loads(broken.read_text(encoding="utf-8"))
    assert "training diverged in epoch " in row["error"]
    assert row["trace"].startswith("Traceback ")


SEARCH = """
import json, math, sys, time
from hemicycle.compute import session
from hemicycle.compute.tune import tune_search
from hemicycle.core.storage import Folder
from hemicycle.search.config import Branch, Dimension, Halving, SearchConfig
from hemicycle.search.journal import Journal
from hemicycle.search.space import Space

store = Folder.at(sys.argv[1])
branch = Branch(recommender={"model": "mf"}, space={"train.lr": Dimension(low=1e-4, high=1.0, log=True)})
config = SearchConfig(branches={"mf": branch}, trials=16, startup=4, mode="async", halving=Halving(first=2))

class Bowl:
    def rungs(self, proposal):
        return (2, 6)

    def run(self, proposal, rung):
        done = f"{proposal.number}-{rung}"
        if not store.exists(done):
            store.write_bytes(f"try-{done}-{time.time_ns()}", b"")
            time.sleep(0.3)
            lr = proposal.params["train.lr"]
            store.write_json(done, {"lr": lr, "ndcg@20": 0.4 - 0.1 * abs(math.log10(lr) + 2) + 0.01 * rung})
        return {"ndcg@20": store.read_json(done)["ndcg@20"]}

session.start(cpus=2)
journal = Journal(store / "search/trials")
trials = tune_search(config, Space.of(config, {}), Bowl(), journal, storage=store / "search", name="bowl")
store.write_json("trials.json", [trial.to_json() for trial in trials])
session.stop()
"""


def test_a_search_whose_driver_is_killed_goes_on_and_doubles_nothing(programs, tmp_path, eventually):
    script, store = tmp_path / "search.py", tmp_path / "store"
    script.write_text(SEARCH, encoding="utf-8")
    process = programs.start("python", script, store)
    eventually(lambda: process.poll() is not None or len(ended(store)) >= 4, 120)
    assert process.poll() is None, process.communicate()
    process.kill()
    out, err = process.communicate(timeout=300)
    programs.end()
    before = ended(store)
    asked = {path.name: path.read_text(encoding="utf-8") for path in (store / "search/trials").glob("asked-*")}

    code, out, err = programs.run("python", script, store)
    assert (code, err) == (0, ""), out + err
    after = ended(store)
    assert {name: after[name] for name in before} == before
    assert {name: (store / "search/trials" / name).read_text(encoding="utf-8") for name in asked} == asked
    trials = json.loads((store / "trials.json").read_text(encoding="utf-8"))
    assert [trial["proposal"]["number"] for trial in trials] == list(range(16))
    assert {trial["state"] for trial in trials} <= {"complete", "stopped"}
    assert len({trial["proposal"]["params"]["train.lr"] for trial in trials}) == 16
    rungs = {path.name for path in store.glob("[0-9]*-[01]")}
    assert len(rungs) == sum(1 + (trial["state"] == "complete") for trial in trials)
    tries = [path.name.rpartition("-")[0] for path in store.glob("try-*")]
    assert len(tries) <= len(rungs) + 2  # those that ran when the driver was killed
    assert list((store / "search").iterdir()) == [store / "search/trials"]


def ended(store):
    """Trials that were written down."""
    return {path.name: path.read_text(encoding="utf-8") for path in Path(store).glob("search/trials/ended-*.json")}
