"""Commands about studies: run, plan, status, show, export, report, schema, doctor; and the scripts of ``jobs/``."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hemicycle.cli.console import (
    INTERRUPTED,
    AddressOption,
    ConfigArgument,
    ExecutorName,
    ExecutorOption,
    InterruptedRunError,
    OverridesArgument,
    RefreshOption,
    StoreOption,
    api,
    duration,
    err,
    guarded,
    out,
    print_table,
    with_store,
)
from hemicycle.core.errors import InputError, PartialFailureError

app = typer.Typer(
    name="hemicycle",
    help="What recommender systems learn about politics, and what that does to society.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """Formats of exported tables."""

    csv = "csv"
    parquet = "parquet"
    json = "json"
    graphml = "graphml"
    gexf = "gexf"


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
    run_and_tell(api().load(config, overrides or []), Where(store, executor, address, refresh))


@dataclass(frozen=True)
class Where:
    """Where a study runs and lies."""

    store: str | None
    executor: ExecutorName
    address: str | None
    refresh: bool


def run_and_tell(config: Any, where: Where) -> None:
    """Run a study with progress, and say what came out and what to type next."""
    verbs = api()
    from hemicycle.reports.progress import progress  # noqa: PLC0415 - slow to import, not needed for --help
    from hemicycle.reports.tally import directions_of  # noqa: PLC0415 - as above

    by = verbs.local() if where.executor is ExecutorName.local else verbs.ray(where.address)
    with progress(err, directions_of(config)) as listener:
        store = verbs.open_store(where.store)
        try:
            study = verbs.run(config, executor=by, store=store, listener=listener, refresh=where.refresh)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(INTERRUPTED) from error
    _tell_run(study, verbs.headlines(study), where.store)
    failures = study.outcome.failures()
    if failures:
        failed, blocked = study.outcome.count("failed"), study.outcome.count("blocked")
        counts = f"{failed} step{'' if failed == 1 else 's'} failed, {blocked} could not run"
        more = f"hemicycle show {failures[0]['step'][:12]}{with_store(where.store)}"
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
        run_and_tell(select(api().load(config, overrides or [])), Where(store, executor, address, refresh))

    script = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None, add_completion=False)
    script.command()(command)
    guarded(script)


_MAIN_TABLES = (
    *("probe_results", "ranking_results", "simulation_results"),
    *("agenda_following", "agenda_leads", "agenda_hawkes"),
    *("agenda_mediation_effects", "agenda_recovery", "agenda_false_discoveries", "agenda_power"),
)
"""What a study is about, the first it has; else its records."""


def _tell_run(study: Any, headlines: list[str], store: str | None) -> None:
    outcome = study.outcome
    cached = outcome.count("cached") == len(outcome.steps)
    if cached and not study.changed:
        out.print(f"Nothing to do: all {len(outcome.steps)} steps were finished before.")
    elif cached:
        out.print(f"Nothing to run: all {len(outcome.steps)} steps were finished before; tables and report are new.")
    else:
        counts = f"{outcome.count('finished')} steps run, {outcome.count('cached')} found finished"
        out.print(f"Done: {counts}, {outcome.count('failed')} failed, {outcome.count('blocked')} not run.")
    for line in headlines if study.changed else ():
        out.print(f"  {line}")
    out.print(f"Report: {study.folder.uri}/report.html")
    table = next((name for name in _MAIN_TABLES if len(study.tables.get(name, ()))), "records")
    out.print(f"Next:   hemicycle export {study.folder.name} {table} --format csv{with_store(store)}")


@app.command()
def plan(
    config: ConfigArgument,
    overrides: OverridesArgument = None,
    store: StoreOption = None,
    json_: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
) -> None:
    """Show the steps of a study: cached or to run and why; time, memory and disk; refuse what cannot fit."""
    found = api().plan(config, overrides or [], store=api().open_store(store))
    todo = found.todo
    seconds, disk = found.seconds, sum(s.cost.disk for s in todo)
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
        print_table(
            ["step", "state", "why", "seconds", "memory"],
            [
                (p.step.title, p.state, p.reason, f"{p.step.cost.seconds:.0f}", f"{p.step.cost.memory / 1e9:.1f} GB")
                for p in found.steps
            ],
        )
        out.print(
            f"{len(todo)} of {len(found.steps)} steps to run, about {duration(seconds)} on one core, "
            f"{duration(found.beyond)} of it for start, report and what follows from models (probes, lists, maps); "
            f"{peak / 1e9:.1f} GB of memory at most for one, {disk / 1e6:.0f} MB on disk."
        )
    if found.problems:
        raise InputError("the plan does not fit:\n" + "\n".join(found.problems))
    if not json_:
        words = shlex.join([str(config), *(overrides or [])])
        out.print(f"Next: hemicycle run {words}{with_store(store)}", soft_wrap=True, markup=False)


@app.command()
def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Fingerprint or model name.")], store: StoreOption = None
) -> None:
    """Show the provenance of one run: configuration, inputs, versions, hardware, time."""
    typer.echo(json.dumps(api().show(run_id, api().open_store(store)), indent=1, sort_keys=True))


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
        out.print(f"Graph: {api().export_graph(study, table, path, api().open_store(store))}")
        return
    found = api().export(study, table, api().open_store(store))
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
    out.print(f"Report: {api().report(config, overrides or [], store=api().open_store(store))}")


@app.command()
def schema() -> None:
    """Print the JSON schema of a study's configuration, for editors."""
    from hemicycle.studies.config import StudyConfig  # noqa: PLC0415 - slow to import, not needed for --help

    typer.echo(json.dumps(StudyConfig.model_json_schema(), indent=1))


@app.command()
def doctor(store: StoreOption = None) -> None:
    """Examine this machine: versions, Ray and its token mode, storage, GPU."""
    checks = api().doctor(api().open_store(store))
    print_table(["", "what", "found"], [("ok" if c.ok else "!!", c.name, c.found) for c in checks])
    bad = [c for c in checks if not c.ok]
    for check in bad:
        err.print(f"{check.name}: {check.remedy}", style="red")
    if bad:
        raise typer.Exit(1)
