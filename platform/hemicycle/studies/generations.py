"""Searches as steps: generation after generation, each proposed from the finished one before.

proposal g -> for every trial: fit (or rungs of it) -> evaluation -> proposal g + 1. Nothing depends on which trial ends
first, so a search that was interrupted, or that other machines carry out, gives the same trials.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.search.config import SearchConfig
from hemicycle.search.sampling import propose
from hemicycle.search.space import Space
from hemicycle.search.trials import Proposal, State, Trial
from hemicycle.studies.quantities import VALUES
from hemicycle.studies.steps import Step, Work, store_of
from hemicycle.studies.trial_steps import SPENT, TrialSteps, twin_inputs
from hemicycle.training.checkpoints import Checkpoints

HISTORY, PROPOSALS, PROMOTED = "history.json", "proposals.json", "promoted.json"
TRIAL = "trial "
"""Inputs of a proposal and of a promotion are called after the trial."""


class ProposeOptions(Options):
    """A generation of a search."""

    search: SearchConfig
    """The search."""
    train: dict[str, Any]
    """The study's way of training."""
    generation: int
    """From 0."""
    stopped: tuple[int, ...] = ()
    """Trials of the generation before that halving stopped."""
    epochs: dict[int, int] = Field(default_factory=dict)
    """Epochs to which the trials of the generation before were trained."""


class PromoteOptions(Options):
    """A rung of a generation."""

    metric: str
    """Validation metric that decides."""
    factor: int
    """One of so many goes on."""


def propose_step(work: Work) -> None:
    """Write the trials that have ended and the next generation, empty when the search is over."""
    options: ProposeOptions = work.options
    history = [*_told(work.inputs.get("before")), *_ended(work)]
    spent = _spent(work)
    over = any(limit is not None and found >= limit for limit, found in _budgets(options.search, spent))
    space = Space.of(options.search, options.train)
    proposals = [] if over else propose(options.search, space, history)
    work.out.write_json(HISTORY, [trial.to_json() for trial in history])
    work.out.write_json(SPENT, spent)
    work.out.write_json(PROPOSALS, [vars(proposal) for proposal in proposals])


def _told(before: Folder | None) -> list[Trial]:
    return [] if before is None else [Trial.from_json(row) for row in before.read_json(HISTORY)]


def _ended(work: Work) -> list[Trial]:
    """Trials of the generation before, in their order; those without a finished evaluation failed."""
    options: ProposeOptions = work.options
    if "before" not in work.inputs:
        return []
    found = []
    for proposal in read_proposals(work.inputs["before"]):
        folder = work.inputs[f"{TRIAL}{proposal.number}"]
        ended: State = "stopped" if proposal.number in options.stopped else "complete"
        values = folder.read_json(VALUES) if folder.done else {}
        state: State = ended if folder.done else "failed"
        epochs = options.epochs.get(proposal.number, 0)
        found.append(Trial(proposal, options.generation - 1, state, values, epochs, measured=folder.name))
    return found


def _spent(work: Work) -> dict[str, float]:
    """Seconds of computing, and hours of GPUs, of all trials so far."""
    before = work.inputs.get("before")
    spent = dict(before.read_json(SPENT)) if before is not None else {"seconds": 0.0, "gpu_hours": 0.0}
    for name, folder in work.inputs.items():
        if name.startswith(TRIAL) and folder.exists(SPENT):
            for key, value in folder.read_json(SPENT).items():
                spent[key] += value
    return spent


def _budgets(search: SearchConfig, spent: Mapping[str, float]) -> list[tuple[float | None, float]]:
    return [(search.seconds, spent["seconds"]), (search.gpu_hours, spent["gpu_hours"])]


def read_proposals(folder: Folder) -> list[Proposal]:
    """Read what a proposal's step proposed."""
    return [Proposal(**row) for row in folder.read_json(PROPOSALS)]


