"""What is timed in a stack and one by one is the same training."""

import pytest

from hemicycle.bench.ours import stacked

TOLD = {"recommender": {"model": "lightgcn", "dim": 4, "layers": 2}, "members": 2, "epochs": 2}
TRAIN = {"batch": 3000, "epochs": 4, "validate_every": 2, "dtype": "float64"}


@pytest.fixture
def spec(small):
    return {"data": str(small.folder), "device": "cpu", "threads": 1, "train": TRAIN, **TOLD}


@pytest.mark.parametrize("what", ["epochs", "fits"])
def test_both_ways_train_the_same_models(spec, what):
    alone, together = (getattr(stacked, f"{what}_{way}")(spec) for way in ("alone", "stacked"))
    facts = alone()
    assert facts["share"] == 2
    assert together() == pytest.approx(facts, rel=1e-9)


def test_epochs_go_on_from_call_to_call(spec):
    run = stacked.epochs_stacked(spec)
    assert run()["loss"] > run()["loss"]


def test_models_differ_in_seed_and_learning_rate(spec, small):
    first, second = stacked._members(spec, stacked.Folder.at("unused"))
    assert first.seed != second.seed
    assert second.options.lr == pytest.approx(9 * first.options.lr)
