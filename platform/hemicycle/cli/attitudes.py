"""The command that turns follows of known actors into attitudes: ``hemicycle attitudes``."""

import shlex
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemicycle.cli.console import err, out, print_table
from hemicycle.cli.studies import app
from hemicycle.core.errors import InputError

if TYPE_CHECKING:
    from hemicycle.attitudes.follows import FollowColumns
    from hemicycle.attitudes.inference import InferenceOptions


class LeaveOut(StrEnum):
    """What is held out of the maps together."""

    party = "party"
    country = "country"


FollowsArgument = Annotated[str, typer.Argument(help="Table of who follows whom: CSV, TSV or Parquet.")]
ActorsArgument = Annotated[str, typer.Argument(help="Table of actors (members of parliament) and their parties.")]
PartiesArgument = Annotated[
    str, typer.Argument(help="ches:2019, ches:2024, ches:trend-2014, or a table with a column party and numeric ones.")
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the results.")]
AttitudeOption = Annotated[
    list[str] | None, typer.Option("--attitude", help="Column of the party table, again and again; default: all.")
]
PublicOption = Annotated[bool, typer.Option("--public", help="Users are public entities: keep their ids as they are.")]


@app.command()
def attitudes(  # noqa: PLR0913, PLR0917 - options of the command
    follows: FollowsArgument,
    actors: ActorsArgument,
    parties: PartiesArgument,
    folder: OutOption,
    attitude: AttitudeOption = None,
    user_column: Annotated[str, typer.Option("--user-column", help="Who follows.")] = "user",
    actor_column: Annotated[str, typer.Option("--actor-column", help="Who is followed, in both tables.")] = "actor",
    party_column: Annotated[str, typer.Option("--party-column", help="Of the actors' table.")] = "party",
    country_column: Annotated[str, typer.Option("--country-column", help="Of the actors' table.")] = "",
    name_column: Annotated[str, typer.Option("--name-column", help="Of the actors' table.")] = "",
    min_actors: Annotated[int, typer.Option("--min-actors", help="Actors that a user follows at least.")] = 3,
    min_followers: Annotated[int, typer.Option("--min-followers", help="Followers of an actor at least.")] = 3,
    drop_duplicates: Annotated[bool, typer.Option("--drop-duplicates", help="One of users who follow alike.")] = False,
    party_actors: Annotated[int, typer.Option("--party-actors", help="Actors of a party at least.")] = 2,
    dims: Annotated[int, typer.Option("--dims", help="Latent dimensions at most.")] = 10,
    leave_out: Annotated[LeaveOut, typer.Option("--leave-out", help="Held out of the maps.")] = LeaveOut.party,
    seed: Annotated[int, typer.Option("--seed", help="Of permutations and resampling.")] = 0,
    public: PublicOption = False,
) -> None:
    """Infer attitudes of users from the actors whom they follow and where experts place those actors' parties."""
    from hemicycle.attitudes.follows import FollowColumns  # noqa: PLC0415 - slow to import, not needed for --help
    from hemicycle.attitudes.inference import InferenceOptions  # noqa: PLC0415 - as above
    from hemicycle.core.config import Raw, validate  # noqa: PLC0415 - as above

    names = FollowColumns(
        user=user_column, actor=actor_column, party=party_column, country=country_column, name=name_column
    )
    given = {
        "filters": {"min_actors": min_actors, "min_followers": min_followers, "drop_duplicates": drop_duplicates},
        "dims": dims,
        "map": {"min_actors": party_actors, "leave_out": leave_out.value, "seed": seed},
    }
    options = validate(InferenceOptions, Raw(given, {}))
    run_attitudes((follows, actors, parties), folder, (names, options), tuple(attitude or ()), public=public)


def run_attitudes(
    files: tuple[str, str, str],
    folder: Path,
    settings: tuple["FollowColumns", "InferenceOptions"],
    attitude: tuple[str, ...] = (),
    *,
    public: bool = False,
) -> None:
    """Check everything, infer, and write the files.

    Args:
        files: follows, actors, parties.
        folder: of the results; made when it is not there.
        settings: names of columns, and options of the inference.
        attitude: columns of the party table; none: all.
        public: whether users' ids are kept.

    Raises:
        InputError: what is wrong with the files, before anything is computed.
    """
    from hemicycle.attitudes import ches, follows, inference, parties  # noqa: PLC0415 - slow, not needed for --help

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder", "--out", "name another")
    columns, options = settings
    follows.check_files(files[0], files[1], columns)
    positions = ches.party_table(files[2], attitude)
    actors = follows.read_actors(files[1], columns)
    matched = parties.match(actors.parties, positions, actors.countries)
    _tell(f"{len(set(matched.rows[matched.rows >= 0])):,} of {len(positions):,} parties have actors")
    _tell("reading follows")
    read = follows.read_follows(files[0], actors, columns)
    found = inference.infer(read.table, matched.rows, positions, options, report=_tell)
    for note in (*matched.notes, *read.notes, *found.notes):
        _tell(note)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder, read, found, public=public)
    _print_scores(found.map.results)
    _say_next(folder, found.map.attitudes)


