"""Searches by Ray Tune: trials that stop, fail, share a fit or lose their process, and drivers that are killed."""

import functools
import math
import os
import pickle
import signal
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.compute.train import run_group
from hemicycle.compute.tune import tune_search
from hemicycle.compute.tune_search import EPOCH, VALUES, AskAndTell, read_report, report_of, scheduler
from hemicycle.core.errors import HemicycleError
from hemicycle.core.storage import Folder, StorageError
from hemicycle.search.config import Branch, Dimension, Halving, Objective, SearchConfig
from hemicycle.search.journal import Ended, Journal
from hemicycle.search.sequential import AsyncSearch, Reached, Rungs, advance
from hemicycle.search.space import Space
from hemicycle.search.trials import Proposal, Trial

NDCG = "ndcg@20"
LR = Dimension(low=1e-4, high=1.0, log=True)
DIM = Dimension(choice=(4, 8), when={"train.loss": "bpr"})
MF = Branch(recommender={"model": "mf"}, space={"train.loss": Dimension(choice=("bpr", "softmax"))})
DEEP = Branch(recommender={"model": "lightgcn"}, space={"recommender.layers": Dimension(low=1, high=3, integer=True)})
HALVING = Halving(first=2, factor=3)


def searched(**changes):
    config = SearchConfig(**{"branches": {"mf": MF, "deep": DEEP}, "space": {"train.lr": LR}, "trials": 12, **changes})
    return config.model_copy(update={"mode": "async"}), Space.of(config, {})


class Bowl:
    """The nearer the learning rate is to .01, the better; every call leaves a trace in the store."""

    def __init__(self, store, **happens):
        self.store, self.happens = store, happens

    def rungs(self, proposal):
        return (2, 6, 18)

    def run(self, proposal, rung):
        done = f"{proposal.number}-{rung}"
        if not self.store.exists(done):
            self.store.write_bytes(f"try-{done}-{time.time_ns()}", b"")
            self.happen(done)
            distance = abs(math.log10(proposal.params["train.lr"]) + 2)
            values = {NDCG: 0.5 - 0.1 * distance - 0.1 / (1 + rung), "gap:left/right": distance}
            self.store.write_json(done, values)
        return self.store.read_json(done)

    def happen(self, done):
        for what, when in self.happens.items():
            if done in when:
                getattr(self, what)(done)

    def fail(self, done):
        raise HemicycleError("diverged\nin detail")

    def die_once(self, done):
        if not self.store.exists("died"):
            self.store.write_bytes("died", b"")
            os.kill(os.getpid(), signal.SIGKILL)

    def wait(self, done):
        time.sleep(120)


def tries(store):
    """How often each rung of each trial was started."""
    found = [name.split("-")[1:3] for name in store.names() if name.startswith("try-")]
    return {(int(number), int(rung)): found.count([number, rung]) for number, rung in found}


def journal_at(tmp_path):
    return Journal(Folder.at(tmp_path / "search/trials"))


def search(tmp_path, searched, runner, journal=None):
    storage = Folder.at(tmp_path / "search")
    journal = journal or journal_at(tmp_path)
    trials = tune_search(*searched, runner, journal, storage=storage, name="a-search")
    assert storage.names() == ["trials"]
    assert [ended.trial for ended in journal.ended()] == trials
    return trials


@pytest.mark.ray
def test_trials_stop_fail_and_survive_the_death_of_their_process(ray_session, tmp_path, capfd):
    store, handler = Folder.at(tmp_path / "store"), signal.getsignal(signal.SIGINT)
    objectives = (Objective(metric=NDCG), Objective(metric="gap", label="left/right", direction="minimize"))
    config, space = searched(objectives=objectives, halving=HALVING)
    runner = Bowl(store, fail=["1-0"], die_once=["0-1"])
    trials = search(tmp_path, (config, space), runner)
    assert [trial.number for trial in trials] == list(range(12))
    assert (trials[1].state, trials[1].error, trials[1].epochs) == ("failed", "diverged", 0)
    assert [trial.number for trial in trials if trial.state == "failed"] == [1]
    assert [n for key, n in sorted(tries(store).items()) if key[0] == 0][:2] == [1, 2]
    assert {trial.state for trial in trials} == {"complete", "stopped", "failed"}
    for trial in trials:
        if trial.state != "failed":
            assert trial.values == store.read_json(f"{trial.number}-{(2, 6, 18).index(trial.epochs)}")
            assert (trial.state == "complete") == (trial.epochs == 18)
    assert [line for line in capfd.readouterr() if line and "(raylet)" not in line] == []
    assert signal.getsignal(signal.SIGINT) is handler

    assert search(tmp_path, (config, space), Bowl(store, fail=[f"{n}-0" for n in range(12)])) == trials


def share(group, folder):
    folder.write_bytes(f"rank-{group.rank}-of-{group.world_size}", b"")


class Shared(Bowl):
    """Fits on workers of its own."""

    def happen(self, done):
        folder = self.store / f"fit-{done}"
        run_group(functools.partial(share, folder=folder), 2, threads=1, storage=folder / "ray", name=done)


@pytest.mark.ray
@pytest.mark.slow
def test_trials_whose_fits_share_workers_do_not_wait_for_each_other(ray_session, tmp_path):
    store = Folder.at(tmp_path / "store")
    config, space = searched(trials=2, workers=2)
    runner = Shared(store)
    runner.rungs = one_rung
    trials = search(tmp_path, (config, space), runner)
    assert [trial.state for trial in trials] == ["complete", "complete"], trials
    for trial in trials:
        assert {"rank-0-of-2", "rank-1-of-2"} <= set((store / f"fit-{trial.number}-0").names())


