"""Multilayer perceptron probe: what a nonlinear reader finds, of numbers or classes.

A net f(x) = A x + W_L relu(... relu(W_1 x + b_1)) + b reads standardised vectors x: what a linear reader sees passes
by the hidden layers, so that the net contains it. It is fitted by Adam (Kingma & Ba, ICLR 2015) with decoupled weight
decay (Loshchilov & Hutter, ICLR 2019) and stops early: for each two neighbouring folds j and k one net is trained on
the others; its loss on j chooses the step and the decay with which it predicts k, and the other way round. A fold's
prediction is thus the mean of two nets that never saw it. A label and its permuted copies, under every decay, are
members of one ensemble whose layers are batched matrix products; members that have stopped leave it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.seeding import rng
from hemicycle.probes.base import ProbeConfig, ProbeResult, Task
from hemicycle.probes.ensembles import Ensemble, Roles, Shape, Watch
from hemicycle.probes.kinds import Array, Classes, Numbers, group_means, joined, members_of, shares_of


class MLPConfig(ProbeConfig):
    """Options of the MLP that reads numbers."""

    probe: str = "mlp"
    hidden: tuple[int, ...] = Field((64,), min_length=1)
    """Width of each hidden layer."""
    penalties: tuple[float, ...] = Field((10.0, 1.0), min_length=1)
    """Weight decays, strongest first; nested folds choose."""
    rate: float = Field(0.01, gt=0)
    """Adam's step."""
    steps: int = Field(400, ge=1)
    """Steps at most."""
    every: int = Field(10, ge=1)
    """Steps between looks at the fold that decides when to stop."""
    patience: int = Field(6, ge=1)
    """Looks without improvement after which a net has stopped."""
    batch: int = Field(1024, ge=32)
    """Rows of a step."""


class MLPClassesConfig(MLPConfig):
    """Options of the MLP that reads classes."""

    probe: str = "mlp_classes"


