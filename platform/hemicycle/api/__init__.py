"""The verbs as functions, for notebooks and jobs; the command line calls the same.

>>> from hemicycle import api
>>> study = api.run("quickstart", ["seeds=2"], executor=api.local())  # doctest: +SKIP
>>> study.tables["probe_results"]  # doctest: +SKIP
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from hemicycle.api.configured import (
    data_describe,
    data_fetch,
    data_status,
    data_synthesize,
    doctor,
    load,
    population_add,
)
from hemicycle.api.estimated import estimate
from hemicycle.api.stored import (
    archive,
    compare,
    export,
    export_graph,
    failures,
    gc,
    population,
    query,
    restore,
    show,
    status,
    stored_config,
    unfinished,
)
from hemicycle.compute.doctor import Check
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.core.tracking import NullTracker, Tracker
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.schema import Dataset
from hemicycle.ledger import overview
from hemicycle.ledger.comparison import Comparison
from hemicycle.ledger.index import Store, open_store
from hemicycle.ledger.optuna import optuna_study, write_optuna
from hemicycle.ledger.overview import find_study
from hemicycle.reports.facts import StudyFacts
from hemicycle.reports.findings import summary_lines
from hemicycle.reports.html import write_report
from hemicycle.reports.tracking import tracked_runs
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.engine import Event, Listener
from hemicycle.studies.executor import Executor, LocalExecutor, provenance
from hemicycle.studies.forecast import seconds_beyond
from hemicycle.studies.intact import blaming_damage
from hemicycle.studies.marker import check_store
from hemicycle.studies.run import Plan, Planned, Study, look, preview, run_study, study_folder


def local() -> Executor:
    """Run everything in this process."""
    return LocalExecutor()


def ray(address: str | None = None, cpus: int | None = None) -> Executor:
    """Run on a Ray cluster: at ``address``, around this job, or started on this machine."""
    executor: Executor = import_module("hemicycle.compute.executor").RayExecutor(address, cpus)  # ray takes a second
    return executor


def silent(event: Event) -> None:
    """Tell nothing."""
    del event


def run(  # noqa: PLR0913 - options of the verb, by name
    config: str | Path | StudyConfig,
    overrides: Sequence[str] = (),
    *,
    executor: Executor | None = None,
    tracker: Tracker | None = None,
    store: Store = None,
    listener: Listener = silent,
    refresh: bool = False,
) -> Study:
    """Run a study to its report. What is finished is not done again; what failed is tried again.

    Args:
        config: file, name or configuration.
        overrides: e.g. ``["train.epochs=3"]``.
        executor: who computes; default: Ray on this machine.
        tracker: who is told of finished models and arms; default: as the study's ``tracking`` says, which is then told
            of the progress, too.
        store: where results lie; default: :func:`open_store`.
        listener: told of every step.
        refresh: make everything again.

    Raises:
        InputError: something is wrong with the configuration, the data or the store; nothing was started.
    """
    study_config, place = load(config, overrides), open_store(store)
    by = executor or ray()
    try:
        with _followed(study_config, place, listener, tracker) as listen:
            study = run_study(study_config, by, place, listen, refresh=refresh)
    finally:
        by.close()
    if study.changed:
        _finish(study, tracker or _tracker(study_config, study.folder))
    return study


@contextmanager
def _followed(config: StudyConfig, store: Folder, listener: Listener, tracker: Tracker | None) -> Iterator[Listener]:
    """The listener, and before it the dashboard that the study names, unless somebody else is the tracker."""
    if tracker is not None or config.tracking.wandb == "disabled":
        yield listener
        return
    progress = import_module("hemicycle.reports.wandb_progress")
    with progress.wandb_progress(config, store, config.tracking.wandb) as follow:

        def listen(event: Event) -> None:
            follow(event)
            listener(event)

        yield listen


def _finish(study: Study, tracker: Tracker) -> None:
    """Write the report, tell the tracker, close the study's folder."""
    place = _store_of(study)
    with blaming_damage(lambda: (step.folder(place) for step in study.outcome.steps.values())):
        about = facts(study)
    write_report(about, study.tables, study.folder)
    for tracked in tracked_runs(about, study.tables):
        tracker.record(tracked)
    study.folder.finish()


