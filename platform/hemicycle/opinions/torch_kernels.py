"""The sums of :mod:`hemicycle.opinions.kernels` by torch, for a CUDA device: segments of sorted entries, reduced.

Each user's entries lie together, so that a segmented reduction sums them in double precision, in an order of torch's
own: results equal the compiled ones up to rounding, and a consensus is a fixed point here too, as differences are
summed. The exposure stays on the device for as long as the arrays of the last call are used again; memory is about
8 * (2 + n_dims) bytes an entry.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from hemicycle.opinions.base import Opinions, Sources


def has_cuda() -> bool:
    """Tell whether torch finds a CUDA device."""
    return torch.cuda.is_available()


@dataclass(frozen=True, eq=False)
class _Rows:
    """An exposure on a device: where rows begin, the row and source of each entry, its weight."""

    indptr: torch.Tensor
    row: torch.Tensor
    source: torch.Tensor
    weights: torch.Tensor | None

    @classmethod
    def on(cls, device: str, sources: Sources) -> "_Rows":
        indptr = _tensor(sources.indptr, device)
        row = torch.repeat_interleave(torch.arange(sources.n_users, device=device), torch.diff(indptr))
        weights = None if sources.weights is None else _tensor(sources.weights, device).double()
        return cls(indptr, row, _tensor(sources.indices, device).long(), weights)

    def sums(self, entries: torch.Tensor) -> torch.Tensor:
        """Sum entries, shape (n_entries, any), by row."""
        if not len(entries):
            return entries.new_zeros((len(self.indptr) - 1, entries.shape[1]))
        return torch.segment_reduce(entries, "sum", offsets=self.indptr, axis=0)


@dataclass
class _Resident:
    """The last exposure of a device and the arrays it was made of; these are never changed in place."""

    arrays: tuple[Any, ...] = ()
    rows: _Rows | None = None


_RESIDENT: dict[str, _Resident] = {}


@dataclass(frozen=True)
class On:
    """The sums on one device.

    Args:
        device: as torch names it, e.g. ``cuda`` or ``cpu``.
    """

    device: str

    def pulled(self, sources: Sources, own: Opinions, anchor: Opinions, pull: NDArray[np.float64] | None) -> Opinions:
        """As :func:`hemicycle.opinions.kernels.pulled`."""
        rows = self._rows(sources)
        here, away = self._differences(rows, sources, own)
        ones = torch.ones(len(away), dtype=torch.float64, device=self.device)
        weights = ones if rows.weights is None else rows.weights
        moved, total = rows.sums(away * weights[:, None]), rows.sums(weights[:, None])
        share = total / (1 + total) if pull is None else _tensor(pull, self.device)[:, None]
        fixed = _tensor(anchor, self.device).double()
        mean = torch.where(total > 0, moved / total, 0.0)
        return self._back(fixed + share * ((here - fixed) + mean), own)

    def confident_mean(
        self, sources: Sources, own: Opinions, confidence: ArrayLike, mobility: ArrayLike = 1.0
    ) -> Opinions:
        """As :func:`hemicycle.opinions.kernels.confident_mean`."""
        rows = self._rows(sources)
        here, away = self._differences(rows, sources, own)
        limit, share = (self._for_each(value, len(own)) for value in (confidence, mobility))
        near = ((away**2).sum(1) <= (limit**2)[rows.row]).double()
        weights = near if rows.weights is None else near * rows.weights
        total = 1 + rows.sums(weights[:, None])
        return self._back(here + share[:, None] * rows.sums(away * weights[:, None]) / total, own)

    def _rows(self, sources: Sources) -> _Rows:
        arrays = (sources.indptr, sources.indices, sources.weights)
        last = _RESIDENT.setdefault(self.device, _Resident())
        if last.rows is None or any(a is not b for a, b in zip(arrays, last.arrays, strict=True)):
            last.rows, last.arrays = _Rows.on(self.device, sources), arrays
        return last.rows

    def _differences(self, rows: _Rows, sources: Sources, own: Opinions) -> tuple[torch.Tensor, torch.Tensor]:
        """Opinions, and the sources' positions minus them, entry by entry, in double precision."""
        here = _tensor(own, self.device).double()
        positions = _tensor(sources.positions, self.device).double()
        return here, positions[rows.source] - here[rows.row]

    def _for_each(self, value: ArrayLike, n_users: int) -> torch.Tensor:
        values = np.broadcast_to(np.asarray(value, dtype=np.float64), (n_users,))
        return _tensor(values, self.device)

    @staticmethod
    def _back(opinions: torch.Tensor, like: Opinions) -> Opinions:
        return opinions.cpu().numpy().astype(like.dtype)


def _tensor(array: NDArray[Any], device: str) -> torch.Tensor:
    """Copy an array, which may be read-only, to a device."""
    return torch.tensor(array, device=device)
