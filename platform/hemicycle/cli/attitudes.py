"""The command that turns follows of known actors into attitudes: ``hemicycle attitudes``."""

import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hemicycle.cli.attitude_files import STANCE, Findings, write_findings
from hemicycle.cli.console import err, out, print_table
from hemicycle.cli.studies import app
from hemicycle.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from hemicycle.attitudes.evidence import EvidenceFiles, LabelValues, Shared
    from hemicycle.attitudes.follows import FollowColumns
    from hemicycle.attitudes.inference import InferenceOptions, Inferred

_SHOWN = 12


class LeaveOut(StrEnum):
    """What is held out of the maps together."""

    party = "party"
    country = "country"


class Method(StrEnum):
    """How users and actors are placed before the map."""

    correspondence = "correspondence"
    ideal_points = "ideal_points"


@dataclass(frozen=True)
class AttitudeSettings:
    """Everything beside the three files and the folder.

    Args:
        columns: names of columns.
        options: of the inference.
        evidence: files that the attitudes are held against.
        waves: further tables of parties.
        attitudes: columns of the party table; none: all.
        public: whether users' ids are kept.
    """

    columns: "FollowColumns"
    options: "InferenceOptions"
    evidence: "EvidenceFiles"
    waves: tuple[str, ...] = ()
    attitudes: tuple[str, ...] = ()
    public: bool = False