class Readout(Protocol):
    """How a net's output becomes a prediction, for one kind of label."""

    width: int
    """Outputs of a net for one label."""

    def goal(self, held: tuple[int, ...]) -> Array:
        """What a net trained without ``held`` should say, shape (n, t, width)."""

    def start(self, held: tuple[int, ...]) -> Array:
        """What is added to the outputs, shape (t, width)."""

    def loss(self, outputs: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """Mean loss over rows of outputs (nets, rows, width) against goals of the same shape: (nets,)."""

    def predictions(self, outputs: Array, held: tuple[int, ...], fold: int) -> Array:
        """Predictions for the rows of a fold by outputs (rows, t, width) of a net trained without ``held``."""

    def baseline(self, fold: int) -> Array:
        """What the other folds predict for the rows of a fold without vectors."""


class NumberReadout:
    """Deviations from the training rows' (group) means, in units of their standard deviation."""

    width = 1

    def __init__(self, task: Task) -> None:
        self.task = task

    def goal(self, held: tuple[int, ...]) -> Array:
        """Standardised deviations, shape (n, t, 1)."""
        return np.asarray(((self.task.labels - group_means(self.task, held)) / self._scale(held))[..., None])

    def _scale(self, held: tuple[int, ...]) -> Array:
        train = ~np.isin(self.task.folds, held)
        deviations = (self.task.labels - group_means(self.task, held))[train].std(axis=0)
        return np.where(deviations > 0, deviations, 1.0)

    def start(self, held: tuple[int, ...]) -> Array:
        """Nothing is added."""
        del held
        return np.zeros((self.task.labels.shape[1], 1))

    def loss(self, outputs: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """Mean squared error."""
        return ((outputs - goal) ** 2).mean(dim=(-2, -1))

    def predictions(self, outputs: Array, held: tuple[int, ...], fold: int) -> Array:
        """Back to the label's own scale, around the means of all other folds."""
        return np.asarray(self.baseline(fold) + outputs[..., 0] * self._scale(held))

    def baseline(self, fold: int) -> Array:
        """Group means of the other folds, shape (rows, t)."""
        return np.asarray(group_means(self.task, (fold,))[self.task.folds == fold])


class ClassReadout:
    """Logits on top of the logarithms of the classes' shares; classes unseen in training get no probability."""

    def __init__(self, task: Task) -> None:
        self.task, self.members = task, members_of(task.labels)
        self.width = self.members.shape[2]

    def goal(self, held: tuple[int, ...]) -> Array:
        """Unit vectors of the classes."""
        del held
        return self.members

    def start(self, held: tuple[int, ...]) -> Array:
        """Logarithms of the classes' shares; a class unseen in training has practically none."""
        return np.log(np.maximum(shares_of(self.members, ~np.isin(self.task.folds, held)), 1e-30))

    def loss(self, outputs: torch.Tensor, goal: torch.Tensor) -> torch.Tensor:
        """Cross-entropy."""
        return -(torch.log_softmax(outputs, dim=-1) * goal).sum(dim=-1).mean(dim=-1)

    def predictions(self, outputs: Array, held: tuple[int, ...], fold: int) -> Array:
        """Probabilities, around the shares of all other folds."""
        logits = outputs - self.start(held) + self.start((fold,))
        odds = np.exp(logits - logits.max(axis=-1, keepdims=True)) * (self.start(held) > np.log(1e-20))
        return np.asarray(odds / odds.sum(axis=-1, keepdims=True))

    def baseline(self, fold: int) -> Array:
        """Shares of the classes in the other folds, shape (rows, t, classes)."""
        test = self.task.folds == fold
        shares = shares_of(self.members, ~test)
        return np.asarray(np.broadcast_to(shares, (int(test.sum()), *shares.shape)))


class MLP(Numbers):
    """Nonlinear regression of a numeric label; its score is the out-of-fold R2."""

    Config: ClassVar[type[ProbeConfig]] = MLPConfig

    def __init__(self, config: MLPConfig) -> None:
        self.config = config

    def fit(self, task: Task) -> ProbeResult:
        """Predict each column of labels out of fold; shapes as in :class:`Task`."""
        return read_by_nets(task, NumberReadout(task), self.config)


class MLPClasses(Classes):
    """Nonlinear classifier of a categorical label; its score is balanced accuracy."""

    Config: ClassVar[type[ProbeConfig]] = MLPClassesConfig

    def __init__(self, config: MLPConfig) -> None:
        self.config = config

    def fit(self, task: Task) -> ProbeResult:
        """Predict class probabilities out of fold, shape (n, t, classes)."""
        return read_by_nets(task, ClassReadout(task), self.config)


def read_by_nets(task: Task, readout: Readout, config: MLPConfig) -> ProbeResult:
    """Predict the folds of a task by nets that never saw them; see the module."""
    count, t = int(task.folds.max()) + 1, task.labels.shape[1]
    x, outer = joined(task), task.predicted
    ring = sorted({tuple(sorted((k, (k + 1) % count))) for k in range(count)})
    pairs = [(a, b) for a, b in ring if a in outer or b in outer]
    found = [_judged(task, x, pair, (readout, config)) for pair in pairs] if x.any() else []
    shape = (len(task.labels), t) if isinstance(readout, NumberReadout) else (len(task.labels), t, readout.width)
    out, base, chosen = np.full(shape, np.nan), np.full(shape, np.nan), np.full((count, t), np.nan)
    for k in outer:
        rows = task.folds == k
        base[rows] = out[rows] = readout.baseline(k)
        if found:
            mine = [(pair, judged[k]) for pair, judged in zip(pairs, found, strict=True) if k in pair]
            best = np.sum([judged.losses for _, judged in mine], axis=0).argmin(axis=0)
            nets = [readout.predictions(_pick(judged.outputs, best), pair, k) for pair, judged in mine]
            out[rows] = np.mean(nets, axis=0)
            chosen[k] = np.array(config.penalties)[best % len(config.penalties)]
    return ProbeResult(out, base, chosen)


def _pick(outputs: Array, best: NDArray[np.integer]) -> Array:
    """Outputs (candidates, t, rows, width) of each column's chosen candidate, shape (rows, t, width)."""
    return np.asarray(np.moveaxis(outputs[best, np.arange(len(best))], 0, 1))


@dataclass(frozen=True, eq=False)
class _Judged:
    """For one fold: the smallest losses on the other fold of the pair, (candidates, t), and what was said then."""

    losses: Array
    outputs: Array


def _judged(task: Task, x: Array, pair: tuple[int, int], given: tuple[Readout, MLPConfig]) -> dict[int, _Judged]:
    """Train without a pair of folds; fold -> what nets say of it, at the step that suits the other one."""
    readout, config = given
    train = torch.from_numpy(np.flatnonzero(~np.isin(task.folds, pair)))
    sides = [torch.from_numpy(np.flatnonzero(task.folds == k)) for k in pair]
    z = torch.from_numpy(x.astype(np.float32))
    goal = torch.from_numpy(np.ascontiguousarray(np.moveaxis(readout.goal(pair), 0, 1), np.float32))
    start = torch.from_numpy(readout.start(pair).astype(np.float32))[:, None]
    roles, (t, _, width) = _roles(task, config), goal.shape
    nets = Ensemble(Shape(z.shape[1], config.hidden, width), roles, ("mlp-probe", config.seed, *pair))
    watches = [Watch(len(nets), len(side), width, config.patience) for side in sides]

    def say(rows: torch.Tensor) -> torch.Tensor:
        return nets.say(z[rows]) + start[nets.columns]

    for step, batch in enumerate(_batches(train, pair, config)):
        if step % config.every == 0 and not _look(nets, watches, [(say(s), goal[:, s]) for s in sides], readout):
            break
        outputs = nets(z[batch]) + start[nets.columns]
        nets.descend(readout.loss(outputs, goal[:, batch][nets.columns]).sum(), config.rate)
    shape = (-1, t)
    return {
        k: _Judged(w.losses.reshape(shape).double().numpy(), w.said.reshape(*shape, *w.said.shape[1:]).double().numpy())
        for k, w in zip(pair, watches, strict=True)
    }


def _roles(task: Task, config: MLPConfig) -> Roles:
    """Nets for all labels under every decay, for every share of the blocks."""
    t, shares = task.labels.shape[1], task.shares
    decays = torch.tensor(config.penalties).repeat_interleave(t).repeat(len(shares))
    scales = torch.from_numpy(np.stack([task.weights(share) for share in shares]).astype(np.float32))
    scales = scales.repeat_interleave(t * len(config.penalties), 0)[:, None]
    return Roles(torch.arange(t).repeat(len(decays) // t), decays, scales if len(shares) > 1 else None)


def _look(
    nets: Ensemble, watches: list[Watch], sides: list[tuple[torch.Tensor, torch.Tensor]], readout: Readout
) -> bool:
    """Judge what nets say of either fold by the other one; False when all have stopped."""
    losses = [readout.loss(said, goal[nets.columns]) for said, goal in sides]
    for watch, judge, (said, _) in zip(watches, losses[::-1], sides, strict=True):
        watch.look(nets.members, judge, said)
    running = watches[0].running | watches[1].running
    nets.keep(running)
    return bool(running.any())


def _batches(train: torch.Tensor, pair: tuple[int, int], config: MLPConfig) -> Iterator[torch.Tensor]:
    """Rows of each step: all of them when they are few; one step more, in which nets are only looked at."""
    drawn = rng("mlp-batches", config.seed, *pair)
    for _ in range(config.steps + 1):
        few = len(train) <= config.batch
        yield train if few else train[torch.from_numpy(drawn.integers(0, len(train), config.batch))]