def _store_of(study: Study) -> Folder:
    return Folder(study.folder.uri.rsplit("/studies/", 1)[0])


def _tracker(config: StudyConfig, folder: Folder) -> Tracker:
    mode = config.tracking.wandb
    if mode == "disabled":
        return NullTracker()
    tracker: Tracker = import_module("hemicycle.reports.wandb_tracker").WandbTracker(
        folder, config.tracking.project, mode
    )
    return tracker


def facts(study: Study) -> StudyFacts:
    """What the report says of a study beside its tables."""
    config, data, place = study.config, study.dataset, _store_of(study)
    seconds: dict[str, float] = {}
    for step in study.outcome.steps.values():
        folder = step.folder(place)
        if folder.done:
            seconds[step.kind] = seconds.get(step.kind, 0.0) + folder.read_json("manifest.json")["seconds"]
    return StudyFacts(
        title=config.title or config.name,
        question=config.question,
        name=config.name,
        fingerprint=config.fingerprint(),
        config=config.model_dump(mode="json"),
        provenance=provenance() | {"seconds by kind of step": {k: round(v, 1) for k, v in seconds.items()}},
        data={} if config.data.source == "none" else _described(data),
        public=data.public,
        citations=tuple(getattr(SOURCE.build(config.data), "citations", ())),
    )


def _described(data: Dataset) -> dict[str, Any]:
    counts = {"users": data.users.num_rows, "items": 0 if data.items is None else data.items.num_rows}
    relations = {name: relation.table.num_rows for name, relation in data.relations.items()}
    return {"name": data.name, **counts, **relations, "notes": list(data.notes)}


def headlines(study: Study) -> list[str]:
    """Findings of a study in sentences."""
    return summary_lines(study.tables)


def report(config: str | Path | StudyConfig, overrides: Sequence[str] = (), *, store: Store = None) -> str:
    """Write the report of a finished study again and return where it is.

    Raises:
        InputError: the study is not finished; nothing is run here.
    """
    study = run(config, overrides, executor=_Nobody(), tracker=NullTracker(), store=store)
    write_report(facts(study), study.tables, study.folder)
    return f"{study.folder.uri}/{overview.REPORT}"


class _Nobody(LocalExecutor):
    """Runs nothing."""

    def check(self) -> None:
        """Refuse."""
        raise InputError("the study is not finished", remedy="finish it first: hemicycle run CONFIG")


def plan(
    config: str | Path | StudyConfig, overrides: Sequence[str] = (), *, store: Store = None, slots: int = 1
) -> Plan:
    """Say what a run would do, without writing anything."""
    study_config, place = load(config, overrides), open_store(store)
    check_store(place)
    dataset, steps = look(study_config, place)
    found = preview(steps, place, slots, local().memory)
    return replace(found, beyond=seconds_beyond(study_config, dataset, found.todo))


__all__ = [
    "Check",
    "Comparison",
    "Plan",
    "Planned",
    "Study",
    "archive",
    "compare",
    "data_describe",
    "data_fetch",
    "data_status",
    "data_synthesize",
    "doctor",
    "estimate",
    "export",
    "export_graph",
    "facts",
    "failures",
    "find_study",
    "gc",
    "headlines",
    "load",
    "local",
    "open_store",
    "optuna_study",
    "plan",
    "population",
    "population_add",
    "query",
    "ray",
    "report",
    "restore",
    "run",
    "show",
    "silent",
    "status",
    "stored_config",
    "study_folder",
    "unfinished",
    "write_optuna",
]
