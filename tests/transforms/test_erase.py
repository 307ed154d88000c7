"""The transform that erases: what it leaves at each site, and what it says where a site does not exist."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from contracts.transform_contract import TransformContract, planted

from hemicycle.core.errors import InputError
from hemicycle.recommenders.lightgcn import LightGCN
from hemicycle.recommenders.popularity import Popularity
from hemicycle.transforms.base import PARENT, Trained
from hemicycle.transforms.erase import Erase, EraseConfig, site_of
from hemicycle.transforms.erasers import EraserOptions, fit, label_columns


def labels(scene):
    return label_columns([scene.attributes.user_side.astype(np.float64)])


def erasing(scene, site="both", method="leace"):
    """The scene with an eraser of the sides."""
    return replace(scene, eraser=fit(site_of(scene, site).vectors, labels(scene), EraserOptions(method=method)))


def propagating():
    """A scene whose parent is a LightGCN with a table that knows the sides."""
    scene = planted()[0]
    model = LightGCN(LightGCN.Config(dim=5, layers=2, similarity="dot"))
    table = torch.cat([scene.parent.users, scene.parent.items]).numpy()
    scores = model.scores({"table": table}, scene.train)
    return replace(scene, parents={PARENT: scores}, trained=lambda: Trained(model, {"table": table})), model, table


class TestErase(TransformContract):
    config = Erase.Config()

    def scene(self):
        return erasing(planted()[0])


class TestEraseFromTheTable(TransformContract):
    config = Erase.Config(site="layer")

    def scene(self):
        return erasing(propagating()[0], "layer")


@pytest.mark.parametrize(("site", "changed"), [("users", (1, 0)), ("items", (0, 1)), ("both", (1, 1))])
def test_a_site_alters_its_own_vectors_and_no_others(site, changed):
    scene = erasing(planted()[0])
    found = Erase(EraseConfig(site=site)).embed(scene)
    for after, before, expected in zip(
        (found.users, found.items), (scene.parent.users, scene.parent.items), changed, strict=True
    ):
        assert bool(np.abs(after - before.numpy()).max() > 0.1) == bool(expected)
        wanted = scene.eraser.apply(before.numpy()) if expected else before.numpy()
        np.testing.assert_allclose(after, wanted, atol=1e-6)


def test_scores_are_products_of_the_altered_vectors():
    scene, transform = erasing(planted()[0]), Erase(EraseConfig(strength=0.6))
    found = transform.embed(scene)
    np.testing.assert_allclose(transform.scores(scene)(np.arange(4)), found.users[:4] @ found.items.T, atol=1e-5)


def test_at_full_strength_users_and_sides_are_uncorrelated():
    scene = erasing(planted()[0])
    users = Erase(EraseConfig()).embed(scene).users
    z = labels(scene)
    assert np.abs((users - users.mean(0)).T @ (z - z.mean(0))).max() / len(z) < 1e-6


def test_layer_0_is_altered_and_the_others_are_made_anew():
    scene, model, table = propagating()
    scene, transform = erasing(scene, "layer"), Erase(EraseConfig(site="layer", strength=0.8))
    expected = model.embed({"table": scene.eraser.apply(table, 0.8)}, scene.train)
    found = transform.embed(scene)
    np.testing.assert_array_equal(found.users, expected.users)
    np.testing.assert_allclose(transform.scores(scene)(np.arange(3)), expected.users[:3] @ expected.items.T, atol=1e-5)
    assert site_of(scene, "layer").vectors.shape == (scene.train.n_users, 5)


@pytest.mark.parametrize("trained", [None, lambda: Trained(Popularity(Popularity.Config()), {})])
def test_a_parent_without_a_table_says_so(trained):
    scene = erasing(replace(planted()[0], trained=trained))
    with pytest.raises(InputError, match=r"has no one table of start vectors.*\n.*users, items or both"):
        Erase(EraseConfig(site="layer")).scores(scene)


def test_a_parent_without_vectors_and_a_missing_eraser_are_refused():
    scene = planted()[0]
    with pytest.raises(InputError, match="no eraser was learnt"):
        Erase(EraseConfig()).scores(scene)
    plain = replace(scene, parents={PARENT: lambda users: np.zeros((len(users), 120))})
    with pytest.raises(InputError, match="scores without vectors"):
        Erase(EraseConfig()).scores(replace(plain, eraser=erasing(scene).eraser))
