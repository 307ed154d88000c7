"""The workers of one fit: each holds a block of the table's columns."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.errors import InputError


@dataclass(frozen=True)
class Group:
    """This worker among all of a fit. With more than one, torch.distributed has been initialised by the launcher.

    Args:
        rank: number of this worker.
        world_size: number of workers.
        device: where this worker computes.
        sent: bytes that this worker has sent so far, by collective; those of an all-reduce are the 2 (R - 1) / R
            times its size that a ring of R workers needs.
    """

    rank: int = 0
    world_size: int = 1
    device: str = "cpu"
    sent: Counter[str] = field(default_factory=Counter, compare=False, repr=False)

    @property
    def bytes_sent(self) -> int:
        """Bytes that this worker has sent so far."""
        return self.sent.total()

    def columns(self, dim: int) -> NDArray[np.int64]:
        """Columns that this worker holds, a contiguous block.

        Raises:
            InputError: the columns cannot be dealt out evenly.
        """
        if dim % self.world_size:
            raise InputError(
                f"{dim} dimensions cannot be dealt out evenly to {self.world_size} workers",
                remedy=f"choose a dim that is a multiple of {self.world_size}, or another number of workers",
            )
        width = dim // self.world_size
        return np.arange(self.rank * width, (self.rank + 1) * width)

    def all_reduce_sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add up over workers in place, and return the tensor."""
        if self.world_size > 1:
            self.sent["all_reduce"] += 2 * (self.world_size - 1) * tensor.nbytes // self.world_size
            torch.distributed.all_reduce(tensor)
        return tensor

    def all_gather(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """Return every worker's tensor of the same shape, in the order of ranks."""
        if self.world_size == 1:
            return [tensor]
        found = [torch.empty_like(tensor) for _ in range(self.world_size)]
        self.sent["all_gather"] += (self.world_size - 1) * tensor.nbytes
        torch.distributed.all_gather(found, tensor)
        return found

    def all_to_all(self, blocks: Sequence[torch.Tensor], shapes: Sequence[tuple[int, ...]]) -> list[torch.Tensor]:
        """Send a block to every worker, and return those that they sent here, in the order of ranks.

        Args:
            blocks: one for each worker; this worker's own comes back as it is.
            shapes: of the blocks that arrive.
        """
        out = [0 if r == self.rank else block.numel() for r, block in enumerate(blocks)]
        into = [0 if r == self.rank else int(np.prod(shape)) for r, shape in enumerate(shapes)]
        packed = torch.cat([block.reshape(-1) for r, block in enumerate(blocks) if r != self.rank])
        arrived = packed.new_empty(sum(into))
        self.sent["all_to_all"] += packed.nbytes
        torch.distributed.all_to_all_single(arrived, packed, into, out)
        parts = zip(torch.split(arrived, into), shapes, strict=True)
        return [blocks[r] if r == self.rank else part.reshape(shape) for r, (part, shape) in enumerate(parts)]

    def barrier(self) -> None:
        """Wait until all workers are here."""
        self.all_reduce_sum(torch.zeros(1, device=self.device))

    def gather_columns(self, block: torch.Tensor) -> torch.Tensor | None:
        """Return the whole table, shape (n, world_size * width), on rank 0 and None elsewhere."""
        if self.world_size == 1:
            return block
        blocks = [torch.empty_like(block) for _ in range(self.world_size)] if self.rank == 0 else None
        self.sent["gather"] += 0 if self.rank == 0 else block.nbytes
        torch.distributed.gather(block, blocks)
        return None if blocks is None else torch.cat(blocks, 1)

    def from_first(self, values: list[float]) -> list[float]:
        """Return the numbers that rank 0 has, on every worker."""
        own = values if self.rank == 0 else [0.0] * len(values)
        told: list[float] = self.all_reduce_sum(torch.tensor(own, dtype=torch.float64, device=self.device)).tolist()
        return told


SINGLE = Group()
"""A worker on its own."""
