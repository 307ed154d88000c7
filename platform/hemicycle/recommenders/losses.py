"""Losses over one step's pairs, for vectors of which every worker holds some columns only.

A dot product is a sum over columns: workers add up their partial scores (``add_up``, in place), after which everything
that follows is computed by each of them alike; so the backward pass of that sum is the identity. With one worker
``add_up`` is :func:`alone`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import softplus

from hemicycle.recommenders.base import EmbeddingConfig
from hemicycle.recommenders.propagation import weighted_sum

AddUp = Callable[[torch.Tensor], torch.Tensor]
_PAIRS_AT_ONCE = 1 << 16
_LOGITS_AT_ONCE = 1 << 22


def alone(tensor: torch.Tensor) -> torch.Tensor:
    """Sum over a single worker."""
    return tensor


@dataclass(frozen=True)
class Pairs:
    """Pairs of a user and an item she took, grouped by user; rows are nodes of the graph.

    Args:
        users: node of every distinct user, shape (n_users,).
        counts: pairs of each, shape (n_users,).
        items: node of every pair's item, shape (n_pairs,).
        bias: what is added to every pair's score, shape (n_pairs,), or None for 0.
    """

    users: torch.Tensor
    counts: torch.Tensor
    items: torch.Tensor
    bias: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def owners(self) -> torch.Tensor:
        """Node of every pair's user, shape (n_pairs,)."""
        return self.users.repeat_interleave(self.counts)


@dataclass(frozen=True)
class Competition:
    """Items that all pairs of a step compete with.

    Args:
        items: nodes, shape (K,).
        offset: added to every score: the item's bias b_j, less the logarithm log(K q_j) of how often it is expected
            among the draws, shape (K,).
        complete: True when they are all items, once each: the softmax is then the full one.
    """

    items: torch.Tensor
    offset: torch.Tensor
    complete: bool


def comparable(vectors: torch.Tensor, config: EmbeddingConfig, add_up: AddUp = alone) -> torch.Tensor:
    """Return vectors whose dot products are the scores that a recommender's similarity gives."""
    if config.similarity == "dot":
        return vectors
    unit: torch.Tensor = _UnitRows.apply(vectors, add_up)  # type: ignore[no-untyped-call]
    return unit.mul(config.temperature**-0.5)


@dataclass(frozen=True)
class Rivals:
    """Items that pairs are compared with one by one.

    Args:
        items: nodes, shape (n_pairs * m,): m a pair, the pairs repeated as a whole.
        bias: what is added to their scores, of the same shape, or None for 0.
    """

    items: torch.Tensor
    bias: torch.Tensor | None = None


def bpr(vectors: torch.Tensor, pairs: Pairs, rivals: Rivals, add_up: AddUp = alone) -> torch.Tensor:
    """Bayesian personalised ranking: mean of -log sigma(s_ui - s_uj)  (Rendle et al., UAI 2009).

    Args:
        vectors: all nodes', shape (n_nodes, columns).
        pairs: what users took.
        rivals: items they did not take.
        add_up: sum over workers.
    """
    owners = pairs.owners
    positive = _biased(_pair_scores(vectors, owners, pairs.items, add_up), pairs.bias)
    times = len(rivals.items) // len(owners)
    negative = _biased(_pair_scores(vectors, owners.repeat(times), rivals.items, add_up), rivals.bias)
    return softplus(negative - positive.repeat(times)).mean()


def sampled_softmax(
    vectors: torch.Tensor, pairs: Pairs, competition: Competition, add_up: AddUp = alone
) -> torch.Tensor:
    """Softmax over items with negatives shared by the whole step: mean over pairs of log(e^s_ui + Z_u) - s_ui.

    Z_u = sum over j of exp(s_uj - log(K q_j)) estimates the sum over all items without bias (Bengio and Senecal, IEEE
    TNN 2008); the scores s hold the items' biases b. When the competition is complete Z_u is that sum, and e^s_ui is
    not added again.
    """
    positive = _biased(_pair_scores(vectors, pairs.owners, pairs.items, add_up), pairs.bias)
    users = vectors.index_select(0, pairs.users)
    others = vectors.index_select(0, competition.items)
    loss: torch.Tensor = _SampledSoftmax.apply(  # type: ignore[no-untyped-call]
        users, others, positive, (pairs.counts, competition, add_up)
    )
    return loss


