"""The few trials and members of designs that are shown among other models."""

from collections.abc import Mapping

import pandas as pd

from hemicycle.reports.designs import hidden_members, member_words
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.searches import TABLES, searches
from hemicycle.reports.summaries import REWIRED
from hemicycle.studies.comparing import member_name


def spotlight(tables: Tables, *, designs: bool = True) -> Tables:
    """Tables without the trials and the members of designs that are not shown, and without what derives from them.

    Models of a rewired graph are left out, too: they stand as a control beside the models that they are for.

    Shown are the trials that are best in an objective, and members by :func:`shown_members`. The records have columns
    more: ``trial``, whether they are of a trial, and ``levels``, what a member of a design is.

    Figures and sentences about models would otherwise show every trial of a search and every member of a design;
    their own figures do.

    Args:
        tables: of a study.
        designs: False keeps all members of designs.
    """
    if (table(tables, "records").get("status", pd.Series(dtype=str)) == REWIRED).any():
        tables = {name: _without_controls(rows) for name, rows in tables.items()}
    trials, records, levels = (table(tables, name) for name in ("trials", "records", "design_levels"))
    if records.empty or (trials.empty and levels.empty):
        return tables
    hidden = _with_derived((hidden_members(tables) if designs else set()) | _hidden_trials(tables), records)
    gone = {member_name(str(name)) for name in records.loc[records["id"].isin(hidden), "name"]}
    whole = {*TABLES, "search_probe_results"}
    kept = {name: rows if name in whole else _without(rows, name, hidden, gone) for name, rows in tables.items()}
    words = member_words(levels)
    return kept | _named(kept, words) | {"records": _described(kept["records"], trials, words)}


def _without_controls(rows: pd.DataFrame) -> pd.DataFrame:
    control = rows["status"] == REWIRED if "status" in rows else pd.Series(dtype=bool)
    return rows[~control].reset_index(drop=True) if control.any() else rows


def _hidden_trials(tables: Tables) -> set[str]:
    trials, records = table(tables, "trials"), table(tables, "records")
    if trials.empty:
        return set()
    kept = {str(i) for s in searches(tables) for metric in s.objectives for i in s.ranked(metric)["record_id"].head(1)}
    named = records.loc[records["name"].isin(trials["name"]), "id"]
    return {str(i) for i in (*trials["record_id"], *named) if i} - kept


def _with_derived(hidden: set[str], records: pd.DataFrame) -> set[str]:
    while more := set(records.loc[records["parent"].isin(hidden) & ~records["id"].isin(hidden), "id"]):
        hidden = hidden | more
    return hidden


def _described(records: pd.DataFrame, trials: pd.DataFrame, words: Mapping[str, str]) -> pd.DataFrame:
    """Records with ``trial`` and ``levels`` (empty for what is no member of a design)."""
    tried = records["name"].isin(trials["name"] if len(trials) else [])
    return records.assign(trial=tried, levels=[words.get(member_name(str(name)), "") for name in records["name"]])


def _named(tables: Tables, words: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Differences between members with what these are."""
    rows = table(tables, "ranking_differences")
    if rows.empty or not words:
        return {}
    full = {member: f"{member} ({text})" for member, text in words.items()}
    columns = [name for name in ("model", "against") if name in rows]
    return {"ranking_differences": rows.assign(**{name: rows[name].replace(full) for name in columns})}


def _without(rows: pd.DataFrame, name: str, hidden: set[str], members: set[str]) -> pd.DataFrame:
    if rows.empty:
        return rows
    if name == "records":
        return rows[~rows["id"].isin(hidden)].reset_index(drop=True)
    if "record_id" in rows:
        return rows[~rows["record_id"].isin(hidden)].reset_index(drop=True)
    return rows[~rows["model"].isin(members)].reset_index(drop=True) if name == "ranking_differences" else rows
