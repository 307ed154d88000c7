"""How alike the models of a population are: all pairs as a heat map, and models as points of a map."""

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.core.records import READOUT
from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.summaries import model_labels, sort_layers
from hemicycle.reports.theme import CYCLE, GREY, STATUS_SHAPES, inline, listing, number

MEASURES = {
    "cka_debiased": "linear CKA, debiased",
    "cka": "linear CKA",
    "rsa": "rank correlation of distances",
    "procrustes": "Procrustes distance",
}
"""Measures in the order of preference, for people."""
MOST_NAMED = 45
MOST_WRITTEN = 14
SIDE = 560
_STATUS = ["trained", "foreign", "derived", "untrained"]


def main_measure(rows: pd.DataFrame) -> str:
    """The measure that is drawn."""
    return next(name for name in MEASURES if name in set(rows["measure"]))


def at_recommending(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the layer that scores recommendations, or of the last one."""
    other = rows["other_layer"] if "other_layer" in rows else rows["layer"]
    same = rows[rows["layer"] == other]
    return same[same["layer"] == sort_layers(list(same["layer"].unique()))[-1]]


def ordered(records: pd.DataFrame, present: set[str]) -> pd.DataFrame:
    """Records that are compared, with their model, sorted by status, family, model and seed."""
    rows = records[records["id"].isin(present)]
    labels = model_labels(records)
    rows = rows.assign(model=[labels[i] for i in rows["id"]], rank=[_STATUS.index(s) for s in rows["status"]])
    return rows.sort_values(["rank", "family", "model", "seed"], kind="stable", ignore_index=True)


def similarity_matrix(similarity: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Heat map of all pairs, ordered by status, family and seed; None with fewer than two models."""
    if similarity.empty:
        return None
    rows = at_recommending(similarity)
    measure = main_measure(rows)
    rows = rows[rows["measure"] == measure]
    models = ordered(records, set(rows["record_id"]) | set(rows["other_id"]))
    table = named_pairs(rows, models)
    return Figure(
        id="similarity_matrix",
        title="How alike the representations of users are",
        chart=_heat(table, list(models["name"]), measure),
        sentence=_matrix_sentence(table, measure),
        alt_text=f"Heat map of {MEASURES[measure]} between {len(models)} models, ordered by status, family and seed.",
        table=table,
    )


def named_pairs(rows: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """Pairs in the order of ``models``, with name, model and status of either side."""
    about = models.set_index("id")
    place = {i: k for k, i in enumerate(models["id"])}
    swap = rows["record_id"].map(place) > rows["other_id"].map(place)
    one = rows["record_id"].where(~swap, rows["other_id"])
    two = rows["other_id"].where(~swap, rows["record_id"])
    told = {
        f"{side}_{what}": ids.map(about[what])
        for side, ids in (("one", one), ("two", two))
        for what in ("name", "model", "status")
    }
    keep = ["layer", "measure", "value", "ci_low", "ci_high", "control", "control_low", "control_high", "n"]
    return (
        pd.DataFrame(told)
        .rename(columns={"one_name": "one", "two_name": "two"})
        .join(rows[keep])
        .reset_index(drop=True)
    )


def _heat(table: pd.DataFrame, names: list[str], measure: str) -> Chart:
    both = pd.concat([table, table.rename(columns={"one": "two", "two": "one"})])[
        ["one", "two", "value", "ci_low", "ci_high", "control"]
    ]
    side = min(SIDE, 46 * len(names))
    axis = alt.Axis(
        labels=len(names) <= MOST_NAMED, ticks=False, grid=False, labelLimit=220, labelAngle=-60, labelOverlap=False
    )
    upright = alt.Axis(labels=len(names) <= MOST_NAMED, ticks=False, grid=False, labelLimit=220, labelOverlap=False)
    scheme = alt.Scale(domain=[0, 1], scheme="viridis", clamp=True)
    if measure == "procrustes":
        scheme = alt.Scale(domain=[0, 1.4], scheme="viridis", reverse=True, clamp=True)
    tips = [alt.Tooltip("one:N", title="model"), alt.Tooltip("two:N", title="and")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "ci_low", "ci_high", "control")]
    x, y = alt.X("one:N", sort=names, title=None, axis=axis), alt.Y("two:N", sort=names, title=None, axis=upright)
    base = alt.Chart(inline(both), width=side, height=side)
    colour = alt.Color("value:Q", scale=scheme, title=MEASURES[measure], legend=alt.Legend(gradientLength=180))
    cells = base.mark_rect().encode(x=x, y=y, color=colour, tooltip=tips)
    if len(names) > MOST_WRITTEN:
        return alt.layer(cells)
    dark = "datum.value > 0.65" if measure != "procrustes" else "datum.value < 0.5"
    ink = alt.condition(dark, alt.value("#22252a"), alt.value("#ffffff"))
    text = base.mark_text(fontSize=10).encode(x=x, y=y, text=alt.Text("value:Q", format=".2f"), color=ink)
    return alt.layer(cells, text)


def _matrix_sentence(table: pd.DataFrame, measure: str) -> str:
    trained = table[(table["one_status"] != "untrained") & (table["two_status"] != "untrained")]
    within = trained[trained["one_model"] == trained["two_model"]]
    between = trained[trained["one_model"] != trained["two_model"]]
    half = table[(table["one_status"] == "untrained") != (table["two_status"] == "untrained")]
    parts = [
        (within, "between seeds of one model"),
        (between, "between different models"),
        (half, "between trained and untrained models"),
    ]
    means = [f"{number(rows['value'].mean())} {words}" for rows, words in parts if len(rows)]
    null = f"with users permuted {number(table['control'].mean())}"
    layer = str(table["layer"].iloc[0])
    where = "the layer that recommends" if layer == READOUT else f"layer {layer}"
    n = f"{int(table['n'].iloc[0]):,} users, vectors of {where}"
    return f"Mean {MEASURES[measure]}: {listing([*means, null])} ({n}). Intervals over users stand in the table."


# -- map of models ---------------------------------------------------------------------------------------------------


def model_map(placed: pd.DataFrame, records: pd.DataFrame) -> Figure | None:
    """Models on a plane, near each other where their representations are alike; None without a map."""
    if placed.empty:
        return None
    rows = at_recommending(placed)
    measure = main_measure(rows)
    rows = rows[rows["measure"] == measure].set_index("record_id")
    models = ordered(records, set(rows.index))
    table = models[["name", "model", "family", "seed", "status"]].assign(
        **{name: rows.loc[models["id"], name].to_numpy() for name in ("layer", "measure", "x", "y", "stress")}
    )
    stress = float(table["stress"].iloc[0])
    return Figure(
        id="model_map",
        title="A map of the models",
        chart=_scatter(table),
        sentence=_map_sentence(table, measure, stress),
        alt_text=f"Scatter plot of {len(table)} models by multidimensional scaling of {MEASURES[measure]}.",
        table=table,
    )


def _scatter(table: pd.DataFrame) -> Chart:
    models, statuses = list(table["model"].unique()), [s for s in _STATUS if s in set(table["status"])]
    reach = 1.12 * float(np.abs(table[["x", "y"]].to_numpy()).max() or 1)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    axis = alt.Axis(labels=False, ticks=False, grid=False)
    colours = [CYCLE[k % len(CYCLE)] for k in range(len(models))]
    base = alt.Chart(inline(table.drop(columns=["layer", "measure", "stress"])), width=430, height=430)
    points = base.mark_point(filled=True, size=110, opacity=0.75, stroke="white", strokeWidth=0.6).encode(
        x=alt.X("x:Q", scale=scale, axis=axis, title=None),
        y=alt.Y("y:Q", scale=scale, axis=axis, title=None),
        color=alt.Color("model:N", scale=alt.Scale(domain=models, range=colours), title="model"),
        shape=alt.Shape(
            "status:N", scale=alt.Scale(domain=statuses, range=[STATUS_SHAPES[s] for s in statuses]), title="status"
        ),
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("name", "status", "seed")],
    )
    drawn: alt.Chart = points.properties(view=alt.ViewBackground(stroke=GREY, strokeOpacity=0.35))
    return drawn


def _map_sentence(table: pd.DataFrame, measure: str, stress: float) -> str:
    poor = (
        " that is much, so that only coarse distances can be trusted"
        if stress > 0.2
        else " that is little"
        if stress < 0.1
        else " that is fair"
    )
    text = (
        "Distances are those of Procrustes"
        if measure == "procrustes"
        else f"Distances are angles, arccos of {MEASURES[measure]}"
    )
    return f"{text}, of {len(table)} models, in two dimensions by SMACOF; Kruskal's stress is {number(stress)},{poor}."
