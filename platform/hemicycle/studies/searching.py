"""The searches of a study as steps: reproducible in generations, or asynchronous in one step of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.search.config import SearchConfig
from hemicycle.search.journal import Journal
from hemicycle.search.sampling import propose
from hemicycle.search.sequential import run_sequential
from hemicycle.search.space import Space
from hemicycle.search.trials import Trial
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.costs import Size
from hemicycle.studies.generations import HISTORY, Follow, Generations
from hemicycle.studies.quantities import EvaluateOptions, asked_by
from hemicycle.studies.steps import Cost, Step, Work, store_of
from hemicycle.studies.trial_steps import TrialSteps, twin_inputs


class SearchOptions(Options):
    """A whole asynchronous search."""

    search: SearchConfig
    """The search."""
    train: dict[str, Any]
    """The study's way of training."""
    asked: EvaluateOptions
    """What is measured of each trial."""
    fit: dict[str, Any]
    """What all fits share."""


def search_step(work: Work, trials: TrialSteps) -> None:
    """Carry out a search as fast as trials end, by whoever computes here."""
    carry_out = work.search or search_here
    ended = carry_out(replace(trials, store=store_of(work.out)), work.out)
    measured = [trials.evaluation(trial.proposal, _rung(trials, trial)).fingerprint for trial in ended]
    found = [replace(trial, measured=key) for trial, key in zip(ended, measured, strict=True)]
    work.out.write_json(HISTORY, [trial.to_json() for trial in found])


def search_here(trials: TrialSteps, out: Folder) -> list[Trial]:
    """Carry out a search in this process."""
    return run_sequential(trials.config, trials.space, trials, journal_of(out))


def journal_of(out: Folder) -> Journal:
    """What a search wrote down, whoever carried it out; another executor goes on from it."""
    return Journal(out / "trials")


def asynchronous(trials: TrialSteps, train: dict[str, Any], follow: Follow, twins: Sequence[Step] = ()) -> Step:
    """Return the step of an asynchronous search; ``twins``, which may ask for the same fits, are carried out before."""
    options = SearchOptions(search=trials.config, train=train, asked=trials.asked, fit=dict(trials.fit))
    before = twin_inputs(twins)
    function = partial(search_step, trials=trials)
    step = Step("search", f"search {trials.name}", function, options, {**trials.base, **before}, threads=trials.threads)
    return replace(step, tolerates=frozenset(before), then=partial(_found, trials, follow))


def _found(trials: TrialSteps, follow: Follow, folder: Folder) -> list[Step]:
    """The steps of the trials that a search ran, which are finished, and what is done with their records."""
    steps: list[Step] = []
    for trial in (Trial.from_json(row) for row in folder.read_json(HISTORY)):
        rung = _rung(trials, trial)
        fit = trials.fits(trial.proposal, rung)[-1]
        then = partial(follow, fit, trials.title(trial.proposal))
        steps += [replace(fit, then=then), trials.evaluation(trial.proposal, rung)]
    return steps


def _rung(trials: TrialSteps, trial: Trial) -> int:
    """The rung at which a trial is measured; the last, unless it was stopped."""
    rungs = trials.rungs(trial.proposal)
    return rungs.index(trial.epochs) if trial.state == "stopped" else len(rungs) - 1


# -- of a study --------------------------------------------------------------------------------------------------------


def search_steps(
    config: StudyConfig, dataset: Dataset, base: Mapping[str, Step], size: Size, follow: Follow
) -> list[Step]:
    """Return the first step of every search of a study."""
    firsts: dict[str, Step] = {}
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
        twins = tuple(first for other, first in firsts.items() if config.searches[other] == search)
        step = (
            asynchronous(trials, train, follow, twins)
            if search.mode == "async"
            else Generations(trials, train, follow, twins).first()
        )
        firsts[name] = replace(step, cost=Cost() if twins else estimate(trials))
    return list(firsts.values())


def estimate(trials: TrialSteps) -> Cost:
    """What a whole search may take, by the first generation's trials; ``plan`` shows it beside the first step."""
    first = propose(trials.config, trials.space, [])
    costs = [trials.size.fit(trials.options(proposal), trials.config.workers) for proposal in first]
    number = trials.config.trials / max(1, len(costs))
    measured = trials.size.probe(1, sum(one.metric == "probe" for one in trials.asked.asked)).seconds
    seconds, disk = sum(cost.seconds + measured for cost in costs), sum(cost.disk for cost in costs)
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
