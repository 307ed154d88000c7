"""Progress on a dashboard: read back offline; whatever the dashboard does, the run goes on."""

import getpass
import json
import logging
import platform
import threading
import time

import pytest
from contracts.wandb_files import history, inspect, logs

from hemicycle import api
from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.core.tracking import NullTracker
from hemicycle.reports import wandb_progress as live
from hemicycle.reports import wandb_tracker
from hemicycle.reports.wandb_progress import Pace, wandb_progress
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.engine import Event
from hemicycle.studies.steps import Step
from hemicycle.training.checkpoints import Progress, save_progress

SEARCH = {
    "branches": {"mf": {"recommender": "mf"}},
    "space": {"recommender.dim": {"choice": [4, 8]}},
    "objectives": [
        {"metric": "ndcg@20"},
        {"metric": "probe", "label": "nominate_dim1", "direction": "minimize"},
    ],
}
STUDY = {"name": "followed", "data": {"source": "voteview", "congress": 96}, "searches": {"politics": SEARCH}}
QUICK = Pace(every=0.02, patience=30)
TOLD = [{"ndcg@20": 0.4, "probe:nominate_dim1": 0.9}, {"ndcg@20": 0.3, "probe:nominate_dim1": 0.2}]


class Number(Options):
    """Tells steps apart."""

    number: int


def steps(listen, failed=1, totals=None):
    """Tell a listener of two trials that are measured, and of one that fails."""
    found = [Step("evaluate", f"evaluate politics-00{n}-s{n}", print, Number(number=n)) for n in range(3)]
    counts = {"totals": totals or {"evaluate": 4}}
    for number, step in enumerate(found):
        listen(Event(step, "started", number, 4, 0, **counts))
        if number < len(TOLD):
            listen(Event(step, "finished", number + 1, 4, 0, seconds=0.5, told=TOLD[number], **counts))
    listen(Event(found[2], "failed", 3, 4, failed, message="of user 77: secret", **counts))


def wait_for(condition):
    """Wait until the thread has come so far."""
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


class Recorded:
    """Stands for a wandb run."""

    def __init__(self):
        self.rows, self.about, self.code, self.thread, self.broken = [], {}, None, None, ""

    def _use(self, name):
        if name == self.broken:
            raise ConnectionError("no route to host\nand more")

    def init(self, **about):
        self._use("init")
        self.about, self.thread = about, threading.current_thread()
        return self

    def define_metric(self, *names, **how):
        del names, how

    def log(self, row):
        self._use("log")
        self.rows.append(row)

    def finish(self, exit_code):
        self._use("finish")
        self.code = exit_code


