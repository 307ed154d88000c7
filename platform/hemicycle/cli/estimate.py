"""The command that fits mechanisms of opinion change to waves of opinions: ``hemicycle estimate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemicycle.cli.console import err, out, print_table
from hemicycle.cli.studies import app
from hemicycle.core.errors import InputError
from hemicycle.estimation.files import WaveFiles, read_waves

if TYPE_CHECKING:
    from hemicycle.estimation.estimate import Estimates, EstimationOptions

WavesArgument = Annotated[str, typer.Argument(help="Table of users with a column a wave: CSV, TSV or Parquet.")]
FollowsOption = Annotated[str, typer.Option("--follows", help="Table of who follows whom, at the first wave.")]
ColumnsOption = Annotated[str, typer.Option("--columns", help="The waves in order of time, e.g. wave_1,wave_2.")]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the results.")]
LaterOption = Annotated[str, typer.Option("--later-follows", help="Follows at the second wave: which ties changed?")]
MechanismOption = Annotated[
    list[str] | None, typer.Option("--mechanism", help="Mechanism to fit, again and again; default: all.")
]
StepsOption = Annotated[str, typer.Option("--steps", help="Steps between two waves; several (1,2,4): the best.")]
ErrorOption = Annotated[
    str, typer.Option("--error", help="Standard deviation of errors of measurement; or estimate, from three waves.")
]
InnateOption = Annotated[str, typer.Option("--innate", help="Column of innate opinions, which anchor their holders.")]
GroupOption = Annotated[str, typer.Option("--group", help="Column of groups: parameters for each as well.")]
BoundsOption = Annotated[str, typer.Option("--bounds", help="Lowest and highest possible opinion, e.g. -1,1.")]
DriftOption = Annotated[bool, typer.Option("--drift/--no-drift", help="A common drift between two waves.")]


@app.command()
def estimate(  # noqa: PLR0913, PLR0917 - options of the command
    waves: WavesArgument,
    follows: FollowsOption,
    columns: ColumnsOption,
    folder: OutOption,
    later_follows: LaterOption = "",
    mechanism: MechanismOption = None,
    steps: StepsOption = "1",
    error: ErrorOption = "0",
    innate: InnateOption = "",
    group: GroupOption = "",
    bounds: BoundsOption = "",
    id_column: Annotated[str, typer.Option("--id-column", help="Users, in the table of waves.")] = "id",
    user_column: Annotated[str, typer.Option("--user-column", help="Who follows.")] = "user",
    followed_column: Annotated[str, typer.Option("--followed-column", help="Who is followed.")] = "item",
    weight_column: Annotated[str, typer.Option("--weight-column", help="Weight of a follow.")] = "",
    undirected: Annotated[bool, typer.Option("--undirected", help="Ties have no direction.")] = False,
    drift: DriftOption = True,
    level: Annotated[float, typer.Option("--level", help="Of the intervals.")] = 0.9,
    seed: Annotated[int, typer.Option("--seed", help="Of folds, pools and simulated quantiles.")] = 0,
) -> None:
    """Estimate which mechanism of opinion change fits waves of opinions and who follows whom."""
    from hemicycle.core.config import Raw, validate  # noqa: PLC0415 - slow to import, not needed for --help
    from hemicycle.estimation.estimate import EstimationOptions  # noqa: PLC0415 - as above

    given = {
        "steps": _numbers(steps, "--steps"),
        "error": error if error == "estimate" else _numbers(error, "--error")[0],
        "drift": drift,
        "level": level,
        "seed": seed,
        **({"mechanisms": mechanism} if mechanism else {}),
        **({"bounds": _numbers(bounds, "--bounds")} if bounds else {}),
    }
    files = WaveFiles(
        waves,
        tuple(filter(None, (follows, later_follows))),
        tuple(name.strip() for name in columns.split(",") if name.strip()),
        id=id_column,
        user=user_column,
        followed=followed_column,
        weight=weight_column,
        innate=innate,
        group=group,
        undirected=undirected,
    )
    run_estimate(files, folder, validate(EstimationOptions, Raw(given, {})))


def _numbers(text: str, option: str) -> list[float]:
    """Read numbers between commas.

    Raises:
        InputError: something else stands there.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"{text!r} is no list of numbers", option, "write numbers with commas between") from error


def run_estimate(files: WaveFiles, folder: Path, options: "EstimationOptions") -> None:
    """Check everything, estimate, write tables, figures and methods, and say what came out.

    Args:
        files: waves and follows.
        folder: of the results; made when it is not there.
        options: of the estimation.

    Raises:
        InputError: what is wrong with the files, before anything is computed.
    """
    from hemicycle.cli.estimate_files import study_of, write_estimates  # noqa: PLC0415 - slow, not needed for --help
    from hemicycle.estimation.estimate import estimate as estimated  # noqa: PLC0415 - as above

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder", "--out", "name another")
    read = read_waves(files)
    _tell(f"{len(read.waves):,} users, {read.waves.shape[1]} waves, {read.graphs[0].n_edges:,} follows; fitting")
    found = estimated(read.waves, list(read.graphs), options, read.people)
    for note in (*read.notes, *found.notes):
        _tell(note)
    folder.mkdir(parents=True, exist_ok=True)
    study = study_of(found, read.waves)
    write_estimates(folder, found, options, study)
    _print_comparison(found)
    _print_parameters(found, options.level)
    _say_next(folder, found, options, study)


def _tell(text: str) -> None:
    err.print(text, markup=False)


def _print_comparison(found: "Estimates") -> None:
    rows = [
        (str(row.mechanism), f"{row.delta_bic:.1f}", f"{row.held_out:.4f}", _interval(row.ci_low, row.ci_high, 4))
        for row in found.comparison[found.comparison["group"] == ""].itertuples()
    ]
    print_table(["mechanism", "BIC above the best", "left out, a movement", "less than the preferred one"], rows)
    out.print()


def _print_parameters(found: "Estimates", level: float) -> None:
    preferred = found.comparison.loc[found.comparison["preferred"], ["group", "mechanism"]]
    shown = found.results.merge(preferred.head(1), on=["group", "mechanism"])
    extra = found.results[found.results["mechanism"] == "measurement"]
    rows = [
        (str(row.mechanism), str(row.parameter), f"{row.value:.4g}", _interval(row.ci_low, row.ci_high, 4))
        for table in (shown, extra)
        for row in table.itertuples()
    ]
    print_table(["mechanism", "parameter", "value", f"{level:.0%} interval"], rows)


def _interval(low: Any, high: Any, digits: int) -> str:
    return f"{low:.{digits}g} to {high:.{digits}g}" if low == low else ""  # noqa: PLR0124 - NaN is not itself


def _say_next(folder: Path, found: "Estimates", options: "EstimationOptions", study: str) -> None:
    import shlex  # noqa: PLC0415 - of the last line alone

    out.print()
    out.print(found.verdict, markup=False)
    out.print(f"Written to {folder}: {', '.join(found.tables())} (Parquet and CSV); methods.md; figures", markup=False)
    if study:
        out.print("What do recommenders do to opinions that move like this?", markup=False)
        typer.echo(f"Next:  hemicycle run {shlex.quote(str(folder / 'study.yaml'))}")
    elif not options.error:
        out.print(
            "Errors of measurement look like change; give the answers' standard error, or three waves.", markup=False
        )
        typer.echo("Next:  the same command with --error 0.1, or with --error estimate")
