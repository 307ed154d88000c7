"""A search of a stored study as an Optuna study, for Optuna's own tools."""

from pathlib import Path
from typing import TYPE_CHECKING

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.ledger.index import Store, open_store
from hemicycle.ledger.overview import find_study, stored_config
from hemicycle.search.optuna_study import to_optuna, write_journal
from hemicycle.search.space import Space
from hemicycle.search.trials import Trial
from hemicycle.studies.generations import HISTORY
from hemicycle.studies.intact import read_plan

if TYPE_CHECKING:
    import optuna


def optuna_study(study: str, search: str, store: Store = None) -> "optuna.Study":
    """Return a search as an Optuna study in memory, every trial with the id of its model's record.

    Raises:
        InputError: there is no such study, it has no such search, or none of its trials has ended.
    """
    place = open_store(store)
    folder = find_study(study, place)
    config = stored_config(folder)
    if search not in config.searches:
        known = ", ".join(config.searches) or "none"
        raise InputError(f"the study {folder.name} has no search {search!r}", remedy=f"searches: {known}")
    searched, trials = config.searches[search], _history(folder, search, place)
    if not trials:
        raise InputError(f"no trial of the search {search!r} has ended", remedy="run the study first")
    space = Space.of(searched, config.train.model_dump(mode="json"))
    return to_optuna(searched, space, trials, f"{config.name} {search}", _records(folder, search))


def write_optuna(study: str, search: str, path: Path, store: Store = None) -> Path:
    """Write a search as a journal that ``optuna.load_study`` and ``optuna-dashboard`` open; returns its path."""
    found = optuna_study(study, search, store)
    if path.exists():
        raise InputError(f"{path} is there already", remedy="name another file")
    write_journal(found, path)
    return path


def _history(study: Folder, search: str, store: Folder) -> list[Trial]:
    """Trials that ended, from the last finished proposal or from the asynchronous search."""
    longest: list[Trial] = []
    for step in read_plan(study)["steps"]:
        if step["kind"] in ("propose", "search") and step["title"].endswith(f" {search}"):
            folder = store / "steps" / step["kind"] / step["fingerprint"]
            found = [Trial.from_json(row) for row in folder.read_json(HISTORY)] if folder.done else []
            longest = max(longest, found, key=len)
    return longest


def _records(study: Folder, search: str) -> dict[int, str]:
    if not (study / "tables").exists("trials.parquet"):
        return {}
    trials = (study / "tables").read_table("trials").to_pylist()
    return {row["trial"]: row["record_id"] for row in trials if row["search"] == search and row["record_id"]}
