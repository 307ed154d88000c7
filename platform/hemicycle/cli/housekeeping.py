"""Commands that look after a store: status, retry, gc, archive, restore."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from hemicycle.cli.console import (
    AddressOption,
    ExecutorName,
    ExecutorOption,
    StoreOption,
    api,
    duration,
    out,
    print_table,
    with_store,
)
from hemicycle.cli.studies import Where, app, run_and_tell

StudyArgument = Annotated[str, typer.Argument(help="Name of a study in the store.")]
_SHOWN = 20


def _bytes(size: float) -> str:
    """Say a number of bytes for people."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size:.0f} B"


# -- status ------------------------------------------------------------------------------------------------------------


@app.command()
def status(
    study: Annotated[str | None, typer.Argument(help="One study: its failed steps, and what to do.")] = None,
    store: StoreOption = None,
) -> None:
    """List the studies of a store: those with failures first, then those at work, then the rest."""
    place = api().open_store(store)
    if study is not None:
        _status_of(study, place, store)
        return
    found = api().status(place)
    if found.empty:
        out.print(f"No study yet in {place.uri}. Next: hemicycle run quickstart")
        return
    rows = [tuple(_cell(name, row[name]) for name in found.columns) for row in found.to_dict("records")]
    print_table(list(found.columns), rows)
    first = found.iloc[0]
    if first["failed"]:
        out.print(f"Next: hemicycle status {first['study']}{with_store(store)}")
    elif died := [row["study"] for row in found.to_dict("records") if row["running"].startswith("died")]:
        out.print(f"Next: hemicycle retry {died[0]}{with_store(store)}")


def _cell(column: str, value: Any) -> str:
    if column == "left":
        return "" if value != value else f"about {duration(value)}"  # noqa: PLR0124 - NaN alone differs from itself
    return str(value)


def _status_of(study: str, place: Any, store: str | None) -> None:
    """Print the failed steps of one study."""
    name = api().find_study(study, place).name
    failed, missing, broken = api().failures(name, place), api().unfinished(name, place), _damaged(name, place)
    row = next(row for row in api().status(place).to_dict("records") if row["study"] == name)
    counts = f"{row['finished']} of {row['steps']} steps finished, {len(failed)} failed, {len(missing)} missing"
    out.print(f"{name}: {counts}{f', {len(broken)} damaged' if broken else ''}")
    if row["running"]:
        left = _cell("left", row["left"])
        out.print(f"{row['running']}{f', {left} left' if left else ''}", markup=False)
    for failure in failed:
        out.print(f"failed: {failure['title']}: {failure['error']}", markup=False)
        out.print(f"    -> {_command(failure['remedy'], store)}", markup=False)
    for problems in broken.values():
        for problem in problems:
            out.print(f"{problem.what}: {problem.where}", markup=False)
        out.print(f"    -> {problems[0].remedy}{with_store(store)}", markup=False)
    if broken:
        out.print("Next: delete the folders named, then run the study again")
    elif (failed or missing) and not (row["running"] and not row["running"].startswith("died")):
        out.print(f"Next: hemicycle retry {name}{with_store(store)}")
    elif row["report"]:
        out.print(f"Report: {row['report']}")


def _damaged(study: str, place: Any) -> dict[str, list[Any]]:
    """What is broken in each damaged step of a study."""
    from hemicycle.ledger.overview import damaged  # noqa: PLC0415 - slow to import

    found: dict[str, list[Any]] = {}
    for problem in damaged(study, place):
        found.setdefault(problem.where.rpartition("/")[0], []).append(problem)
    return found


def _command(remedy: str, store: str | None) -> str:
    return f"{remedy}{with_store(store)}" if remedy.startswith("hemicycle ") else remedy


# -- retry -------------------------------------------------------------------------------------------------------------