def one_rung(proposal):
    return (2,)


@pytest.mark.ray
def test_ctrl_c_ends_the_trials_and_the_same_call_goes_on(ray_session, tmp_path):
    store = Folder.at(tmp_path / "store")
    config, space = searched(trials=4)

    def interrupt():
        end = time.monotonic() + 300
        while not tries(store).keys() >= {(1, 1), (2, 1)} and time.monotonic() < end:
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, (config, space), Bowl(store, wait=["1-1", "2-1"]))
    thread.join()
    asked = journal_at(tmp_path).asked()
    trials = search(tmp_path, (config, space), Bowl(store))
    assert [trial.state for trial in trials] == ["complete"] * 4
    assert [trial.proposal for trial in trials][: len(asked)] == asked
    assert {key: n for key, n in tries(store).items() if n > 1} == {(1, 1): 2, (2, 1): 2}


class Full(Journal):
    """Takes no more ends."""

    def end(self, ended):
        raise StorageError("no space left")


@pytest.mark.ray
@pytest.mark.slow
def test_a_full_disk_is_told_and_what_ended_is_kept(ray_session, tmp_path):
    config, space = searched(trials=3)
    runner = Bowl(Folder.at(tmp_path / "store"))
    with pytest.raises(StorageError, match="no space left"):
        search(tmp_path, (config, space), runner, Full(Folder.at(tmp_path / "search/trials")))
    asked = journal_at(tmp_path).asked()
    trials = search(tmp_path, (config, space), runner)
    assert len(trials) == 3
    assert [trial.proposal for trial in trials][: len(asked)] == asked


# -- without Ray -----------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=3, max_size=3), max_size=20))
def test_the_rule_of_halving_is_that_of_ray(curves):
    halving = Halving(first=2, factor=3)
    ours, theirs = Rungs(halving), scheduler(halving, [])
    for number, curve in enumerate(curves):
        trial = Named(str(number))
        theirs.on_trial_add(None, trial)
        for epochs, value in zip((2, 6, 18), curve, strict=True):
            decision = theirs.on_trial_result(None, trial, {EPOCH: epochs, VALUES + NDCG: value})
            assert ours.goes_on(epochs, value) == (decision == "CONTINUE")
            if decision != "CONTINUE":
                break


class Named:
    """As much of a trial of Tune's as a scheduler looks at."""

    def __init__(self, trial_id):
        self.trial_id = trial_id


def test_a_scheduler_knows_the_rungs_of_an_earlier_run():
    proposal = Proposal(0, "mf", {})
    before = [Ended(Trial(proposal, 0, "complete"), rungs={2: 0.5, 6: 0.6})]
    found, late = scheduler(HALVING, before), Named("late")
    found.on_trial_add(None, late)
    assert found.on_trial_result(None, late, {EPOCH: 2, VALUES + NDCG: 0.4}) == "STOP"


def asking(tmp_path, journal=Journal, **changes):
    config, space = searched(**changes)
    return AskAndTell(AsyncSearch(config, space), journal(Folder.at(tmp_path)))


def test_every_proposal_and_every_end_is_written_down_at_once(tmp_path):
    found = asking(tmp_path, trials=3, halving=HALVING)
    first, second = (found.suggest(name)["proposal"] for name in "ab")
    flat = {EPOCH: 2, "seconds": 3.0, "last": False, VALUES + NDCG: 0.5}
    found.on_trial_result("a", flat)
    found.on_trial_complete("a", flat)
    found.on_trial_complete("b", {EPOCH: 0, "seconds": 1.0, "last": True, "error": "broken"})
    journal = Journal(Folder.at(tmp_path))
    assert journal.asked() == [first, second]
    assert [ended.trial for ended in journal.ended()] == found.search.trials
    assert [(ended.trial.state, ended.rungs, ended.seconds) for ended in journal.ended()] == [
        ("stopped", {2: 0.5}, 3.0),
        ("failed", {}, 1.0),
    ]
    found.suggest("c")
    found.on_trial_complete("c")  # Tune never ran it
    found.on_trial_complete("c", error=True)
    assert found.suggest("d") == "FINISHED"
    assert "process ended" in journal.ended()[2].trial.error
    assert found.search.over


def test_what_cannot_be_kept_ends_the_search(tmp_path):
    found = asking(tmp_path, Full)
    found.suggest("a")
    found.on_trial_complete("a", {EPOCH: 2, "seconds": 3.0, "last": True, VALUES + NDCG: 0.5})
    assert str(found.problem) == "no space left"
    assert found.suggest("b") == "FINISHED"


def test_a_report_comes_back_from_tune(tmp_path):
    flatten = pytest.importorskip("ray.tune.utils.util").flatten_dict
    failed = Reached(2, {}, 1.0, last=True, error="broken")
    reports = [*advance(Bowl(Folder.at(tmp_path)), Proposal(0, "mf", {"train.lr": 0.1})), failed]
    assert [read_report(flatten(report_of(reached))) for reached in reports] == reports


def test_tune_keeps_no_copy_of_what_it_asks(tmp_path):
    assert pickle.loads(pickle.dumps(asking(tmp_path))).__dict__ == {}  # noqa: S301 - our own
