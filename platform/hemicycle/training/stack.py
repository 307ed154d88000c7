"""Many small embedding models of one graph, trained side by side.

Propagation acts on every column by itself, so the columns of several tables stand side by side in one, and each edge is
read once for all of them. All else a member does as it would alone: its own start values, order of users, negatives,
Adam and early stopping. Its kernels see its own rows and columns only, so that who else is in the stack changes nothing
but, where a linear algebra library decides so, rounding. With :func:`hemicycle.training.fit.fit` members agree up to
rounding, since sums are formed in another order.

It pays where calls and index arithmetic cost more than the sums they ask for: three to four times as many models on
graphs of a thousand nodes. On graphs of tens of thousands of nodes memory bounds each member's own columns, and little
is left to share.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.errors import Problem, raise_problems
from hemicycle.core.records import READOUT
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.base import EmbeddingRecommender
from hemicycle.recommenders.divergence import DivergenceError, mean_loss
from hemicycle.recommenders.losses import Competition, Rivals
from hemicycle.training.batches import Draw, Learning
from hemicycle.training.fit import FitResult, FitTask, Row, identity_of
from hemicycle.training.group import SINGLE, Group
from hemicycle.training.loop import Columns, propagation
from hemicycle.training.options import TrainingOptions
from hemicycle.training.stackable import stackable
from hemicycle.training.stacked_cells import Compared, is_dense
from hemicycle.training.stacked_losses import compare, shrink

_COLUMNS = 64
_ENTRIES_IN_CACHE = 1 << 19


@dataclass(frozen=True)
class Member:
    """One model of a stack.

    Args:
        recommender: what is trained.
        options: how.
        seed: key of everything random.
        out: where its checkpoints and history go.
    """

    recommender: EmbeddingRecommender
    options: TrainingOptions
    seed: int
    out: Folder


def fit_stacked(
    members: Sequence[Member],
    split: Split,
    group: Group = SINGLE,
    report: Callable[[int, Row], None] = lambda _, __: None,
) -> list[FitResult | DivergenceError]:
    """Fit all members on ``split.train``, each as :func:`hemicycle.training.fit.fit` would; see there.

    Every member has its own folder, with the same files. One that has run out of patience or diverged leaves the stack,
    and the others go on. Interrupted, the same call goes on from every member's last complete state.

    Args:
        members: what is fitted.
        split: graphs.
        group: where; a single worker.
        report: called with a member's number and every row of its history.

    Returns:
        For each member what its fit left behind, or the error of one that diverged.

    Raises:
        InputError: the members cannot be trained together.
    """
    raise_problems(
        [*stackable([m.recommender for m in members], [m.options for m in members]), *_places(members, group)]
    )
    tasks = [_task(member, split, group, _numbered(report, n)) for n, member in enumerate(members)]
    left = [n for n, task in enumerate(tasks) if not task.finished]
    errors = _train([tasks[n] for n in left], Stack([members[n] for n in left], split.train, group)) if left else {}
    failed = {left[n]: error for n, error in errors.items()}
    return [failed[n] if n in failed else task.result() for n, task in enumerate(tasks)]


def _places(members: Sequence[Member], group: Group) -> Iterator[Problem]:
    """Tell what is wrong with where members are trained and written."""
    if group.world_size > 1:
        yield Problem(f"a stack has one worker, not {group.world_size}", remedy="train its members one by one")
    if len({member.out.uri for member in members}) < len(members):
        yield Problem("two members of a stack share a folder", remedy="give each its own")


def _numbered(report: Callable[[int, Row], None], n: int) -> Callable[[Row], None]:
    return lambda row: report(n, row)


def _task(member: Member, split: Split, group: Group, report: Callable[[Row], None]) -> FitTask:
    recommender, options = member.recommender, member.options
    identity = identity_of(recommender, split, options, (member.seed, group.world_size))
    return FitTask(recommender, split, options, member.out, group, report, identity)


def _train(tasks: Sequence[FitTask], stack: "Stack") -> dict[int, DivergenceError]:
    """Train all, those first that are behind; return the errors of those that diverged."""
    histories = [task.begin(learner) for task, learner in zip(tasks, stack.learners, strict=True)]
    failed: dict[int, DivergenceError] = {}
    going = set(range(len(tasks)))
    while True:
        for n in [n for n in going if tasks[n].over(histories[n], stack.learners[n])]:
            tasks[n].close(histories[n])
            going.remove(n)
        if not going:
            return failed
        behind = min(int(histories[n][-1]["epoch"]) for n in going)
        due = sorted(n for n in going if histories[n][-1]["epoch"] == behind)
        stack.epoch(due, behind + 1)
        for n in due:
            try:
                tasks[n].advance(histories[n], stack.learners[n])
            except DivergenceError as error:
                failed[n] = error
                going.remove(n)


class Learner(Columns):
    """One member: its table and Adam; its epochs are trained by the stack, which leaves their losses here."""

    losses: Sequence[float] = ()

    def epoch(self, number: int) -> float:
        """Return the mean loss of the epoch that the stack has just trained.

        Raises:
            DivergenceError: it is no longer a number.
        """
        return mean_loss(self.losses, number)


class Stack:
    """The members of a stack and what they share.

    Args:
        members: stackable models.
        graph: training graph.
        group: where; a single worker.
    """

    def __init__(self, members: Sequence[Member], graph: InteractionGraph, group: Group = SINGLE) -> None:
        self.model, options = members[0].recommender, members[0].options
        self.learners = [Learner(m.recommender, graph, m.options, m.seed, group) for m in members]
        self.propagate = propagation(self.model, graph, options, group.device)
        like, (part,) = self.learners[0].adam.table.detach(), self.model.parts(graph)
        self.learning = Learning(part, options, None, like)
        self.dense = is_dense(part.graph, options)
        self.items = slice(part.items, part.items + graph.n_items)
        biases = [m.recommender.bias(graph) for m in members]
        self.biases = [None if bias is None else torch.from_numpy(bias).to(like) for bias in biases]
        self.width = self._width(like)

    def _width(self, table: torch.Tensor) -> int:
        """Members whose columns stand side by side: what the cache holds, or where edges are read a few cache lines."""
        together = max(1, _ENTRIES_IN_CACHE // max(1, table.numel()))
        return max(together, _COLUMNS // table.shape[1]) if self.model.layers != (READOUT,) else together

    def epoch(self, members: Sequence[int], number: int) -> None:
        """Train an epoch of some members, or what ``max_steps`` leaves of it."""
        for some in np.array_split(np.asarray(members), -(-len(members) // self.width)):
            self._epoch(some.tolist(), number)

    def _epoch(self, members: Sequence[int], number: int) -> None:
        draws = {n: rng("negatives", self.learners[n].seed, number) for n in members}
        losses: dict[int, list[float]] = {n: [] for n in members}
        for dealt in _together({n: self.learners[n].deal(number) for n in members}):
            going = {n: users for n, users in dealt.items() if self.learners[n].step < self.learners[n].total_steps}
            if going:
                made = self._step(list(going), self._draws(going, draws))
                for n, loss in zip(going, made, strict=True):
                    losses[n].append(loss)
        for n in members:
            self.learners[n].losses = losses[n]

    def _draws(self, users: dict[int, NDArray[np.int64]], draws: dict[int, np.random.Generator]) -> list[Draw]:
        """Draw what each member compares in a step, as it would alone."""
        found = self.learning.draw_all(list(users.values()), [draws[n] for n in users])
        biases = [self.biases[n] for n in users]
        return [
            draw if bias is None else _biased(draw, bias, self.items.start)
            for draw, bias in zip(found, biases, strict=True)
        ]

    def _step(self, members: Sequence[int], draws: list[Draw]) -> list[float]:
        """Make a step of some members; return their losses."""
        learners = [self.learners[n] for n in members]
        tables = [learner.adam.table.detach() for learner in learners]
        stacked = (torch.stack(tables, 1) if len(tables) > 1 else tables[0][:, None]).flatten(1).requires_grad_()
        shape = len(stacked), len(members), -1
        own = self.model.vectors(stacked, self.propagate)
        compared = Compared(draws, [learner.recommender.config for learner in learners], self.items, self.dense)
        losses, slopes = compare(own.detach().view(shape), compared)
        (gradient,) = torch.autograd.grad(own, stacked, slopes.flatten(1))
        rates = [learner.options.l2 for learner in learners]
        if any(rates):
            losses += shrink(gradient.view(shape), stacked.detach().view(shape), compared, rates)
        for learner, slope in zip(learners, gradient.view(shape).unbind(1), strict=True):
            rate = learner.options.lr_at(learner.step, learner.total_steps)
            learner.adam.update(slope.contiguous(), rate)
        return [float(loss) for loss in losses.tolist()]


def _together(dealt: dict[int, Iterator[NDArray[np.int64]]]) -> Iterator[dict[int, NDArray[np.int64]]]:
    """Yield what each still has, until nobody has anything."""
    while True:
        found = {n: users for n, steps in dealt.items() if (users := next(steps, None)) is not None}
        if not found:
            return
        yield found


def _biased(draw: Draw, bias: torch.Tensor, first: int) -> Draw:
    """Return the same with the items' biases added to all scores; items are nodes from ``first`` on."""
    pairs = replace(draw.pairs, bias=bias[draw.pairs.items - first])
    against, of_rivals = draw.against, bias[draw.against.items - first]
    if isinstance(against, Rivals):
        return replace(draw, pairs=pairs, against=Rivals(against.items, of_rivals))
    return replace(draw, pairs=pairs, against=Competition(against.items, against.offset + of_rivals, against.complete))
