"""The popularity penalty, on models with and without vectors."""

from dataclasses import replace

import numpy as np
import torch
from contracts.transform_contract import TransformContract, planted

from hemicycle.transforms.popularity_penalty import PopularityPenalty


class TestPopularityPenalty(TransformContract):
    config = PopularityPenalty.Config(strength=0.8)


def test_it_is_the_same_for_vectors_a_bias_and_plain_scores():
    scene, users = planted()[0], np.arange(7)
    own = scene.parent(users)
    expected = own - 0.5 * np.log1p(scene.train.item_degrees)
    made = PopularityPenalty(PopularityPenalty.Config(strength=0.5))
    biased = replace(scene.parent, bias=torch.ones(scene.train.n_items))
    for parent, more in ((scene.parent, 0), (biased, 1), (scene.parent.__call__, 0)):
        found = made.scores(replace(scene, parents={"parent": parent}))
        np.testing.assert_allclose(found(users), expected + more, atol=1e-5)
