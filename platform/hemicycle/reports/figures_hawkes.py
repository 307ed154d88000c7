"""Posts that bring about posts: branching between sources, where attention comes from, and how well the model fits."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.agendas import Agenda, group_colours, group_label, sort_groups
from hemicycle.reports.facts import Figure
from hemicycle.reports.theme import BLUE, GREY, ORANGE, SHAPES, inline, interval, number, small

EXOGENOUS, ITSELF = "exogenous", "itself"
PARTS = {EXOGENOUS: "outside", ITSELF: "the source itself"}
MOST_SOURCES = 30
SMALL = 0.005
MOST_PANELS, LARGE = 12, 20_000
MODELS = {"hawkes": "Hawkes process", "poisson": "without influence"}


def part_label(part: object) -> str:
    """Name for people of where events come from."""
    return PARTS.get(str(part), group_label(part))


def branching_matrix(agenda: Agenda) -> Figure | None:
    """Heat map of the events that an event of a source brings about in each target; None without a Hawkes fit."""
    rows = agenda.main("hawkes")
    if rows.empty:
        return None
    if "kernel" in rows and (rows["kernel"] == "total").any():
        rows = rows[rows["kernel"] == "total"]
    clear = rows["ci_low"] > 0
    marks = [small(value) + ("*" if told else "") for value, told in zip(rows["branching"], clear, strict=True)]
    table = rows.assign(source=rows["source"].map(group_label), target=rows["target"].map(group_label), text=marks)
    names = ["source", "target", "branching", "ci_low", "ci_high", "decay", "text"]
    table = table[[name for name in names if name in table]].reset_index(drop=True)
    return Figure(
        id=agenda.id("branching_matrix"),
        title=agenda.title("Posts that bring about posts"),
        chart=_matrix(table),
        sentence=_matrix_sentence(table),
        alt_text="Heat map of branching: rows act, columns answer; a star marks values whose interval lies above 0.",
        table=table,
    )


def _matrix(table: pd.DataFrame) -> alt.LayerChart:
    groups = sort_groups([*table["source"], *table["target"]])
    reach = float(table["branching"].max()) or 1.0
    top = alt.Axis(orient="top", labelAngle=-40, labelLimit=150, ticks=False, grid=False)
    x = alt.X("target:N", sort=groups, title="answers", axis=top)
    y = alt.Y("source:N", sort=groups, title="acts", axis=alt.Axis(labelLimit=170, ticks=False, grid=False))
    scale = alt.Scale(domain=[0, reach], range=["#f1f4f7", BLUE], interpolate="rgb")
    legend = alt.Legend(orient="right", gradientLength=120, titleLimit=150)
    tips = [alt.Tooltip(f"{name}:N") for name in ("source", "target")]
    tips += [alt.Tooltip(f"{n}:Q", format=".4f") for n in ("branching", "ci_low", "ci_high", "decay") if n in table]
    base = alt.Chart().encode(x=x, y=y)
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(
        color=alt.Color("branching:Q", title="branching", scale=scale, legend=legend), tooltip=tips
    )
    ink = alt.condition(f"datum.branching > {0.6 * reach:.6g}", alt.value("white"), alt.value("#22252a"))
    layers: list[Any] = [cells]
    if len(groups) <= MOST_SOURCES:
        layers.append(base.mark_text(fontSize=11).encode(text="text:N", color=ink))
    step = max(12, min(56, 700 // len(groups)))
    layered: Any = alt.layer(*layers, data=inline(table))
    chart: alt.LayerChart = layered.properties(width=step * len(groups), height=min(28, step) * len(groups))
    return chart


def _matrix_sentence(table: pd.DataFrame) -> str:
    others = table[table["source"] != table["target"]]
    text = "Branching: the mean number of events of the answering source that one event of the acting one brings about."
    if others.empty:
        return text
    row = others.iloc[int(others["branching"].argmax())]
    clear = int((others["ci_low"] > 0).sum())
    bounds = interval(row["ci_low"], row["ci_high"], 3)
    return (
        f"{text} The strongest between sources: {row['source']} to {row['target']}, "
        f"{number(row['branching'], 3)}{bounds}; "
        f"{clear} of {len(others)} pairs lie above 0 by their interval (stars)."
    )


# -- where attention comes from --------------------------------------------------------------------------------------


def endogeneity_rows(agenda: Agenda) -> pd.DataFrame:
    """Shares of each target's events by where they come from, names for people, with ``kind``.

    Where sources are joined to groups, targets and parts are these groups; what other sources bring about is one part.
    """
    rows = agenda.main("endogeneity")
    if rows.empty:
        return rows
    if "kind" not in rows:
        rows = rows.assign(kind=rows["part"].where(rows["part"].isin(PARTS), "source"))
    if "level" in rows and (rows["level"] == "group").any():
        rows = rows[(rows["level"] == "group") & rows["kind"].isin([*PARTS, "group"])]
        rows = pd.concat([rows, _rest(rows)], ignore_index=True)
    named = rows.assign(target=rows["target"].map(group_label), part=rows["part"].map(part_label))
    return named[named["target"].isin(named["target"].unique()[:MOST_SOURCES])]


def _rest(rows: pd.DataFrame) -> pd.DataFrame:
    """What is missing to 1, brought about by sources of no group."""
    rest = (1 - rows.groupby("target", sort=False)["share"].sum()).rename("share").reset_index()
    return rest[rest["share"] > SMALL].assign(part="other sources", kind="group")


def endogeneity_shares(agenda: Agenda) -> Figure | None:
    """Stacked bars of where each source's attention comes from; None without a Hawkes fit."""
    rows = endogeneity_rows(agenda)
    if rows.empty:
        return None
    first = [name for name in PARTS.values() if name in set(rows["part"])]
    sources = sort_groups(part for part in rows["part"].unique() if part not in first)
    parts = [*first, *sources]
    table = rows[[name for name in ("target", "part", "share", "ci_low", "ci_high") if name in rows]]
    table = table.assign(place=table["part"].map(parts.index)).reset_index(drop=True)
    own = {PARTS[EXOGENOUS]: "#c9c7c0", PARTS[ITSELF]: "#6d7076"}
    colours = [*(own[name] for name in first), *group_colours(sources)]
    legend = alt.Legend(columns=4, labelLimit=200)
    tips = [alt.Tooltip("target:N"), alt.Tooltip("part:N")]
    tips += [alt.Tooltip(f"{n}:Q", format=".3f") for n in ("share", "ci_low", "ci_high") if n in table]
    axis = alt.Axis(format=".0%", tickCount=5)
    chart: Any = alt.Chart(inline(table)).mark_bar(stroke="white")
    chart = chart.encode(
        y=alt.Y("target:N", sort=sort_groups(table["target"]), title=None, axis=alt.Axis(labelLimit=190, ticks=False)),
        x=alt.X("share:Q", title="share of events", axis=axis, scale=alt.Scale(domain=[0, 1], clamp=True)),
        color=alt.Color(
            "part:N", title="brought about by", scale=alt.Scale(domain=parts, range=colours), legend=legend
        ),
        order=alt.Order("place:Q"),
        tooltip=tips,
    )
    return Figure(
        id=agenda.id("endogeneity"),
        title=agenda.title("Where attention comes from"),
        chart=chart.properties(width=560, height={"step": 26}),
        sentence=_shares_sentence(table),
        alt_text="Stacked bars, one per source: share of its events from outside, itself and every other source.",
        table=table.drop(columns="place"),
    )


