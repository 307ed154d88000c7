"""Losses over one step's pairs, for vectors of which every worker holds some columns only.

A dot product is a sum over columns: workers add up their partial scores (``add_up``, in place), after which everything
that follows is computed by each of them alike; so the backward pass of that sum is the identity. With one worker, and
for rows of which a worker has gathered all columns, ``add_up`` is :func:`alone`.

Rows that a step does not need cost nothing here: callers pass the rows of a step, and number them from 0.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import embedding_bag, logsigmoid

from hemicycle.recommenders.base import EmbeddingConfig

AddUp = Callable[[torch.Tensor], torch.Tensor]
_ENTRIES_IN_CACHE = 1 << 17
_LOGITS_IN_CACHE = 1 << 18
_LOGITS_AT_ONCE = 1 << 22


def alone(tensor: torch.Tensor) -> torch.Tensor:
    """Sum over a single worker."""
    return tensor


@dataclass(frozen=True)
class Pairs:
    """Pairs of a user and an item she took, grouped by user; users and items are rows of the vectors.

    Args:
        users: row of every distinct user, shape (n_users,).
        counts: pairs of each, shape (n_users,).
        items: row of every pair's item, shape (n_pairs,).
        bias: what is added to every pair's score, shape (n_pairs,), or None for 0.
        among: pairs over which a loss is averaged, of which these are a share; None: these alone.
    """

    users: torch.Tensor
    counts: torch.Tensor
    items: torch.Tensor
    bias: torch.Tensor | None = None
    among: int | None = None

    def __len__(self) -> int:
        return len(self.items)

    @property
    def owners(self) -> torch.Tensor:
        """Row of every pair's user, shape (n_pairs,)."""
        return self.users.repeat_interleave(self.counts)

    @property
    def divisor(self) -> int:
        """Pairs over which a loss is averaged."""
        return len(self) if self.among is None else self.among


@dataclass(frozen=True)
class Competition:
    """Items that all pairs of a step compete with.

    Args:
        items: rows, shape (K,).
        offset: added to every score: the item's bias b_j, less the logarithm log(K q_j) of how often it is expected
            among the draws, shape (K,).
        complete: True when they are all items, once each: the softmax is then the full one.
    """

    items: torch.Tensor
    offset: torch.Tensor
    complete: bool


@dataclass(frozen=True)
class Rivals:
    """Items that pairs are compared with one by one.

    Args:
        items: rows, shape (n_pairs * m,): m a pair, the pairs repeated as a whole.
        bias: what is added to their scores, of the same shape, or None for 0.
    """

    items: torch.Tensor
    bias: torch.Tensor | None = None


def comparable(vectors: torch.Tensor, config: EmbeddingConfig, add_up: AddUp = alone) -> torch.Tensor:
    """Return vectors whose dot products are the scores that a recommender's similarity gives."""
    if config.similarity == "dot":
        return vectors
    unit: torch.Tensor = _UnitRows.apply(vectors, config.temperature**-0.5, add_up)  # type: ignore[no-untyped-call]
    return unit


def bpr(vectors: torch.Tensor, pairs: Pairs, rivals: Rivals, add_up: AddUp = alone) -> torch.Tensor:
    """Bayesian personalised ranking: mean of -log sigma(s_ui - s_uj)  (Rendle et al., UAI 2009).

    Args:
        vectors: shape (n_rows, columns).
        pairs: what users took.
        rivals: items they did not take.
        add_up: sum over workers.
    """
    n = len(pairs)
    times = len(rivals.items) // n if n else 1
    positive = biased(add_up_scores(pair_scores(vectors, pairs), add_up), pairs.bias)
    side_by_side = rivals.items.reshape(times, n).T.reshape(-1)
    against = Pairs(pairs.users, pairs.counts * times, side_by_side)
    bias = None if rivals.bias is None else rivals.bias.reshape(times, n).T.reshape(-1)
    negative = biased(add_up_scores(pair_scores(vectors, against), add_up), bias).reshape(n, times)
    return -logsigmoid(positive[:, None] - negative).sum() / (pairs.divisor * times)


