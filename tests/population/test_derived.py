"""What a derived model keeps beside its parents, and what its transform is given."""

from dataclasses import replace

import numpy as np
import pytest
from contracts.transform_contract import planted

from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.graphs.splits import Split
from hemicycle.population.derived import Derivation, transform_of
from hemicycle.training.checkpoints import close, save
from hemicycle.transforms.erasers import Eraser
from hemicycle.transforms.mmr import MMR

OURS = ModelRecord("a", "", "mf", 0, "trained", layers=("readout",), epochs=(0, 2), best_epoch=2)
THEIRS = ModelRecord("b", "", "theirs", -1, "foreign", epochs=(0,))


@pytest.fixture
def parts():
    scene, held_out = planted()
    return Split(scene.train, held_out, held_out)


def made(parents, direction=None):
    return Derivation(parents, planted()[0].attributes, direction)


@pytest.mark.parametrize("direction", [None, np.array([0.6, 0.8])])
def test_it_is_read_back_with_its_parents_in_order(tmp_path, direction):
    before = made({"z": OURS, "a": THEIRS}, direction)
    before.write(Folder.at(tmp_path))
    after = Derivation.read(Folder.at(tmp_path))
    assert list(after.parents.items()) == [("z", OURS), ("a", THEIRS)]
    assert after.attributes.sides == before.attributes.sides
    assert (after.direction is None) == (direction is None)


def test_an_eraser_is_read_back_and_parameters_are_those_of_the_parent_s_checkpoint(tmp_path, parts):
    store = Folder.at(tmp_path)
    record = replace(OURS, folder="steps/fit/a", config={"recommender": {"model": "mf", "dim": 3}})
    save(store / record.folder, 2, {"table": np.eye(3)})
    close(store / record.folder, "a", 2, [{"epoch": 2}])
    eraser = Eraser(np.zeros(3), np.ones((3, 1)), np.ones((1, 3)) / 3)
    replace(made({"parent": record}), eraser=eraser).write(store / "steps" / "derive" / "b")
    read = Derivation.read(store / "steps" / "derive" / "b")
    np.testing.assert_array_equal(read.eraser.left, eraser.left)
    scene = read.scene(parts, 7, lambda _: planted()[0].parent)
    assert scene.eraser is read.eraser
    np.testing.assert_array_equal(scene.trained().parameters["table"], np.eye(3))
    assert scene.trained().recommender.config.dim == 3
    assert replace(read, parents={"parent": THEIRS}).scene(parts, 7, lambda _: planted()[0].parent).trained is None


def test_the_scene_masks_what_is_known_and_what_validates(parts):
    scene = made({"parent": OURS}).scene(parts, 7, lambda _: planted()[0].parent)
    assert scene.mask == (parts.train, parts.valid)
    assert scene.k == 7


def test_of_a_foreign_model_alone_only_its_lists_are_re_ranked(parts):
    lists = np.zeros((40, 120))
    lists[:, 3] = 0.5
    scores = {"a": planted()[0].parent, "b": lambda users: lists[users]}
    alone = made({"parent": THEIRS}).scene(parts, 7, lambda r: scores[r.id])
    assert np.isfinite(alone.parent(np.arange(2))).sum() == 2
    blended = made({"x": THEIRS, "y": OURS}).scene(parts, 7, lambda r: scores[r.id])
    assert np.isfinite(blended.parents["x"](np.arange(2))).all()


def test_a_parent_without_scores_is_refused(parts):
    with pytest.raises(InputError, match="the theirs model has vectors but no scores"):
        made({"parent": THEIRS}).scene(parts, 7, lambda _: None)


def test_a_record_says_which_transform_it_is():
    config = MMR.Config(strength=0.3)
    record = ModelRecord("c", "", "mmr", 0, "derived", "a", {"transform": config.model_dump(mode="json"), "k": 7})
    assert transform_of(record).config == config
