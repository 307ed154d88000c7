"""Many small nets of one shape trained side by side: every layer is one batched matrix product."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from hemicycle.core.seeding import rng

_BETAS, EPSILON = (0.9, 0.999), 1e-4
"""Adam's; gradients far below the second are rounding, which must not be magnified to whole steps."""
_ROWS = 4096
"""Rows that are evaluated at once."""


@dataclass(frozen=True)
class Shape:
    """What all nets of an ensemble have in common.

    Args:
        inputs: numbers that a net reads.
        hidden: width of each hidden layer.
        outputs: numbers that it says.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int


@dataclass(frozen=True)
class Roles:
    """What each net of an ensemble is for.

    Args:
        columns: which label it learns, shape (nets,).
        decays: its weight decay, shape (nets,).
        scales: by what its inputs are multiplied, shape (nets, 1, inputs); None: by 1.
    """

    columns: torch.Tensor
    decays: torch.Tensor
    scales: torch.Tensor | None = None


class Ensemble:
    """Nets f(x) = A x + W_L relu(... relu(W_1 x + b_1)) + b_L that start at f = 0.

    All start from the same hidden weights, so that what one learns does not depend on how many others there are.

    Args:
        shape: of every net.
        roles: what each net is for.
        keys: what the initial weights depend on.
    """

    def __init__(self, shape: Shape, roles: Roles, keys: tuple[str | int, ...]) -> None:
        columns = roles.columns
        self.members, self.columns = torch.arange(len(columns)), columns
        self.decays, self.scales = roles.decays, roles.scales
        widths = (shape.inputs, *shape.hidden, shape.outputs)
        tables = [torch.zeros(shape.inputs, shape.outputs)]
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            drawn = rng(*keys, layer).standard_normal((fan_in, fan_out)) * np.sqrt(2 / max(1, fan_in))
            last = layer == len(shape.hidden)
            tables += [torch.from_numpy(drawn.astype(np.float32)) * (not last), torch.zeros(1, fan_out)]
        self.parameters = [table.repeat(len(columns), 1, 1).requires_grad_() for table in tables]
        self._first = [torch.zeros_like(p) for p in self.parameters]
        self._second = [torch.zeros_like(p) for p in self.parameters]
        self._step = 0

    def __len__(self) -> int:
        return len(self.members)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs for rows x (rows, inputs), shape (nets, rows, outputs)."""
        skip, *layers = self.parameters
        z = hidden = x.expand(len(self), *x.shape) if self.scales is None else x * self.scales
        for weights, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
            hidden = torch.relu(torch.baddbmm(bias, hidden, weights))
        return torch.baddbmm(torch.baddbmm(layers[-1], z, skip), hidden, layers[-2])

    @torch.no_grad()
    def say(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs without a graph, some rows at a time."""
        return torch.cat([self(x[at : at + _ROWS]) for at in range(0, len(x), _ROWS)], dim=1)

    def descend(self, loss: torch.Tensor, rate: float) -> None:
        """Take one step of Adam down a sum of the nets' losses; decay the weights, not the biases."""
        gradients = torch.autograd.grad(loss, self.parameters)
        self._step += 1
        corrections = [1 - beta**self._step for beta in _BETAS]
        with torch.no_grad():
            for n, (p, g) in enumerate(zip(self.parameters, gradients, strict=True)):
                first = self._first[n].lerp_(g, 1 - _BETAS[0])
                second = self._second[n].mul_(_BETAS[1]).addcmul_(g, g, value=1 - _BETAS[1])
                if n % 2 or not n:  # tables stand at 0, 1, 3, 5 ...
                    p.mul_(1 - rate * self.decays[:, None, None])
                scale = (second / corrections[1]).sqrt_().add_(EPSILON)
                p.addcdiv_(first, scale, value=-rate / corrections[0])

    def keep(self, wanted: torch.Tensor) -> None:
        """Drop the nets where ``wanted``, shape (all nets at the start,), is False, once they are a third of them."""
        kept = wanted[self.members]
        if 3 * int(kept.sum()) > 2 * len(self):
            return
        self.members, self.columns, self.decays = self.members[kept], self.columns[kept], self.decays[kept]
        self.scales = None if self.scales is None else self.scales[kept]
        self.parameters = [p.detach()[kept].requires_grad_() for p in self.parameters]
        self._first, self._second = ([m[kept] for m in moments] for moments in (self._first, self._second))


class Watch:
    """The best that each net has said of some rows, judged by its loss on others.

    Args:
        nets: how many there are.
        rows: how many rows are spoken of.
        outputs: numbers that are said of a row.
        patience: looks without improvement after which a net has stopped; what it says later does not count.
    """

    def __init__(self, nets: int, rows: int, outputs: int, patience: int) -> None:
        self.losses = torch.full((nets,), torch.inf)
        self.said = torch.zeros(nets, rows, outputs)
        self._waits, self._patience = torch.zeros(nets, dtype=torch.int64), patience

    @property
    def running(self) -> torch.Tensor:
        """True for nets that have not stopped, shape (nets,)."""
        return self._waits < self._patience

    def look(self, members: torch.Tensor, losses: torch.Tensor, said: torch.Tensor) -> None:
        """Take note of what some nets say now, ``said`` (members, rows, outputs), at these losses (members,)."""
        better = self.running[members] & (losses < self.losses[members])
        self._waits[members] += 1
        improved = members[better]
        self._waits[improved] = 0
        self.losses[improved], self.said[improved] = losses[better], said[better]