def sampled_softmax(
    vectors: torch.Tensor, pairs: Pairs, competition: Competition, add_up: AddUp = alone
) -> torch.Tensor:
    """Softmax over items with negatives shared by the whole step: mean over pairs of log(e^s_ui + Z_u) - s_ui.

    Z_u = sum over j of exp(s_uj - log(K q_j)) estimates the sum over all items without bias (Bengio and Senecal, IEEE
    TNN 2008); the scores s hold the items' biases b. When the competition is complete Z_u is that sum, and e^s_ui is
    not added again.
    """
    positive = add_up_scores(pair_scores(vectors, pairs), add_up)
    return softmax_against(vectors, positive, pairs, competition, add_up)


def softmax_against(
    vectors: torch.Tensor, positive: torch.Tensor, pairs: Pairs, competition: Competition, add_up: AddUp = alone
) -> torch.Tensor:
    """Return :func:`sampled_softmax` for pairs whose scores, without bias, are known already, shape (n_pairs,)."""
    users = vectors.index_select(0, pairs.users)
    others = vectors.index_select(0, competition.items)
    loss: torch.Tensor = _SampledSoftmax.apply(  # type: ignore[no-untyped-call]
        users, others, biased(positive, pairs.bias), (pairs, competition, add_up)
    )
    return loss


def squared_norm(start: torch.Tensor, pairs: Pairs) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over pairs of (|e_u|^2 + |e_i|^2) / 2, for the start vectors e, and its gradient.

    Args:
        start: rows of the table that the pairs name, shape (n_rows, columns).
        pairs: what users took.

    Returns:
        The part of the mean that these columns make, shape (), and its gradient, shape of ``start``.
    """
    often = torch.bincount(pairs.items, minlength=len(start)).to(start.dtype)
    often.index_add_(0, pairs.users, pairs.counts.to(start.dtype))
    gradient = start * (often / pairs.divisor)[:, None]
    return torch.dot(gradient.reshape(-1), start.reshape(-1)) / 2, gradient


def pair_scores(vectors: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    """Return the dot product of every pair over the columns at hand, shape (n_pairs,)."""
    found: torch.Tensor = _PairScores.apply(vectors, pairs)  # type: ignore[no-untyped-call]
    return found


def biased(scores: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return scores with their biases."""
    return scores if bias is None else scores + bias


def add_up_scores(partial: torch.Tensor, add_up: AddUp) -> torch.Tensor:
    """Return the sum over workers, whose backward pass is the identity."""
    if add_up is alone:
        return partial
    found: torch.Tensor = _Summed.apply(partial, add_up)  # type: ignore[no-untyped-call]
    return found


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
    """y = c x / |x| with norms over the columns of all workers; the product in the gradient runs over all, too."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, length: float, add_up: AddUp) -> torch.Tensor:
        squares = torch.linalg.vector_norm(x, dim=1).square_()
        factor = length / add_up(squares).sqrt_().clamp_min_(1e-12)[:, None]
        y = x * factor
        ctx.add_up, ctx.length = add_up, length
        ctx.save_for_backward(y, factor)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        y, factor = ctx.saved_tensors
        along = ctx.add_up(_dots(grads[0], y))[:, None] / ctx.length**2
        return torch.addcmul(grads[0], y, along, value=-1).mul_(factor), None, None


def _dots(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Dot product of every row with its like, in chunks that stay in the processor's cache."""
    found = left.new_empty(len(left))
    for rows in _runs(left):
        torch.sum(left[rows] * right[rows], 1, out=found[rows])
    return found


