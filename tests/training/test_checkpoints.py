import numpy as np

from hemicycle.core.storage import Folder
from hemicycle.training import checkpoints
from hemicycle.training.checkpoints import Checkpoints, Progress

ROWS = [{"epoch": 0, "ndcg@20": 0.1}, {"epoch": 1, "loss": 2.5}]


def test_what_is_closed_can_be_loaded(tmp_path):
    out = Folder.at(tmp_path)
    for epoch in (0, 1, 12):
        checkpoints.save(out, epoch, {"table": np.full((2, 3), epoch), "bias": np.ones(1)})
    checkpoints.sweep(out, {0, 12})
    assert checkpoints.finished(out, "me") is None
    checkpoints.close(out, "me", 12, ROWS)
    found = checkpoints.finished(out, "me")
    assert (found.epochs, found.best_epoch) == ((0, 12), 12)
    assert found.history == ROWS
    assert sorted(found.load(12)) == ["bias", "table"]
    np.testing.assert_array_equal(Checkpoints(out).load(12)["table"], np.full((2, 3), 12))
    assert checkpoints.finished(out, "another") is None


def test_only_complete_states_of_the_same_fit_are_taken_up(tmp_path):
    out = Folder.at(tmp_path)
    assert checkpoints.last_progress(out, "me") is None
    for epoch in (1, 2):
        checkpoints.save_shard(out, epoch, 0, {"table": np.full(3, epoch)})
        checkpoints.save_progress(out, "me", Progress(epoch, 10 * epoch, tuple(ROWS)))
    checkpoints.save_shard(out, 3, 0, {"table": np.zeros(3)})
    assert checkpoints.last_progress(out, "me") == Progress(2, 20, tuple(ROWS))
    assert checkpoints.load_shard(out, 2, 0)["table"].tolist() == [2, 2, 2]
    assert checkpoints.last_progress(out, "another") is None
    assert (out / "resume").names() == ["epoch-00002", "epoch-00003"]
    checkpoints.close(out, "me", 0, ROWS)
    assert not (out / "resume").exists()
