"""Losses of the members of a stack with their gradients, in few calls and in few passes over the scores."""

from collections.abc import Sequence

import torch
from torch.nn.functional import logsigmoid

from hemicycle.recommenders.losses import Competition, Pairs, Rivals, bpr, comparable, pair_scores
from hemicycle.training.batches import numbered
from hemicycle.training.stacked_cells import Compared, at_once, by_matrix, chunks, exponentials, flat, owners, tiles


def compare(vectors: torch.Tensor, step: Compared) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each member's loss, shape (members,), and the gradient of the vectors.

    Args:
        vectors: shape (n_nodes, members, d), contiguous.
        step: what is compared.
    """
    losses, slopes = vectors.new_zeros(len(step)), torch.zeros_like(vectors)
    if not step.dense:
        for k in range(len(step)):
            losses[k] = _one_by_one(vectors, slopes, step, k)
        return losses, slopes
    units = _Units(vectors, step)
    for tile in tiles(step, vectors.is_cuda):
        by_matrix(units.vectors, slopes, (step, tile), losses)
    return losses, units.backward(slopes)


def shrink(gradient: torch.Tensor, start: torch.Tensor, step: Compared, rates: Sequence[float]) -> torch.Tensor:
    """Add the gradients of the start vectors' squared norms; return their part of each member's loss.

    The norms are those of :func:`hemicycle.recommenders.losses.squared_norm`.

    Args:
        gradient: to be added to, shape (n_nodes, members, d).
        start: tables, of the same shape.
        step: what is compared.
        rates: weight of the norms, of each member.
    """
    n, members, _ = start.shape
    items = torch.cat([draw.pairs.items * members + k for k, draw in enumerate(step.draws)])
    users = torch.cat([draw.pairs.users * members + k for k, draw in enumerate(step.draws)])
    often = torch.bincount(items, minlength=n * members).to(start.dtype)
    often.index_add_(0, users, torch.cat([draw.pairs.counts for draw in step.draws]).to(start.dtype))
    each = [rate / len(draw.pairs) for rate, draw in zip(rates, step.draws, strict=True)]
    weight = often.view(n, members).mul_(step.per_member(each, start))
    gradient.addcmul_(start, weight[:, :, None])
    squares = torch.linalg.vector_norm(start, dim=2).square_().mul_(weight)
    parts: torch.Tensor = squares.T.contiguous().sum(1) / 2
    return parts


class _Units:
    """Vectors whose dot products are the members' scores: y = x / (|x| sqrt(tau)) for cosines, x for dot products."""

    def __init__(self, x: torch.Tensor, step: Compared) -> None:
        cosine = [config.similarity == "cosine" for config in step.configs]
        self.vectors, self.factor = x, None
        if any(cosine):
            lengths = step.per_member([config.temperature**-0.5 for config in step.configs], x)
            self.factor = lengths / torch.linalg.vector_norm(x, dim=2).clamp_min_(1e-12)
            self.inverse = step.per_member([config.temperature for config in step.configs], x)
            if not all(cosine):
                dot = torch.tensor([not c for c in cosine], device=x.device)
                self.factor.masked_fill_(dot, 1.0)
                self.inverse.masked_fill_(dot, 0.0)
            self.vectors = x * self.factor[:, :, None]

    def backward(self, slopes: torch.Tensor) -> torch.Tensor:
        """Turn the gradient of y, in its place, into that of x."""
        if self.factor is None:
            return slopes
        along = (slopes * self.vectors).sum(2).mul_(self.inverse)
        return slopes.addcmul_(self.vectors, along[:, :, None], value=-1).mul_(self.factor[:, :, None])


# -- pairs one by one ------------------------------------------------------------------------------------------------


def _one_by_one(vectors: torch.Tensor, slopes: torch.Tensor, step: Compared, k: int) -> torch.Tensor:
    """Return the loss of a member and fill in its gradient."""
    nodes, position = numbered(step.draws[k].ids, len(vectors))
    at = nodes if len(step) == 1 else nodes * len(step) + k
    draw, own = step.draws[k].moved(position), flat(vectors).index_select(0, at).requires_grad_()
    units = comparable(own, step.configs[k])
    rows = units.detach().requires_grad_()
    if isinstance(draw.against, Rivals):
        loss = bpr(rows, draw.pairs, draw.against)
        (slope,) = torch.autograd.grad(loss, rows)
    else:
        loss, slope = sampled_softmax_slope(rows, draw.pairs, draw.against, bounded=step.bounded[k])
    flat(slopes).index_copy_(0, at, torch.autograd.grad(units, own, slope)[0])
    return loss.detach()


def sampled_softmax_slope(
    rows: torch.Tensor, pairs: Pairs, competition: Competition, *, bounded: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return :func:`hemicycle.recommenders.losses.sampled_softmax`, shape (), and its gradient, shape of ``rows``.

    Args:
        rows: comparable vectors, which require their gradient.
        pairs: what users took.
        competition: what all pairs compete with; not complete.
        bounded: whether exponentials of the scores stay within single precision.
    """
    scores = pair_scores(rows, pairs)
    positive = scores.detach() if pairs.bias is None else scores.detach() + pairs.bias
    users, others = (rows.detach().index_select(0, ids) for ids in (pairs.users, competition.items))
    of_users, of_others, of_pairs = torch.empty_like(users), torch.zeros_like(others), torch.empty_like(positive)
    loss, size = positive.new_zeros(()), max(1, at_once(rows.is_cuda) // max(1, len(others)))
    buffer = users.new_empty((min(size, len(users)), len(others)))
    for chunk, of_chunk in chunks(pairs.counts, size):
        share = torch.mm(users[chunk], others.T, out=buffer[: chunk.stop - chunk.start]).add_(competition.offset)
        mass, rest = exponentials(share, bounded=bounded)
        of = owners(pairs.counts[chunk])
        above = rest.index_select(0, of) - positive[of_chunk]
        loss -= logsigmoid(-above).sum()
        missed = torch.sigmoid(above)
        torch.neg(missed, out=of_pairs[of_chunk])
        weight = torch.zeros_like(mass).index_add_(0, of, missed).div_(mass)[:, None]
        torch.mm(share, others, out=of_users[chunk])
        of_users[chunk].mul_(weight)
        of_others.addmm_(share.T, users[chunk] * weight)
    (slope,) = torch.autograd.grad(scores, rows, of_pairs)
    slope.index_add_(0, pairs.users, of_users).index_add_(0, competition.items, of_others)
    return loss / len(pairs), slope.div_(len(pairs))
