"""Members of factorial designs among other models: the few that are shown, why these, and what they are called."""

from collections.abc import Iterable, Mapping

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.summaries import at_readout, main_probe, recommending, scores
from hemicycle.reports.theme import label, level_label, setting
from hemicycle.studies.comparing import member_name

MOST_WHOLE = 4
"""Designs with as many members are shown whole."""
SHORT = {"dim": "d", "l2": "L2", "lr": "lr"}
"""Names of factors beside a level, where they are shorter than in a table."""


def member_words(levels: pd.DataFrame) -> dict[str, str]:
    """What every member is, from the levels of its factors: ``MF, d 32, BPR``.

    Numbers and yes or no stand behind their factor's name; a choice stands alone unless two factors have it.
    """
    if levels.empty:
        return {}
    known = _factor_names(levels["factor"].unique())
    owners = levels.groupby("level")["factor"].nunique()
    text = [
        level_label(level) if _speaks(level) and owners[level] == 1 else f"{known[factor]} {level_label(level)}"
        for factor, level in zip(levels["factor"], levels["level"].map(str), strict=True)
    ]
    joined = levels.assign(text=text).groupby("member", sort=False)["text"].agg(", ".join)
    return {str(member): str(words) for member, words in joined.items()}


def _factor_names(factors: Iterable[object]) -> dict[str, str]:
    """Short names; factors that would be called the same keep their whole key."""
    keys = [str(factor) for factor in factors]
    short = {key: SHORT.get(key.rpartition(".")[2], setting(key)) for key in keys}
    names = list(short.values())
    return {key: name if names.count(name) == 1 else key for key, name in short.items()}


def _speaks(level: str) -> bool:
    """True for a level that says by itself what it is: neither a number nor yes, no or nothing."""
    return level not in {"true", "false", "null"} and bool(pd.isna(pd.to_numeric(level, errors="coerce")))


def shown_members(tables: Tables) -> pd.DataFrame:
    """The members of larger designs that figures and sentences about models show.

    These are the best in NDCG of the test, and those from which the first probed label is read best and worst; the
    first one where there is neither NDCG nor a probe. Test values choose what is shown, never what is trained.

    Returns:
        Columns ``design``, ``member`` and ``why`` (``best in test NDCG@20 and for reading party``), in the design's
        order; no rows of designs with up to MOST_WHOLE members.
    """
    levels = table(tables, "design_levels")
    found = []
    values = {} if levels.empty else _values(tables)
    for design, rows in levels.groupby("design", sort=False) if len(levels) else ():
        members = list(dict.fromkeys(rows["member"].map(str)))
        if len(members) > MOST_WHOLE:
            reasons = _reasons(members, values)
            found += [(str(design), m, " and ".join(reasons[m])) for m in members if m in reasons]
    return pd.DataFrame(found, columns=["design", "member", "why"])


def _reasons(members: list[str], values: Mapping[tuple[str, str], pd.Series]) -> dict[str, list[str]]:
    """Member -> why it is shown."""
    found: dict[str, list[str]] = {}
    for (best, worst), every in values.items():
        own = every[every.index.isin(members)]
        for words, chosen in ((best, own.idxmax()), (worst, own.idxmin())) if len(own) else ():
            if words:
                found.setdefault(str(chosen), []).append(words)
    return found or {members[0]: ["the first"]}


def _values(tables: Tables) -> dict[tuple[str, str], pd.Series]:
    """Reasons to show the greatest and the least (empty: no reason) -> means over seeds by member."""
    found = {}
    ranking, probes = _ndcg(table(tables, "ranking_results")), _read(tables)
    if len(ranking):
        found[f"best in test {label(ranking['metric'].iloc[0])}", ""] = _by_member(ranking, "value")
    if len(probes):
        what = f"for reading {probes['attribute'].iloc[0]}"
        found[f"best {what}", f"worst {what}"] = _by_member(probes, "score")
    return found


def _ndcg(ranking: pd.DataFrame) -> pd.DataFrame:
    """The first NDCG of the test."""
    if ranking.empty:
        return ranking
    rows = ranking[(ranking["split"] == "test") & ranking["metric"].str.startswith("ndcg@")]
    return rows[rows["metric"] == rows["metric"].iloc[0]] if len(rows) else rows


def _read(tables: Tables) -> pd.DataFrame:
    """Scores of the first label over all, at the layer and checkpoint that recommend."""
    rows = main_probe(table(tables, "probe_results"))
    if rows.empty:
        return rows
    rows = rows[rows["scope"].isin(["all", ""])]
    rows = rows[rows["target"] == rows["target"].iloc[0]] if len(rows) else rows
    return scores(at_readout(recommending(rows, table(tables, "records"))))


def _by_member(rows: pd.DataFrame, value: str) -> pd.Series:
    trained = rows[rows["status"] == "trained"]
    means: pd.Series = trained.groupby(trained["name"].map(member_name))[value].mean().dropna()
    return means


def hidden_members(tables: Tables) -> set[str]:
    """Ids of the records of members that are not shown."""
    levels, records, shown = table(tables, "design_levels"), table(tables, "records"), shown_members(tables)
    if shown.empty or records.empty:
        return set()
    gone = set(levels.loc[levels["design"].isin(shown["design"]), "member"]) - set(shown["member"])
    return set(records.loc[records["name"].map(member_name).isin(gone), "id"])