FollowsArgument = Annotated[str, typer.Argument(help="Table of who follows whom: CSV, TSV or Parquet.")]
ActorsArgument = Annotated[str, typer.Argument(help="Table of actors (members of parliament) and their parties.")]
PartiesArgument = Annotated[
    str, typer.Argument(help="ches:2019, ches:2024, ches:trend-2014, or a table with a column party and numeric ones.")
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder for the results.")]
AttitudeOption = Annotated[
    list[str] | None, typer.Option("--attitude", help="Column of the party table, again and again; default: all.")
]
WaveOption = Annotated[
    list[str] | None, typer.Option("--wave", help="Another wave of the party table, e.g. ches:2024: do they agree?")
]
MethodOption = Annotated[
    Method, typer.Option("--method", help="Correspondence analysis (seconds), or ideal points (minutes, with errors).")
]
LabelsOption = Annotated[
    str, typer.Option("--labels", help="Users' labels from elsewhere (a survey): compared with every attitude.")
]
TextsOption = Annotated[str, typer.Option("--texts", help="What users wrote, a row a text; needs --words.")]
WordsOption = Annotated[str, typer.Option("--words", help="YAML file: side -> words that only this side uses.")]
ItemsOption = Annotated[
    str, typer.Option("--items", help="Public things (media) and who shared them: placed at their audiences.")
]
PublicOption = Annotated[bool, typer.Option("--public", help="Users are public entities: keep their ids as they are.")]


@app.command()
def attitudes(  # noqa: PLR0913, PLR0917 - options of the command
    follows: FollowsArgument,
    actors: ActorsArgument,
    parties: PartiesArgument,
    folder: OutOption,
    attitude: AttitudeOption = None,
    method: MethodOption = Method.correspondence,
    labels: LabelsOption = "",
    texts: TextsOption = "",
    words: WordsOption = "",
    items: ItemsOption = "",
    wave: WaveOption = None,
    user_column: Annotated[str, typer.Option("--user-column", help="Users, in every table of theirs.")] = "user",
    actor_column: Annotated[str, typer.Option("--actor-column", help="Who is followed, in both tables.")] = "actor",
    party_column: Annotated[str, typer.Option("--party-column", help="Of the actors' table.")] = "party",
    country_column: Annotated[str, typer.Option("--country-column", help="Of the actors' table.")] = "",
    name_column: Annotated[str, typer.Option("--name-column", help="Of the actors' table.")] = "",
    text_column: Annotated[str, typer.Option("--text-column", help="Of the texts' table.")] = "text",
    item_column: Annotated[str, typer.Option("--item-column", help="Of the items' table.")] = "item",
    min_actors: Annotated[int, typer.Option("--min-actors", help="Actors that a user follows at least.")] = 3,
    min_followers: Annotated[int, typer.Option("--min-followers", help="Followers of an actor at least.")] = 3,
    drop_duplicates: Annotated[bool, typer.Option("--drop-duplicates", help="One of users who follow alike.")] = False,
    party_actors: Annotated[int, typer.Option("--party-actors", help="Actors of a party at least.")] = 2,
    dims: Annotated[
        int | None, typer.Option("--dims", help="Latent dimensions at most; default 10, of ideal points 2.")
    ] = None,
    leave_out: Annotated[LeaveOut, typer.Option("--leave-out", help="Held out of the maps.")] = LeaveOut.party,
    seed: Annotated[int, typer.Option("--seed", help="Of permutations and resampling.")] = 0,
    public: PublicOption = False,
) -> None:
    """Infer attitudes of users from the actors whom they follow and where experts place those actors' parties."""
    from hemicycle.attitudes.evidence import EvidenceFiles  # noqa: PLC0415 - slow to import, not needed for --help
    from hemicycle.attitudes.follows import FollowColumns  # noqa: PLC0415 - as above
    from hemicycle.attitudes.inference import InferenceOptions  # noqa: PLC0415 - as above
    from hemicycle.core.config import Raw, validate  # noqa: PLC0415 - as above

    names = FollowColumns(
        user=user_column, actor=actor_column, party=party_column, country=country_column, name=name_column
    )
    given = {
        "filters": {"min_actors": min_actors, "min_followers": min_followers, "drop_duplicates": drop_duplicates},
        "method": method.value,
        "dims": dims,
        "map": {"min_actors": party_actors, "leave_out": leave_out.value, "seed": seed},
    }
    files = {"labels": labels, "texts": texts, "text": text_column, "words": words, "items": items, "item": item_column}
    settings = AttitudeSettings(
        names,
        validate(InferenceOptions, Raw(given, {})),
        EvidenceFiles(user=user_column, **files),
        tuple(wave or ()),
        tuple(attitude or ()),
        public,
    )
    run_attitudes((follows, actors, parties), folder, settings)


def run_attitudes(files: tuple[str, str, str], folder: Path, settings: AttitudeSettings) -> None:
    """Check everything, infer, hold it against the evidence, and write the files.

    Args:
        files: follows, actors, parties.
        folder: of the results; made when it is not there.
        settings: all else.

    Raises:
        InputError: what is wrong with the files, before anything is computed.
    """
    from hemicycle.attitudes import ches, evidence, follows, inference, parties  # noqa: PLC0415 - slow, not for --help
    from hemicycle.attitudes.evidence_tables import wave_table  # noqa: PLC0415 - as above

    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder", "--out", "name another")
    columns, options = settings.columns, settings.options
    follows.check_files(files[0], files[1], columns)
    evidence.check_evidence(settings.evidence)
    positions = ches.party_table(files[2], settings.attitudes)
    waves, said = wave_table([positions, *map(ches.party_table, settings.waves)], options.map.seed)
    actors = follows.read_actors(files[1], columns)
    matched = parties.match(actors.parties, positions, actors.countries)
    _tell(f"{len(set(matched.rows[matched.rows >= 0])):,} of {len(positions):,} parties have actors")
    _tell("reading follows")
    read = follows.read_follows(files[0], actors, columns)
    labels, shared, notes = _read_evidence(settings, read.users)
    if same := sorted(set(labels) & set(positions.attitudes)):
        raise InputError(f"labels are called like attitudes: {', '.join(same)}", "--labels", "rename these columns")
    found = inference.infer(read.table, matched.rows, positions, options, report=_tell)
    tables, more = _evidence_tables(found, labels, shared, settings)
    tables |= {"wave_results": waves} if settings.waves else {}
    for note in (*matched.notes, *read.notes, *said, *notes, *found.notes, *more):
        _tell(note)
    folder.mkdir(parents=True, exist_ok=True)
    write_findings(folder, Findings(read, found, labels, tables, settings.public))
    _print_scores(found.map.results)
    _print_validation(tables.get("validation_results"))
    _say_next(folder, found.map.attitudes[0], tables)


def _tell(text: str) -> None:
    err.print(text, markup=False)


def _read_evidence(
    settings: AttitudeSettings, users: list[str]
) -> tuple["LabelValues", "Shared | None", tuple[str, ...]]:
    """Read labels, texts and items, so that their mistakes are told before the long part."""
    from hemicycle.attitudes import evidence  # noqa: PLC0415 - slow to import, not needed for --help

    files, labels, notes = settings.evidence, dict[str, Any](), list[str]()
    if files.labels:
        _tell("reading labels")
        found, said = evidence.read_labels(files, users)
        labels |= found
        notes += said
    if files.texts:
        _tell("reading texts, and the axis between their sides")
        stances, said = evidence.read_stances(files, users, settings.options.map.seed)
        labels[STANCE] = stances.values  # noqa: PD011 - no frame
        notes += said
    if files.items:
        _tell("reading items")
    return labels, evidence.read_items(files, users) if files.items else None, tuple(notes)


def _evidence_tables(
    found: "Inferred", labels: "LabelValues", shared: "Shared | None", settings: AttitudeSettings
) -> tuple[dict[str, "pd.DataFrame"], tuple[str, ...]]:
    """Validation of the users who were analysed, and positions of items; and notes."""
    from hemicycle.attitudes.evidence_tables import audience_table, validation_table  # noqa: PLC0415 - slow, as above

    users, names = found.users, found.map.attitudes
    tables: dict[str, pd.DataFrame] = {}
    notes: tuple[str, ...] = ()
    if labels:
        _tell("validation")
        own = {name: values[users.index] for name, values in labels.items()}
        tables["validation_results"], notes = validation_table(users.attitudes, names, own, settings.options.map.seed)
    if shared is not None:
        _tell("positions of items")
        table = shared.table[users.index]
        placed, said = audience_table(
            table, shared.items, users.attitudes, names, relation="shares", public=settings.public
        )
        tables["audience_positions"], notes = placed, (*notes, *said)
    return tables, notes


def _print_scores(results: "pd.DataFrame") -> None:
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


def _print_validation(table: "pd.DataFrame | None") -> None:
    """Print the strongest relations to labels from elsewhere."""
    if table is None or table.empty:
        return
    shown = table[table["measure"].isin(["pearson", "auc"])]
    strength = (shown["value"] - 0.5 * (shown["measure"] == "auc")).abs()
    shown = shown.loc[strength.sort_values(ascending=False).index]
    columns = ["attitude", "label", "measure", "value", "95 %", "shuffled", "users", "p (Holm)"]
    rows = [
        (
            str(row.attitude),
            f"{row.label!s} = {row.category!s}" if row.category else str(row.label),
            str(row.measure),
            f"{row.value:.2f}",
            f"{row.low:.2f} to {row.high:.2f}",
            f"{row.null_low:.2f} to {row.null_high:.2f}",
            f"{row.n:,}",
            f"{row.p_holm:.3f}",
        )
        for row in shown.head(_SHOWN).itertuples()
    ]
    out.print()
    print_table(columns, rows)
    if len(shown) > _SHOWN:
        out.print(f"and {len(shown) - _SHOWN} more in validation_results.parquet", markup=False)


def _say_next(folder: Path, first: str, tables: dict[str, "pd.DataFrame"]) -> None:
    names = ["map_results", *tables, "actors", "attitude_points", "follows"]
    out.print()
    out.print(f"Written to {folder}: attitudes.parquet (sensitive: it stays with you);", markup=False)
    out.print(f"  tables {', '.join(names)};", markup=False)
    out.print("  figures attitude_map, map_scores (SVG and PNG); study.yaml", markup=False)
    out.print(f"What does a recommender of these follows know about {first}?", markup=False)
    typer.echo(f"Next:  hemicycle run {shlex.quote(str(folder / 'study.yaml'))}")
