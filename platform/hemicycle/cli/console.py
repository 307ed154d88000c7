"""What every command shares: consoles, options, tables, and how mistakes end."""

import gc
import shlex
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hemicycle.core.errors import HemicycleError

out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
INTERRUPTED = "Interrupted. Nothing that was finished is lost: the same command goes on from here."


class InterruptedRunError(HemicycleError):
    """The user stopped a run. Exit code 130, as of a shell."""

    exit_code = 130


class ExecutorName(StrEnum):
    """Who computes."""

    local = "local"
    ray = "ray"


ConfigArgument = Annotated[str, typer.Argument(help="YAML file, or the name of a shipped study, e.g. quickstart.")]
OverridesArgument = Annotated[list[str] | None, typer.Argument(help="Overrides such as train.epochs=3.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Where results lie; default $HEMICYCLE_STORE, else ./hemicycle-store."),
]
ExecutorOption = Annotated[ExecutorName, typer.Option("--executor", help="ray, or local: in this process.")]
AddressOption = Annotated[str | None, typer.Option("--address", help="Ray cluster to join; default: one of our own.")]
RefreshOption = Annotated[bool, typer.Option("--refresh", help="Make everything again.")]


def api() -> Any:
    """Return :mod:`hemicycle.api`, imported when it is first needed."""
    gc.disable()  # what is imported stays: to look for garbage in it takes a quarter of the time
    from hemicycle import api  # noqa: PLC0415 - slow to import, not needed for --help

    gc.freeze()
    gc.enable()
    return api


def with_store(store: str | None) -> str:
    """Repeat the option that names the store, for the next command."""
    return f" --store {shlex.quote(store)}" if store else ""


def print_table(columns: Sequence[str], rows: Sequence[tuple[str, ...]]) -> None:
    """Print a table: aligned on a terminal, tab-separated elsewhere."""
    if not out.is_terminal:
        for row in (columns, *rows):
            typer.echo("\t".join(row))
        return
    table = Table(*columns, box=None, header_style="bold")
    for row in rows:
        table.add_row(*row)
    out.print(table)


def duration(seconds: float) -> str:
    """Say a number of seconds for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def guarded(command: Callable[[], Any]) -> None:
    """A user's mistake ends in a message and exit code 2, failed items in 3, an interrupted run in 130."""
    try:
        command()
    except HemicycleError as error:
        err.print(str(error), style="red", markup=False)
        sys.exit(error.exit_code)
