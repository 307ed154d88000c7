"""Recommenders that are torch modules: one loop of mini-batches, shared by workers that each take a part of a batch.

A recommender gives the module and says how it encodes users and items; this file trains it. In every epoch a part of
the edges is hidden, anew each time: users and items are encoded from what is shown, and the module learns to find what
is hidden. So it is trained for what it is later asked, and never finds an answer among its inputs.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch.nn.functional import normalize

from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT
from hemicycle.core.seeding import key_of, keyed_normal, rng
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.base import (
    Embedding,
    IterativeRecommender,
    Parameters,
    RecommenderConfig,
    Schedule,
    Workers,
)
from hemicycle.recommenders.deep_steps import (
    Candidates,
    DeepSchedule,
    IntArray,
    candidates,
    dealt,
    hidden_edges,
    items_of,
)
from hemicycle.recommenders.divergence import mean_loss
from hemicycle.recommenders.losses import Competition, Pairs, sampled_softmax
from hemicycle.recommenders.scoring import DotScores

__all__ = ["DeepConfig", "DeepFitting", "DeepRecommender", "Encoded", "IntArray", "Residual", "initialise"]


class DeepConfig(RecommenderConfig):
    """What all recommenders that are torch modules share.

    Of ``train`` they read epochs, batch, max_steps, lr and its schedule, negatives, negatives_by and dtype; the loss is
    always the softmax, and ``l2`` has no part in it.
    """

    dim: int = Field(64, ge=1)
    """Length of the vectors that score."""
    similarity: Literal["dot", "cosine"] = "cosine"
    """What scores a pair of vectors: their dot product, or their cosine divided by ``temperature``."""
    temperature: float = Field(0.15, gt=0)
    """Divisor of the cosine."""
    popularity: float = Field(0.0, ge=0)
    """Weight of log(1 + users of the item), added to every score in training and in ranking alike; an item that no one
    has taken yet gets nothing."""
    hide: float = Field(0.5, gt=0, le=1)
    """Share of the edges that an epoch hides and learns to find."""
    cold: float = Field(0.0, ge=0, le=1)
    """Share of the users of whom an epoch hides all edges, so that those without any are learnt too."""
    rivals: Literal["shared", "batch"] = "shared"
    """What a step's pairs compete with: items drawn as ``train.negatives`` says, or all the step's own."""
    weight_decay: float = Field(0.0, ge=0)
    """Decay of AdamW; 0 is Adam."""
    init_scale: float = Field(0.1, gt=0)
    """Standard deviation of the start values of trainable vectors; dense layers start as Glorot and Bengio do."""
    autocast: bool = False
    """Compute dense layers in bfloat16, on a GPU only."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors of some users and some items.

    Args:
        users: shape (n, d).
        items: shape (m, d).
        bias: added to the score of every item, shape (m,), or None for 0.
    """

    users: torch.Tensor
    items: torch.Tensor
    bias: torch.Tensor | None = None


class Residual(torch.nn.Embedding):
    """Trainable vectors that start at 0, and stay there where nothing is learnt of a row."""


class DeepRecommender(IterativeRecommender):
    """A recommender that is a torch module, trained by sampled softmax on hidden edges.

    R workers that take a part of each step's users each make the steps that one worker makes, up to rounding: users,
    hidden edges, rivals and drawn neighbours are keyed by seed, epoch and step, never by worker; every worker encodes
    all rivals; the loss of a worker's pairs is divided by the pairs of all, and gradients are added up. Modules must
    therefore encode each user and item alone: no batch normalisation, no dropout from a global generator.
    """

    config: DeepConfig

    @abstractmethod
    def module(self, graph: InteractionGraph) -> torch.nn.Module:
        """Return the module for a graph of this size and these features; its start values do not matter."""

    def view(self, graph: InteractionGraph) -> Any:
        """Return what :meth:`encode` reads of a graph, made once an epoch; by default the graph."""
        return graph

    @abstractmethod
    def encode(self, module: Any, view: Any, users: IntArray, items: IntArray, key: int) -> Encoded:
        """Return vectors of some distinct users and items; ``key`` is that of whatever is drawn."""

    @abstractmethod
    def whole(self, module: Any, graph: InteractionGraph, layer: str) -> Encoded:
        """Return the vectors of all users and items at a layer, with nothing drawn; those of ``READOUT`` score."""

    @property
    def layers(self) -> Sequence[str]:
        """``READOUT``; a model with more layers says so."""
        return (READOUT,)

    def started(self, graph: InteractionGraph, seed: int) -> torch.nn.Module:
        """Return the module with start values keyed by seed and name."""
        with torch.random.fork_rng(devices=[]):  # what a constructor draws is replaced, and leaves no trace
            module = self.module(graph)
        initialise(module, seed, self.config.init_scale)
        self.settle(module)
        return module

    def settle(self, module: Any) -> None:
        """Change start values once they are drawn; by default nothing."""

    def restored(self, parameters: Parameters, graph: InteractionGraph) -> torch.nn.Module:
        """Return the module with given parameters.

        Raises:
            InputError: they belong to another graph, or to features of another length.
        """
        module = self.started(graph, 0)
        tensors = {name: torch.tensor(array) for name, array in parameters.items()}
        module.to(next((tensor.dtype for tensor in tensors.values()), torch.float32))
        try:
            module.load_state_dict(tensors)
        except RuntimeError as error:
            what = f"the parameters of {self.config.model} do not fit this graph or its features"
            raise InputError(what, remedy="give the items and features that it was trained with") from error
        return module.eval()

    def embed(self, parameters: Parameters, graph: InteractionGraph, layer: str = READOUT) -> Embedding:
        """Return the vectors of a layer in a graph: the training graph, or one that holds more edges or other users.

        Raises:
            InputError: the model has no such layer, or its parameters belong to other items or features.
        """
        if layer not in self.layers:
            raise InputError(f"{self.config.model} has no layer {layer!r}; it has {', '.join(self.layers)}")
        with torch.no_grad():
            found = self.whole(self.restored(parameters, graph), graph, layer)
        return Embedding(found.users.numpy(), found.items.numpy())

    def scores(self, parameters: Parameters, graph: InteractionGraph) -> DotScores:
        """Return the function from users to scores."""
        with torch.no_grad():
            found = self.whole(self.restored(parameters, graph), graph, READOUT)
            users, items = self.comparable(found.users), self.comparable(found.items)
        prior = self.prior(graph, users)
        bias = prior if found.bias is None else found.bias if prior is None else found.bias + prior
        return DotScores(users, items, bias)

    def comparable(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return vectors whose dot products are the scores that the similarity gives."""
        if self.config.similarity == "dot":
            return vectors
        unit: torch.Tensor = normalize(vectors)
        return unit * math.sqrt(1 / self.config.temperature)

    def prior(self, graph: InteractionGraph, like: torch.Tensor) -> torch.Tensor | None:
        """Return the share of popularity in the score of each item, shape (n_items,); None for 0."""
        if not self.config.popularity:
            return None
        return self.config.popularity * torch.from_numpy(np.log1p(graph.item_degrees)).to(like)

    def start(self, graph: InteractionGraph, options: Schedule, seed: int, workers: Workers) -> "DeepFitting":
        """Return the fit at its start.

        Raises:
            InputError: the options ask for another loss than the softmax.
        """
        if getattr(options, "loss", "softmax") != "softmax":
            raise InputError(f"{self.config.model} is trained by softmax alone", "train.loss", "set it to softmax")
        return DeepFitting(self, graph, cast("DeepSchedule", options), seed, workers)


