"""Searches as steps: generation after generation, each proposed from the finished one before.

proposal g -> for every trial: fit (or rungs of it) -> evaluation -> proposal g + 1. Nothing depends on which trial ends
first, so a search that was interrupted, or that other machines carry out, gives the same trials.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import HemicycleError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.recommenders.base import ClosedFormRecommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.search.config import SearchConfig
from hemicycle.search.sampling import propose
from hemicycle.search.sequential import run_sequential
from hemicycle.search.space import Space
from hemicycle.search.trials import Proposal, State, Trial
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.costs import Size
from hemicycle.studies.executor import Launch, Task, launch_processes, run_task
from hemicycle.studies.models import FitOptions, StretchOptions, fit_step
from hemicycle.studies.quantities import VALUES, Asked, EvaluateOptions, asked_by, evaluate_step
from hemicycle.studies.steps import Cost, Step, Work
from hemicycle.training.checkpoints import Checkpoints

HISTORY, PROPOSALS, SPENT, PROMOTED = "history.json", "proposals.json", "spent.json", "promoted.json"
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
        epochs = options.epochs.get(proposal.number, 0)
        found.append(Trial(proposal, options.generation - 1, ended if folder.done else "failed", values, epochs))
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
    reached = {
        int(name.removeprefix(TRIAL)): best_so_far(folder, options.metric) for name, folder in work.inputs.items()
    }
    ranked = sorted((-value, number) for number, value in reached.items() if value is not None)
    kept = ranked[: max(1, len(ranked) // options.factor)]
    work.out.write_json(PROMOTED, sorted(number for _, number in kept))


def best_so_far(folder: Folder, metric: str) -> float | None:
    """Best validation of a fit or a stretch of it; None when it failed."""
    if not folder.done:
        return None
    return max((float(row[metric]) for row in Checkpoints(folder).history if metric in row), default=None)


def trial_step(work: Work) -> None:
    """Evaluate a trial and add up what it took."""
    evaluate_step(work)
    spent = {"seconds": 0.0, "gpu_hours": 0.0}
    for folder in (f for name, f in work.inputs.items() if name.startswith("rung ")):
        about = folder.read_json("manifest.json")
        spent["seconds"] += about["seconds"]
        spent["gpu_hours"] += about["seconds"] * about["workers"] / 3600 if about["hardware"]["gpu"] else 0.0
    work.out.write_json(SPENT, spent)


# -- trials ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrialSteps:
    """Makes the steps of a search's trials; a :class:`~hemicycle.search.trials.Runner` that carries them out, too.

    Args:
        name: of the search.
        config: the search.
        space: its space.
        base: the steps ``data`` and ``graph``.
        fit: options that all fits share: length of lists, test users.
        asked: what is measured of each trial.
        threads: of every step.
        size: of the graph.
        store: where results lie, for whoever carries trials out.
        launch: runs a fit that workers share.
    """

    name: str
    config: SearchConfig
    space: Space
    base: Mapping[str, Step]
    fit: Mapping[str, Any]
    asked: EvaluateOptions
    threads: int
    size: Size
    store: Folder | None = None
    launch: Launch = field(default=launch_processes, repr=False)

    def title(self, proposal: Proposal) -> str:
        """Name of a trial's record."""
        return f"{self.name}-{proposal.number:03d}-s{self._seed(proposal)}"

    def _seed(self, proposal: Proposal) -> int:
        return proposal.number if self.config.fit_seed is None else self.config.fit_seed

    def options(self, proposal: Proposal) -> FitOptions:
        """Options of a trial's whole fit."""
        recommender, train = self.space.settle(proposal.branch, proposal.params)
        return FitOptions(recommender=recommender, train=train, seed=self._seed(proposal), **self.fit)

    def rungs(self, proposal: Proposal) -> tuple[int, ...]:
        """Epochs at which a trial is compared; a closed form has one."""
        options = self.options(proposal)
        closed = issubclass(RECOMMENDER.resolve(options.recommender.model), ClosedFormRecommender)
        if self.config.halving is None or closed:
            return (options.train.epochs,)
        return self.config.halving.rungs(options.train.epochs)

    def fits(self, proposal: Proposal, rung: int) -> list[Step]:
        """The steps that train a trial up to a rung, in their order."""
        options, rungs = self.options(proposal), self.rungs(proposal)
        cost, title = self.size.fit(options, self.config.workers), self.title(proposal)
        common: dict[str, Any] = {"threads": self.threads, "workers": self.config.workers}
        if len(rungs) == 1:
            inputs = {"graph": self.base["graph"]}
            return [Step("fit", f"fit {title}", fit_step, options, inputs, cost=cost, **common)]
        steps: list[Step] = []
        for place, until in enumerate(rungs[: rung + 1]):
            stretch = StretchOptions(**dict(options), until=until)
            before = {"before": steps[-1]} if steps else {}
            share = (until - (rungs[place - 1] if place else 0)) / rungs[-1]
            scaled = Cost(cost.seconds * share, cost.memory, cost.disk)
            inputs = {"graph": self.base["graph"], **before}
            named = f"train {until} epochs of {title}"
            steps.append(Step("rung", named, fit_step, stretch, inputs, cost=scaled, **common))
        return steps

    def evaluation(self, proposal: Proposal, rung: int) -> Step:
        """The step that measures a trial at a rung."""
        fits = self.fits(proposal, rung)
        inputs = {**self.base, "model": fits[-1], **{f"rung {place}": step for place, step in enumerate(fits)}}
        title = f"evaluate {self.title(proposal)}"
        return Step("evaluate", title, trial_step, self.asked, inputs, threads=self.threads, tells=VALUES)

    def run(self, proposal: Proposal, rung: int) -> Mapping[str, float]:
        """Train to a rung and measure, in this process; what is finished is taken as it is.

        Raises:
            HemicycleError: a step failed.
        """
        if self.store is None:
            raise ValueError("trials are carried out in a store")
        evaluation = self.evaluation(proposal, rung)
        for step in (*self.fits(proposal, rung), evaluation):
            if not step.folder(self.store).done:
                result = run_task(Task.of(step, step.work(self.store)), self.launch)
                if result.error:
                    raise HemicycleError(result.error)
        return dict(evaluation.folder(self.store).read_json(VALUES))