def promote_step(work: Work) -> None:
    """Choose the trials that go on from a rung: the best 1 / factor, at least one; ties go to the earlier trial."""
    options: PromoteOptions = work.options
    trials = {name: folder for name, folder in work.inputs.items() if name.startswith(TRIAL)}
    reached = {int(name.removeprefix(TRIAL)): best_so_far(folder, options.metric) for name, folder in trials.items()}
    ranked = sorted((-value, number) for number, value in reached.items() if value is not None)
    kept = ranked[: max(1, len(ranked) // options.factor)]
    work.out.write_json(PROMOTED, sorted(number for _, number in kept))


def best_so_far(folder: Folder, metric: str) -> float | None:
    """Best validation of a fit or a stretch of it; None when it failed."""
    if not folder.done:
        return None
    return max((float(row[metric]) for row in Checkpoints(folder).history if metric in row), default=None)


Follow = Callable[[Step, str, Folder], list[Step]]
"""The step that trained a trial's record, the record's name and its folder -> what is done with the record."""


@dataclass(frozen=True)
class Generations:
    """A reproducible search: how each finished step leads to the next ones.

    Args:
        trials: makes steps.
        train: the study's way of training, as plain values.
        follow: what is done with every record.
        twins: first steps of the study's searches before this one that are the same. They share their trials, and
            each has its own proposals, from which its table is made.
    """

    trials: TrialSteps
    train: dict[str, Any]
    follow: Follow
    twins: tuple[Step, ...] = ()

    def first(self) -> Step:
        """The step from which all others follow."""
        return self._proposal(0, twin_inputs(self.twins), {})

    def _proposal(self, generation: int, inputs: dict[str, Step], reached: Mapping[int, "Reached"]) -> Step:
        config = self.trials.config
        options = ProposeOptions(
            search=config,
            train=self.train,
            generation=generation,
            stopped=tuple(number for number, at in reached.items() if at.stopped),
            epochs={number: at.epochs for number, at in reached.items()},
        )
        tolerated = frozenset(inputs) - {"before"}
        until = min(config.trials, (generation + 1) * config.generation)
        title = f"propose {until} of {config.trials} trials of {self.trials.name}"
        then = partial(self._propose, generation)
        step = Step("propose", title, propose_step, options, inputs, version=2, tolerates=tolerated)
        return replace(step, then=partial(then, step))

    def _propose(self, generation: int, proposal: Step, folder: Folder) -> list[Step]:
        """What follows from a proposal: its trials, and what follows from them."""
        proposals = read_proposals(folder)
        if not proposals:
            return []
        alive = {p.number: Reached(p, 0, self.trials.rungs(p)) for p in proposals}
        return self._climb(_Climb(generation, proposal, alive, alive))

    def _climb(self, climb: "_Climb") -> list[Step]:
        """Train those who go on to their next rung; then compare, or evaluate all."""
        steps = {n: self.trials.fits(at.proposal, at.rung)[-1] for n, at in climb.going.items()}
        if all(at.last for at in climb.going.values()):
            return [*self._kept(steps, climb), *self._close(climb)]
        halving = self.trials.config.halving
        if halving is None:
            raise ValueError("a trial has several rungs without halving")
        options = PromoteOptions(metric=halving.metric, factor=halving.factor)
        inputs = {f"{TRIAL}{number}": step for number, step in steps.items()}
        title = f"compare {len(steps)} trials of {self.trials.name}"
        tolerated = frozenset(inputs)
        inputs["proposal"] = climb.proposal  # or two searches with the same trials would share what follows
        promote = Step("promote", title, promote_step, options, inputs, tolerates=tolerated)
        return [*self._kept(steps, climb), replace(promote, then=partial(self._promote, climb))]

    def _kept(self, steps: Mapping[int, Step], climb: "_Climb") -> list[Step]:
        """The steps, where they are a trial's last with what is done with its record."""
        return [self._followed(step, climb.going[n]) if climb.going[n].last else step for n, step in steps.items()]

    def _followed(self, step: Step, at: "Reached") -> Step:
        return replace(step, then=partial(self.follow, step, self.trials.title(at.proposal)))

    def _promote(self, climb: "_Climb", folder: Folder) -> list[Step]:
        """What follows from a comparison: some go on, the others stay where they are."""
        promoted = set(folder.read_json(PROMOTED))
        going = {n: at.next() for n, at in climb.going.items() if n in promoted and not at.last}
        store = store_of(folder)
        stopped = [at for n, at in climb.going.items() if n not in going and not at.last]
        steps = [self.trials.fits(at.proposal, at.rung)[-1] for at in stopped]
        after = [
            follower
            for at, step in zip(stopped, steps, strict=True)
            if step.folder(store).done
            for follower in self.follow(step, self.trials.title(at.proposal), step.folder(store))
        ]
        reached = {**climb.reached, **going}
        climb = replace(climb, going=going, reached=reached)
        return [*after, *(self._climb(climb) if going else self._close(climb))]

    def _close(self, climb: "_Climb") -> list[Step]:
        """Evaluate all trials of a generation and propose the next."""
        evaluations = {n: self.trials.evaluation(at.proposal, at.rung) for n, at in climb.reached.items()}
        inputs = {"before": climb.proposal, **{f"{TRIAL}{n}": step for n, step in evaluations.items()}}
        return [*evaluations.values(), self._proposal(climb.generation + 1, inputs, climb.reached)]


@dataclass(frozen=True)
class Reached:
    """How far a trial has come."""

    proposal: Proposal
    rung: int
    rungs: tuple[int, ...]

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return self.rungs[self.rung]

    @property
    def last(self) -> bool:
        """Whether there is nothing after this rung."""
        return self.rung == len(self.rungs) - 1

    @property
    def stopped(self) -> bool:
        """Whether it ends here before its time."""
        return not self.last

    def next(self) -> "Reached":
        """One rung further."""
        return replace(self, rung=self.rung + 1)


@dataclass(frozen=True)
class _Climb:
    """A generation on its way: who trains now, and how far everyone came."""

    generation: int
    proposal: Step
    going: Mapping[int, Reached]
    reached: Mapping[int, Reached]
