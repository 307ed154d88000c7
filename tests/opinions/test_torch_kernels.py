"""Torch's sums against the compiled ones, on the cpu and, where there is one, on a CUDA device."""

import numpy as np
import pytest
import torch
from contracts.opinion_contract import sources_of

from hemicycle.core.errors import InputError
from hemicycle.opinions import kernels, torch_kernels
from hemicycle.opinions.base import People, Sources
from hemicycle.opinions.catalogue import OPINION
from hemicycle.opinions.torch_kernels import On

no_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=no_cuda)]
pytestmark = pytest.mark.parametrize("device", DEVICES)


def state(dims, kind=np.float64, *, weighted=True, seed=0):
    """Users and two outlets; users 0 and 39 see nobody."""
    rng = np.random.default_rng(seed)
    dense = (rng.random((40, 42)) < 0.3) * rng.integers(1, 4, (40, 42))
    dense[[0, 39]] = 0
    positions = rng.uniform(-1, 1, (42, dims)).astype(kind)
    sources = sources_of(dense, positions)
    if not weighted:
        sources = Sources(sources.indptr, sources.indices, None, positions)
    return sources, positions[:40], rng.uniform(-1, 1, (40, dims)).astype(kind), rng.random(40)


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("dims", [1, 2, 8])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sums_equal_the_compiled_ones(device, dims, kind, weighted):
    sources, own, anchor, share = state(dims, kind, weighted=weighted)
    near = 1e-12 if kind is np.float64 else 1e-6
    for pull in (share, None):
        expected = kernels.pulled(sources, own, anchor, pull)
        found = On(device).pulled(sources, own, anchor, pull)
        assert found.dtype == kind
        np.testing.assert_allclose(found, expected, atol=near)
    for mobility in (0.7, share):
        expected = kernels.confident_mean(sources, own, 0.5 + share, mobility)
        np.testing.assert_allclose(On(device).confident_mean(sources, own, 0.5 + share, mobility), expected, atol=near)


def test_consensus_is_a_fixed_point_to_the_last_bit(device):
    sources, own, _, share = state(2, np.float32)
    agreed = np.full_like(own, 0.3)
    sources = Sources(sources.indptr, sources.indices, sources.weights, np.full((42, 2), 0.3, np.float32))
    np.testing.assert_array_equal(On(device).pulled(sources, agreed, agreed, share), agreed)
    np.testing.assert_array_equal(On(device).confident_mean(sources, agreed, 0.5), agreed)


def test_an_exposure_that_changes_is_seen(device):
    for seed in (1, 2, 1):
        sources, own, anchor, share = state(1, seed=seed)
        expected = kernels.pulled(sources, own, anchor, share)
        np.testing.assert_allclose(On(device).pulled(sources, own, anchor, share), expected, atol=1e-12)


def test_nobody_sees_anybody(device):
    own = np.random.default_rng(0).random((3, 2))
    nothing = Sources(np.zeros(4, np.int64), np.empty(0, np.int32), None, own)
    np.testing.assert_array_equal(On(device).pulled(nothing, own, own, None), own)
    np.testing.assert_array_equal(On(device).confident_mean(nothing, own, 0.5), own)


@pytest.mark.parametrize("name", ["degroot", "friedkin_johnsen", "bounded_confidence"])
def test_models_step_on_the_device_that_is_asked_for(device, name, monkeypatch):
    asked = []
    monkeypatch.setattr(torch_kernels, "has_cuda", lambda: True)
    monkeypatch.setattr(torch_kernels, "On", lambda given: asked.append(given) or On(device))
    sources, own, anchor, _ = state(2)
    plain, moved = (OPINION.build(OPINION.validate({"opinion": name, "device": given})) for given in ("cpu", "cuda"))
    after = moved.bound(People(40)).step(own, anchor, sources, 0)
    np.testing.assert_allclose(after, plain.step(own, anchor, sources, 0), atol=1e-12)
    assert set(asked) == {"cuda"}


def test_a_missing_device_is_said_before_the_first_step(device, monkeypatch):
    monkeypatch.setattr(torch_kernels, "has_cuda", lambda: False)
    model = OPINION.build(OPINION.validate({"opinion": "degroot", "device": "cuda"}))
    with pytest.raises(InputError, match=r"torch finds no CUDA device.*\n.*set device: cpu"):
        model.bound(People(3))
