"""Run a study: prepare its data here, execute the plan wherever the executor is, gather its tables."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from hemicycle.core.errors import InputError, raise_problems
from hemicycle.core.storage import Folder, StorageError
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.schema import Dataset
from hemicycle.studies import costs
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.design_tables import design_tables
from hemicycle.studies.engine import FAILED, Event, Listener, Outcome, execute
from hemicycle.studies.executor import Executor, Task, complete, launch_processes, provenance
from hemicycle.studies.intact import PLAN, blaming_damage
from hemicycle.studies.listing import Finished
from hemicycle.studies.locks import SWEEP, Lease, hold, working
from hemicycle.studies.marker import check_usable, mark
from hemicycle.studies.plan import build_plan, data_step_of, foreign_steps_of
from hemicycle.studies.steps import Step, closure
from hemicycle.studies.tables import gather

ABOUT = "study.json"


@dataclass(frozen=True)
class Study:
    """A study that has been run.

    Args:
        config: its configuration.
        folder: where its tables and report lie.
        outcome: state of every step.
        tables: tidy tables by name.
        dataset: what it was about.
        changed: False when everything was there already and the tables are those of the last run.
    """

    config: StudyConfig
    folder: Folder
    outcome: Outcome
    tables: dict[str, pd.DataFrame]
    dataset: Dataset
    changed: bool


def study_folder(config: StudyConfig, store: Folder) -> Folder:
    """Where a study's tables and report lie: its name and the first digits of its configuration's fingerprint."""
    return store / "studies" / f"{config.name}-{config.fingerprint()[:8]}"


def look(config: StudyConfig, store: Folder, *, refresh: bool = False) -> tuple[Dataset, list[Step]]:
    """Read the data without writing anything and return it with the plan.

    Args:
        config: the study.
        store: where data that was read before lies.
        refresh: read it from its source all the same.

    Raises:
        InputError: everything that is wrong with the data, or between the data and the study.
    """
    folder = data_step_of(config).folder(store)
    cached = folder.done and not refresh
    dataset = Dataset.read(folder) if cached else SOURCE.build(config.data).read()
    return dataset, build_plan(config, dataset)


def run_study(
    config: StudyConfig, executor: Executor, store: Folder, listener: Listener, *, refresh: bool = False
) -> Study:
    """Bring a study to its end and gather its tables.

    Data and foreign models are read in this process, before anything is started elsewhere: bad input ends here.

    Raises:
        InputError: the store is not writable or no store, the plan does not fit, the data cannot be used, nobody
            computes, or another driver is at work on this study.
    """
    check_usable(store)
    dataset, steps = look(config, store, refresh=refresh)
    wanted = closure([data_step_of(config), *steps])
    finished = Finished(store)
    todo = [step for step in wanted if refresh or not finished(step.kind, step.fingerprint)]
    raise_problems(costs.misfits(todo, store, executor.slots, executor.memory))
    if todo:
        executor.check()
    folder = study_folder(config, store)
    mark(store)
    with hold(folder) as lease, blaming_damage(lambda: (step.folder(store) for step in wanted)):
        _begin(lease, config, wanted, store)
        lease.tell(write=True, planned=True, total=len(wanted), slots=executor.slots)
        here = _take_in(config, dataset, store, refresh=refresh)
        listen = _listener(folder, lease, listener)
        outcome = execute(wanted, store, executor, listen, lambda step: refresh and step.fingerprint not in here)
        outcome.states.update(dict.fromkeys(here, "finished"))
        _write_plan(folder, config, outcome.steps.values(), complete=True)
        return _collect(Study(config, folder, outcome, {}, dataset, changed=True), store)


def _begin(lease: Lease, config: StudyConfig, wanted: Iterable[Step], store: Folder) -> None:
    """Write what the study is going to need, so that nobody clears it away.

    Raises:
        InputError: somebody is clearing the store just now.
    """
    if (sweeper := working(store, SWEEP)) is not None:
        raise InputError(f"the store is being cleared by {sweeper}", remedy="wait for `hemicycle gc` to end")
    _write_plan(lease.folder, config, wanted, complete=False)


def _listener(folder: Folder, lease: Lease, listener: Listener) -> Listener:
    """Before others are told of an event: open the study's folder again, and count for ``status``."""

    def listen(event: Event) -> None:
        if event.state == "started":
            folder.reopen()
        elif event.state != "cached":
            ran = event.seconds if event.state == "finished" else None
            lease.step(ran, (event.done, event.total, event.failed))
        listener(event)

    return listen


