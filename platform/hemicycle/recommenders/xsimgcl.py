"""XSimGCL: LightGCN whose layers are perturbed in training, and told to agree across layers (Yu et al., TKDE 2023)."""

from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.core.seeding import key_of, rng
from hemicycle.recommenders.base import EmbeddingConfig, Moment, Propagate, RecommenderConfig
from hemicycle.recommenders.lightgcn import LightGCN, LightGCNConfig
from hemicycle.recommenders.losses import AddUp, Competition, Pairs, comparable, sampled_softmax

_ENTRIES_AT_ONCE = 1 << 18
_MULTIPLIERS = (0x85EBCA6B - (1 << 32), 0xC2B2AE35 - (1 << 32))


class XSimGCLConfig(LightGCNConfig):
    """XSimGCL."""

    model: str = "xsimgcl"
    """Short name."""
    layers: int = Field(3, ge=1, le=16)
    """Number of propagations L; the read-out is by default the mean of layers 1 to L."""
    noise: float = Field(0.2, ge=0)
    """Length of the noise on every vector of every layer."""
    contrast: float = Field(0.2, ge=0)
    """Weight of the contrastive loss."""
    contrast_layer: int = Field(1, ge=1)
    """Layer that is told to agree with the read-out."""
    contrast_temperature: float = Field(0.2, gt=0)
    """Divisor of the cosines in the contrastive loss."""
    contrast_nodes: int = Field(2048, ge=2)
    """Users at most, and items at most, of each step that are contrasted."""

    @model_validator(mode="after")
    def _contrasted_exists(self) -> Self:
        if self.contrast_layer > self.layers:
            raise ValueError(f"contrast_layer is a layer from 1 to {self.layers}, not {self.contrast_layer}")
        return self

    @property
    def mixed(self) -> tuple[int, ...]:
        """Layers in the read-out."""
        return tuple(range(1, self.layers + 1)) if self.readout is None else self.readout


class XSimGCL(LightGCN):
    """In training E^(k) = S E^(k-1) + eps sign(E^(k)) u / |u| with u uniform on [0, 1)^d, afterwards without noise.

    To the loss comes ``contrast`` times InfoNCE between read-out z' and layer z, for users and items of the step each:
    the mean over v of -log(exp(cos(z'_v, z_v) / tau) / sum over w of exp(cos(z'_v, z_w) / tau)).

    For |u| stands its root mean square sqrt(d / 3), which workers know without asking each other; at d = 64 the lengths
    of the noise then scatter by 6 %.
    """

    Config: ClassVar[type[RecommenderConfig]] = XSimGCLConfig
    config: XSimGCLConfig

    def objective(
        self, table: torch.Tensor, propagate: Propagate, moment: Moment
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the perturbed read-out, and the contrastive loss."""
        layers = self._perturbed(table, propagate, moment)
        first, *others = (layers[k] for k in self.config.mixed)
        readout = sum(others, start=first) / len(self.config.mixed)
        if not self.config.contrast:
            return readout, None
        chosen = [_some(nodes, self.config.contrast_nodes, moment.key) for nodes in (moment.users, moment.items)]
        views = [view[torch.cat(chosen)] for view in (readout, layers[self.config.contrast_layer])]
        users, items = ([view[side] for view in views] for side in (slice(len(chosen[0])), slice(len(chosen[0]), None)))
        terms = [info_nce(left, right, self._cosine(), moment.add_up) for left, right in (users, items)]
        return readout, self.config.contrast * sum(terms, start=table.new_zeros(()))

    def _perturbed(self, table: torch.Tensor, propagate: Propagate, moment: Moment) -> list[torch.Tensor]:
        layers, length = [table], self.config.noise * (3 / self.config.dim) ** 0.5
        for k in range(1, self.config.layers + 1):
            clean = propagate(layers[-1])
            layers.append(perturbed(clean, key_of("noise", moment.key, k), moment.columns, length) if length else clean)
        return layers

    def _cosine(self) -> EmbeddingConfig:
        return self.config.replace(similarity="cosine", temperature=self.config.contrast_temperature)


def info_nce(left: torch.Tensor, right: torch.Tensor, config: EmbeddingConfig, add_up: AddUp) -> torch.Tensor:
    """InfoNCE (van den Oord et al., 2018): every left row against all right ones, of which its own is the positive.

    This is the full softmax over pairs (left v, right v).

    Args:
        left: one view, shape (n, columns).
        right: the other, of the same shape.
        config: how vectors compare.
        add_up: sum over workers.
    """
    n = len(left)
    own = torch.arange(n, device=left.device)
    vectors = comparable(torch.cat([left, right]), config, add_up)
    pairs = Pairs(own, torch.ones_like(own), own + n)
    return sampled_softmax(vectors, pairs, Competition(own + n, left.new_zeros(n), complete=True), add_up)


def _some(nodes: torch.Tensor, count: int, key: int) -> torch.Tensor:
    """Return distinct nodes, at most ``count`` of them."""
    distinct: torch.Tensor = nodes.unique()  # type: ignore[no-untyped-call]
    if len(distinct) <= count:
        return distinct
    chosen = rng("contrast", key).choice(len(distinct), count, replace=False, shuffle=False)
    return distinct[torch.from_numpy(chosen).to(distinct.device)]


def perturbed(x: torch.Tensor, key: int, columns: NDArray[np.integer], length: float) -> torch.Tensor:
    """Return x + length sign(x) u with u uniform on [0, 1), a function of key, row and column alone.

    The noise is a constant to differentiation, as sign is.

    Args:
        x: some columns of all rows, shape (n, len(columns)).
        key: a 64-bit key.
        columns: which ones.
        length: factor.
    """
    noise = torch.empty_like(x)
    rows = hashed(torch.arange(len(x), dtype=torch.int32, device=x.device) ^ _low(key))
    across = hashed(torch.as_tensor(columns, device=x.device).to(torch.int32) ^ _low(key >> 32))
    size = max(1, _ENTRIES_AT_ONCE // len(columns))
    for start in range(0, len(x), size):
        chunk = slice(start, start + size)
        bits = hashed(rows[chunk, None] ^ across)
        torch.mul(x.detach()[chunk].sign(), bits.bitwise_right_shift_(8).bitwise_and_(0xFFFFFF), out=noise[chunk])
    return torch.add(x, noise, alpha=length * 2.0**-24)


def hashed(x: torch.Tensor) -> torch.Tensor:
    """Mix 32-bit integers in place with the finaliser of MurmurHash3 (Appleby, 2011)."""
    for shift, multiplier in zip((16, 13), _MULTIPLIERS, strict=True):
        x ^= (x >> shift) & ((1 << (32 - shift)) - 1)
        x *= multiplier
    x ^= (x >> 16) & 0xFFFF
    return x


def _low(key: int) -> int:
    """Return the lower 32 bits as a signed integer."""
    return (key & 0xFFFFFFFF) - ((key & 0x80000000) << 1)