@pytest.fixture
def config(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return StudyConfig.model_validate(STUDY)


@pytest.fixture
def recorded(monkeypatch):
    found = Recorded()
    monkeypatch.setattr(live.wandb, "init", found.init)
    return found


def follow(config, tmp_path, tell, pace=QUICK, mode="offline"):
    with wandb_progress(config, Folder.at(tmp_path / "store"), mode, pace) as listen:
        tell(listen)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # wandb leaves a socket to its service
def test_progress_is_read_back_while_and_after_it_happens(config, tmp_path, capfd):
    def tell(listen):
        steps(listen)
        wait_for(lambda: logs(tmp_path / "store"))

    follow(config, tmp_path, tell)
    assert capfd.readouterr() == ("", "")
    (path,) = logs(tmp_path / "store")
    text = json.dumps(history(path))
    for name in ("steps/done", "steps/failed", "steps/per_minute", "evaluate/mean_seconds", "best/ndcg@20"):
        assert name in text
    about = json.loads(inspect(path, "--summary"))
    assert about["config"] == {"study": config.fingerprint()}
    content = path.read_bytes()
    for private in (b"secret", b"user 77", platform.node().encode()):
        assert private not in content
    assert getpass.getuser() == "root" or getpass.getuser().encode() not in content


def test_what_the_table_shows_is_told(config, tmp_path, recorded):
    follow(config, tmp_path, lambda listen: (steps(listen), wait_for(lambda: len(recorded.rows) > 4)))
    trials = [row for row in recorded.rows if any(name.startswith("trial/") for name in row)]
    assert [{name.removeprefix("trial/"): v for name, v in row.items() if name != "seconds"} for row in trials] == TOLD
    last = recorded.rows[-1]
    assert (last["steps/done"], last["steps/total"], last["steps/failed"]) == (3, 4, 1)
    assert (last["evaluate/done"], last["evaluate/failed"], last["evaluate/running"]) == (3, 1, 0)
    assert (last["best/ndcg@20"], last["best/probe:nominate_dim1"]) == (0.4, 0.2)
    assert last["evaluate/mean_seconds"] == 0.5
    assert last["steps/per_minute"] > 0
    assert last["steps/seconds_left"] > 0
    assert all(isinstance(value, int | float) for row in recorded.rows for value in row.values())
    assert recorded.code == 0
    assert recorded.about["mode"] == "offline"
    assert recorded.thread is not threading.main_thread()


def test_curves_of_fits_are_told_while_they_train(config, tmp_path, recorded, monkeypatch):
    monkeypatch.setattr(live, "MOST_CURVES", 1)
    fits = [Step("fit", f"fit mf-s{n}", print, Number(number=n)) for n in range(2)]
    rows = [{"epoch": epoch, "loss": 1 / (1 + epoch), "ndcg@20": 0.1 * epoch} for epoch in range(5)]

    def tell(listen):
        for number, step in enumerate(fits):
            listen(Event(step, "started", 0, 2, 0))
            for until in (2, 4):
                folder = step.folder(Folder.at(tmp_path / "store"))
                save_progress(folder, "it", Progress(until, until, tuple(rows[: until + 1])))
                if not number:
                    wait_for(lambda until=until: any(r.get("fit/mf-s0/epoch") == until for r in recorded.rows))
        (tmp_path / "store" / "steps" / "fit" / fits[0].fingerprint / "resume" / "epoch-00009").mkdir()

    follow(config, tmp_path, tell)
    told = [row for row in recorded.rows if any(name.startswith("fit/mf-s") for name in row)]
    curve = [{key.removeprefix("fit/mf-s0/"): v for key, v in row.items() if key != "seconds"} for row in told]
    assert curve == rows


def test_points_are_told_at_intervals_not_with_every_event(config, tmp_path, recorded):
    def tell(listen):
        for _ in range(200):
            steps(listen)
        wait_for(lambda: recorded.about)

    follow(config, tmp_path, tell, Pace(every=0.2, patience=30))
    rows = [row for row in recorded.rows if "steps/done" in row]
    assert len(rows) < 20
    assert len(recorded.rows) - len(rows) <= 400


def test_what_is_over_soon_or_was_finished_before_is_not_told_of(config, tmp_path, recorded):
    follow(config, tmp_path, steps, Pace(every=60, patience=30))
    step = Step("fit", "fit a", print, Number(number=0))
    follow(config, tmp_path, lambda listen: (listen(Event(step, "cached", 1, 1, 0)), time.sleep(0.1)))
    follow(config, tmp_path, lambda listen: (steps(listen), time.sleep(0.1)), mode="disabled")
    assert recorded.about == {}
    assert not (tmp_path / "store").exists()


def test_an_interrupted_run_is_told_as_such(config, tmp_path, recorded):
    def tell(listen):
        steps(listen)
        wait_for(lambda: recorded.rows)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(config, tmp_path, tell)
    assert recorded.code == 1


@pytest.mark.parametrize("when", ["init", "log", "finish"])
def test_a_broken_dashboard_is_said_once_and_breaks_nothing(config, tmp_path, recorded, caplog, when):
    recorded.broken, calls = when, []

    def tell(listen):
        for _ in range(3):
            steps(listen)
            time.sleep(0.05)
            calls.append(1)

    with caplog.at_level(logging.WARNING):
        follow(config, tmp_path, tell)
    assert len(calls) == 3
    said = "wandb: ConnectionError: no route to host; it is told no more of this run's progress"
    assert [record.message for record in caplog.records] == [said]


def test_a_dashboard_that_does_not_answer_is_not_waited_for(config, tmp_path, monkeypatch, caplog):
    begun, answer = threading.Event(), threading.Event()

    def init(**_):
        begun.set()
        answer.wait(60)
        raise ConnectionError("too late")

    monkeypatch.setattr(live.wandb, "init", init)
    start = time.monotonic()
    with caplog.at_level(logging.WARNING):
        follow(config, tmp_path, lambda listen: (steps(listen), begun.wait(60)), Pace(every=0.02, patience=0.1))
        assert time.monotonic() - start < 30
        assert "wandb does not answer" in caplog.text
        answer.set()


def test_a_study_is_followed_where_it_says_so(small_config, tmp_path, monkeypatch, no_figures):
    followed = []

    def remember(config, store, mode):
        followed.append((config.name, store, mode))
        return wandb_progress(config, store, "disabled")

    monkeypatch.setattr(live, "wandb_progress", remember)
    monkeypatch.setattr(wandb_tracker, "WandbTracker", lambda *_: NullTracker())
    heard = []
    only = ["tracking.wandb=offline", "society=null", "simulations={}", "probes=[]"]
    place = Folder.at(tmp_path)
    api.run(small_config, only, executor=api.local(), store=place, listener=heard.append)
    api.run(small_config, only, executor=api.local(), store=place, tracker=NullTracker())
    assert followed == [("small", place, "offline")]
    assert {event.state for event in heard} >= {"started", "finished"}