def _shares_sentence(table: pd.DataFrame) -> str:
    outside = table[table["part"] == PARTS[EXOGENOUS]].set_index("target")["share"]
    if outside.empty:
        return "Shares of events by what brought them about."
    most, least = outside.idxmax(), outside.idxmin()
    ends = [number(float(end)) for end in (outside.min(), outside.max())]
    return (
        f"From outside come {ends[0]} of the events of {least} and {ends[1]} of those of {most}; what is not explained "
        "by a rate from outside is brought about by earlier events in the model."
    )


# -- goodness of fit -------------------------------------------------------------------------------------------------


def goodness_of_fit(agenda: Agenda) -> Figure | None:
    """Quantiles of rescaled waiting times against those of the unit exponential; None without quantiles."""
    rows = agenda.main("goodness_quantiles")
    if rows.empty:
        return None
    rows = rows[rows["source"].isin(rows["source"].unique()[:MOST_PANELS])]
    table = rows.assign(source=rows["source"].map(group_label), model=rows["model"].map(MODELS).fillna(rows["model"]))
    table = table[["source", "model", "level", "expected", "observed"]].reset_index(drop=True)
    return Figure(
        id=agenda.id("goodness_of_fit"),
        title=agenda.title("How well the Hawkes process fits: waiting times on its own clock"),
        chart=_quantiles(table),
        sentence=_fit_sentence(agenda.main("goodness")),
        alt_text="Quantile plots of rescaled waiting times, one per source: a model that fits lies on the diagonal.",
        table=table,
    )


