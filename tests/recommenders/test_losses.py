import numpy as np
import pytest
import torch

from hemicycle.recommenders import losses
from hemicycle.recommenders.losses import Competition, Pairs, Rivals, bpr, comparable, sampled_softmax, squared_norm
from hemicycle.recommenders.mf import MFConfig

PAIRS = Pairs(torch.tensor([0, 2, 1]), torch.tensor([2, 1, 3]), torch.tensor([4, 5, 6, 4, 7, 8]))
LIST = [(0, 4), (0, 5), (2, 6), (1, 4), (1, 7), (1, 8)]
OTHERS = Competition(
    torch.tensor([4, 8, 8, 6]), torch.tensor([0.1, -0.3, -0.3, 0.7], dtype=torch.float64), complete=False
)
ALL = Competition(torch.arange(4, 9), torch.zeros(5, dtype=torch.float64), complete=True)
NEGATIVES = torch.tensor([7, 6, 5, 8, 5, 6, 8, 8, 4, 5, 6, 5])


@pytest.fixture
def table():
    return torch.tensor(np.random.default_rng(0).normal(size=(9, 4)), requires_grad=True)


def literal_bpr(x):
    pairs = LIST + LIST
    return (
        sum(-torch.log(torch.sigmoid(x[u] @ x[i] - x[u] @ x[j])) for (u, i), j in zip(pairs, NEGATIVES, strict=True))
        / 12
    )


def literal_softmax(x, others):
    total = 0
    for u, i in LIST:
        z = sum(torch.exp(x[u] @ x[j] + b) for j, b in zip(others.items, others.offset, strict=True))
        total += torch.log(z if others.complete else z + torch.exp(x[u] @ x[i])) - x[u] @ x[i]
    return total / len(LIST)


def literal_norm(x):
    return sum((x[u] @ x[u] + x[i] @ x[i]) / 2 for u, i in LIST) / len(LIST)


BIAS = torch.tensor([0.5, -1.0, 0.2, 0.9, -0.4], dtype=torch.float64)


def biased(x):
    """The table with a column that makes every dot product with an item's row (from 4 on) larger by its bias."""
    return torch.cat([x, torch.cat([torch.ones(4, dtype=x.dtype), BIAS])[:, None]], 1)


def bpr_with_bias(x):
    pairs = Pairs(PAIRS.users, PAIRS.counts, PAIRS.items, BIAS[PAIRS.items - 4])
    return bpr(x, pairs, Rivals(NEGATIVES, BIAS[NEGATIVES - 4]))


def softmax_with_bias(x):
    pairs = Pairs(PAIRS.users, PAIRS.counts, PAIRS.items, BIAS[PAIRS.items - 4])
    others = Competition(OTHERS.items, OTHERS.offset + BIAS[OTHERS.items - 4], complete=False)
    return sampled_softmax(x, pairs, others)


CASES = {
    "bpr with bias": (bpr_with_bias, lambda x: literal_bpr(biased(x))),
    "softmax with bias": (softmax_with_bias, lambda x: literal_softmax(biased(x), OTHERS)),
    "bpr": (lambda x: bpr(x, PAIRS, Rivals(NEGATIVES)), literal_bpr),
    "sampled": (lambda x: sampled_softmax(x, PAIRS, OTHERS), lambda x: literal_softmax(x, OTHERS)),
    "full": (lambda x: sampled_softmax(x, PAIRS, ALL), lambda x: literal_softmax(x, ALL)),
}


@pytest.mark.parametrize("name", list(CASES))
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_value_and_gradient_equal_the_formula(table, name, similarity):
    fast, literal = CASES[name]
    config = MFConfig(similarity=similarity, temperature=0.4)
    found = fast(comparable(table, config))
    plain = table if similarity == "dot" else table / table.norm(dim=1, keepdim=True) / 0.4**0.5
    expected = literal(plain)
    torch.testing.assert_close(found, expected)
    (gradient,), (wanted,) = torch.autograd.grad(found, table), torch.autograd.grad(expected, table)
    torch.testing.assert_close(gradient, wanted)


def test_the_squared_norm_and_its_gradient_equal_the_formula(table):
    expected = literal_norm(table)
    found, gradient = squared_norm(table.detach(), PAIRS)
    torch.testing.assert_close(found, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, table)[0])


@pytest.mark.parametrize("name", ["bpr", "sampled"])
def test_chunks_change_nothing(table, name, monkeypatch):
    fast, _ = CASES[name]
    whole = fast(table)
    (gradient,) = torch.autograd.grad(whole, table)
    monkeypatch.setattr(losses, "_ENTRIES_IN_CACHE", 8)
    monkeypatch.setattr(losses, "_LOGITS_IN_CACHE", 8)
    found = fast(table)
    torch.testing.assert_close(found, whole)
    torch.testing.assert_close(torch.autograd.grad(found, table)[0], gradient)


def test_the_sampled_softmax_is_the_full_one_on_average(table):
    x = table.detach()
    full = sampled_softmax(x, PAIRS, ALL)
    q = torch.tensor([0.1, 0.3, 0.2, 0.2, 0.2], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    drawn = torch.multinomial(q, 20_000, replacement=True, generator=generator)
    competition = Competition(drawn + 4, -torch.log(20_000 * q[drawn]), complete=True)
    torch.testing.assert_close(sampled_softmax(x, PAIRS, competition), full, atol=0.02, rtol=0)
