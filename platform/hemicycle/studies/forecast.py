"""What a run takes beyond the steps that its plan can list: trials of searches, and what is done with every model.

A plan ends where results begin: which trials a search proposes and which records a fit yields is known when it has
run. How many there will be and what each takes can be said before, roughly; for small studies it is most of the time.
"""

from collections.abc import Callable, Iterable
from typing import cast

from hemicycle.data.schema import Dataset
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.search.sampling import propose
from hemicycle.search.space import Space
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.costs import PROCESS_SECONDS, Size
from hemicycle.studies.generations import ProposeOptions
from hemicycle.studies.models import FitOptions, relation_of
from hemicycle.studies.probing import labels_of
from hemicycle.studies.searching import SearchOptions
from hemicycle.studies.stacking import KIND as STACK
from hemicycle.studies.stacking import StackOptions
from hemicycle.studies.steps import Step
from hemicycle.training.options import TrainingOptions

REPORT_SECONDS = 10.0
"""Tables, figures and pages of a report; figures of simulations take as long again."""


def seconds_beyond(config: StudyConfig, dataset: Dataset, todo: Iterable[Step]) -> float:
    """Return the seconds on one core that a run takes beyond the steps that are planned; 0 when nothing is to do.

    Args:
        config: the study.
        dataset: its data.
        todo: planned steps that would run.
    """
    steps = list(todo)
    if not steps:
        return 0.0
    readings = sum(len(labels_of(probe, dataset.users)) for probe in config.probes)
    trained = bool(config.population or config.searches)
    size = Size.of(dataset, relation_of(dataset, config.relation)) if trained else Size(0, 0, 0)
    after = sum(_after(step, lambda options: size.after(visits(options), readings)) for step in steps)
    return PROCESS_SECONDS + REPORT_SECONDS * (2 if config.simulations else 1) + after


def _after(step: Step, of_fit: Callable[[FitOptions], float]) -> float:
    """Seconds of what follows from a planned step."""
    if step.kind == "fit":
        return of_fit(cast("FitOptions", step.options))
    if step.kind == STACK:
        return sum(of_fit(options) for options in cast("StackOptions", step.options).members)
    if step.kind in ("foreign", "derive"):
        return of_fit(FitOptions(recommender="popularity"))
    if step.kind in ("propose", "search"):
        asked = cast("ProposeOptions | SearchOptions", step.options)
        return asked.search.trials * _mean_of_first(asked, of_fit)
    return 0.0


def _mean_of_first(asked: ProposeOptions | SearchOptions, of_fit: Callable[[FitOptions], float]) -> float:
    """Seconds of what follows from a trial, by the trials that are proposed first."""
    space = Space.of(asked.search, asked.train)
    settled = [space.settle(one.branch, one.params) for one in propose(asked.search, space, [])]
    found = [of_fit(FitOptions(recommender=recommender, train=train)) for recommender, train in settled]
    return sum(found) / max(1, len(found))


def visits(options: FitOptions) -> tuple[int, ...]:
    """Layers and checkpoints at which each record of a fit is probed: the trained model, and its untrained twin."""
    layers = len(RECOMMENDER.build(options.recommender).layers)
    return (layers + _checkpoints(options.train) - 1, layers) if layers else (1,)


def _checkpoints(train: TrainingOptions) -> int:
    """Checkpoints that a fit keeps."""
    if train.keep == "all":
        return train.epochs + 1
    labelled = {0, train.epochs, *(epoch for epoch in train.label_epochs if epoch <= train.epochs)}
    sampled = int(train.keep.removeprefix("sample:")) if train.keep.startswith("sample:") else 0
    return min(train.epochs + 1, 1 + len(labelled) + sampled)