# -- generations -------------------------------------------------------------------------------------------------------

Follow = Callable[[Step, str, Folder], list[Step]]
"""The step that trained a trial's record, the record's name and its folder -> what is done with the record."""


@dataclass(frozen=True)
class Generations:
    """A reproducible search: how each finished step leads to the next ones.

    Args:
        trials: makes steps.
        train: the study's way of training, as plain values.
        follow: what is done with every record.
    """

    trials: TrialSteps
    train: dict[str, Any]
    follow: Follow

    def first(self) -> Step:
        """The step from which all others follow."""
        return self._proposal(0, {}, {})

    def _proposal(self, generation: int, inputs: dict[str, Step], reached: Mapping[int, "Reached"]) -> Step:
        config = self.trials.config
        options = ProposeOptions(
            search=config,
            train=self.train,
            generation=generation,
            stopped=tuple(number for number, at in reached.items() if at.stopped),
            epochs={number: at.epochs for number, at in reached.items()},
        )
        tolerated = frozenset(name for name in inputs if name.startswith(TRIAL))
        until = min(config.trials, (generation + 1) * config.generation)
        title = f"propose {until} of {config.trials} trials of {self.trials.name}"
        then = partial(self._propose, generation)
        step = Step("propose", title, propose_step, options, inputs, tolerates=tolerated)
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
        promote = Step("promote", title, promote_step, options, inputs, tolerates=frozenset(inputs))
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
        store = Folder(folder.uri.rsplit("/steps/", 1)[0])
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


# -- asynchronous ------------------------------------------------------------------------------------------------------


class SearchOptions(Options):
    """A whole asynchronous search."""

    search: SearchConfig
    """The search."""
    train: dict[str, Any]
    """The study's way of training."""
    asked: tuple[Asked, ...]
    """What is measured of each trial."""
    fit: dict[str, Any]
    """What all fits share."""


