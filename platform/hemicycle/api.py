"""The verbs as functions, for notebooks and jobs; the command line calls the same.

>>> from hemicycle import api
>>> study = api.run("quickstart", ["seeds=2"], executor=api.local())  # doctest: +SKIP
>>> study.tables["probe_results"]  # doctest: +SKIP
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pyarrow as pa
import yaml

from hemicycle.compute.doctor import Check, examine
from hemicycle.compute.executor import RayExecutor
from hemicycle.core import config as configuration
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.core.tracking import NullTracker, Tracker
from hemicycle.data import registry
from hemicycle.data.catalogue import SOURCE
from hemicycle.data.describe import describe
from hemicycle.data.gephi import write_graph
from hemicycle.data.schema import Dataset
from hemicycle.data.synthetic import Synthetic, SyntheticConfig
from hemicycle.ledger import archive as archiving
from hemicycle.ledger import garbage, overview
from hemicycle.ledger.comparison import Comparison
from hemicycle.ledger.comparison import compare as compare_stored
from hemicycle.ledger.index import Store, open_store
from hemicycle.ledger.library import Library
from hemicycle.ledger.optuna import optuna_study, write_optuna
from hemicycle.ledger.overview import find_study
from hemicycle.ledger.questions import ask
from hemicycle.ledger.restore import Restored
from hemicycle.ledger.restore import restore as restore_archive
from hemicycle.population.foreign import ForeignConfig, foreign_kind
from hemicycle.reports.facts import StudyFacts
from hemicycle.reports.findings import summary_lines
from hemicycle.reports.html import write_report
from hemicycle.reports.tracking import tracked_runs
from hemicycle.reports.wandb_tracker import WandbTracker
from hemicycle.studies.config import NAME, StudyConfig
from hemicycle.studies.engine import Event, Listener
from hemicycle.studies.executor import Executor, LocalExecutor, provenance
from hemicycle.studies.intact import blaming_damage
from hemicycle.studies.marker import check_store
from hemicycle.studies.models import ingest_foreign
from hemicycle.studies.run import Plan, Planned, Study, look, preview, run_study, study_folder


def load(config: str | Path | StudyConfig, overrides: Sequence[str] = ()) -> StudyConfig:
    """Read a study: a file, the name of a shipped one, or a configuration as it is.

    Raises:
        InputError: every problem of the configuration, with its file, line and key.
    """
    if not isinstance(config, StudyConfig):
        return configuration.load(StudyConfig, config, overrides)
    if overrides:
        raise InputError("overrides change a file's values, not a configuration's", remedy="use config.replace(...)")
    return config


def local() -> Executor:
    """Run everything in this process."""
    return LocalExecutor()


def ray(address: str | None = None, cpus: int | None = None) -> Executor:
    """Run on a Ray cluster: at ``address``, around this job, or started on this machine."""
    return RayExecutor(address, cpus)


def silent(event: Event) -> None:
    """Tell nothing."""
    del event


# -- run -------------------------------------------------------------------------------------------------------------


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
        tracker: who is told of finished models and arms; default: as the study's ``tracking`` says.
        store: where results lie; default: :func:`open_store`.
        listener: told of every step.
        refresh: make everything again.

    Raises:
        InputError: something is wrong with the configuration, the data or the store; nothing was started.
    """
    study_config, place = load(config, overrides), open_store(store)
    by = executor or ray()
    try:
        study = run_study(study_config, by, place, listener, refresh=refresh)
    finally:
        by.close()
    if study.changed:
        _finish(study, tracker or _tracker(study_config, study.folder))
    return study


def _finish(study: Study, tracker: Tracker) -> None:
    """Write the report, tell the tracker, close the study's folder."""
    place = Folder(study.folder.uri.rsplit("/studies/", 1)[0])
    with blaming_damage(lambda: (step.folder(place) for step in study.outcome.steps.values())):
        about = facts(study)
    write_report(about, study.tables, study.folder)
    for tracked in tracked_runs(about, study.tables):
        tracker.record(tracked)
    study.folder.finish()


def _tracker(config: StudyConfig, folder: Folder) -> Tracker:
    mode = config.tracking.wandb
    return NullTracker() if mode == "disabled" else WandbTracker(folder, config.tracking.project, mode)


