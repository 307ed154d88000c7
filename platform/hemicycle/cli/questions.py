"""Commands that look across studies: query, compare."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemicycle.cli.console import StoreOption, api, err, out, print_table, with_store
from hemicycle.cli.studies import app
from hemicycle.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = 100
"""Rows of an answer that a terminal shows."""


class AnswerFormat(StrEnum):
    """Formats of answers."""

    csv = "csv"
    json = "json"
    parquet = "parquet"
    markdown = "markdown"


ENDINGS = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".md": "markdown"}
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="File; default: this terminal.")]
FormatOption = Annotated[
    AnswerFormat | None, typer.Option("--format", help="csv, json, parquet, markdown; default: as the file's ending.")
]


@app.command()
def query(
    sql: Annotated[str | None, typer.Argument(help="One SELECT; without it, the tables and their columns.")] = None,
    format_: FormatOption = None,
    output: OutputOption = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Read the whole store anew for the index.")] = False,
    store: StoreOption = None,
) -> None:
    """Ask a store about its models, metrics, probes and simulations in SQL."""
    from hemicycle.ledger import questions  # noqa: PLC0415 - slow to import, not needed for --help
    from hemicycle.ledger.index import open_store  # noqa: PLC0415 - as above
    from hemicycle.ledger.library import Library  # noqa: PLC0415 - as above

    chosen = _format(format_, output)
    library = Library.of(open_store(store), rebuild=rebuild)
    if sql is None:
        _tell_tables(questions, library, store)
        return
    answer = questions.ask(library, sql)
    _give(answer, chosen, output)
    for note in questions.notes(library, sql):
        err.print(note, markup=False)


def _tell_tables(questions: Any, library: Any, store: str | None) -> None:
    for name, rows, columns in questions.overview(library):
        out.print(f"[bold]{name}[/bold]  {rows} rows  {questions.ABOUT.get(name, '')}")
        out.print(f"    {columns}", markup=False)
    for note in questions.notes(library):
        out.print(note, markup=False)
    typer.echo(f'Ask:  hemicycle query "{questions.EXAMPLE}"{with_store(store)}')


def _format(format_: AnswerFormat | None, output: Path | None) -> str:
    """Return the format of an answer: what is asked for, else the file's ending, else ``text``."""
    if output is not None and not output.parent.is_dir():
        raise InputError(f"there is no folder {output.parent}", "--output", "make it, or choose another")
    chosen = format_.value if format_ else ENDINGS.get(output.suffix.lower(), "") if output else "text"
    if output is None and chosen == "parquet":
        raise InputError("parquet is no text", "--format", "name a file with --output")
    if not chosen:
        raise InputError(f"{output} does not say its format", "--output", f"end it in {', '.join(ENDINGS)}")
    return chosen


def _give(answer: "pa.Table", chosen: str, output: Path | None) -> None:
    """Print an answer or write it."""
    from hemicycle.ledger import answers  # noqa: PLC0415 - slow to import, not needed for --help

    if chosen == "text":
        shown = SHOWN if out.is_terminal else answer.num_rows
        print_table(answer.column_names, answers.cells(answer.slice(0, shown)))
        if answer.num_rows > shown:
            err.print(f"{shown} of {answer.num_rows} rows; all of them with --output FILE.csv")
        return
    content = answers.encode(answer, chosen)
    if output is None:
        typer.echo(content.decode(), nl=False)
    else:
        output.write_bytes(content)
        out.print(f"{answer.num_rows} rows: {output}", markup=False)


@app.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="A B [C ...]", help="Studies, or models: NAME, STUDY/NAME or an id.")
    ],
    html: Annotated[Path | None, typer.Option("--html", help="Write one HTML file, too.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write a Markdown file, too.")] = None,
    store: StoreOption = None,
) -> None:
    """Compare studies or models: settings, data, every kind of measure, and tests of the differences."""
    for path in (html, markdown):
        if path is not None and not path.parent.is_dir():
            raise InputError(f"there is no folder {path.parent}", str(path), "make it, or choose another")
    verbs = api()
    from hemicycle.reports import comparison as pages  # noqa: PLC0415 - slow to import, not needed for --help

    found = verbs.compare(*names, store=verbs.open_store(store))
    for note in found.notes:
        err.print(note, style="yellow", markup=False)
    for table in pages.plain_tables(found):
        out.print(f"\n[bold]{table.caption}[/bold]")
        print_table(table.head, table.rows)
    for path, render in ((html, pages.html), (markdown, pages.markdown)):
        if path is not None:
            path.write_text(render(found), encoding="utf-8")
            out.print(f"Written: {path}", markup=False)
