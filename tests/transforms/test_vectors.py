"""Vectors by which items are alike."""

from dataclasses import replace

import numpy as np
from contracts.transform_contract import planted

from hemicycle.graphs.interaction import Features
from hemicycle.transforms.vectors import audience_vectors, item_vectors


def test_vectors_that_score_then_features_then_audiences():
    scene = planted()[0]
    plain = scene.parent.__call__
    items = scene.parent.items.numpy()
    expected = items / np.linalg.norm(items, axis=1, keepdims=True)
    np.testing.assert_allclose(item_vectors(scene.parent, scene.train), expected, rtol=1e-6)
    described = replace(scene.train, features=Features(items=items * 3))
    np.testing.assert_allclose(item_vectors(plain, described), expected, rtol=1e-6)
    audience = item_vectors(plain, scene.train)
    known = scene.train.item_degrees > 0
    np.testing.assert_allclose(np.linalg.norm(audience, axis=1), known, atol=1e-6)


def test_whole_audience_vectors_count_shared_users():
    train = planted()[0].train
    found, matrix = audience_vectors(train), train.to_scipy().toarray()
    np.testing.assert_allclose(found @ found.T, matrix.T @ matrix, atol=1e-3)


def test_many_audiences_are_summarised_alike_every_time():
    train = planted(n_users=90, n_items=100)[0].train
    found, again = audience_vectors(train), audience_vectors(train)
    assert found.shape == (100, 32)
    np.testing.assert_array_equal(found, again)
    matrix = train.to_scipy().toarray()
    _, values, right = np.linalg.svd(matrix)
    best = (right[:32].T * values[:32]) @ (right[:32].T * values[:32]).T
    np.testing.assert_allclose(found @ found.T, best, atol=1e-3)
