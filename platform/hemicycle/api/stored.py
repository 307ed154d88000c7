"""Verbs about what a store holds: look, ask, compare, clear, archive and restore."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hemicycle.core.errors import InputError
from hemicycle.data.gephi import write_graph
from hemicycle.ledger import archive as archiving
from hemicycle.ledger import garbage, overview
from hemicycle.ledger.comparison import Comparison
from hemicycle.ledger.comparison import compare as compare_stored
from hemicycle.ledger.index import Store, open_store
from hemicycle.ledger.library import Library
from hemicycle.ledger.overview import find_study
from hemicycle.ledger.questions import ask
from hemicycle.ledger.restore import Restored
from hemicycle.ledger.restore import restore as restore_archive
from hemicycle.studies.config import StudyConfig


def status(store: Store = None) -> pd.DataFrame:
    """One row a study of the store, failures first: steps finished, failed, missing; who is at work; the report."""
    return pd.DataFrame(overview.status(open_store(store)), columns=overview.STATUS)


def failures(study: str, store: Store = None) -> list[dict[str, str]]:
    """Failed steps of a study: fingerprint, title, first line of the error, and what to do."""
    place = open_store(store)
    return overview.failures(find_study(study, place), place)


def unfinished(study: str, store: Store = None) -> list[str]:
    """Titles of a study's steps that are neither finished nor failed."""
    place = open_store(store)
    return overview.unfinished(find_study(study, place), place)


def stored_config(study: str, store: Store = None) -> StudyConfig:
    """Return the configuration with which a study was run last; running it again tries what failed and is missing."""
    return overview.stored_config(find_study(study, open_store(store)))


def show(run_id: str, store: Store = None) -> dict[str, Any]:
    """Return the provenance of one run: a step's fingerprint (its beginning is enough) or a model's name.

    Raises:
        InputError: nothing, or more than one thing, is called that.
    """
    return overview.show(run_id, open_store(store))


def export(study: str, table: str, store: Store = None) -> pa.Table:
    """Return a table of a study, or ``users``, ``items`` or a relation of its data, for another program.

    Raises:
        DisclosureError: it says row by row what people did or think who are not public.
        InputError: there is no such table.
    """
    return overview.table(study, table, open_store(store))


def export_graph(study: str, relation: str, path: str | Path, store: Store = None) -> Path:
    """Write a relation of a study's data for Gephi: ``path`` ends in .graphml or .gexf.

    Raises:
        DisclosureError: the users are not public.
        InputError: there is no such relation or format.
    """
    return write_graph(overview.public_data(study, open_store(store)), path, relation or None)


# -- ask -------------------------------------------------------------------------------------------------------------


def query(sql: str, store: Store = None) -> pa.Table:
    """Answer a question in SQL about all studies of a store, after bringing its index up to date.

    Args:
        sql: one SELECT over ``models``, ``steps``, ``studies``, ``metrics``, ``probes``, ``simulations`` and others;
            ``SELECT * FROM tables`` says what studies have.
        store: default: :func:`open_store`.

    Raises:
        InputError: it is no SELECT, or names something that is not there; the message holds the nearest names.
        DisclosureError: it names a table that holds sensitive values of people who are not public.
    """
    return ask(Library.of(open_store(store)), sql)


def compare(*names: str, store: Store = None) -> Comparison:
    """Compare studies with studies or models with models; the others are tested against the first.

    Args:
        *names: studies; or models: ``NAME``, ``STUDY/NAME``, the beginning of an id, or a member without its seed.
        store: default: :func:`open_store`.

    Raises:
        InputError: names that cannot be used, or sides of which nothing in common was measured.
    """
    return compare_stored(open_store(store), names)


# -- housekeeping ------------------------------------------------------------------------------------------------------


def gc(store: Store = None, wanted: garbage.Wanted | None = None, *, delete: bool = False) -> garbage.Found:
    """List what the store no longer needs and, with ``delete``, remove it; what a live driver uses is never touched.

    Raises:
        InputError: the folder is no store, or there is no such study.
    """
    place, chosen = open_store(store), wanted or garbage.Wanted()
    return (garbage.collect if delete else garbage.look_around)(place, chosen)


def archive(
    study: str,
    output: str | Path | None = None,
    store: Store = None,
    *,
    checkpoints: bool = True,
    data: bool | None = None,
) -> tuple[Path, dict[str, Any]]:
    """Write a study as one file that another laboratory can open; people's rows stay inside unless they are public.

    Args:
        study: its name.
        output: the file; default: the study's name here.
        store: where it lies.
        checkpoints: whether trained models go with it.
        data: whether the data do; default: when the people in them are public.

    Returns:
        The file, and its index with checksums and what was left out.

    Raises:
        DisclosureError: the data are asked for, and the people in them are not public.
    """
    place = open_store(store)
    folder = find_study(study, place)
    path = Path(output or f"{folder.name}{archiving.SUFFIX}").expanduser().absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} is no place for a file", "--output", "name a file in a folder that exists")
    found = archiving.contents(folder, place, archiving.Wishes(checkpoints, data))
    return path, archiving.write_archive(found, place, path)


def restore(path: str | Path, store: Store = None) -> Restored:
    """Open an archive in a store, once every checksum has been verified; what is finished there stays as it is.

    Raises:
        InputError: the archive is damaged, foreign or newer than this version, or differs from what is there.
    """
    return restore_archive(Path(path).expanduser(), open_store(store))


def population(study: str, store: Store = None) -> pd.DataFrame:
    """Return the records of a study's population."""
    found: pd.DataFrame = export(study, "records", store).to_pandas()
    return found
