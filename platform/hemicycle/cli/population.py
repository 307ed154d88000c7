"""Commands about the models of a study: list, add, optuna."""

from pathlib import Path
from typing import Annotated

import typer

from hemicycle.cli.console import StoreOption, api, out, print_table

app = typer.Typer(help="Models of a study: add, list, optuna.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def population_list(
    study: Annotated[str, typer.Argument(help="Name of a study in the store.")], store: StoreOption = None
) -> None:
    """List the models of a study."""
    found = api().population(study, api().open_store(store))
    rows = [(r.name, r.family, str(r.seed), r.status, str(r.best_epoch), r.id[:12]) for r in found.itertuples()]
    print_table(["name", "family", "seed", "status", "best epoch", "id"], rows)


@app.command("add")
def population_add(
    config: Annotated[str, typer.Argument(help="YAML file of the study to extend.")],
    name: Annotated[str, typer.Argument(help="What the model is to be called.")],
    file: Annotated[Path, typer.Argument(help="Parquet: id, vector [, layer, epoch]; or user, item, rank.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="New config; default CONFIG+NAME.yaml.")] = None,
) -> None:
    """Let a model that was trained elsewhere join a study: writes a configuration that extends it."""
    path = api().population_add(config, name, file, output)
    out.print(f"Written: {path}")
    out.print(f"Next:    hemicycle run {path}")


@app.command("optuna")
def population_optuna(
    study: Annotated[str, typer.Argument(help="Name of a study in the store.")],
    search: Annotated[str, typer.Argument(help="Name of one of its searches.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="New file; default SEARCH.journal.")] = None,
    store: StoreOption = None,
) -> None:
    """Write a search as a journal that Optuna's own tools open."""
    path = api().write_optuna(study, search, output or Path(f"{search}.journal"), api().open_store(store))
    out.print(f"Written: {path}")
    out.print(f"Next:    pip install optuna-dashboard && optuna-dashboard {path}")
