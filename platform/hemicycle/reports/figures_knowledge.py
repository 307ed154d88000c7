"""What a mediator knows of opinions and how polarized they are, together; and how users rewire their follows."""

from typing import Any

import altair as alt
import pandas as pd

from hemicycle.reports.arms import arm_colour, arm_dash
from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.simulated import Simulated, brief, order_metrics
from hemicycle.reports.summaries import METRICS, over_seeds
from hemicycle.reports.theme import BLUE, GREY, VERMILION, inline, label, listing, number

INITIAL, CURRENT = "initial opinions", "current opinions"
UNTRAINED, PERMUTED = "untrained mediator", "permuted opinions"
SERIES = {
    INITIAL: (BLUE, [1, 0]),
    CURRENT: (VERMILION, [1, 0]),
    f"{INITIAL}, {UNTRAINED}": (BLUE, [3, 3]),
    f"{CURRENT}, {UNTRAINED}": (VERMILION, [3, 3]),
    PERMUTED: (GREY, [1, 2]),
}
MOST_ARMS = 5


def known_opinions(simulated: Simulated) -> pd.DataFrame:
    """R2 of opinions per panel, series and refresh: mean over seeds and dimensions, range over seeds.

    Of a grid some cells stand for the others.

    Returns:
        Columns ``panel`` (arm, with opinion model and cell where there are several), ``series``, ``step``, ``mean``,
        ``low``, ``high`` and ``seeds``.
    """
    rows = simulated.knowledge
    if rows.empty:
        return rows
    rows = rows[rows["cell"].isin(simulated.some_cells(2))].dropna(subset=["r2"])
    named = rows.assign(
        panel=_panels(simulated, rows),
        series=[_series(o, s) for o, s in zip(rows["opinions"], rows["status"], strict=True)],
    )
    control = named[named["status"] == "trained"].assign(series=PERMUTED, r2=named["control"])
    keys = ["panel", "series", "step"]
    per_seed = pd.concat([named, control]).groupby([*keys, "seed"], sort=False)["r2"].mean().reset_index()
    return over_seeds(per_seed, keys, "r2")


def _series(opinions: str, status: str) -> str:
    name = INITIAL if opinions == "initial" else CURRENT
    return name if status == "trained" else f"{name}, {UNTRAINED}"


def _panels(simulated: Simulated, rows: pd.DataFrame) -> pd.Series:
    """Arm, and what else tells panels apart."""
    names = rows["arm"].map(label)
    if simulated.cells:
        names = names + ", " + rows["cell"].map(simulated.cells)
    return names + ", " + rows["opinion"].map(label) if len(simulated.results["opinion"].unique()) > 1 else names


def polarization(simulated: Simulated, panels: list[str]) -> pd.DataFrame:
    """The first metric of polarization at every step of the same panels: mean and range over seeds."""
    rows = simulated.results
    metric = next((name for name in METRICS if name in set(rows["metric"])), order_metrics(rows["metric"])[0])
    rows = rows[rows["metric"] == metric].dropna(subset=["value"])
    rows = rows.assign(panel=_panels(simulated, rows))
    means = over_seeds(rows[rows["panel"].isin(panels)], ["panel", "step"], "value")
    return means.assign(series=label(metric))


def knowledge_and_polarization(simulated: Simulated) -> Figure | None:
    """What the mediator knows at every refresh above how polarized opinions are, one panel an arm; None without it."""
    known = known_opinions(simulated)
    if known.empty or simulated.results.empty:
        return None
    panels = list(known["panel"].unique())[: 2 * MOST_ARMS]
    known = known[known["panel"].isin(panels)]
    both = pd.concat([known, polarization(simulated, panels)], ignore_index=True)
    return Figure(
        id=simulated.id("knowledge_and_polarization"),
        title=simulated.title("What the mediator knows, and how polarized opinions are"),
        chart=_knowledge_chart(both, panels),
        sentence=_knowledge_sentence(both, panels),
        alt_text="Lines over steps: R2 of opinions read from the mediator's vectors at refreshes, above polarization.",
        table=both,
    )


def _knowledge_chart(both: pd.DataFrame, panels: list[str]) -> Chart:
    known = both["series"].isin(SERIES)
    ends = [int(both["step"].min()), int(both["step"].max())]
    blocks = [panels[i : i + 3] for i in range(0, len(panels), 3)]
    rows = []
    for block in blocks:
        rows += [_known_row(both[known], block, ends), _polarized_row(both[~known], block, ends)]
    return alt.vconcat(*rows, spacing=8)


def _known_row(rows: pd.DataFrame, panels: list[str], ends: list[int]) -> Any:
    present = [name for name in SERIES if name in set(rows["series"])]
    legend = alt.Legend(
        title="R² of", symbolType="stroke", symbolSize=300, symbolStrokeWidth=2, columns=3, symbolOpacity=1
    )
    colours = alt.Scale(domain=present, range=[SERIES[name][0] for name in present])
    dashes = alt.Scale(domain=present, range=[SERIES[name][1] for name in present])
    top = alt.Scale(domain=[min(-0.05, float(rows["low"].min())), max(0.1, float(rows["high"].max()))], nice=True)
    base = alt.Chart().encode(
        x=_steps(ends, last=False), color=alt.Color("series:N", title="R² of", scale=colours, legend=legend)
    )
    tips = [alt.Tooltip("series:N"), alt.Tooltip("step:Q")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("mean", "low", "high")]
    y = alt.Y("mean:Q", title="R² at a refresh", scale=top, axis=alt.Axis(tickCount=5))
    band = base.mark_area(opacity=0.12).encode(y=alt.Y("low:Q", scale=top), y2="high:Q")
    dash = alt.StrokeDash("series:N", title="R² of", scale=dashes, legend=legend)
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash)
    points = base.mark_point(filled=True, size=40, opacity=1).encode(y=y, tooltip=tips)
    return _columns(alt.layer(band, line, points, data=inline(_in(rows, panels))), panels, 140, named=True)


