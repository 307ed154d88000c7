"""The command line: the verbs of :mod:`hemicycle.api`, their progress and their messages."""

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hemicycle.core.errors import HemicycleError, InputError, PartialFailureError

app = typer.Typer(
    name="hemicycle",
    help="What recommender systems learn about politics, and what that does to society.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(
    help="Data sets: list, fetch, describe, synthesize.", no_args_is_help=True, rich_markup_mode=None
)
population_app = typer.Typer(help="Models of a study: add, list.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")
app.add_typer(population_app, name="population")

out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
INTERRUPTED = "Interrupted. Nothing that was finished is lost: the same command goes on from here."


class InterruptedRunError(HemicycleError):
    """The user stopped a run. Exit code 130, as of a shell."""

    exit_code = 130


class ExecutorName(StrEnum):
    """Who computes."""

    local = "local"
    ray = "ray"


class Format(StrEnum):
    """Formats of exported tables."""

    csv = "csv"
    parquet = "parquet"
    json = "json"
    graphml = "graphml"
    gexf = "gexf"


ConfigArgument = Annotated[str, typer.Argument(help="YAML file, or the name of a shipped study, e.g. quickstart.")]
OverridesArgument = Annotated[list[str] | None, typer.Argument(help="Overrides such as train.epochs=3.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Where results lie; default $HEMICYCLE_STORE, else ./hemicycle-store."),
]
ExecutorOption = Annotated[ExecutorName, typer.Option("--executor", help="ray, or local: in this process.")]
AddressOption = Annotated[str | None, typer.Option("--address", help="Ray cluster to join; default: one of our own.")]
RefreshOption = Annotated[bool, typer.Option("--refresh", help="Make everything again.")]


@app.command()
def run(  # noqa: PLR0913, PLR0917 - options of the command
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    store: StoreOption = None,
    executor: ExecutorOption = ExecutorName.ray,
    address: AddressOption = None,
    refresh: RefreshOption = False,
) -> None:
    """Run a study to its report; the same command again finishes what is missing."""
    api = _api()
    where = Where(store, executor, address, refresh)
    _run(api.load(config, overrides or []), where)


@dataclass(frozen=True)
class Where:
    """Where a study runs and lies."""

    store: str | None
    executor: ExecutorName
    address: str | None
    refresh: bool


def _run(config: Any, where: Where) -> None:
    """Run a study with progress, and say what came out and what to type next."""
    api = _api()
    from hemicycle.reports.progress import progress  # noqa: PLC0415 - slow to import, not needed for --help

    by = api.local() if where.executor is ExecutorName.local else api.ray(where.address)
    with progress(err) as listener:
        store = api.open_store(where.store)
        try:
            study = api.run(config, executor=by, store=store, listener=listener, refresh=where.refresh)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(INTERRUPTED) from error
    _tell_run(study, api.headlines(study), where.store)
    failures = study.outcome.failures()
    if failures:
        failed, blocked = study.outcome.count("failed"), study.outcome.count("blocked")
        counts = f"{failed} step{'' if failed == 1 else 's'} failed, {blocked} could not run"
        more = f"hemicycle show {failures[0]['step'][:12]}{_with(where.store)}"
        raise PartialFailureError(f"{counts}. More: {more}; the same command tries them again.")


def job(select: Callable[[Any], Any]) -> None:
    """Run a script of ``jobs/``: the arguments of ``hemicycle run`` for a part of a study.

    Args:
        select: study configuration -> the configuration of what the job does.
    """

    def command(  # noqa: PLR0913, PLR0917 - options of the command
        config: ConfigArgument,
        overrides: OverridesArgument = None,
        store: StoreOption = None,
        executor: ExecutorOption = ExecutorName.ray,
        address: AddressOption = None,
        refresh: RefreshOption = False,
    ) -> None:
        _run(select(_api().load(config, overrides or [])), Where(store, executor, address, refresh))

    script = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)
    script.command()(command)
    _guarded(script)