def _take_in(config: StudyConfig, dataset: Dataset, store: Folder, *, refresh: bool) -> set[str]:
    """Write the data and take in foreign models, in this process; returns the fingerprints of steps that ran."""
    data = data_step_of(config)
    keep = replace(Task.of(data, data.work(store)), function=lambda work: dataset.write(work.out))
    tasks = [keep, *(Task.of(step, step.work(store)) for step in foreign_steps_of(config, data).values())]
    made = set()
    for task in tasks:
        out = task.work.out
        if refresh:
            out.delete()
        if not out.done:
            study_folder(config, store).reopen()
            complete(task, launch_processes)
            made.add(task.fingerprint)
    return made


def _write_plan(folder: Folder, config: StudyConfig, steps: Iterable[Step], *, complete: bool) -> None:
    """Write which steps the study wants, for ``status`` and ``gc``; ``complete``: none will follow from results."""
    rows = [{"fingerprint": s.fingerprint, "kind": s.kind, "title": s.title} for s in steps]
    about = {"name": config.name, "config": config.model_dump(mode="json"), "complete": complete}
    folder.write_json(PLAN, about | {"steps": rows})


def _collect(study: Study, store: Folder) -> Study:
    """Gather the tables, unless this code gathered those of the last run from the same steps."""
    states = sorted((key, state in ("cached", "finished")) for key, state in study.outcome.states.items())
    folder, seen = study.folder, [list(pair) for pair in states]
    if folder.done and not study.outcome.count("finished") and (kept := _kept_tables(folder, seen)) is not None:
        return Study(study.config, folder, study.outcome, kept, study.dataset, changed=False)
    folder.reopen()
    tables = gather(study.outcome, store)
    tables |= design_tables(study.config.designs, tables)
    for name, table in tables.items():
        (folder / "tables").write_table(name, pa.Table.from_pandas(table, preserve_index=False))
    folder.write_json(ABOUT, {"states": seen, "tables": sorted(tables), "provenance": provenance()})
    return Study(study.config, folder, study.outcome, tables, study.dataset, changed=True)


def _kept_tables(folder: Folder, seen: list[list[object]]) -> dict[str, pd.DataFrame] | None:
    """Tables of the last run if this code gathered them from these states; None otherwise, or if they are damaged."""
    try:
        about = folder.read_json(ABOUT)
        code, now = about["provenance"], provenance()
        if about["states"] != seen or any(code[name] != now[name] for name in ("hemicycle", "commit")):
            return None
        return {name: (folder / "tables").read_table(name).to_pandas() for name in about["tables"]}
    except (StorageError, KeyError, TypeError):
        return None


# -- preview -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Planned:
    """A step of a plan and what will become of it."""

    step: Step
    state: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Args:
        steps: in the order of dependence; steps that follow from results (probes of each record) come when these exist.
        problems: why it would be refused; empty when it fits.
        beyond: seconds on one core that the run is expected to take beyond these steps.
    """

    steps: list[Planned]
    problems: list[str]
    beyond: float = 0.0

    @property
    def todo(self) -> list[Step]:
        """Steps that would run."""
        return [planned.step for planned in self.steps if planned.state == "to run"]

    @property
    def seconds(self) -> float:
        """Seconds on one core that the run is expected to take, all in all."""
        return sum(step.cost.seconds for step in self.todo) + self.beyond


def preview(steps: Iterable[Step], store: Folder, slots: int, memory: float | None) -> Plan:
    """Say what a run of these steps would do, on a machine of so many slots and so much memory."""
    rows = [_planned(step, store) for step in closure(steps)]
    found = Plan(rows, [])
    return replace(found, problems=[str(problem) for problem in costs.misfits(found.todo, store, slots, memory)])


def _planned(step: Step, store: Folder) -> Planned:
    folder = step.folder(store)
    if folder.done:
        return Planned(step, "cached", "finished before with the same configuration and inputs")
    if folder.exists(FAILED):
        return Planned(step, "to run", "failed before: " + folder.read_json(FAILED)["error"].splitlines()[0])
    if folder.exists():
        return Planned(step, "to run", "interrupted before")
    return Planned(step, "to run", "new")
