"""The k best items of every user over a whole catalogue, exact, block by block: never users x items in memory."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from hemicycle.core.errors import InputError
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import Scores

NONE = -1
"""Stands in a list of recommendations where no unmasked item is left."""
_BLOCK = 64
_ROWS = {"cpu": 512, "cuda": 4096}
_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 27}
"""Scores held at a time: on a processor what its cache holds, and little enough for freed memory to be used again."""
_WHOLE = 1 << 24
"""Scores asked for at once from a model that can only score the whole catalogue."""

_compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)


@runtime_checkable
class BlockScores(Protocol):
    """Scores that can be asked for by block of items, such as :class:`hemicycle.recommenders.scoring.DotScores`."""

    def block(self, batch: torch.Tensor, items: slice) -> torch.Tensor:
        """Return the scores of some items in memory of their own, shape (batch, len(items))."""


@dataclass(frozen=True, eq=False)
class Filter:
    """What may be recommended.

    Args:
        taken: graphs whose entries are left out, user by user; between users oneself too.
        allowed: items that may be listed at all, e.g. the fresh ones, shape (n_items,); None: all.

    Raises:
        InputError: no graph is given, or ``allowed`` does not have one value an item.
    """

    taken: tuple[InteractionGraph, ...]
    allowed: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if not self.taken:
            raise InputError("a ranking needs at least one graph of what users already took")
        if self.allowed is not None and np.shape(self.allowed) != (self.n_items,):
            raise InputError(f"allowed items: shape {np.shape(self.allowed)}, where {self.n_items} items are ranked")

    @classmethod
    def of(cls, mask: "Mask") -> Self:
        """Return what a mask stands for."""
        if isinstance(mask, cls):
            return mask
        assert not isinstance(mask, Filter)
        return cls((mask,) if isinstance(mask, InteractionGraph) else tuple(mask))

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.taken[0].n_items

    def entries(self, users: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what is left out as pairs (row of the batch, item), ordered by item."""
        pairs = [entries(graph, users) for graph in self.taken]
        if self.taken[0].social:
            pairs.append((np.arange(len(users)), users.astype(np.int32)))
        rows, items = (np.concatenate(part).astype(np.int64) for part in zip(*pairs, strict=True))
        order = np.argsort(items, kind="stable")
        return rows[order], items[order]


Mask = InteractionGraph | Sequence[InteractionGraph] | Filter


def top_k(scores: Scores, mask: Mask, users: NDArray[np.integer], k: int) -> NDArray[np.int32]:
    """Return each user's k best items that are not hers in any graph of ``mask``, nor herself, best first.

    Exact in single precision, on the device of the scores; of two equal scores the item of the smaller number comes
    first. Scores that are not finite never enter a list, which then ends in ``NONE``. Scores by block are streamed;
    others are asked for the whole catalogue, a few users at a time.

    Args:
        scores: users -> scores.
        mask: what users already took, or a :class:`Filter`.
        users: whose lists.
        k: length of the lists.

    Returns:
        Items, shape (len(users), k).

    Raises:
        InputError: k is not positive.
    """
    if k < 1:
        raise InputError(f"lists of {k} items", remedy="ask for at least one")
    chosen, users = Filter.of(mask), np.asarray(users)
    out = np.full((len(users), k), NONE, np.int32)
    size = _rows(scores, chosen.n_items)
    for start in range(0, len(users), size):
        batch = users[start : start + size]
        out[start : start + size] = _of_batch(scores, chosen, batch, k)
    return out


