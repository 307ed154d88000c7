"""What every transform promises; a test of a new one is three lines: ``class TestMine(TransformContract): ...``."""

from dataclasses import replace

import numpy as np
import torch

from hemicycle.evaluation.topk import NONE, top_k
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import DotScores
from hemicycle.transforms.attributes import Attributes
from hemicycle.transforms.base import PARENT, Reranker, Scene
from hemicycle.transforms.catalogue import TRANSFORM
from hemicycle.transforms.direction import learn

USERS, ITEMS, K = 40, 120, 8


def planted(n_users=USERS, n_items=ITEMS, k=K, seed=0):
    """Two sides whose users like the items of their own side and, beside that, have tastes; and what they like next.

    Returns:
        The scene, whose parent knows the truth up to noise, and the graph of what is held out.
    """
    source = np.random.default_rng(seed)
    user_side, item_side = np.arange(n_users) % 2, np.arange(n_items) % 2
    users = np.column_stack([2 * user_side - 1, source.normal(size=(n_users, 4))]).astype(np.float32)
    items = np.column_stack([2 * item_side - 1, source.normal(size=(n_items, 4))]).astype(np.float32)
    truth = users @ items.T + source.normal(size=(n_users, n_items))
    ranks = (-truth).argsort(1).argsort(1)
    taken, coin = ranks < n_items // 4, source.random(truth.shape) < 0.5
    train, held_out = (
        InteractionGraph.from_edges(*np.nonzero(chosen), n_users, n_items) for chosen in (taken & coin, taken & ~coin)
    )
    sides = (user_side.astype(np.int32), item_side.astype(np.int32), item_side.astype(np.int32))
    attributes = Attributes(*sides, sides=("left", "right"), categories=("left", "right"))
    scores = DotScores(torch.from_numpy(users), torch.from_numpy(items))
    direction = learn(users, user_side.astype(float))
    return Scene({PARENT: scores}, train, (train,), attributes, k, direction), held_out


def lists_of(scene, transform, users=None):
    """Lists of all users under a transform, or of the parent alone."""
    everyone = np.arange(scene.train.n_users) if users is None else users
    return top_k(scene.parent if transform is None else transform.scores(scene), scene.mask, everyone, scene.k)


class TransformContract:
    """Derive from it and name a configuration, whose strength must change some list of the planted scene."""

    config = None

    def scene(self):
        """The planted scene; a transform of several parents names them."""
        return planted()[0]

    def made(self, **changes):
        return TRANSFORM.build(self.config.replace(**changes))

    def test_the_configuration_is_read_back_and_named_in_the_catalogue(self):
        plain = self.config.model_dump(mode="json")
        assert TRANSFORM.validate(plain) == self.config
        assert isinstance(self.made(), TRANSFORM.resolve(self.config.transform))

    def test_strength_0_leaves_every_list_as_it_is(self):
        scene = self.scene()
        np.testing.assert_array_equal(lists_of(scene, self.made(strength=0)), lists_of(scene, None))

    def test_so_it_does_where_lists_are_chosen(self):
        scene, transform = self.scene(), self.made(strength=0)
        if isinstance(transform, Reranker):
            found = transform.rerank(scene, np.arange(USERS))
            np.testing.assert_array_equal(found.items, lists_of(scene, None))
            assert found.met.all()

    def test_its_strength_changes_lists(self):
        scene = self.scene()
        assert (lists_of(scene, self.made()) != lists_of(scene, None)).any()

    def test_the_same_again_and_whoever_is_asked_for_beside(self):
        scene, some = self.scene(), np.array([7, 2])
        first = lists_of(scene, self.made())
        np.testing.assert_array_equal(first, lists_of(replace(scene), self.made()))
        np.testing.assert_array_equal(first[some], lists_of(scene, self.made(), some))

    def test_lists_are_whole_without_repetition_and_leave_out_what_was_taken(self):
        scene = self.scene()
        lists, taken = lists_of(scene, self.made()), scene.train.to_scipy().toarray() > 0
        assert (lists != NONE).all()
        assert all(len(set(row)) == scene.k for row in lists)
        assert not np.take_along_axis(taken, lists.astype(np.int64), 1).any()

    def test_users_with_nothing_left_get_the_end_of_a_list(self):
        scene = self.scene()
        users, items = (grid.ravel() for grid in np.meshgrid(np.arange(USERS), np.arange(3, ITEMS), indexing="ij"))
        train = InteractionGraph.from_edges(users, items, USERS, ITEMS)
        lists = lists_of(replace(scene, train=train, mask=(train,)), self.made())
        assert (np.sort(lists[:, :3], 1) == np.arange(3)).all()
        assert (lists[:, 3:] == NONE).all()

    def test_all_users_are_asked_about_whether_constraints_are_met(self):
        scene = self.scene()
        assert self.made().met(scene, np.array([3, 1, 0])).shape == (3,)

    def test_vectors_are_those_that_it_says_it_has(self):
        transform, scene = self.made(), self.scene()
        assert (transform.embed(scene) is not None) == transform.embeds
