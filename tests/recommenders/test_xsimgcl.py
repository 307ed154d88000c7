import functools

import numpy as np
import pytest
import torch
from contracts.recommender_contract import RecommenderContract, random_split

from hemicycle.core.seeding import key_of
from hemicycle.core.storage import Folder
from hemicycle.recommenders.base import Moment
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig
from hemicycle.recommenders.losses import alone
from hemicycle.recommenders.propagation import Propagation
from hemicycle.recommenders.xsimgcl import XSimGCL, XSimGCLConfig, hashed, info_nce, perturbed
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.launch import run_group
from hemicycle.training.options import TrainingOptions

GRAPH = random_split("bipartite").train


class TestXSimGCL(RecommenderContract):
    config = XSimGCLConfig(dim=8, layers=2, noise=0.1)


class TestXSimGCLByDotProductOnAllLayers(RecommenderContract):
    config = XSimGCLConfig(dim=8, similarity="dot", readout=(0, 1, 2, 3), contrast_nodes=5)


def moment(key=1, dim=8):
    users, items = torch.arange(30).repeat_interleave(3), torch.arange(30, 60).repeat(3)
    return Moment(users[::3], items, key, np.arange(dim), alone)


def objective(table, key=1, **config):
    model = XSimGCL(XSimGCLConfig(dim=8, **config))
    return model.objective(table, Propagation(GRAPH.adjacency(), table.dtype), moment(key))


def a_table():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(60, 8)))


def murmur_finaliser(x):
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) % 2**32
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) % 2**32
    return x ^ (x >> 16)


def test_the_hash_is_the_finaliser_of_murmur():
    values = np.random.default_rng(0).integers(-(2**31), 2**31, 500)
    found = hashed(torch.from_numpy(values.astype(np.int32)))
    assert [value % 2**32 for value in found.tolist()] == [murmur_finaliser(int(v) % 2**32) for v in values]


def test_noise_points_along_the_signs_and_is_uniform():
    signs = torch.tensor([1.0, -1.0, 0.0, 1.0]).repeat(50_000, 4)
    noise = (perturbed(10 * signs, 3, np.arange(16), 2.0) - 10 * signs) / 2
    lengths = noise[signs != 0] * signs[signs != 0]
    assert (noise[signs == 0] == 0).all()
    assert 0 <= lengths.min() < 1e-4
    assert 1 - 1e-4 < lengths.max() <= 1
    shares = np.histogram(lengths.numpy(), 20, (0, 1))[0] / len(lengths)
    np.testing.assert_allclose(shares, 0.05, rtol=0.02)
    correlations = np.corrcoef(noise[:, [0, 3, 4, 7]].T.numpy()) - np.eye(4)
    assert np.abs(correlations).max() < 0.02
    assert abs(np.corrcoef(noise[1:, 0].numpy(), noise[:-1, 0].numpy())[0, 1]) < 0.02


def test_noise_depends_on_key_row_and_column_alone():
    x = torch.ones(70_000, 8)
    whole = perturbed(x, key_of("a"), np.arange(8), 1.0)
    assert torch.equal(perturbed(x[:, 3:5], key_of("a"), np.array([3, 4]), 1.0), whole[:, 3:5])
    assert torch.equal(perturbed(x[:100], key_of("a"), np.arange(8), 1.0), whole[:100])
    assert (perturbed(x, key_of("b"), np.arange(8), 1.0) == whole).float().mean() < 1e-3


def test_the_noise_is_as_long_as_asked_and_a_constant_to_differentiation():
    table = torch.randn(500, 64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    length = 0.2 * (3 / 64) ** 0.5
    out = perturbed(table, 5, np.arange(64), length)
    lengths = (out - table).norm(dim=1)
    assert lengths.mean().item() == pytest.approx(0.2, rel=0.01)
    assert (lengths.std() / lengths.mean()).item() == pytest.approx(0.056, abs=0.01)
    (gradient,) = torch.autograd.grad(out.sum(), table)
    assert torch.equal(gradient, torch.ones_like(table))


def test_info_nce_is_the_literal_one():
    left, right = torch.randn(2, 7, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    config = XSimGCLConfig(similarity="cosine", temperature=0.3)
    unit = [x / x.norm(dim=1, keepdim=True) for x in (left, right)]
    cosines = (unit[0] @ unit[1].T / 0.3).exp()
    expected = -(cosines.diagonal() / cosines.sum(1)).log().mean()
    torch.testing.assert_close(info_nce(left, right, config, alone), expected)


def test_without_noise_it_is_lightgcn_with_a_contrast():
    table = a_table()
    readout, added = objective(table, noise=0, contrast=0)
    plain = LightGCN(LightGCNConfig(dim=8, readout=(1, 2, 3)))
    propagate = Propagation(GRAPH.adjacency(), table.dtype)
    torch.testing.assert_close(readout, plain.vectors(table, propagate))
    assert added is None
    readout, added = objective(table, noise=0, contrast=0.7, contrast_layer=2)
    second, config = plain.vectors(table, propagate, "2"), XSimGCLConfig(similarity="cosine", temperature=0.2)
    users = info_nce(readout[:30], second[:30], config, alone)
    items = info_nce(readout[30:], second[30:], config, alone)
    torch.testing.assert_close(added, 0.7 * (users + items))


def test_steps_differ_in_their_noise_and_recommendations_have_none():
    table = a_table()
    first, again, other = (objective(table, key)[0] for key in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    model = XSimGCL(XSimGCLConfig(dim=8))
    plain = LightGCN(LightGCNConfig(dim=8, readout=(1, 2, 3)))
    for layer in ("1", "readout"):
        found, expected = (m.embed({"table": table.numpy()}, GRAPH, layer).users for m in (model, plain))
        np.testing.assert_array_equal(found, expected)


def test_the_gradient_of_the_objective_is_that_of_finite_differences():
    table = a_table()[:, :8].requires_grad_()

    def added(x):
        readout, extra = objective(x, noise=0.05)
        return extra + readout.square().sum()

    assert torch.autograd.gradcheck(added, (table,), eps=1e-7, atol=1e-4)


def test_few_nodes_are_contrasted_when_few_are_wanted():
    values = {objective(a_table(), key, noise=0, contrast_nodes=4)[1].item() for key in (1, 2, 3)}
    assert len(values) == 3


def test_impossible_layers_are_refused():
    with pytest.raises(ValueError, match="contrast_layer is a layer from 1 to 2, not 3"):
        XSimGCLConfig(layers=2, contrast_layer=3)
    with pytest.raises(ValueError, match="distinct layers from 0 to 2"):
        XSimGCLConfig(layers=2, readout=(3,))


def _train(group, folder):
    options = TrainingOptions(dtype="float64", batch=60, max_steps=12, negatives=10, l2=0.01)
    model = XSimGCL(XSimGCLConfig(dim=8, start="svd", contrast_nodes=10))
    fit(model, random_split("bipartite"), options, 0, Folder.at(folder / str(group.world_size)), group)


@pytest.mark.slow
def test_two_workers_equal_one(tmp_path):
    for world_size in (1, 2):
        run_group(functools.partial(_train, folder=tmp_path), world_size)
    one, two = (Checkpoints(Folder.at(tmp_path / name)) for name in "12")
    one, two = (found.load(found.epochs[-1])["table"] for found in (one, two))
    assert np.abs(two - one).max() <= 1e-9 * np.abs(one).max()
