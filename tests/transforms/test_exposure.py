"""Exposure constraints: exact against brute force, met or said to be infeasible, impossible ones refused."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from contracts.transform_contract import TransformContract, lists_of, planted
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hemicycle.core.errors import InputError
from hemicycle.evaluation.topk import NONE
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.transforms.attributes import UNKNOWN, Attributes
from hemicycle.transforms.base import Scene
from hemicycle.transforms.exposure import Exposure


class TestExposure(TransformContract):
    config = Exposure.Config(strength=0.5)


class TestQuotas(TransformContract):
    config = Exposure.Config(strength=1, shares={"left": 0.4, "right": 0.5})


def tiny(seed, n_items=8, k=4):
    """One user, one of whose items is taken, and three kinds of items."""
    source = np.random.default_rng(seed)
    values = np.round(source.normal(size=(1, n_items)), 1)
    train = InteractionGraph.from_edges(np.array([0]), source.integers(n_items, size=1), 1, n_items)
    kinds = source.integers(0, 3, n_items).astype(np.int32)
    attributes = Attributes(np.array([0], np.int32), kinds, kinds, ("a", "b", "c"), ("a", "b", "c"))
    return Scene({"parent": lambda users: values[users]}, train, (train,), attributes, k), values[0], kinds


def feasible(chosen, kinds, quotas):
    return all(sum(kinds[i] == kind for i in chosen) >= places for kind, places in quotas.items())


@given(st.integers(0, 100_000), st.integers(0, 2), st.integers(0, 2))
@settings(max_examples=150, deadline=None)
def test_greedy_is_exact(seed, a, b):
    scene, values, kinds = tiny(seed)
    shares = {"a": a / 4, "b": b / 4}
    found = Exposure(Exposure.Config(strength=1, shares=shares)).rerank(scene, np.array([0]))
    free = [i for i in range(8) if i != scene.train.indices[0]]
    possible = [c for c in itertools.combinations(free, 4) if feasible(c, kinds, {0: a, 1: b})]
    assert found.met[0] == bool(possible)
    listed = found.items[0]
    if possible:
        assert values[listed].sum() == pytest.approx(max(values[list(c)].sum() for c in possible))
        assert feasible(listed, kinds, {0: a, 1: b})
    assert (np.diff(values[listed]) <= 0).all()


@given(st.integers(0, 100_000), st.sampled_from([0, 0.25, 0.5, 0.75, 1]))
@settings(max_examples=100, deadline=None)
def test_greedy_is_exact_across_sides(seed, share):
    scene, values, kinds = tiny(seed)
    found = Exposure(Exposure.Config(strength=share)).rerank(scene, np.array([0]))
    free = [i for i in range(8) if i != scene.train.indices[0]]
    sums = [values[list(c)].sum() for c in itertools.combinations(free, 4) if (kinds[list(c)] != 0).sum() >= 4 * share]
    assert found.met[0] == bool(sums)
    if sums:
        assert values[found.items[0]].sum() == pytest.approx(max(sums))


def test_where_too_few_are_left_all_of_them_are_listed_and_it_is_said():
    scene = planted()[0]
    rows = np.repeat([0, 1], [58, 1])
    items = np.append(np.arange(1, 117, 2), 0)  # user 0, of the left, has taken all but two items of the right
    train = InteractionGraph.from_edges(rows, items, 40, 120)
    scene = replace(scene, train=train, mask=(train,))
    found = Exposure(Exposure.Config(strength=0.5)).rerank(scene, np.array([0, 1]))
    np.testing.assert_array_equal(found.met, [False, True])
    assert {117, 119} <= set(found.items[0])
    assert (found.items != NONE).all()


def test_shares_are_at_least_what_was_asked_for():
    scene = planted()[0]
    for share in (0.1, 0.3, 0.9, 1.0):
        lists = lists_of(scene, Exposure(Exposure.Config(strength=share)))
        across = np.take_along_axis(scene.attributes.across(np.arange(40)), lists.astype(np.int64), 1)
        assert (across.mean(1) >= share).all()


def test_users_without_a_side_keep_their_lists():
    scene = planted()[0]
    user_side = np.where(np.arange(40) < 5, UNKNOWN, scene.attributes.user_side).astype(np.int32)
    scene = replace(scene, attributes=replace(scene.attributes, user_side=user_side))
    transform = Exposure(Exposure.Config(strength=1))
    np.testing.assert_array_equal(lists_of(scene, transform)[:5], lists_of(scene, None)[:5])
    assert transform.met(scene, np.arange(40)).all()


def test_without_any_side_or_with_an_unknown_category_it_is_refused():
    scene = planted()[0]
    blind = replace(scene, attributes=Attributes.unknown(40, 120))
    with pytest.raises(InputError, match="no user has a known side"):
        lists_of(blind, Exposure(Exposure.Config(strength=0.5)))
    with pytest.raises(InputError, match=r"no category 'middle'[\s\S]*left, right"):
        lists_of(scene, Exposure(Exposure.Config(strength=0.5, shares={"middle": 0.5})))


def test_impossible_quotas_are_refused_before_anything_runs():
    with pytest.raises(ValidationError, match="add up to at most 1"):
        Exposure.Config(shares={"a": 0.7, "b": 0.4})
    thirds = Exposure.Config(strength=1, shares={"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})
    assert Exposure.problems(thirds, 9) == []
    assert Exposure.problems(thirds, 10) == [
        "the shares need 12 places of a list of 10 items (a 4, b 4, c 4, each rounded up)"
    ]
    assert thirds.replace(strength=0.5).quotas(6) == {"a": 1, "b": 1, "c": 1}
