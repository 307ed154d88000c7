"""Fit one recommender, on one worker or several, and go on where an interrupted fit stopped."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hemicycle.core.config import fingerprint
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.evaluation.ranking import evaluate, sample_users
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.base import (
    ClosedFormRecommender,
    EmbeddingRecommender,
    Fitting,
    IterativeRecommender,
    Parameters,
    Recommender,
)
from hemicycle.training import checkpoints
from hemicycle.training.checkpoints import Checkpoints, Progress
from hemicycle.training.group import SINGLE, Group
from hemicycle.training.loop import Trainer
from hemicycle.training.options import TrainingOptions

Row = Mapping[str, float]
_GOAL = "ndcg@20"
_VALIDATED = ("recall@20", _GOAL)


def silent(row: Row) -> None:
    """Report nothing."""
    del row


@dataclass(frozen=True)
class Stretch:
    """The part of a fit that is done in one go; several stretches in turn equal the fit in one, bit by bit.

    Args:
        until: last epoch of this stretch, whatever the schedule's total; None: all epochs.
        before: folder of the stretch before, from whose state this one goes on; None: from the start.
    """

    until: int | None = None
    before: Folder | None = None


WHOLE = Stretch()
"""All of a fit."""


@dataclass(frozen=True)
class FitResult:
    """What a fit left behind.

    Args:
        best_epoch: the trained checkpoint with the highest validation NDCG@20 (the last without validation).
        epochs: checkpoints kept, ascending.
        history: one row an epoch: epoch, loss, where it was validated ``recall@20`` and ``ndcg@20``, and with several
            workers ``bytes_per_step``, what the first of them sends in a step.
    """

    best_epoch: int
    epochs: tuple[int, ...]
    history: list[dict[str, float]]


def fit(  # noqa: PLR0913, PLR0917 - what, on what, how, and where to
    recommender: Recommender,
    split: Split,
    options: TrainingOptions,
    seed: int,
    out: Folder,
    group: Group = SINGLE,
    report: Callable[[Row], None] = silent,
    stretch: Stretch = WHOLE,
) -> FitResult:
    """Fit on ``split.train``, choose the checkpoint on ``split.valid``; the test part is not looked at.

    Called again after an interruption it goes on from the last complete state and ends in the very same result;
    called again after the end it returns it. ``out`` is visible to all workers and belongs to this fit alone.

    Args:
        recommender: a closed form, or one trained by gradient.
        split: graphs.
        options: for the latter.
        seed: key of everything random.
        out: where checkpoints and history go.
        group: this worker among all.
        report: called with every row of the history, on every worker.
        stretch: which part of the fit; what stops before the end keeps the state from which the next goes on.

    Raises:
        InputError: the columns cannot be dealt out to the workers.
        HemicycleError: training diverged.
    """
    identity = identity_of(recommender, split, options, (seed, group.world_size))
    task = FitTask(recommender, split, options, out, group, report, identity, stretch)
    if not task.finished:
        if isinstance(recommender, ClosedFormRecommender):
            task.solve(recommender, seed)
        else:
            task.train(_start(recommender, split, options, seed, group))
    return task.result()


def _start(recommender: Recommender, split: Split, options: TrainingOptions, seed: int, group: Group) -> Fitting:
    """Return the fit of a recommender that is trained epoch by epoch."""
    if isinstance(recommender, EmbeddingRecommender):
        return Trainer(recommender, split.train, options, seed, group)
    if isinstance(recommender, IterativeRecommender):
        return recommender.start(split.train, options, seed, group)
    raise InputError(
        f"{type(recommender).__name__} cannot be fitted",
        remedy="derive it from ClosedFormRecommender, EmbeddingRecommender or IterativeRecommender",
    )


def best_epoch(history: list[Row]) -> int:
    """Return the first epoch with the highest validation NDCG@20; without any the last epoch."""
    validated = [row for row in history if _GOAL in row and row["epoch"] > 0]
    return int(max(validated, key=lambda row: row[_GOAL])["epoch"] if validated else history[-1]["epoch"])


@dataclass(frozen=True)
class FitTask:
    """Everything that stays the same during a fit, and what is written when."""

    recommender: Recommender
    split: Split
    options: TrainingOptions
    out: Folder
    group: Group
    report: Callable[[Row], None]
    identity: str
    stretch: Stretch = WHOLE

    @property
    def finished(self) -> bool:
        """True when this very fit, or its stretch, has been finished here."""
        return checkpoints.finished(self.out, self.identity) is not None

    def result(self) -> FitResult:
        """Return what the finished fit left behind."""
        done = Checkpoints(self.out)
        return FitResult(done.best_epoch, done.epochs, done.history)

    @property
    def _last_epoch(self) -> int:
        """Epoch at which this stretch ends at the latest."""
        until = self.stretch.until
        return self.options.epochs if until is None else min(until, self.options.epochs)

    def solve(self, recommender: ClosedFormRecommender, seed: int) -> None:
        """Fit a closed form."""
        parameters = recommender.fit(self.split.train, rng("fit", seed)) if self.group.rank == 0 else None
        row = {"epoch": 0, **self._validated(parameters)}
        self._save(0, parameters)
        self.report(row)
        self.close([row])

    def train(self, trainer: Fitting) -> None:
        """Train epoch by epoch."""
        history = self.begin(trainer)
        while not self.over(history, trainer):
            self.advance(history, trainer)
        self.close(history)

    def advance(self, history: list[Row], trainer: Fitting) -> None:
        """Train the next epoch, and validate, report and save what it asks for."""
        epoch = int(history[-1]["epoch"]) + 1
        history.append(self._trained(trainer, epoch))
        self._look(history, trainer)
        self.report(history[-1])
        due = bool(self.options.resume_every and epoch % self.options.resume_every == 0)
        if due or (self._goes_on and self.over(history, trainer)):
            self._save_state(history, trainer)

    @property
    def _goes_on(self) -> bool:
        """Whether another stretch may follow this one."""
        return self._last_epoch < self.options.epochs

    def _trained(self, trainer: Fitting, epoch: int) -> Row:
        """Train one epoch; among several workers its row says what this one sent in a step."""
        sent, steps = self.group.bytes_sent, trainer.step
        row = {"epoch": epoch, "loss": trainer.epoch(epoch)}
        if self.group.world_size > 1:
            row["bytes_per_step"] = (self.group.bytes_sent - sent) / max(1, trainer.step - steps)
        return row

    def begin(self, trainer: Fitting) -> list[Row]:
        """Take up the last complete state, or write the untrained checkpoint."""
        progress, source = checkpoints.last_progress(self.out, self.identity), self.out
        before = self.stretch.before
        if progress is None and before is not None:
            progress, source = checkpoints.last_progress(before, self.identity), before
        if progress is not None:
            trainer.restore(checkpoints.load_shard(source, progress.epoch, self.group.rank), progress.step)
        if source is not self.out and self.group.rank == 0:
            checkpoints.copy(source, self.out)
        self.group.barrier()
        if progress is not None:
            self._sweep(list(progress.history))
            return list(progress.history)
        if self.group.rank == 0:
            (self.out / "resume").delete()
            checkpoints.sweep(self.out, ())
        parameters = trainer.parameters()
        self._save(0, parameters)
        history: list[Row] = [{"epoch": 0, **self._validated(parameters)}]
        self.report(history[0])
        return history

    def over(self, history: list[Row], trainer: Fitting) -> bool:
        """Tell whether all epochs or steps are made, or patience has run out."""
        epoch, options = history[-1]["epoch"], self.options
        if epoch >= self._last_epoch or trainer.step >= trainer.total_steps:
            return True
        since = epoch - best_epoch(history)
        return bool(options.patience and epoch > 0 and since >= options.patience * options.validate_every)

    def _look(self, history: list[Row], trainer: Fitting) -> None:
        """Validate and save what this epoch asks for."""
        epoch = int(history[-1]["epoch"])
        last = self.over(history, trainer)
        due = last or epoch % self.options.validate_every == 0
        if not due and not self.options.always_kept(epoch):
            return
        parameters = trainer.parameters()
        if due:
            history[-1] = {**history[-1], **self._validated(parameters)}
        if best_epoch(history) == epoch or self.over(history, trainer) or self.options.always_kept(epoch):
            self._save(epoch, parameters)
        if not self.options.resume_every:
            self._sweep(history)

    def _validated(self, parameters: Parameters | None) -> dict[str, float]:
        """Return the validation metrics that rank 0 computes; none without validation edges."""
        if not self.split.valid.n_edges:
            return {}
        values = [0.0] * len(_VALIDATED)
        if parameters is not None:
            known, users = self.split.context, sample_users(self.split.valid, self.options.validate_users)
            found = evaluate(self.recommender.scores(parameters, known), known, self.split.valid, users=users)
            values = [found.metrics[name] for name in _VALIDATED]
        return dict(zip(_VALIDATED, self.group.from_first(values), strict=True))

    def _save(self, epoch: int, parameters: Parameters | None) -> None:
        if parameters is not None:
            checkpoints.save(self.out, epoch, parameters)

    def _save_state(self, history: list[Row], trainer: Fitting) -> None:
        epoch = int(history[-1]["epoch"])
        checkpoints.save_shard(self.out, epoch, self.group.rank, trainer.state())
        self.group.barrier()
        if self.group.rank == 0:
            checkpoints.save_progress(self.out, self.identity, Progress(epoch, trainer.step, tuple(history)))
        self._sweep(history)

    def _sweep(self, history: list[Row]) -> None:
        """Delete checkpoints that are neither wanted in any case, nor the best, nor the last."""
        if self.group.rank == 0:
            kept = {int(row["epoch"]) for row in history if self.options.always_kept(int(row["epoch"]))}
            checkpoints.sweep(self.out, kept | {best_epoch(history), int(history[-1]["epoch"])})

    def close(self, history: list[Row]) -> None:
        """Delete what is not kept and end the fit or its stretch."""
        self._sweep(history)
        if self.group.rank == 0:
            checkpoints.close(self.out, self.identity, best_epoch(history), history, goes_on=self._goes_on)
        self.group.barrier()


def identity_of(recommender: Recommender, split: Split, options: TrainingOptions, keys: tuple[int, ...]) -> str:
    """Fingerprint of all that decides over the result."""
    graphs = (split.train, split.valid, *([split.known] if split.known is not None else []))
    arrays = [array for graph in graphs for array in (graph.indptr, graph.indices)]
    sums = [zlib.crc32(np.ascontiguousarray(array).data) for array in arrays]
    model = recommender.config.model_dump(mode="json")
    return fingerprint([model, options.model_dump(mode="json"), list(keys), sums, split.train.n_items])
