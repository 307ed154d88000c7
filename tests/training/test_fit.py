import numpy as np
import pytest

from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import SplitConfig, split
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig
from hemicycle.recommenders.mf import MF, MFConfig
from hemicycle.recommenders.popularity import Popularity, PopularityConfig
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import Stretch, best_epoch, fit
from hemicycle.training.options import TrainingOptions

OPTIONS = TrainingOptions(epochs=7, batch=150, validate_every=2, resume_every=2, warmup=2)
MODEL = MF(MFConfig(dim=4))


@pytest.fixture(scope="module")
def parts():
    """Two parties of 30, each of which takes its own half of 60 items."""
    rng = np.random.default_rng(0)
    users = rng.integers(60, size=1500)
    items = rng.integers(30, size=1500) + 30 * (users >= 30)
    return split(InteractionGraph.from_edges(users, items, 60, 60), SplitConfig())


class InterruptedFitError(Exception):
    pass


def interrupt_at(epoch):
    def report(row):
        if row["epoch"] == epoch:
            raise InterruptedFitError

    return report


def everything(folder):
    """All arrays and the history that a fit left."""
    found = Checkpoints(folder)
    tables = {(epoch, name): array for epoch in found.epochs for name, array in found.load(epoch).items()}
    return tables, found.history, found.best_epoch, folder.names()


def assert_same(one, other):
    assert one[1:] == other[1:]
    assert one[0].keys() == other[0].keys()
    for key, array in one[0].items():
        np.testing.assert_array_equal(array, other[0][key])


def test_a_fit_learns_and_leaves_what_it_says(parts, tmp_path):
    rows, out = [], Folder.at(tmp_path)
    result = fit(MODEL, parts, OPTIONS.replace(epochs=30), 0, out, report=rows.append)
    assert result.history == rows
    assert [row["epoch"] for row in rows] == list(range(31))
    assert rows[0].keys() == {"epoch", "recall@20", "ndcg@20"}
    assert rows[1].keys() == {"epoch", "loss"}
    assert rows[result.best_epoch]["ndcg@20"] > rows[0]["ndcg@20"] + 0.1
    assert result.epochs == tuple(sorted({0, result.best_epoch, 30}))
    assert out.names() == sorted(["checkpoints.json", "history.parquet", *(f"epoch-{e:05d}" for e in result.epochs)])
    start = MODEL.initial(parts.train, 0, np.arange(4))
    np.testing.assert_array_equal(Checkpoints(out).load(0)["table"], start)


@pytest.mark.parametrize("keep", ["all", "labelled", "sample:3"])
@pytest.mark.parametrize("at", [1, 2, 3, 6, 7])
def test_an_interrupted_fit_ends_as_an_undisturbed_one(parts, tmp_path, keep, at):
    options = OPTIONS.replace(keep=keep)
    whole, broken = Folder.at(tmp_path / "whole"), Folder.at(tmp_path / "broken")
    fit(MODEL, parts, options, 0, whole)
    with pytest.raises(InterruptedFitError):
        fit(MODEL, parts, options, 0, broken, report=interrupt_at(at))
    fit(MODEL, parts, options, 0, broken)
    assert_same(everything(whole), everything(broken))


def test_it_goes_on_from_the_last_state_and_not_from_the_start(parts, tmp_path):
    rows, out = [], Folder.at(tmp_path)
    with pytest.raises(InterruptedFitError):
        fit(MODEL, parts, OPTIONS, 0, out, report=interrupt_at(5))
    fit(MODEL, parts, OPTIONS, 0, out, report=rows.append)
    assert [row["epoch"] for row in rows] == [5, 6, 7]


def test_without_states_it_starts_again(parts, tmp_path):
    options = OPTIONS.replace(resume_every=0)
    whole, broken = Folder.at(tmp_path / "whole"), Folder.at(tmp_path / "broken")
    fit(MODEL, parts, options, 0, whole)
    with pytest.raises(InterruptedFitError):
        fit(MODEL, parts, options, 0, broken, report=interrupt_at(5))
    fit(MODEL, parts, options, 0, broken)
    assert_same(everything(whole), everything(broken))


def test_another_fit_in_the_same_folder_starts_afresh(parts, tmp_path):
    whole, used = Folder.at(tmp_path / "whole"), Folder.at(tmp_path / "used")
    fit(MODEL, parts, OPTIONS, 1, whole)
    fit(MODEL, parts, OPTIONS.replace(keep="all"), 0, used)
    with pytest.raises(InterruptedFitError):
        fit(MODEL, parts, OPTIONS, 0, used, report=interrupt_at(5))
    fit(MODEL, parts, OPTIONS, 1, used)
    assert_same(everything(whole), everything(used))


