"""Commands about data sets: list, fetch, describe, synthesize."""

from pathlib import Path
from typing import Annotated

import typer

from hemicycle.cli.console import ConfigArgument, OverridesArgument, api, out, print_table

app = typer.Typer(help="Data sets: list, fetch, describe, synthesize.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def data_list() -> None:
    """List the data sets that are known by name, and which are here."""
    rows = [(s.name, s.state, s.title, s.licence) for s in api().data_status()]
    print_table(["name", "state", "title", "licence"], rows)


@app.command("fetch")
def data_fetch(name: Annotated[str, typer.Argument(help="Name from `hemicycle data list`.")]) -> None:
    """Download a public data set into $HEMICYCLE_DATA, or say where to get it; checks what is here."""
    out.print(f"Here: {api().data_fetch(name)}")


@app.command("describe")
def data_describe(config: ConfigArgument, overrides: OverridesArgument = None) -> None:
    """Describe the data of a study, or a data set by name: counts, degrees, distributions."""
    found = api().data_describe(config, overrides or [])
    rows = [(r.table, r.column, r.statistic, f"{r.value:g}") for r in found.itertuples()]
    print_table(["table", "column", "statistic", "value"], rows)


@app.command("synthesize")
def data_synthesize(
    output: Annotated[Path, typer.Argument(help="Folder for the parquet tables.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="users=1000000 follows.total=10000000 seed=1 ...")
    ] = None,
) -> None:
    """Make a synthetic society with known truth and write its tables."""
    for line in api().data_synthesize(output, overrides or []):
        out.print(line)