def squared_norm(table: torch.Tensor, pairs: Pairs, add_up: AddUp = alone) -> torch.Tensor:
    """Mean over pairs of (|e_u|^2 + |e_i|^2) / 2, for the start vectors e."""
    n = len(pairs.items)
    often = torch.bincount(torch.cat([pairs.owners, pairs.items]), minlength=len(table)).to(table.dtype)
    return _summed(torch.einsum("nd,nd,n->", table, table, often), add_up) / (2 * n)


def _pair_scores(x: torch.Tensor, left: torch.Tensor, right: torch.Tensor, add_up: AddUp) -> torch.Tensor:
    return _summed(_PairScores.apply(x, left, right), add_up)  # type: ignore[no-untyped-call]


def _biased(scores: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    return scores if bias is None else scores + bias


def _summed(partial: torch.Tensor, add_up: AddUp) -> torch.Tensor:
    return _Summed.apply(partial, add_up)  # type: ignore[no-untyped-call, no-any-return]


class _Summed(torch.autograd.Function):
    """Sum over workers forward, identity backward."""

    @staticmethod
    def forward(ctx: Any, partial: torch.Tensor, add_up: AddUp) -> torch.Tensor:
        del ctx
        return add_up(partial.detach().clone())

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        del ctx
        return grads[0], None


class _UnitRows(torch.autograd.Function):
    """y = x / |x| with norms over the columns of all workers; the inner product in the gradient runs over all, too."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, add_up: AddUp) -> torch.Tensor:
        norm = add_up(torch.einsum("nd,nd->n", x, x)).sqrt_().clamp_min_(1e-12)[:, None]
        y = x / norm
        ctx.add_up = add_up
        ctx.save_for_backward(y, norm)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        y, norm = ctx.saved_tensors
        along = ctx.add_up(torch.einsum("nd,nd->n", grads[0], y))[:, None]
        return torch.addcmul(grads[0], y, along, value=-1).div_(norm), None


class _PairScores(torch.autograd.Function):
    """Dot products of pairs of rows in chunks; the gradient is one weighted sparse product."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, left, right)
        parts = zip(torch.split(left, _PAIRS_AT_ONCE), torch.split(right, _PAIRS_AT_ONCE), strict=True)
        return torch.cat([torch.einsum("nd,nd->n", x[a], x[b]) for a, b in parts])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        x, left, right = ctx.saved_tensors
        targets, sources = torch.cat([left, right]), torch.cat([right, left])
        return weighted_sum(targets, sources, grads[0].repeat(2), x), None, None


class _SampledSoftmax(torch.autograd.Function):
    """The gradient is formed on the way forward, chunk by chunk of users: no matrix users x negatives remains."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> torch.Tensor:
        tensors: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = arguments[:3]
        (users, others, positive), (counts, competition, add_up) = tensors, arguments[3]
        grads = [torch.empty_like(users), torch.zeros_like(others), torch.empty_like(positive)]
        loss = positive.new_zeros(())
        for rows, of_rows in _chunks(counts, len(others)):
            leaves = [x.detach().requires_grad_() for x in (users[rows], others, positive[of_rows])]
            with torch.enable_grad():
                part = _softmax_sum(leaves, counts[rows], competition, add_up)
            grads[0][rows], of_others, grads[2][of_rows] = torch.autograd.grad(part, leaves)
            grads[1] += of_others
            loss += part.detach()
        ctx.save_for_backward(*(grad.div_(len(positive)) for grad in grads))
        return loss / len(positive)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (*(saved * grads[0] for saved in ctx.saved_tensors), None)


def _chunks(counts: torch.Tensor, n_others: int) -> Iterator[tuple[slice, slice]]:
    """Yield rows of users and their pairs such that a chunk's logits fit into a few dozen megabytes."""
    size = max(1, _LOGITS_AT_ONCE // n_others)
    first = 0
    for start in range(0, len(counts), size):
        rows = slice(start, start + size)
        last = first + int(counts[rows].sum())
        yield rows, slice(first, last)
        first = last


def _softmax_sum(
    leaves: list[torch.Tensor], counts: torch.Tensor, competition: Competition, add_up: AddUp
) -> torch.Tensor:
    users, others, positive = leaves
    logits = _summed(users @ others.T, add_up) + competition.offset
    rest = torch.logsumexp(logits, 1).repeat_interleave(counts)
    total = rest if competition.complete else torch.logaddexp(positive, rest)
    return (total - positive).sum()