def search_step(work: Work, trials: TrialSteps) -> None:
    """Carry out a search as fast as trials end, by whoever computes here."""
    store = Folder(work.out.uri.rsplit("/steps/", 1)[0])
    carry_out = work.search or run_sequential_in
    found = carry_out(replace(trials, store=store), work.out)
    work.out.write_json(HISTORY, [trial.to_json() for trial in found])


def run_sequential_in(trials: TrialSteps, out: Folder) -> list[Trial]:
    """Carry out a search in this process; what has ended is kept beside it."""
    known = known_trials(out)
    return run_sequential(trials.config, trials.space, trials, known, partial(keep_trial, out))


def keep_trial(out: Folder, trial: Trial) -> None:
    """Write a trial that has ended."""
    (out / "ended").write_json(f"{trial.number:06d}.json", trial.to_json())


def known_trials(out: Folder) -> list[Trial]:
    """Read the trials that have ended."""
    folder = out / "ended"
    return [Trial.from_json(folder.read_json(name)) for name in folder.names()]


def asynchronous(trials: TrialSteps, train: dict[str, Any], follow: Follow) -> Step:
    """Return the step of an asynchronous search."""
    options = SearchOptions(search=trials.config, train=train, asked=trials.asked.asked, fit=dict(trials.fit))
    function = partial(search_step, trials=trials)
    step = Step("search", f"search {trials.name}", function, options, dict(trials.base), threads=trials.threads)
    return replace(step, then=partial(_found, trials, follow))


def _found(trials: TrialSteps, follow: Follow, folder: Folder) -> list[Step]:
    """The steps of the trials that a search ran, which are finished, and what is done with their records."""
    steps: list[Step] = []
    for trial in (Trial.from_json(row) for row in folder.read_json(HISTORY)):
        rungs = trials.rungs(trial.proposal)
        rung = len(rungs) - 1 if trial.state != "stopped" else rungs.index(trial.epochs)
        fit = trials.fits(trial.proposal, rung)[-1]
        then = partial(follow, fit, trials.title(trial.proposal))
        steps += [replace(fit, then=then), trials.evaluation(trial.proposal, rung)]
    return steps


# -- of a study --------------------------------------------------------------------------------------------------------


def search_steps(
    config: StudyConfig, dataset: Dataset, base: Mapping[str, Step], size: Size, follow: Follow
) -> list[Step]:
    """Return the first step of every search of a study."""
    steps = []
    train = config.train.model_dump(mode="json")
    for name, search in config.searches.items():
        asked = EvaluateOptions(
            asked=asked_by(search, dataset),
            k=config.k,
            validate_users=config.train.validate_users,
            item_positions=config.item_positions,
        )
        fit = {"k": config.k, "test_users": config.test_users}
        trials = TrialSteps(name, search, Space.of(search, train), base, fit, asked, config.threads, size)
        step = (
            asynchronous(trials, train, follow)
            if search.mode == "async"
            else Generations(trials, train, follow).first()
        )
        steps.append(replace(step, cost=estimate(trials)))
    return steps


def estimate(trials: TrialSteps) -> Cost:
    """What a whole search may take, by the fits of its first generation; ``plan`` shows it beside the first step."""
    first = propose(trials.config, trials.space, [])
    costs = [trials.size.fit(trials.options(proposal), trials.config.workers) for proposal in first]
    number = trials.config.trials / max(1, len(costs))
    seconds, disk = sum(cost.seconds for cost in costs), sum(cost.disk for cost in costs)
    return Cost(number * seconds, max((cost.memory for cost in costs), default=0.0), number * disk)


def final_histories(steps: Sequence[Step], store: Folder) -> dict[str, list[Trial]]:
    """Search -> its trials in order, from the finished steps that proposed or ran them."""
    found: dict[str, list[Trial]] = {}
    for step in steps:
        history = [Trial.from_json(row) for row in step.folder(store).read_json(HISTORY)]
        name = step.title.rsplit(" ", 1)[-1]
        if len(history) >= len(found.get(name, [])):
            found[name] = history
    return found