def _tell_run(study: Any, headlines: list[str], store: str | None) -> None:
    outcome = study.outcome
    if outcome.count("cached") == len(outcome.steps):
        out.print(f"Nothing to do: all {len(outcome.steps)} steps were finished before.")
    else:
        counts = f"{outcome.count('finished')} steps run, {outcome.count('cached')} found finished"
        out.print(f"Done: {counts}, {outcome.count('failed')} failed, {outcome.count('blocked')} not run.")
        for line in headlines:
            out.print(f"  {line}")
    out.print(f"Report: {study.folder.uri}/report.html")
    tables = ("probe_results", "ranking_results", "simulation_results")
    table = next((name for name in tables if len(study.tables.get(name, ()))), "records")
    out.print(f"Next:   hemicycle export {study.folder.name} {table} --format csv{_with(store)}")


@app.command()
def plan(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    store: StoreOption = None,
    json_: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Show the steps of a study: cached or to run and why; time, memory and disk; refuse what cannot fit."""
    found = _api().plan(config, overrides or [], store=_api().open_store(store))
    todo = found.todo
    seconds, disk = sum(s.cost.seconds for s in todo), sum(s.cost.disk for s in todo)
    peak = max((s.cost.memory for s in todo), default=0.0)
    if json_:
        rows = [
            {"step": p.step.title, "fingerprint": p.step.fingerprint, "state": p.state, "reason": p.reason}
            for p in found.steps
        ]
        typer.echo(
            json.dumps({"steps": rows, "seconds": seconds, "memory": peak, "disk": disk, "problems": found.problems})
        )
    else:
        _print_table(
            ["step", "state", "why", "seconds", "memory"],
            [
                (p.step.title, p.state, p.reason, f"{p.step.cost.seconds:.0f}", f"{p.step.cost.memory / 1e9:.1f} GB")
                for p in found.steps
            ],
        )
        out.print(
            f"{len(todo)} of {len(found.steps)} steps to run, about {_duration(seconds)} on one core, "
            f"{peak / 1e9:.1f} GB of memory at most for one, {disk / 1e6:.0f} MB on disk; "
            "probes of each model are added as the models appear."
        )
    if found.problems:
        raise InputError("the plan does not fit:\n" + "\n".join(found.problems))
    if not json_:
        out.print(f"Next: hemicycle run {config}{_with(store)}")


@app.command()
def status(store: StoreOption = None) -> None:
    """List the studies of a store, failures first."""
    found = _api().status(_api().open_store(store)).sort_values(["failed", "missing"], ascending=False)
    if found.empty:
        out.print(f"No study yet in {_api().open_store(store).uri}. Next: hemicycle run quickstart")
        return
    _print_table(list(found.columns), [tuple(str(value) for value in row) for row in found.itertuples(index=False)])


@app.command()
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Fingerprint or model name.")], store: StoreOption = None
) -> None:
    """Show the provenance of one run: configuration, inputs, versions, hardware, time."""
    typer.echo(json.dumps(_api().show(run_id, _api().open_store(store)), indent=1, sort_keys=True))


@app.command()
def export(
    study: Annotated[str, typer.Argument(help="Name of a study in the store.")],
    table: Annotated[str, typer.Argument(help="Name of a table, e.g. probe_results; for a graph, of a relation.")],
    format_: Annotated[
        Format, typer.Option("--format", help="csv, parquet, json; graphml or gexf for Gephi.")
    ] = Format.csv,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File; default TABLE.FORMAT here.")] = None,
    store: StoreOption = None,
) -> None:
    """Write a table of a study for another program; sensitive rows of people stay inside."""
    path = output or Path(f"{table}.{format_.value}")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent}", "--output", "make it, or choose another")
    if format_ in (Format.graphml, Format.gexf):
        out.print(f"Graph: {_api().export_graph(study, table, path, _api().open_store(store))}")
        return
    found = _api().export(study, table, _api().open_store(store))
    frame = found.to_pandas()
    if format_ is Format.parquet:
        frame.to_parquet(path, index=False)
    elif format_ is Format.json:
        frame.to_json(path, orient="records", indent=1)
    else:
        frame.to_csv(path, index=False)
    out.print(f"{len(frame)} rows: {path}")


@app.command()
def report(config: ConfigArgument, overrides: OverridesArgument = None, store: StoreOption = None) -> None:
    """Write a study's report again from its tables."""
    out.print(f"Report: {_api().report(config, overrides or [], store=_api().open_store(store))}")


@app.command()
def schema() -> None:
    """Print the JSON schema of a study's configuration, for editors."""
    from hemicycle.studies.config import StudyConfig  # noqa: PLC0415 - slow to import, not needed for --help

    typer.echo(json.dumps(StudyConfig.model_json_schema(), indent=1))


@app.command()
def doctor(store: StoreOption = None) -> None:
    """Examine this machine: versions, Ray and its token mode, storage, GPU."""
    checks = _api().doctor(_api().open_store(store))
    _print_table(["", "what", "found"], [("ok" if c.ok else "!!", c.name, c.found) for c in checks])
    bad = [c for c in checks if not c.ok]
    for check in bad:
        err.print(f"{check.name}: {check.remedy}", style="red")
    if bad:
        raise typer.Exit(1)


# -- data ------------------------------------------------------------------------------------------------------------


@data_app.command("list")
def data_list() -> None:
    """List the data sets that are known by name, and which are here."""
    rows = [(s.name, s.state, s.title, s.licence) for s in _api().data_status()]
    _print_table(["name", "state", "title", "licence"], rows)


@data_app.command("fetch")
def data_fetch(name: Annotated[str, typer.Argument(help="Name from `hemicycle data list`.")]) -> None:
    """Download a public data set into $HEMICYCLE_DATA, or say where to get it; checks what is here."""
    out.print(f"Here: {_api().data_fetch(name)}")


@data_app.command("describe")
def data_describe(config: ConfigArgument, overrides: OverridesArgument = None) -> None:
    """Describe the data of a study, or a data set by name: counts, degrees, distributions."""
    found = _api().data_describe(config, overrides or [])
    rows = [(r.table, r.column, r.statistic, f"{r.value:g}") for r in found.itertuples()]
    _print_table(["table", "column", "statistic", "value"], rows)


@data_app.command("synthesize")
def data_synthesize(
    output: Annotated[Path, typer.Argument(help="Folder for the parquet tables.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="users=1000000 follows.total=10000000 seed=1 ...")
    ] = None,
) -> None:
    """Make a synthetic society with known truth and write its tables."""
    for line in _api().data_synthesize(output, overrides or []):
        out.print(line)


# -- population ------------------------------------------------------------------------------------------------------


@population_app.command("list")
def population_list(
    study: Annotated[str, typer.Argument(help="Name of a study in the store.")], store: StoreOption = None
) -> None:
    """List the models of a study."""
    found = _api().population(study, _api().open_store(store))
    rows = [(r.name, r.family, str(r.seed), r.status, str(r.best_epoch), r.id[:12]) for r in found.itertuples()]
    _print_table(["name", "family", "seed", "status", "best epoch", "id"], rows)


@population_app.command("add")
def population_add(
    config: Annotated[str, typer.Argument(help="YAML file of the study to extend.")],
    name: Annotated[str, typer.Argument(help="What the model is to be called.")],
    file: Annotated[Path, typer.Argument(help="Parquet: id, vector [, layer, epoch]; or user, item, rank.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="New config; default CONFIG+NAME.yaml.")] = None,
) -> None:
    """Let a model that was trained elsewhere join a study: writes a configuration that extends it."""
    path = _api().population_add(config, name, file, output)
    out.print(f"Written: {path}")
    out.print(f"Next:    hemicycle run {path}")


# -- shared ----------------------------------------------------------------------------------------------------------


def _api() -> Any:
    from hemicycle import api  # noqa: PLC0415 - slow to import, not needed for --help

    return api


def _with(store: str | None) -> str:
    return f" --store {shlex.quote(store)}" if store else ""


def _print_table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    if not out.is_terminal:
        for row in (columns, *rows):
            typer.echo("\t".join(row))
        return
    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def main() -> None:
    """Run the command line."""
    _guarded(app)


def _guarded(command: Callable[[], Any]) -> None:
    """A user's mistake ends in a message and exit code 2, failed items in 3, an interrupted run in 130."""
    try:
        command()
    except HemicycleError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(error.exit_code)