def _polarized_row(rows: pd.DataFrame, panels: list[str], ends: list[int]) -> Any:
    title = str(rows["series"].iloc[0])
    scale = alt.Scale(zero=False)
    base = alt.Chart().encode(x=_steps(ends, last=True))
    band = base.mark_area(opacity=0.2, color=GREY).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    y = alt.Y("mean:Q", title=title.split(" "), scale=scale, axis=alt.Axis(tickCount=4))
    tips = [alt.Tooltip("step:Q"), *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("mean", "low", "high"))]
    line = base.mark_line(strokeWidth=2, color=GREY).encode(y=y, tooltip=tips)
    return _columns(alt.layer(band, line, data=inline(_in(rows, panels))), panels, 90, named=False)


def _in(rows: pd.DataFrame, panels: list[str]) -> pd.DataFrame:
    return rows[rows["panel"].isin(panels)]


def _steps(ends: list[int], *, last: bool) -> Any:
    axis = alt.Axis(labels=last, ticks=last, title="step" if last else None, grid=False, tickMinStep=1)
    return alt.X("step:Q", axis=axis, scale=alt.Scale(nice=False, domain=ends))


def _columns(layered: Any, panels: list[str], height: int, *, named: bool) -> Any:
    width = max(190, min(340, 720 // len(panels)))
    header = alt.Header(labels=named, labelAnchor="start", labelLimit=width + 10)
    sized = layered.properties(width=width, height=height)
    return sized.facet(column=alt.Column("panel:N", sort=panels, title=None, header=header), spacing=24)


def _knowledge_sentence(both: pd.DataFrame, panels: list[str]) -> str:
    parts = []
    for panel in panels[:MOST_ARMS]:
        rows = both[both["panel"] == panel]
        known = rows[rows["series"].isin(SERIES)]
        last = known[known["step"] == known["step"].max()].set_index("series")["mean"]
        read = [f"{number(float(last[name]))} of {name}" for name in (INITIAL, CURRENT) if name in last]
        untrained = f"{CURRENT}, {UNTRAINED}"
        beside = [f"{number(float(last[untrained]))} untrained"] if untrained in last else []
        beside += [f"{number(float(last[PERMUTED]))} permuted"] if PERMUTED in last else []
        end = rows[~rows["series"].isin(SERIES)].sort_values("step").iloc[-1:]
        closing = [f"{row['series']} ends at {brief(row['mean'])}" for _, row in end.iterrows()]
        parts.append(f"{panel}: {listing(read)} ({listing(beside)}), and {listing(closing)}")
    return f"R² at the last refresh, mean over dimensions and seeds, bands the range over seeds. {'; '.join(parts)}."


# -- edges -----------------------------------------------------------------------------------------------------------


def edge_changes(simulated: Simulated) -> pd.DataFrame:
    """Follows begun and ended since the start, by step: mean and range over seeds per panel, what and arm."""
    rows = simulated.changes
    if rows.empty:
        return rows
    rows = rows[rows["what"].isin(["follow", "unfollow"]) & rows["cell"].isin(simulated.some_cells(2))]
    if rows.empty:
        return rows
    keys = ["panel", "what", "arm_label", "seed"]
    rows = rows.assign(panel=simulated.panels(rows), arm_label=rows["arm"].map(label)).sort_values("step")
    wide = rows.pivot_table(index="step", columns=keys, values="number", aggfunc="sum").fillna(0).cumsum()
    long = wide.melt(ignore_index=False, value_name="number").reset_index()
    return over_seeds(long, ["panel", "what", "arm_label", "step"], "number")


def edges_changed(simulated: Simulated) -> Figure | None:
    """Follows that users began and ended, cumulated over time, by arm; None where nobody rewires."""
    table = edge_changes(simulated)
    if table.empty:
        return None
    last = table[table["step"] == table["step"].max()]
    parts = [f"{row['mean']:,.0f} {row['what']}s under {row['arm_label']}" for _, row in last.iterrows()]
    return Figure(
        id=simulated.id("edges_changed"),
        title=simulated.title("Whom users begin and cease to follow"),
        chart=_edge_chart(simulated, table),
        sentence=f"Until step {table['step'].max()} there are {listing(parts[:8])}; means over seeds, bands the range.",
        alt_text="Lines over time of follows begun and ended since the start, one per arm of exposure.",
        table=table,
    )


def _edge_chart(simulated: Simulated, table: pd.DataFrame) -> Chart:
    kinds = list(table["what"].unique())
    rows = [_edge_row(simulated, table[table["what"] == what], what, last=what == kinds[-1]) for what in kinds]
    return alt.vconcat(*rows, spacing=8)


def _edge_row(simulated: Simulated, rows: pd.DataFrame, what: str, *, last: bool) -> Any:
    panels = list(rows["panel"].unique())
    ends = [0, int(rows["step"].max())]
    base = alt.Chart().encode(x=_steps(ends, last=last), color=arm_colour(simulated.arms))
    band = base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q"), y2="high:Q")
    axis = alt.Axis(tickCount=4, format=",.0f")
    line = base.mark_line(strokeWidth=2).encode(
        y=alt.Y("mean:Q", title=[f"{what}s", "since the start"], axis=axis), strokeDash=arm_dash(simulated.arms)
    )
    return _columns(alt.layer(band, line, data=inline(rows)), panels, 110, named=len(panels) > 1 and not last)
