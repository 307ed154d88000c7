"""The steps of a search's trials: fits, in stretches where they are compared on the way, and an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hemicycle.core.errors import HemicycleError
from hemicycle.core.storage import Folder
from hemicycle.recommenders.base import ClosedFormRecommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.search.config import SearchConfig
from hemicycle.search.space import Space
from hemicycle.search.trials import Proposal
from hemicycle.studies.costs import Size
from hemicycle.studies.executor import Launch, Task, launch_processes, run_task
from hemicycle.studies.models import FitOptions, StretchOptions, fit_step
from hemicycle.studies.quantities import VALUES, EvaluateOptions, evaluate_step
from hemicycle.studies.steps import Cost, Step, Work
from hemicycle.training.checkpoints import Checkpoints

SPENT = "spent.json"
"""File of an evaluated trial: what it took."""
RUNG = "rung "
"""Inputs of an evaluation are called after the stretches of the fit, by number."""


def twin_inputs(twins: Sequence[Step]) -> dict[str, Step]:
    """Inputs that tell a search from others of the same declaration; nothing is read of them."""
    return {f"twin {number}": step for number, step in enumerate(twins)}


def epochs_trained(evaluation: Step, store: Folder) -> int:
    """Epochs to which the trial that a step measures was trained: of its last finished stretch; 0 without one."""
    stretches = [step for name, step in evaluation.inputs.items() if name.startswith(RUNG)]
    done = [step for step in stretches if step.folder(store).done]
    return max((int(Checkpoints(step.folder(store)).history[-1]["epoch"]) for step in done), default=0)


def trial_step(work: Work) -> None:
    """Evaluate a trial and add up what it took."""
    evaluate_step(work)
    spent = {"seconds": 0.0, "gpu_hours": 0.0}
    for folder in (f for name, f in work.inputs.items() if name.startswith(RUNG)):
        about = folder.read_json("manifest.json")
        spent["seconds"] += about["seconds"]
        spent["gpu_hours"] += about["seconds"] * about["workers"] / 3600 if about["hardware"]["gpu"] else 0.0
    work.out.write_json(SPENT, spent)


def title_of(search: str, config: SearchConfig, proposal: Proposal) -> str:
    """Name of a trial's record, unless another model of the study is the same and gave it its own."""
    return f"{search}-{proposal.number:03d}-s{_seed_of(config, proposal)}"


def _seed_of(config: SearchConfig, proposal: Proposal) -> int:
    return proposal.number if config.fit_seed is None else config.fit_seed


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
        """As :func:`title_of`."""
        return title_of(self.name, self.config, proposal)

    def options(self, proposal: Proposal) -> FitOptions:
        """Options of a trial's whole fit."""
        recommender, train = self.space.settle(proposal.branch, proposal.params)
        return FitOptions(recommender=recommender, train=train, seed=_seed_of(self.config, proposal), **self.fit)

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
        inputs = {**self.base, "model": fits[-1], **{f"{RUNG}{place}": step for place, step in enumerate(fits)}}
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