@app.command()
def retry(
    study: StudyArgument,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only when steps failed; not for missing ones alone.")
    ] = False,
    store: StoreOption = None,
    executor: ExecutorOption = ExecutorName.ray,
    address: AddressOption = None,
) -> None:
    """Try the failed and missing steps of a study again, from the configuration that the store keeps."""
    place = api().open_store(store)
    config = api().stored_config(study, place)
    broken, missing = api().failures(study, place), api().unfinished(study, place)
    if not broken and (failed or not missing):
        more = f"{len(missing)} steps are missing: leave --failed out." if missing else "Every known step is finished."
        out.print(f"No step of {study} failed. {more}")
        out.print(f"Next: hemicycle status {study}{with_store(store)}")
        return
    out.print(f"Trying again: {len(broken)} failed, {len(missing)} missing steps.")
    for row in broken[:_SHOWN]:
        out.print(f"  {row['title']}: {row['error']}", markup=False)
    if len(broken) > _SHOWN:
        out.print(f"  and {len(broken) - _SHOWN} more")
    run_and_tell(config, Where(store, executor, address, refresh=False))


# -- gc ----------------------------------------------------------------------------------------------------------------


@app.command()
def gc(
    study: Annotated[str | None, typer.Option("--study", help="Forget this study and what only it uses.")] = None,
    older_than: Annotated[str, typer.Option("--older-than", help="Only what is older, e.g. 30d, 12h.")] = "0s",
    larger_than: Annotated[str, typer.Option("--larger-than", help="Only what is larger, e.g. 1GB.")] = "0",
    yes: Annotated[bool, typer.Option("--yes", help="Delete; without it nothing is changed.")] = False,
    store: StoreOption = None,
) -> None:
    """List what a store no longer needs, largest first, and with --yes delete it."""
    from hemicycle.ledger.garbage import Wanted, parse_age, parse_size  # noqa: PLC0415 - slow to import

    wanted = Wanted(study or "", parse_age(older_than), parse_size(larger_than))
    found = api().gc(api().open_store(store), wanted, delete=yes)
    if found.items:
        now = time.time()
        rows = [(_bytes(i.size), f"{duration(max(0.0, now - i.changed))} ago", i.path, i.reason) for i in found.items]
        print_table(["size", "last written", "what", "why"], rows)
    for note in found.notes:
        out.print(f"Note: {note}", markup=False)
    verb = "Deleted" if yes else "Could go"
    out.print(f"{verb}: {len(found.items)} items, {_bytes(found.size)}; {_bytes(found.kept)} stay.")
    if found.items and not yes:
        options = "".join(
            f" {name} {value}"
            for name, value, default in (
                ("--study", study, None),
                ("--older-than", older_than, "0s"),
                ("--larger-than", larger_than, "0"),
            )
            if value != default
        )
        out.print(f"Nothing was changed. Next: hemicycle gc{options} --yes{with_store(store)}")
    else:
        out.print(f"Next: hemicycle status{with_store(store)}")


# -- archives ----------------------------------------------------------------------------------------------------------


@app.command()
def archive(
    study: StudyArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; default STUDY.hemicycle.zip here.")
    ] = None,
    without_checkpoints: Annotated[
        bool, typer.Option("--without-checkpoints", help="Leave trained models out; they can be trained again.")
    ] = False,
    data: Annotated[
        bool | None,
        typer.Option("--with-data/--without-data", help="The data; default: when the people in them are public."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Write a study as one file that another laboratory can open; what is not public stays inside."""
    place = api().open_store(store)
    path, index = api().archive(study, output, place, checkpoints=not without_checkpoints, data=data)
    if index["left_out"]:
        out.print("Left out:")
        rows = [(row["what"], str(row["files"]), _bytes(row["size"]), row["why"]) for row in index["left_out"]]
        print_table(["what", "files", "size", "why"], rows)
    size = _bytes(path.stat().st_size)
    out.print(f"Archive: {path} ({size}, {len(index['files'])} files, {index['steps']} of {index['of']} steps whole)")
    out.print(f"Next:    hemicycle restore {path.name} --store FOLDER")


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="An archive of hemicycle.")], store: StoreOption = None) -> None:
    """Open an archive in a store: every checksum is verified before anything is written."""
    place = api().open_store(store)
    done = api().restore(file, place)
    index = done.index
    if done.written:
        out.print(f"Restored {done.study}: {done.written} files, {index['steps']} of {index['of']} steps.")
    else:
        out.print(f"Nothing to do: all of {done.study} was there already, with the same contents.")
    if index["left_out"]:
        out.print(f"{len(index['left_out'])} things were left out of the archive; `run` makes them from the data.")
    if place.exists(f"studies/{done.study}/report.html"):
        out.print(f"Report: {place.uri}/studies/{done.study}/report.html")
    out.print(f"Next:   hemicycle status {done.study}{with_store(store)}")
