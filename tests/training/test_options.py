from itertools import pairwise

import pytest

from hemicycle.training.options import TrainingOptions


def test_the_learning_rate_rises_then_falls_to_zero():
    options = TrainingOptions(lr=1, warmup=3)
    rates = [options.lr_at(step, 11) for step in range(12)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1]
    assert all(a > b for a, b in pairwise(rates[3:]))
    assert rates[11] == pytest.approx(0)
    assert {TrainingOptions(lr=1, warmup=3, schedule="constant").lr_at(step, 11) for step in range(3, 11)} == {1}


def test_the_learning_rate_may_fall_along_a_line():
    options = TrainingOptions(lr=1, warmup=1, schedule="linear")
    assert [options.lr_at(step, 5) for step in range(6)] == pytest.approx([0.5, 1, 0.75, 0.5, 0.25, 0])


def test_a_schedule_starts_at_the_full_rate_after_the_warm_up():
    assert TrainingOptions(lr=0.2, warmup=3).lr_at(3, 11) == pytest.approx(0.2)
    assert TrainingOptions(lr=1, warmup=0).lr_at(5, 10) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"exchange": "mixed", "loss": "bpr"}, "exchange: mixed needs negatives that a step shares"),
        ({"precision": "bf16", "dtype": "float64"}, "bf16 goes with dtype: float32"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        TrainingOptions(**given)


@pytest.mark.parametrize(
    ("keep", "kept"),
    [("all", [0, 1, 2, 3, 4, 5, 6, 7, 8]), ("labelled", [0, 3]), ("sample:3", [0, 3, 4, 8])],
)
def test_which_checkpoints_stay(keep, kept):
    options = TrainingOptions(epochs=8, keep=keep, label_epochs=(3,))
    assert [epoch for epoch in range(9) if options.always_kept(epoch)] == kept


@pytest.mark.parametrize("keep", ["best", "sample:0", "sample:x"])
def test_other_words_are_refused(keep):
    with pytest.raises(ValueError, match="keep is 'all', 'labelled' or 'sample:N'"):
        TrainingOptions(keep=keep)


def test_each_loss_has_its_number_of_negatives():
    assert TrainingOptions(loss="bpr").n_negatives == 1
    assert TrainingOptions(loss="bpr", negatives=7).n_negatives == 7