def _runs(x: torch.Tensor, n: int | None = None) -> Iterator[slice]:
    """Yield runs of up to n rows, by default all of x, that stay in a processor's cache; on a GPU larger ones."""
    size = max(1, (_LOGITS_AT_ONCE * 8 if x.is_cuda else _ENTRIES_IN_CACHE) // max(1, x.shape[1]))
    n = len(x) if n is None else n
    return (slice(start, min(n, start + size)) for start in range(0, n, size))


class _PairScores(torch.autograd.Function):
    """Dot products of pairs of rows; each side's gradient is a weighted sum of the other side's rows."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, pairs: Pairs) -> torch.Tensor:
        owners, items = pairs.owners, pairs.items
        ctx.pairs = pairs
        ctx.save_for_backward(x)
        found = x.new_empty(len(items))
        for run in _runs(x, len(items)):
            left = x.index_select(0, owners[run])
            torch.sum(left.mul_(x.index_select(0, items[run])), 1, out=found[run])
        return found

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        (x,) = ctx.saved_tensors
        pairs, weights = ctx.pairs, grads[0].contiguous()
        items = pairs.items.to(torch.int32)
        order = torch.argsort(items, stable=True)
        users = pairs.owners.to(torch.int32)[order]
        gradient = _weighted(users, torch.bincount(pairs.items, minlength=len(x)), weights[order], x)
        return gradient.index_add_(0, pairs.users, _weighted(items, pairs.counts, weights, x)), None


def _weighted(sources: torch.Tensor, counts: torch.Tensor, weights: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the weighted sum of each group of consecutive sources' rows of x, shape (len(counts), d)."""
    pointers = torch.cat([counts.new_zeros(1), counts.cumsum(0)]).to(sources.dtype)
    return embedding_bag(sources, x, pointers, mode="sum", per_sample_weights=weights, include_last_offset=True)


class _SampledSoftmax(torch.autograd.Function):
    """The gradient is formed on the way forward, chunk by chunk of users: no matrix users x negatives remains.

    With m_p = sigma(log Z_u - s_p) (1 when the competition is complete) the gradient of s_p is -m_p, and that of s_uj
    is the softmax of the competition times the sum of m_p over u's pairs.
    """

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> torch.Tensor:
        users, others, positive, (pairs, competition, add_up) = arguments
        grads = (torch.empty_like(users), torch.zeros_like(others), torch.empty_like(positive))
        loss, size = positive.new_zeros(()), _users_at_once(users, others, add_up)
        buffer = users.new_empty((min(size, len(users)), len(others)))
        for rows, of_rows in _chunks(pairs.counts, size):
            logits = torch.mm(users[rows], others.T, out=buffer[: rows.stop - rows.start])
            share, rest = _softmax(add_up(logits).add_(competition.offset))
            above = rest.repeat_interleave(pairs.counts[rows]) - positive[of_rows]
            loss += above.sum() if competition.complete else -logsigmoid(-above).sum()
            missed = torch.ones_like(above) if competition.complete else above.sigmoid()
            torch.neg(missed, out=grads[2][of_rows])
            share.mul_(_group_sums(missed, pairs.counts[rows])[:, None])
            torch.mm(share, others, out=grads[0][rows])
            grads[1].addmm_(share.T, users[rows])
        ctx.save_for_backward(*(grad.div_(pairs.divisor) for grad in grads))
        mean: torch.Tensor = loss / pairs.divisor
        return mean

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (*(saved * grads[0] for saved in ctx.saved_tensors), None)


def _softmax(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the softmax of every row in the place of the logits, and the logarithm of its denominator."""
    peak = logits.amax(1, keepdim=True)
    mass = logits.sub_(peak).exp_().sum(1, keepdim=True)
    rest: torch.Tensor = mass.log() + peak
    return logits.div_(mass), rest[:, 0]


def _group_sums(values: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Sum of every group of consecutive values, shape of ``counts``."""
    groups = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
    return values.new_zeros(len(counts)).index_add_(0, groups, values)


def _users_at_once(users: torch.Tensor, others: torch.Tensor, add_up: AddUp) -> int:
    """Users whose logits fit into the cache, or, where each chunk has a price, into a few dozen megabytes."""
    logits = _LOGITS_IN_CACHE if add_up is alone and not users.is_cuda else _LOGITS_AT_ONCE
    return max(1, logits // max(1, len(others)))


def _chunks(counts: torch.Tensor, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield rows of users, and their pairs."""
    ends = [0, *counts.cumsum(0).tolist()]
    for start in range(0, len(counts), size):
        rows = slice(start, min(len(counts), start + size))
        yield rows, slice(ends[rows.start], ends[rows.stop])
