"""Tables of the report on ranking: paired differences between models, and impressions."""

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.quality import learnt, means_over_seeds
from hemicycle.reports.tables import HtmlTable, html_table
from hemicycle.reports.theme import interval, label, number, signed


def differences(tables: Tables) -> HtmlTable | None:
    """Every model against the best baseline and the best model."""
    rows = table(tables, "ranking_differences")
    if rows.empty:
        return None
    first = rows.iloc[0]
    caption = (
        f"Paired differences on test users, who is best being decided on {first['chosen_on']}: mean over users of the "
        "mean over seeds with 95 % bootstrap intervals over users; the last column is for all comparisons of a metric "
        "together (Bonferroni)."
    )
    found = [_difference_row(row) for _, row in rows.iterrows()]
    return html_table("differences", caption, found, ("model", "against", "which is", "metric"))


def _difference_row(row: pd.Series) -> dict[str, str]:
    return {
        "model": label(row["model"]),
        "against": label(row["against"]),
        "which is": str(row["role"]),
        "metric": label(row["metric"]),
        "difference": signed(row["difference"], 3) + interval(row["ci_low"], row["ci_high"], 3),
        f"all {row['comparisons']} together": interval(row["adjusted_low"], row["adjusted_high"], 3).strip(),
        "users": str(row["n"]),
    }


def impressions(tables: Tables) -> HtmlTable | None:
    """AUC, MRR and NDCG of what people were shown, per model, beside what needs no model."""
    rows = table(tables, "impression_results")
    if rows.empty:
        return None
    rows = learnt(rows, table(tables, "records"))
    kinds = {"value": "mean", "ci_low": "low", "ci_high": "high"}
    own = rows["ranker"] == "model"
    named = rows.assign(shown=rows["model"].where(own, rows["ranker"]), status=rows["status"].where(own, ""))
    means = means_over_seeds(named.drop_duplicates(["shown", "metric", "seed"]), ["shown", "metric"], kinds)
    found = [
        {"ranked by": str(name)} | {label(row["metric"]): _cell(row) for _, row in part.iterrows()}
        for name, part in means.groupby("shown", sort=False)
    ]
    first = rows.iloc[0] if len(rows) else {"n": 0, "users": 0, "left_out": 0}
    caption = (
        f"{first['n']} test impressions of {first['users']} users ({first['left_out']} without both a click and "
        "something not clicked left out): means over impressions and seeds, 95 % bootstrap intervals over users."
    )
    return html_table("impressions", caption, found, ("ranked by",))


def _cell(row: pd.Series) -> str:
    return number(row["value"], 3) + interval(row["ci_low"], row["ci_high"], 3)
