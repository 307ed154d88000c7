"""For whom lists are right, and what they are like beside that: against users' own history and chance."""

import altair as alt
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.quality import MEASURES, learnt, means_over_seeds, measure_label
from hemicycle.reports.theme import (
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    SHAPES,
    TWO_LINES,
    inline,
    label,
    listing,
    number,
    split_name,
)

MOST_MODELS, MOST_PANELS, COLUMNS = 8, 12, 3
LISTS, HISTORY, CHANCE = "lists", "users' own history", "random lists"
SERIES = {LISTS: (BLUE, "circle"), HISTORY: (ORANGE, "diamond"), CHANCE: (GREY, "cross")}
_ENDS = {
    LISTS: ("value", "ci_low", "ci_high"),
    HISTORY: ("history", "history_low", "history_high"),
    CHANCE: ("random", "random_low", "random_high"),
}


def by_group(groups: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """NDCG per grouping, group and model: mean over seeds, interval that holds every seed's; hidden cells left out."""
    if groups.empty:
        return pd.DataFrame()
    rows = groups[groups["metric"].str.startswith("ndcg@")].dropna(subset=["value", "n"])
    rows = learnt(rows, records)
    rows = rows[rows["model"].isin(rows["model"].unique()[:MOST_MODELS])]
    if rows.empty:
        return pd.DataFrame()
    kinds = {"value": "mean", "ci_low": "low", "ci_high": "high", "n": "mean"}
    return means_over_seeds(rows, ["by", "group", "model", "metric"], kinds)


def quality_by_group(groups: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """NDCG by group with intervals, one panel per grouping; None without rows."""
    table = by_group(groups, records)
    if table.empty:
        return None
    return Figure(
        id="quality_by_group",
        title="For whom the lists are right",
        chart=_groups_chart(table),
        sentence=_groups_sentence(table),
        alt_text="Ranking accuracy (NDCG) of each model by group of users, with 95 % intervals; one panel a grouping.",
        table=table,
    )


def _groups_chart(table: pd.DataFrame) -> Chart:
    models = list(table["model"].unique())
    title = label(table["metric"].iloc[0])
    domain = [0.0, 1.05 * float(table["ci_high"].max()) or 1.0]
    x = alt.X("value:Q", title=title, scale=alt.Scale(domain=domain, nice=False), axis=alt.Axis(tickCount=6))
    colour = alt.Color("model:N", title="model", scale=alt.Scale(domain=models, range=list(CYCLE[: len(models)])))
    shape = alt.Shape("model:N", title="model", scale=alt.Scale(domain=models, range=list(SHAPES[: len(models)])))
    tips = [alt.Tooltip("model:N"), alt.Tooltip("group:N"), alt.Tooltip("n:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "ci_low", "ci_high")]
    panels = []
    for by, rows in table.groupby("by", sort=False):
        y = alt.Y("group:N", title=None, sort=sorted(rows["group"].unique()), axis=alt.Axis(grid=False, ticks=False))
        base = alt.Chart().encode(y=y, yOffset=alt.YOffset("model:N", sort=models), color=colour)
        bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("ci_low:Q", title=title), x2="ci_high:Q")
        points = base.mark_point(filled=True, size=60, opacity=1).encode(x=x, shape=shape, tooltip=tips)
        layered = alt.layer(bars, points, data=inline(rows))
        height = rows["group"].nunique() * max(18, 9 * len(models))
        panels.append(layered.properties(width=300, height=height, title=alt.TitleParams(str(by), frame="group")))
    return alt.concat(*panels, columns=2, align="each", spacing={"row": 20, "column": 26})


def _groups_sentence(table: pd.DataFrame) -> str:
    """The widest gap between two groups whose intervals do not touch."""
    found = []
    measured = table.dropna(subset=["ci_low", "ci_high"])
    for (by, model), rows in measured.groupby(["by", "model"], sort=False):
        low, high = rows.iloc[int(rows["value"].argmin())], rows.iloc[int(rows["value"].argmax())]
        if high["ci_low"] > low["ci_high"]:
            found.append((high["value"] - low["value"], by, model, low, high))
    if not found:
        return "No two groups differ beyond their 95 % intervals."
    _, by, model, low, high = max(found, key=lambda gap: gap[0])
    groups = f"{number(high['value'])} for {high['group']} and {number(low['value'])} for {low['group']}"
    return (
        f"The widest gap beyond 95 % intervals is {model}'s by {by}: {groups}; {len(found)} of "
        f"{table.groupby(['by', 'model']).ngroups} pairs of model and grouping have one."
    )


# -- beside being right ----------------------------------------------------------------------------------------------


def beside(lists: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Every measure of lists, of history and of random lists in a row of its own, means over seeds.

    Rows of lists have the paired interval of lists minus history, too.
    """
    if lists.empty:
        return pd.DataFrame()
    rows = learnt(lists[lists["metric"].isin(list(MEASURES))], records)
    rows = rows[rows["model"].isin(rows["model"].unique()[:MOST_MODELS])]
    parts = []
    for series, names in _ENDS.items():
        paired = ["difference_low", "difference_high"] if series == LISTS else []
        renamed = rows[["metric", "about", "model", "seed", *names, *paired]].rename(
            columns=dict(zip(names, ("value", "low", "high"), strict=True))
        )
        kinds = {"value": "mean", "low": "low", "high": "high", **dict(zip(paired, ("low", "high"), strict=False))}
        parts.append(means_over_seeds(renamed, ["metric", "about", "model"], kinds).assign(series=series))
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(panel=[measure_label(m, a) for m, a in zip(table["metric"], table["about"], strict=True)])
    order = {name: place for place, name in enumerate(MEASURES)}
    return table.sort_values("metric", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def beyond_accuracy(lists: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Measures of lists beside users' own history and random lists, one panel each; None without rows."""
    table = beside(lists, records)
    if table.empty:
        return None
    table = table[table["panel"].isin(table["panel"].unique()[:MOST_PANELS])]
    return Figure(
        id="beyond_accuracy",
        title="What the lists are like, beside their users' history and chance",
        chart=_beside_chart(table),
        sentence=_beside_sentence(table),
        alt_text=(
            "Novelty, diversity, popularity, calibration and ideological measures of each model's lists, with 95 % "
            "intervals, beside those of what users took themselves and of random lists; one panel a measure."
        ),
        table=table.reset_index(drop=True),
    )


def _title(panel: str, *, two: bool) -> alt.TitleParams:
    """What is measured; on narrow panels what it is about stands below."""
    name, _, about = panel.partition(", ") if two else (panel, "", "")
    return alt.TitleParams(name, subtitle=about, frame="group") if about else alt.TitleParams(name, frame="group")


def _beside_chart(table: pd.DataFrame) -> Chart:
    models = list(table["model"].unique())
    scale = alt.Scale(domain=list(SERIES), range=[colour for colour, _ in SERIES.values()])
    shapes = alt.Scale(domain=list(SERIES), range=[shape for _, shape in SERIES.values()])
    colour, shape = alt.Color("series:N", title=None, scale=scale), alt.Shape("series:N", title=None, scale=shapes)
    tips = [alt.Tooltip("model:N"), alt.Tooltip("series:N")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high")]
    two = any(split_name(str(model))[1] for model in models)
    width, height = (190, 34 * len(models)) if two else (215, 26 * len(models))
    panels = []
    for place, (panel, rows) in enumerate(table.groupby("panel", sort=False)):
        axis = alt.Axis(grid=False, ticks=False, labels=place % COLUMNS == 0, labelLimit=200, labelExpr=TWO_LINES)
        y = alt.Y("model:N", title=None, sort=models, axis=axis)
        base = alt.Chart().encode(y=y, color=colour)
        bars = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=None), x2="high:Q")
        x = alt.X("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4))
        points = base.mark_point(filled=True, size=70, opacity=1).encode(x=x, shape=shape, tooltip=tips)
        layered = alt.layer(bars, points, data=inline(rows))
        panels.append(layered.properties(width=width, height=height, title=_title(str(panel), two=two)))
    return alt.concat(*panels, columns=COLUMNS, align="each", spacing={"row": 18, "column": 18})


def _beside_sentence(table: pd.DataFrame) -> str:
    """For every measure, in how many models lists lie above or below what their users took, user by user."""
    clauses = []
    for panel, rows in table[table["series"] == LISTS].groupby("panel", sort=False):
        above, below = int((rows["difference_low"] > 0).sum()), int((rows["difference_high"] < 0).sum())
        if above or below:
            clauses.append(f"{panel} {_sides(above, below)}")
    total = table["model"].nunique()
    lead = f"Against users' own history, lists of {total} model{'s' if total != 1 else ''} (paired 95 % intervals)"
    return f"{lead}: {'; '.join(clauses)}." if clauses else f"{lead} cannot be told from it in any measure."


def _sides(above: int, below: int) -> str:
    parts = [f"above in {above}"] if above else []
    return listing([*parts, *([f"below in {below}"] if below else [])])
