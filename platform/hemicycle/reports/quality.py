"""What a report says of lists: who differs from whom, for whom they are right, what they are like beside that."""

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.summaries import with_model
from hemicycle.reports.theme import interval, label, listing, number, signed

BASELINE = "best baseline"
MEASURES = {
    "novelty": "novelty (bits)",
    "diversity": "diversity within lists",
    "long_tail_share": "share of the long tail",
    "popularity_lift": "popularity lift",
    "calibration": "miscalibration (KL)",
    "ideological_distance": "distance to the user",
    "cross_cutting_share": "cross-cutting share",
}
"""Measures of lists that are drawn and spoken of, in this order."""
MOST_PARTS = 4


def measure_label(metric: str, about: str) -> str:
    """Name for people of a measure and of the column that it is about."""
    return f"{MEASURES.get(metric, label(metric))}{f', {about}' if about else ''}"


def means_over_seeds(rows: pd.DataFrame, by: list[str], columns: dict[str, str]) -> pd.DataFrame:
    """Mean of values over seeds, with the smallest interval that holds every seed's own.

    Args:
        rows: results of records.
        by: columns that identify what is averaged.
        columns: column -> ``mean``, ``low`` or ``high``.
    """
    how = {"mean": "mean", "low": "min", "high": "max"}
    groups = rows.groupby(by, sort=False)
    found = groups.agg(**{name: (name, how[kind]) for name, kind in columns.items()}, seeds=("seed", "nunique"))
    return found.reset_index()


def learnt(rows: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Results of all but the untrained twins, with the column ``model``."""
    return with_model(rows[rows["status"] != "untrained"], records)


def quality_findings(tables: Tables) -> list[str]:
    """Sentences on differences, on lists beside being right, and on impressions."""
    records = table(tables, "records")
    return [
        *difference_findings(table(tables, "ranking_differences")),
        *list_findings(table(tables, "list_results"), records),
        *impression_findings(table(tables, "impression_results"), records),
    ]


def difference_findings(differences: pd.DataFrame) -> list[str]:
    """Which models beat the best baseline when all comparisons are made at once."""
    rows = differences if differences.empty else differences[differences["role"] == BASELINE]
    rows = rows if rows.empty else rows[rows["metric"].str.startswith("ndcg@")]
    if rows.empty:
        return []
    rows = rows.sort_values("difference", ascending=False)
    above = [_difference(row) for _, row in rows[rows["adjusted_low"] > 0].iterrows()]
    others = [label(name) for name in rows.loc[rows["adjusted_low"] <= 0, "model"]]
    first = rows.iloc[0]
    clause = f" {listing(above[:MOST_PARTS])}" if above else " no model is above it"
    rest = f"; not shown to be above it: {listing(others)}" if above and others else ""
    closing = f"intervals that all {first['comparisons']} comparisons meet together, {first['n']} users"
    return [
        f"Against {label(first['against'])}, the best baseline, in {label(first['metric'])}:{clause}{rest} ({closing})."
    ]


def _difference(row: pd.Series) -> str:
    bounds = interval(row["adjusted_low"], row["adjusted_high"], 3)
    return f"{label(row['model'])} {signed(row['difference'], 3)}{bounds}"


def without_strengths(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out models that are one strength of a transform, such as ``mmr-t0.5``: the frontier shows them."""
    return rows[~(rows["status"].eq("derived") & rows["model"].str.contains(r"-t[\d.]+$"))]


def list_findings(lists: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """How much of each model's lists is cross-cutting, against its users' own history and chance."""
    rows = lists if lists.empty else lists[lists["metric"] == "cross_cutting_share"]
    if rows.empty:
        return []
    rows = learnt(rows, records)
    rows = rows[rows["about"] == rows["about"].iloc[0]]
    rows = without_strengths(rows)
    if rows.empty:
        return []
    kinds = {"value": "mean", "ci_low": "low", "ci_high": "high", "history": "mean", "random": "mean"}
    means = means_over_seeds(rows, ["model", "about"], kinds)
    parts = [f"{r['model']} {number(r['value'])}{interval(r['ci_low'], r['ci_high'])}" for _, r in means.iterrows()]
    first = means.iloc[0]
    lead = f"From another side than the user's ({first['about']}) comes this share of lists: {listing(parts)}"
    beside = f"of what users took themselves {number(first['history'])}, of random lists {number(first['random'])}"
    return [f"{lead}; {beside}."]


def impression_findings(impressions: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """AUC of each model, and by how much it exceeds what needs no model."""
    if impressions.empty:
        return []
    rows = learnt(impressions[impressions["metric"] == "auc"], records)
    found = []
    for model, part in rows.groupby("model", sort=False):
        mean = part[part["ranker"] == "model"]["value"].mean()
        others = part[part["ranker"].isin(["popularity", "recency"])]
        kinds = {"difference": "mean", "difference_low": "low", "difference_high": "high"}
        means = means_over_seeds(others, ["ranker"], kinds)
        against = [
            f"{signed(row['difference'], 3)}{bounds} against {row['ranker']}"
            for _, row in means.iterrows()
            for bounds in [interval(row["difference_low"], row["difference_high"], 3)]
        ]
        found.append(f"{model} {number(mean, 3)} ({listing(against)})")
    return [f"On what people were shown, AUC is {listing(found)}."] if found else []