def entries(graph: InteractionGraph, users: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return what users took as pairs (row of the batch, item), row by row."""
    counts = graph.degrees[users]
    starts = np.repeat(graph.indptr[users] - np.cumsum(counts) + counts, counts)
    return np.repeat(np.arange(len(users)), counts), np.asarray(graph.indices[starts + np.arange(len(starts))])


def _device(scores: Scores) -> str:
    tensor = getattr(scores, "items", None)
    return tensor.device.type if isinstance(tensor, torch.Tensor) else "cpu"


def _by_block(scores: object) -> BlockScores | None:
    return scores if isinstance(scores, BlockScores) else None


def _rows(scores: Scores, n_items: int) -> int:
    """Users ranked at a time."""
    if _by_block(scores) is not None:
        return _ROWS.get(_device(scores), _ROWS["cpu"])
    return int(np.clip(_WHOLE // max(1, n_items), 1, _ROWS["cpu"]))


def _blocks(scores: Scores, users: NDArray[np.integer], n_items: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield first item and single-precision scores of one block of items after the other, each in its own memory."""
    width = max(_BLOCK, _AT_ONCE.get(_device(scores), _AT_ONCE["cpu"]) // len(users) // _BLOCK * _BLOCK)
    blocks = _by_block(scores)
    if blocks is not None:
        batch = torch.as_tensor(users)
        for start in range(0, n_items, width):
            yield start, blocks.block(batch, slice(start, min(start + width, n_items))).float()
        return
    whole = scores(users)
    for start in range(0, n_items, width):
        yield start, torch.from_numpy(np.array(whole[:, start : start + width], np.float32))


def _of_batch(scores: Scores, chosen: Filter, users: NDArray[np.integer], k: int) -> NDArray[np.int32]:
    rows, items = chosen.entries(users)
    best: _Best | None = None
    with torch.no_grad():
        for start, values in _blocks(scores, users, chosen.n_items):
            stop = start + values.shape[1]
            low, high = np.searchsorted(items, [start, stop])
            flat = torch.from_numpy(rows[low:high] * values.shape[1] + items[low:high] - start)
            values.view(-1).index_fill_(0, flat.to(values.device), -torch.inf)
            if chosen.allowed is not None:
                banned = torch.from_numpy(~np.asarray(chosen.allowed[start:stop], bool))
                values.masked_fill_(banned.to(values.device), -torch.inf)
            best = (best or _Best.none(values, k)).with_block(values, start)
    assert best is not None
    return best.lists()


@dataclass(frozen=True, eq=False)
class _Best:
    """The k best of what has been seen, best first.

    Args:
        values: shape (n, k), -inf where there is none.
        items: shape (n, k).
    """

    values: torch.Tensor
    items: torch.Tensor

    @classmethod
    def none(cls, like: torch.Tensor, k: int) -> "_Best":
        shape = (len(like), k)
        return cls(like.new_full(shape, -torch.inf), torch.full(shape, NONE, dtype=torch.int64, device=like.device))

    def lists(self) -> NDArray[np.int32]:
        items = self.items.masked_fill(self.values == -torch.inf, NONE)
        return np.asarray(items.cpu().numpy().astype(np.int32))

    def with_block(self, values: torch.Tensor, start: int) -> "_Best":
        """Take in the scores of items ``start``, ``start + 1``, ..., all of larger numbers than those seen."""
        width = values.shape[1]
        padded = pad(values, (0, -width % _BLOCK), value=-torch.inf) if width % _BLOCK else values
        blocks = padded.view(len(values), -1, _BLOCK)
        maxima = blocks.amax(2)
        if not bool((maxima < torch.inf).all()):  # NaN or infinite
            blocks = blocks.masked_fill(~blocks.isfinite(), -torch.inf)
            maxima = blocks.amax(2)
        if not _on_processor(blocks):
            return merged(self, blocks, maxima, start)
        inserted(self.values.numpy(), self.items.numpy(), blocks.numpy(), maxima.numpy(), start)
        return self


def _on_processor(blocks: torch.Tensor) -> bool:
    return blocks.device.type == "cpu"


@_compiled
def inserted(
    best: NDArray[np.float32],
    items: NDArray[np.int64],
    blocks: NDArray[np.float32],
    maxima: NDArray[np.float32],
    start: int,
) -> None:
    """Put a block's scores where they belong among the best, in place.

    Only small blocks whose maximum exceeds the user's k-th best score are looked at: they alone can change her list,
    since an equal score of a larger number comes after it.
    """
    n, many, size = blocks.shape
    last = best.shape[1] - 1
    for row in range(n):
        for block in range(many):
            if maxima[row, block] <= best[row, last]:
                continue
            for inside in range(size):
                value = blocks[row, block, inside]
                if value <= best[row, last]:
                    continue
                place = last
                while place > 0 and best[row, place - 1] < value:
                    best[row, place] = best[row, place - 1]
                    items[row, place] = items[row, place - 1]
                    place -= 1
                best[row, place] = value
                items[row, place] = start + block * size + inside


def merged(best: _Best, blocks: torch.Tensor, maxima: torch.Tensor, start: int) -> _Best:
    """Return the best of what has been seen and of a block, in operations that a graphics card is good at."""
    values, columns = _largest_of_all(blocks, maxima, best.values.shape[1])
    values, items = torch.cat([best.values, values], 1), torch.cat([best.items, columns + start], 1)
    order = _largest(values, best.values.shape[1])
    return _Best(values.gather(1, order), items.gather(1, order))


def _largest_of_all(blocks: torch.Tensor, maxima: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the k largest of each row and their columns.

    The k blocks with the largest maxima hold them: every item elsewhere comes after the maximum of each of these.
    """
    n, many, size = blocks.shape
    chosen = _largest(maxima, min(k, many)).sort(1).values
    columns = (chosen[:, :, None] * size + torch.arange(size, device=blocks.device)).view(n, -1)
    values = blocks.gather(1, chosen[:, :, None].expand(-1, -1, size)).view(n, -1)
    order = _largest(values, min(k, values.shape[1]))
    return values.gather(1, order), columns.gather(1, order)


def _largest(values: torch.Tensor, k: int) -> torch.Tensor:
    """Return the columns of the k largest values of each row, equal ones in ascending order of their column.

    A float's bits, read as an integer, sort as the float does once negative ones are mirrored; with the column in
    the low half of a 64-bit key no two keys are equal.
    """
    bits = (values + 0.0).view(torch.int32)
    ordered = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    columns = torch.arange(values.shape[1] - 1, -1, -1, device=values.device)
    return torch.topk((ordered.long() << 32) | columns, k, dim=1).indices