def _tell(text: str) -> None:
    err.print(text, markup=False)


def _write(folder: Path, read: Any, found: Any, *, public: bool) -> None:
    """Write the tables and figures; users' ids are replaced before anything leaves memory."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.attitudes.inference import attitude_table  # noqa: PLC0415 - as above
    from hemicycle.attitudes.map_points import attitude_points  # noqa: PLC0415 - as above
    from hemicycle.core.storage import Folder  # noqa: PLC0415 - as above
    from hemicycle.data.pseudonyms import load_key  # noqa: PLC0415 - as above

    place, names = Folder(str(folder)), found.map.attitudes
    rows, columns = found.users.index, found.actors.index
    ids = pa.array([read.users[row] for row in rows]) if public else read.pseudonyms(rows, load_key())
    actors = pa.array([read.actors[column] for column in columns])
    place.write_table("attitudes", attitude_table(found.users, names, ids, public=public))
    place.write_table("actors", attitude_table(found.actors, names, actors, public=True))
    place.write_table("follows", _edges(read.table[rows][:, columns].tocoo(), ids, actors))
    place.write_table("map_results", pa.Table.from_pandas(found.map.results, preserve_index=False))
    points = attitude_points(found, public=False, members_public=True)
    place.write_table("attitude_points", pa.Table.from_pandas(points, preserve_index=False))
    _draw(folder, points, found.map.results)
    (folder / "study.yaml").write_text(_study(names, public=public), encoding="utf-8")


def _edges(edges: Any, users: Any, actors: Any) -> Any:
    """Return the follows that were analysed, by pseudonyms."""
    import pyarrow as pa  # noqa: PLC0415 - slow to import, not needed for --help

    from hemicycle.data.schema import tag  # noqa: PLC0415 - as above

    user = pa.DictionaryArray.from_arrays(pa.array(edges.row.astype("int32")), users)
    actor = pa.DictionaryArray.from_arrays(pa.array(edges.col.astype("int32")), actors)
    return tag(pa.table({"user": user, "actor": actor}), {"user": "id", "actor": "label"}, public=False)


def _draw(folder: Path, points: Any, results: Any) -> None:
    from hemicycle.reports.export import svg  # noqa: PLC0415 - slow to import, not needed for --help
    from hemicycle.reports.figures_attitudes import attitude_figures  # noqa: PLC0415 - as above

    for figure in attitude_figures(points, results):
        (folder / f"{figure.id}.svg").write_text(svg(figure), encoding="utf-8")


def _print_scores(results: Any) -> None:
    columns = ["attitude", "dims", "parties", "R2 left out", "95 %", "in sample", "permuted"]
    rows = [
        (
            str(row.attitude),
            str(row.dims),
            str(row.n_parties),
            f"{row.r2_nested:.2f}",
            f"{row.ci_low:.2f} to {row.ci_high:.2f}",
            f"{row.r2_in_sample:.2f}",
            f"{row.control_mean:.2f}",
        )
        for row in results.itertuples()
    ]
    print_table(columns, rows)


def _say_next(folder: Path, names: Sequence[str]) -> None:
    out.print(
        f"Written to {folder}: attitudes.parquet (sensitive: it stays with you), map_results.parquet, actors.parquet,"
    )
    out.print(
        "  attitude_points.parquet, attitude_map.svg, map_scores.svg, follows.parquet and study.yaml", markup=False
    )
    out.print(f"What does a recommender of these follows know about {names[0]}?", markup=False)
    typer.echo(f"Next:  hemicycle run {shlex.quote(str(folder / 'study.yaml'))}")


def _study(names: Sequence[str], *, public: bool) -> str:
    """A study that trains recommenders on the follows and probes them for the attitudes."""
    labels = ", ".join(f"{name}: label" for name in names)
    return f"""# What do recommenders trained on these follows know about attitudes that nobody gave them?
# The attitudes were inferred from these very follows: a high score is a check of recovery. Evidence of its own needs
# attitudes from elsewhere, e.g. answers of some of the users to a survey.
name: attitudes
title: What recommenders of follows know about attitudes
question: Do recommenders trained only on who follows whom learn the users' attitudes?

data:
  source: tabular
  name: follows
  public: {str(public).lower()}
  items_public: true
  edges: {{path: follows.parquet, user: user, item: actor}}
  attributes:
    - {{path: attitudes.parquet, id: id, columns: {{{labels}}}}}
split: {{kind: random, test: 0.1, valid: 0.1}}

seeds: 3
train: {{epochs: 20, validate_every: 5}}
population:
  mf: {{recommender: {{model: mf, dim: 32}}}}
  lightgcn: {{recommender: {{model: lightgcn, dim: 32, layers: 2}}}}

probes:
  - {{probe: ridge, labels: [{", ".join(names)}]}}
"""
