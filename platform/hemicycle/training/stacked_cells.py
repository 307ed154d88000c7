"""The matrix of all scores of a step's users, members of a stack side by side.

Where users and items are few the pairs' scores are read from it and their gradients written into it, so that no vector
is gathered pair by pair. What is computed for a member takes the same operations on the same shapes whoever else is
there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import logsigmoid

from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import EmbeddingConfig
from hemicycle.recommenders.losses import Competition, Rivals
from hemicycle.training.batches import Draw
from hemicycle.training.options import TrainingOptions

_LOGITS_IN_CACHE = 1 << 18
_LOGITS_ON_DEVICE = 1 << 24
_WORTH_A_PAIR = 64
_FURTHEST = 60.0
"""Exponents up to here, and sums of their exponentials over millions of items, stay within single precision."""


@dataclass(frozen=True)
class Compared:
    """What a step of several members compares.

    Args:
        draws: pairs and what they compete with, by node; one a member.
        configs: similarity and temperature of each.
        items: nodes of all items.
        dense: whether to form the matrix of all scores of the users, see :func:`is_dense`.
    """

    draws: Sequence[Draw]
    configs: Sequence[EmbeddingConfig]
    items: slice
    dense: bool

    def __len__(self) -> int:
        return len(self.draws)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return int(self.items.stop - self.items.start)

    @cached_property
    def bounded(self) -> list[bool]:
        """Whether exponentials of each member's scores need no row maxima."""
        return [_is_bounded(config, draw) for config, draw in zip(self.configs, self.draws, strict=True)]

    def per_member(self, values: Sequence[float], like: torch.Tensor) -> torch.Tensor:
        """Return a number of each member, shape (members,)."""
        return torch.tensor(values, dtype=like.dtype, device=like.device)


def _is_bounded(config: EmbeddingConfig, draw: Draw) -> bool:
    if config.similarity == "dot" or not isinstance(draw.against, Competition):
        return False
    return 1 / config.temperature + float(draw.against.offset.abs().max()) <= _FURTHEST


def is_dense(graph: InteractionGraph, options: TrainingOptions) -> bool:
    """Tell whether all scores of a step's users cost no more than those of its pairs one by one."""
    softmax = options.loss == "softmax"
    if softmax and options.n_negatives >= graph.n_items:
        return True
    each = 1 if softmax else 1 + options.n_negatives
    return graph.n_users * graph.n_items <= _WORTH_A_PAIR * each * graph.n_edges


def flat(x: torch.Tensor) -> torch.Tensor:
    """Return one row a node and member: (n_nodes * members, d)."""
    return x.view(-1, x.shape[2])


def owners(counts: torch.Tensor) -> torch.Tensor:
    """Number of every pair's user, shape (n_pairs,)."""
    return torch.arange(len(counts), device=counts.device).repeat_interleave(counts)