def test_a_finished_fit_is_not_repeated(parts, tmp_path):
    first = fit(MODEL, parts, OPTIONS, 0, Folder.at(tmp_path))
    assert fit(MODEL, parts, OPTIONS, 0, Folder.at(tmp_path), report=interrupt_at(0)) == first


def test_patience_ends_a_fit_that_no_longer_improves(parts, tmp_path):
    options = OPTIONS.replace(epochs=400, validate_every=1, patience=3, lr=0.1, schedule="constant")
    result = fit(MODEL, parts, options, 0, Folder.at(tmp_path))
    last = int(result.history[-1]["epoch"])
    assert last == result.best_epoch + 3 < 400
    assert result.epochs == (0, result.best_epoch, last)


def test_max_steps_ends_in_the_middle_of_an_epoch(parts, tmp_path):
    result = fit(MODEL, parts, OPTIONS.replace(max_steps=11), 0, Folder.at(tmp_path))
    assert result.history[-1]["epoch"] == result.epochs[-1] == 2


def test_the_untrained_state_alone(parts, tmp_path):
    result = fit(MODEL, parts, OPTIONS.replace(epochs=0), 0, Folder.at(tmp_path))
    assert (result.epochs, result.best_epoch, len(result.history)) == ((0,), 0, 1)


def test_a_closed_form_has_one_checkpoint(parts, tmp_path):
    result = fit(Popularity(PopularityConfig()), parts, OPTIONS, 0, Folder.at(tmp_path))
    assert (result.epochs, result.best_epoch) == ((0,), 0)
    assert result.history[0]["ndcg@20"] > 0


def test_without_validation_the_last_epoch_is_best(parts, tmp_path):
    nothing = parts.valid.select(np.zeros(parts.valid.n_edges, bool))
    result = fit(MODEL, type(parts)(parts.train, nothing, parts.test), OPTIONS, 0, Folder.at(tmp_path))
    assert (result.best_epoch, result.epochs) == (7, (0, 7))


def test_the_first_of_equally_good_epochs_is_best():
    rows = [{"epoch": 0, "ndcg@20": 0.9}, {"epoch": 1, "ndcg@20": 0.5}, {"epoch": 2}, {"epoch": 3, "ndcg@20": 0.5}]
    assert best_epoch(rows) == 1
    assert best_epoch(rows[:1]) == 0


@pytest.mark.parametrize("limit", [3, 10_000])
def test_validation_may_look_at_some_users_only(parts, tmp_path, limit):
    result = fit(
        LightGCN(LightGCNConfig(dim=4)), parts, OPTIONS.replace(epochs=1, validate_users=limit), 0, Folder.at(tmp_path)
    )
    assert 0 <= result.history[-1]["ndcg@20"] <= 1


@pytest.mark.parametrize("resume_every", [0, 2])
def test_stretches_in_turn_equal_the_fit_in_one(parts, tmp_path, resume_every):
    options = OPTIONS.replace(resume_every=resume_every, keep="all", validate_every=1)
    whole = Folder.at(tmp_path / "whole")
    fit(MODEL, parts, options, 0, whole)
    before = None
    for until in (2, 5, 7):
        out = Folder.at(tmp_path / str(until))
        result = fit(MODEL, parts, options, 0, out, stretch=Stretch(until, before))
        assert [row["epoch"] for row in result.history] == list(range(until + 1))
        assert out.exists("resume") == (until < 7)
        before = out
    assert_same(everything(whole), everything(before))


def test_a_stretch_that_was_interrupted_goes_on_from_its_own_state(parts, tmp_path):
    options = OPTIONS.replace(resume_every=1, keep="all")
    first, second, other = (Folder.at(tmp_path / name) for name in ("first", "second", "other"))
    fit(MODEL, parts, options, 0, first, stretch=Stretch(2))
    with pytest.raises(InterruptedFitError):
        fit(MODEL, parts, options, 0, second, report=interrupt_at(4), stretch=Stretch(5, first))
    seen = []
    fit(MODEL, parts, options, 0, second, report=seen.append, stretch=Stretch(5, first))
    assert [row["epoch"] for row in seen] == [4, 5]
    fit(MODEL, parts, options, 0, other, stretch=Stretch(5, first))
    assert_same(everything(second), everything(other))


def test_a_fit_that_lost_patience_stays_ended_in_the_next_stretch(parts, tmp_path):
    options = OPTIONS.replace(epochs=40, patience=1, validate_every=1, lr=1e-9)
    first, second = Folder.at(tmp_path / "first"), Folder.at(tmp_path / "second")
    ended = fit(MODEL, parts, options, 0, first, stretch=Stretch(20)).history
    assert len(ended) < 20
    assert fit(MODEL, parts, options, 0, second, stretch=Stretch(None, first)).history == ended