def facts(study: Study) -> StudyFacts:
    """What the report says of a study beside its tables."""
    config, data = study.config, study.dataset
    seconds: dict[str, float] = {}
    for step in study.outcome.steps.values():
        folder = Folder(study.folder.uri.rsplit("/studies/", 1)[0])
        if step.folder(folder).done:
            seconds[step.kind] = seconds.get(step.kind, 0.0) + step.folder(folder).read_json("manifest.json")["seconds"]
    return StudyFacts(
        title=config.title or config.name,
        question=config.question,
        name=config.name,
        fingerprint=config.fingerprint(),
        config=config.model_dump(mode="json"),
        provenance=provenance() | {"seconds by kind of step": {k: round(v, 1) for k, v in seconds.items()}},
        data=_described(data),
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


# -- look ------------------------------------------------------------------------------------------------------------


def plan(
    config: str | Path | StudyConfig, overrides: Sequence[str] = (), *, store: Store = None, slots: int = 1
) -> Plan:
    """Say what a run would do, without writing anything."""
    study_config, place = load(config, overrides), open_store(store)
    check_store(place)
    _, steps = look(study_config, place)
    return preview(steps, place, slots, local().memory)


def status(store: Store = None) -> pd.DataFrame:
    """One row a study of the store, failures first: steps finished, failed, missing; who is at work; the report."""
    return pd.DataFrame(overview.status(open_store(store)), columns=overview.STATUS)


def failures(study: str, store: Store = None) -> list[dict[str, str]]:
    """Failed steps of a study: fingerprint, title, first line of the error, and what to do."""
    place = open_store(store)
    return overview.failures(find_study(study, place), place)


def unfinished(study: str, store: Store = None) -> list[str]:
    """Titles of a study's steps that are neither finished nor failed."""
    place = open_store(store)
    return overview.unfinished(find_study(study, place), place)


def stored_config(study: str, store: Store = None) -> StudyConfig:
    """Return the configuration with which a study was run last; running it again tries what failed and is missing."""
    return overview.stored_config(find_study(study, open_store(store)))


def show(run_id: str, store: Store = None) -> dict[str, Any]:
    """Return the provenance of one run: a step's fingerprint (its beginning is enough) or a model's name.

    Raises:
        InputError: nothing, or more than one thing, is called that.
    """
    return overview.show(run_id, open_store(store))


def export(study: str, table: str, store: Store = None) -> pa.Table:
    """Return a table of a study, or ``users``, ``items`` or a relation of its data, for another program.

    Raises:
        DisclosureError: it says row by row what people did or think who are not public.
        InputError: there is no such table.
    """
    return overview.table(study, table, open_store(store))


def export_graph(study: str, relation: str, path: str | Path, store: Store = None) -> Path:
    """Write a relation of a study's data for Gephi: ``path`` ends in .graphml or .gexf.

    Raises:
        DisclosureError: the users are not public.
        InputError: there is no such relation or format.
    """
    return write_graph(overview.public_data(study, open_store(store)), path, relation or None)


# -- ask -------------------------------------------------------------------------------------------------------------


def query(sql: str, store: Store = None) -> pa.Table:
    """Answer a question in SQL about all studies of a store, after bringing its index up to date.

    Args:
        sql: one SELECT over ``models``, ``steps``, ``studies``, ``metrics``, ``probes``, ``simulations`` and others;
            ``SELECT * FROM tables`` says what studies have.
        store: default: :func:`open_store`.

    Raises:
        InputError: it is no SELECT, or names something that is not there; the message holds the nearest names.
        DisclosureError: it names a table that holds sensitive values of people who are not public.
    """
    return ask(Library.of(open_store(store)), sql)


def compare(*names: str, store: Store = None) -> Comparison:
    """Compare studies with studies or models with models; the others are tested against the first.

    Args:
        *names: studies; or models: ``NAME``, ``STUDY/NAME``, the beginning of an id, or a member without its seed.
        store: default: :func:`open_store`.

    Raises:
        InputError: names that cannot be used, or sides of which nothing in common was measured.
    """
    return compare_stored(open_store(store), names)


# -- housekeeping ------------------------------------------------------------------------------------------------------


def gc(store: Store = None, wanted: garbage.Wanted | None = None, *, delete: bool = False) -> garbage.Found:
    """List what the store no longer needs and, with ``delete``, remove it; what a live driver uses is never touched.

    Raises:
        InputError: the folder is no store, or there is no such study.
    """
    place, chosen = open_store(store), wanted or garbage.Wanted()
    return (garbage.collect if delete else garbage.look_around)(place, chosen)


def archive(
    study: str,
    output: str | Path | None = None,
    store: Store = None,
    *,
    checkpoints: bool = True,
    data: bool | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Write a study as one file that another laboratory can open; people's rows stay inside unless they are public.

    Args:
        study: its name.
        output: the file; default: the study's name here.
        store: where it lies.
        checkpoints: whether trained models go with it.
        data: whether the data do; default: when the people in them are public.

    Returns:
        The file, and its index with checksums and what was left out.

    Raises:
        DisclosureError: the data are asked for, and the people in them are not public.
    """
    place = open_store(store)
    folder = find_study(study, place)
    path = Path(output or f"{folder.name}{archiving.SUFFIX}").expanduser().absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} is no place for a file", "--output", "name a file in a folder that exists")
    found = archiving.contents(folder, place, archiving.Wishes(checkpoints, data))
    return path, archiving.write_archive(found, place, path)


def restore(path: str | Path, store: Store = None) -> Restored:
    """Open an archive in a store, once every checksum has been verified; what is finished there stays as it is.

    Raises:
        InputError: the archive is damaged, foreign or newer than this version, or differs from what is there.
    """
    return restore_archive(Path(path).expanduser(), open_store(store))


def population(study: str, store: Store = None) -> pd.DataFrame:
    """Return the records of a study's population."""
    found: pd.DataFrame = export(study, "records", store).to_pandas()
    return found


def population_add(config: str, name: str, file: Path, output: Path | None = None) -> Path:
    """Write a configuration that extends a study by a foreign model; its file is checked against the data.

    Args:
        config: the study's YAML file.
        name: what the model is to be called.
        file: parquet with id and vector (optionally layer, epoch), or with user, item and rank.
        output: the new file; default: beside the old one.

    Raises:
        InputError: the name is taken, or the file cannot be used with this data.
    """
    base = configuration.find(config)
    study = load(base)
    if name in study.population:
        raise InputError(f"{base} has a member {name!r} already", remedy="choose another name")
    kind = foreign_kind(file)
    path = output or Path(f"{base.stem}+{name}.yaml")
    if not NAME.fullmatch(name):
        raise InputError(f"{name!r} is no name for a model", remedy="use letters, digits, dots, dashes and underscores")
    if path.exists():
        raise InputError(f"{path} is there already", remedy="choose another file with --output")
    member = {"population": {name: {kind: str(file.resolve())}}}
    text = yaml.safe_dump({"extends": str(base.resolve()), "name": f"{study.name}-{name}", **member}, sort_keys=False)
    with TemporaryDirectory() as folder:
        draft = Path(folder, path.name)
        draft.write_text(text, encoding="utf-8")
        dataset, _ = look(load(draft), Folder.at(folder))
        ingest_foreign(ForeignConfig(**{kind: file}), dataset, Folder.at(folder))
    path.write_text(text, encoding="utf-8")
    return path


# -- data ------------------------------------------------------------------------------------------------------------


def data_status() -> list[registry.Status]:
    """Return the known data sets and whether they are here."""
    return registry.status()


def data_fetch(name: str) -> Path:
    """Download what is missing of a data set, check its files and return its folder."""
    registry.fetch(name)
    return registry.verify(name)


def data_describe(config: str | StudyConfig, overrides: Sequence[str] = ()) -> pd.DataFrame:
    """Describe the data of a study, or of a data set by name; aggregates only."""
    if isinstance(config, str) and config in registry.entries():
        return describe(registry.open_source(config).read())
    return describe(SOURCE.build(load(config, overrides).data).read())


def data_synthesize(output: str | Path, overrides: Sequence[str] = ()) -> list[str]:
    """Make a synthetic society, write its tables below ``output`` and say what it has."""
    config = configuration.validate(SyntheticConfig, configuration.parse(overrides))
    folder = Folder.at(output)
    try:
        folder.check_writable()
    except InputError as error:
        raise InputError(f"nothing can be written to {folder.uri}", remedy="choose another folder") from error
    dataset = Synthetic(config).read()
    dataset.write(folder)
    folder.finish()
    counts = {"users": dataset.users.num_rows, **{name: r.table.num_rows for name, r in dataset.relations.items()}}
    return [f"{name}: {count:,}" for name, count in counts.items()] + [f"tables: {folder.uri}"]


def doctor(store: Store = None) -> list[Check]:
    """Examine this machine: versions, Ray, storage, the standard library, GPU."""
    return examine(open_store(store))


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