def exponentials(scores: torch.Tensor, *, bounded: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Put exponentials in the place of scores; return their sums, and the logarithms of the true ones' sums."""
    if bounded:
        mass = scores.exp_().sum(1)
        return mass, mass.log()
    peak = scores.amax(1)
    mass = scores.sub_(peak[:, None]).exp_().sum(1)
    return mass, mass.log().add_(peak)


def at_once(on_device: bool) -> int:
    """Scores that fit into the cache, or, where each chunk has a price, into a few dozen megabytes."""
    return _LOGITS_ON_DEVICE if on_device else _LOGITS_IN_CACHE


def chunks(counts: torch.Tensor, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield runs of users, and of their pairs."""
    starts = range(0, len(counts), size)
    last = torch.tensor([min(start + size, len(counts)) - 1 for start in starts], device=counts.device)
    ends = [0, *counts.cumsum(0).index_select(0, last).tolist()]
    for n, start in enumerate(starts):
        yield slice(start, min(start + size, len(counts))), slice(ends[n], ends[n + 1])


# -- runs of users, and their scores -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """Some users of a member, all where the loss is BPR.

    Args:
        k: number of the member.
        users: which of the draw's users.
        pairs: which of its pairs.
    """

    k: int
    users: slice
    pairs: slice


Tile = tuple[Compared, list[_Run]]
"""A step, and the runs whose scores stand one below the other."""
Cells = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Pairs of every user; of every pair the cell of her first item, less that item's node; its own cell."""


def tiles(step: Compared, on_device: bool) -> Iterator[list[_Run]]:
    """Yield runs whose scores fit into the cache together; those that need row maxima apart from the others."""
    size, tile, filled = at_once(on_device), list[_Run](), 0
    for run in (run for k in sorted(range(len(step)), key=step.bounded.__getitem__) for run in _runs(step, k, size)):
        logits = (run.users.stop - run.users.start) * step.n_items
        if tile and (filled + logits > size or step.bounded[tile[0].k] != step.bounded[run.k]):
            yield tile
            tile, filled = [], 0
        tile, filled = [*tile, run], filled + logits
    if tile:
        yield tile


def _runs(step: Compared, k: int, size: int) -> Iterator[_Run]:
    draw = step.draws[k]
    if isinstance(draw.against, Rivals):
        return iter([_Run(k, slice(0, len(draw.pairs.users)), slice(0, len(draw.pairs)))])
    return (_Run(k, *some) for some in chunks(draw.pairs.counts, max(1, size // step.n_items)))


def by_matrix(units: torch.Tensor, slopes: torch.Tensor, what: Tile, losses: torch.Tensor) -> None:
    """Add a tile's losses and gradients to those of its members."""
    (step, tile), members = what, units.shape[1]
    parts = [step.draws[run.k].pairs for run in tile]
    at = torch.cat([p.users[run.users] * members + run.k for p, run in zip(parts, tile, strict=True)])
    counts = torch.cat([p.counts[run.users] for p, run in zip(parts, tile, strict=True)])
    rows = torch.arange(0, len(counts) * step.n_items, step.n_items, device=counts.device) - step.items.start
    firsts = rows.repeat_interleave(counts)
    cells = firsts + torch.cat([p.items[run.pairs] for p, run in zip(parts, tile, strict=True)])
    users = flat(units).index_select(0, at)
    scores = users.new_empty((len(users), step.n_items))
    spans = _spans([run.users for run in tile])
    for run, some in zip(tile, spans, strict=True):
        torch.mm(users[some], units[step.items, run.k].T, out=scores[some])
    sums = torch.stack(_loss_of_cells(step.draws[0])(scores, (step, tile), (counts, firsts, cells)))
    share = 1 / step.per_member([len(step.draws[run.k].pairs) for run in tile], scores)
    lengths = torch.tensor([some.stop - some.start for some in spans], device=scores.device)
    of_row = share.repeat_interleave(lengths)[:, None]
    found, users = torch.empty_like(users), users.mul_(of_row)
    for run, some in zip(tile, spans, strict=True):
        items, of_items = units[step.items, run.k], slopes[step.items, run.k]
        torch.mm(scores[some], items, out=found[some])
        of_items.addmm_(scores[some].T, users[some])
    flat(slopes).index_add_(0, at, found.mul_(of_row))
    losses.index_add_(0, torch.tensor([run.k for run in tile], device=scores.device), sums * share)


def _loss_of_cells(draw: Draw) -> Callable[[torch.Tensor, Tile, Cells], list[torch.Tensor]]:
    """Return what sums the loss over the pairs of each run of a tile and puts its gradient in the place of scores."""
    if isinstance(draw.against, Rivals):
        return _bpr_cells
    return _softmax_cells if draw.against.complete else _sampled_cells


def _spans(slices: Sequence[slice]) -> list[slice]:
    """Where each stands when all are laid one after the other."""
    spans, end = [], 0
    for some in slices:
        spans.append(slice(end, end + some.stop - some.start))
        end = spans[-1].stop
    return spans


def _softmax_cells(scores: torch.Tensor, what: Tile, places: Cells) -> list[torch.Tensor]:
    """The softmax over all items: of each pair log(sum over j of e^s_uj) - s_ui.

    With c_u pairs of user u the gradient of s_uj is c_u softmax_j(s_u), less 1 where j is an item of hers.
    """
    (step, tile), (counts, _, cells) = what, places
    rows, pairs = _spans([run.users for run in tile]), _spans([run.pairs for run in tile])
    for run, some in zip(tile, rows, strict=True):
        against = step.draws[run.k].against
        if isinstance(against, Competition) and step.draws[run.k].pairs.bias is not None:
            scores[some].add_(against.offset)
    positive = scores.view(-1).index_select(0, cells)
    mass, rest = exponentials(scores, bounded=step.bounded[tile[0].k])
    paid = counts * rest
    scores.mul_((counts / mass)[:, None])
    scores.view(-1).index_add_(0, cells, scores.new_full((len(cells),), -1.0))
    return [paid[some].sum() - positive[own].sum() for some, own in zip(rows, pairs, strict=True)]


def _sampled_cells(scores: torch.Tensor, what: Tile, places: Cells) -> list[torch.Tensor]:
    """The loss of :func:`hemicycle.recommenders.losses.sampled_softmax`."""
    (step, tile), (counts, _, cells) = what, places
    rows, pairs, of = _spans([run.users for run in tile]), _spans([run.pairs for run in tile]), owners(counts)
    own = scores.view(-1).index_select(0, cells)
    shares, missed, sums = [], [], []
    for n, run in enumerate(tile):
        draw, some = step.draws[run.k], pairs[n]
        against = draw.against
        assert isinstance(against, Competition), "negatives that all pairs share"
        positive = own[some] if draw.pairs.bias is None else own[some] + draw.pairs.bias[run.pairs]
        share = scores[rows[n]].index_select(1, against.items - step.items.start).add_(against.offset)
        mass, rest = exponentials(share, bounded=step.bounded[run.k])
        of_user = of[some] - rows[n].start
        above = rest.index_select(0, of_user) - positive
        sums.append(-logsigmoid(-above).sum())
        missed.append(torch.sigmoid(above))
        weight = torch.zeros_like(mass).index_add_(0, of_user, missed[-1]).div_(mass)
        shares.append((against.items - step.items.start, share.mul_(weight[:, None])))
    scores.zero_()
    for some_rows, (items, share) in zip(rows, shares, strict=True):
        scores[some_rows].index_copy_(1, items, share)
    scores.view(-1).index_add_(0, cells, torch.cat(missed).neg_())
    return sums


def _bpr_cells(scores: torch.Tensor, what: Tile, places: Cells) -> list[torch.Tensor]:
    """The loss of :func:`hemicycle.recommenders.losses.bpr`, whose pairs have several rivals each."""
    (step, tile), (_, firsts, cells) = what, places
    taken, sums = [], []
    for run, some in zip(tile, _spans([run.pairs for run in tile]), strict=True):
        pairs, rivals = step.draws[run.k].pairs, step.draws[run.k].against
        own, times = cells[some], len(rivals.items) // len(pairs)
        others = firsts[some].repeat(times) + rivals.items
        positive, negative = (scores.view(-1).index_select(0, some_cells) for some_cells in (own, others))
        if isinstance(rivals, Rivals) and pairs.bias is not None and rivals.bias is not None:
            positive, negative = positive + pairs.bias, negative + rivals.bias
        behind = negative.view(times, -1) - positive
        sums.append(-logsigmoid(-behind).sum() / times)
        slope = torch.sigmoid(behind).div_(times)
        taken += [(others, slope.view(-1)), (own, slope.sum(0).neg_())]
    scores.zero_()
    for some_cells, slope in taken:
        scores.view(-1).index_add_(0, some_cells, slope)
    return sums