def initialise(module: torch.nn.Module, seed: int, scale: float) -> None:
    """Overwrite the start values of a module, keyed by seed and name.

    Biases are 0; trainable vectors N(0, scale^2), or 0 in a :class:`Residual`; every other array of two or more axes
    is normal with variance 2 / (fan in + fan out) (Glorot and Bengio, AISTATS 2010); the rest keeps its constant.
    """
    tables = {id(m.weight): 0.0 if isinstance(m, Residual) else scale for m in module.modules() if _is_table(m)}
    for name, parameter in module.named_parameters():
        if name.endswith("bias"):
            parameter.data.zero_()
        elif parameter.ndim >= 2:
            rows, columns = math.prod(parameter.shape[:-1]), parameter.shape[-1]
            spread = tables.get(id(parameter), math.sqrt(2 / (rows + columns)))
            values = keyed_normal(key_of("deep", seed, name), np.arange(rows), np.arange(columns))
            parameter.data.copy_(torch.from_numpy(values * np.float32(spread)).view(parameter.shape))


def _is_table(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.Embedding)


# -- the loop -------------------------------------------------------------------------------------------------------


class DeepFitting:
    """One worker's part in training a module.

    Args:
        recommender: what is trained.
        graph: training graph.
        options: how.
        seed: key of start values, of what is hidden, of the order of users and of all draws.
        workers: this worker among all.
    """

    def __init__(
        self, recommender: DeepRecommender, graph: InteractionGraph, options: DeepSchedule, seed: int, workers: Workers
    ) -> None:
        self.recommender, self.graph, self.options, self.seed, self.workers = recommender, graph, options, seed, workers
        self.module = recommender.started(graph, seed).to(workers.device, getattr(torch, options.dtype))
        decay = recommender.config.weight_decay
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=options.lr, weight_decay=decay)
        self._bias = recommender.prior(graph, next(self.module.parameters()).detach())
        self._step = 0

    @property
    def step(self) -> int:
        """Steps made."""
        return self._step

    @property
    def steps_per_epoch(self) -> int:
        """Steps among which an epoch's hidden edges are dealt out."""
        return max(1, math.ceil(self.graph.n_edges / self.options.batch))

    @property
    def total_steps(self) -> int:
        """Steps of the whole fit."""
        planned = self.options.epochs * self.steps_per_epoch
        return planned if self.options.max_steps is None else min(planned, self.options.max_steps)

    def parameters(self) -> Parameters | None:
        """Return the module's parameters by name on rank 0, None elsewhere."""
        return self._arrays() if self.workers.rank == 0 else None

    def state(self) -> dict[str, NDArray[np.floating]]:
        """Return parameters and Adam's moments, the same on all workers."""
        found = {f"value.{name}": array for name, array in self._arrays().items()}
        for name, parameter in self.module.named_parameters():
            for moment in ("exp_avg", "exp_avg_sq"):
                held = self.optimizer.state[parameter].get(moment, torch.zeros_like(parameter))
                found[f"{moment}.{name}"] = held.detach().cpu().numpy().copy()
        return found

    def restore(self, state: Mapping[str, NDArray[np.floating]], step: int) -> None:
        """Return to a state."""
        self._step = step
        for name, parameter in self.module.named_parameters():
            parameter.data.copy_(torch.tensor(state[f"value.{name}"]))
            moments = {m: torch.tensor(state[f"{m}.{name}"]).to(parameter) for m in ("exp_avg", "exp_avg_sq")}
            self.optimizer.state[parameter] = {"step": torch.tensor(float(step)), **moments}

    def epoch(self, number: int) -> float:
        """Hide edges, learn to find them, and return the mean loss of the steps.

        Raises:
            DivergenceError: the loss is no longer a number.
        """
        draws, config = rng("deep", self.seed, number), self.recommender.config
        marked = hidden_edges(self.graph, config.hide, config.cold, draws)
        hidden, view = self.graph.select(marked), self.recommender.view(self.graph.select(~marked))
        losses = []
        for users in dealt(hidden, self.steps_per_epoch, draws):
            if self._step >= self.total_steps:
                break
            losses.append(self._learn(view, hidden, users, draws))
        return mean_loss(losses, number)

    def _arrays(self) -> dict[str, NDArray[np.floating]]:
        return {name: p.detach().cpu().numpy().copy() for name, p in self.module.named_parameters()}

    def _learn(
        self, view: Any, hidden: InteractionGraph, users: NDArray[np.int64], draws: np.random.Generator
    ) -> float:
        """Make one step on all workers; return its loss."""
        in_batch = self.recommender.config.rivals == "batch"
        rivals = candidates(hidden, items_of(hidden, users), self.options, draws, in_batch=in_batch)
        total = hidden.degrees[users].sum()
        mine = users[self.workers.rank :: self.workers.world_size]
        parameters = list(self.module.parameters())
        loss = torch.zeros((), device=self.workers.device, dtype=parameters[0].dtype)
        gradients: Sequence[torch.Tensor | None] = [None] * len(parameters)
        if len(mine):
            loss = self._loss(view, hidden, mine, rivals) * (float(hidden.degrees[mine].sum()) / float(total))
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        return self._update(parameters, gradients, loss.detach())

    def _loss(self, view: Any, hidden: InteractionGraph, users: NDArray[np.int64], rivals: Candidates) -> torch.Tensor:
        """Mean loss of the hidden edges of some users."""
        recommender, device = self.recommender, torch.device(self.workers.device)
        taken = items_of(hidden, users)
        items = np.union1d(taken, rivals.items)
        mixed = recommender.config.autocast and device.type == "cuda"
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            found = recommender.encode(self.module, view, users, items, key_of("step", self.seed, self._step))
        vectors = self._comparable(found, items)
        ids = [np.searchsorted(items, wanted) + len(users) for wanted in (taken, rivals.items)]
        own, others = (torch.from_numpy(values).to(device) for values in ids)
        counts = torch.from_numpy(hidden.degrees[users]).to(device)
        offset = -torch.from_numpy(rivals.log_expected).to(vectors)
        pairs = Pairs(torch.arange(len(users), device=device), counts, own)
        return sampled_softmax(vectors, pairs, Competition(others, offset, rivals.complete))

    def _comparable(self, found: Encoded, items: NDArray[np.int64]) -> torch.Tensor:
        """Return users' and then items' vectors, with a column that adds each item's bias and popularity."""
        dtype = next(self.module.parameters()).dtype
        users, rows = (self.recommender.comparable(x.to(dtype)) for x in (found.users, found.items))
        bias = rows.new_zeros(len(rows)) if found.bias is None else found.bias.to(dtype)
        if self._bias is not None:
            bias = bias + self._bias[torch.from_numpy(items).to(rows.device)]
        ones = users.new_ones(len(users), 1)
        return torch.cat([torch.cat([users, ones], 1), torch.cat([rows, bias[:, None]], 1)])

    def _update(
        self, parameters: list[torch.nn.Parameter], gradients: Sequence[torch.Tensor | None], loss: torch.Tensor
    ) -> float:
        """Add up gradients and loss over workers, and make a step of Adam."""
        known = [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
        flat = self.workers.all_reduce_sum(torch.cat([*(g.reshape(-1) for g in known), loss.reshape(1)]))
        parts = torch.split(flat[:-1], [p.numel() for p in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.lr_at(self._step, self.total_steps)
        self.optimizer.step()
        self._step += 1
        return float(flat[-1])