def _quantiles(table: pd.DataFrame) -> alt.FacetChart:
    models, sources = list(table["model"].unique()), sort_groups(table["source"])
    ends = table.loc[table["observed"] > 0, ["expected", "observed"]]
    domain = [float(ends.min().min()), float(ends.max().max())]
    scale = alt.Scale(type="log", domain=domain, clamp=True)
    axis = alt.Axis(values=[0.01, 0.1, 1, 10], format="~g")
    x = alt.X("expected:Q", title="expected", scale=scale, axis=axis)
    colours = alt.Scale(domain=models, range=[BLUE, ORANGE, GREY][: len(models)])
    shapes = alt.Scale(domain=models, range=list(SHAPES[: len(models)]))
    tips = [alt.Tooltip("source:N"), alt.Tooltip("model:N"), alt.Tooltip("level:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("expected", "observed")]
    base = alt.Chart().encode(x=x)
    points = base.mark_point(size=34, filled=True, opacity=0.9).encode(
        y=alt.Y("observed:Q", title="observed", scale=scale, axis=axis),
        color=alt.Color("model:N", title=None, scale=colours),
        shape=alt.Shape("model:N", title=None, scale=shapes),
        tooltip=tips,
    )
    same = base.mark_line(color=GREY, strokeDash=[4, 3]).encode(y=alt.Y("expected:Q", scale=scale, axis=axis))
    layered: Any = alt.layer(same, points, data=inline(table)).properties(width=165, height=165)
    facet = alt.Facet("source:N", sort=sources, title=None, header=alt.Header(labelAnchor="start"))
    chart: alt.FacetChart = layered.facet(facet=facet, columns=min(4, len(sources)), spacing=16)
    return chart


def _fit_sentence(tested: pd.DataFrame) -> str:
    """Distance of Kolmogorov and Smirnov beside that of a Poisson process, and how many tests reject."""
    text = "Where the model holds, waiting times on its own clock are exponential and marks lie on the diagonal."
    if tested.empty:
        return text
    own = tested[tested["model"] == "hawkes"]
    other = tested[tested["model"] == "poisson"]
    text += f" The distance of Kolmogorov and Smirnov is at most {number(own['statistic'].max(), 3)}"
    text += f" (without influence {number(other['statistic'].max(), 3)})" if len(other) else ""
    text += f"; {int((own['p_value'] < 0.05).sum())} of {len(own)} tests have a p-value under .05"
    return f"{text}, which with so many events small misfits have." if own["n"].max() >= LARGE else f"{text}."
