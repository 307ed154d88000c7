"""The figure of a run: how many times ours everybody takes, on a logarithmic axis."""

import altair as alt
import pandas as pd

from hemicycle.reports.export import svg
from hemicycle.reports.facts import Figure
from hemicycle.reports.theme import BLUE, GREY, VERMILION, inline

COLOURS = {"ours": BLUE, "peer": VERMILION, "bound": GREY}
SHAPES = {"ours": "circle", "peer": "square", "bound": "diamond"}
WIDTH, ROW, NAMES = 440, 19, 270


def draw(frame: pd.DataFrame) -> str | None:
    """Return an SVG of all rows with a ratio, a panel for each group, on one scale; None without any."""
    rows = frame[frame["ratio"].notna()]
    if rows.empty:
        return None
    scale = alt.Scale(type="log", domain=[min(0.3, float(rows["ratio"].min())), 10 * max(10.0, rows["ratio"].max())])
    panels = [_panel(part, str(group), scale) for group, part in rows.groupby("group", sort=False)]
    words = "How many times the time of ours each package and each limit of the machine takes, a panel for each task."
    return svg(Figure("bench", "Time against ours", alt.vconcat(*panels, spacing=12), "", words, rows))


def _panel(rows: pd.DataFrame, group: str, scale: alt.Scale) -> alt.LayerChart:
    labels = [f"{ratio:,.3g} ({least:,.3g} s)" for ratio, least in zip(rows["ratio"], rows["least"], strict=True)]
    shown = rows.assign(label=labels)[["name", "role", "ratio", "label"]]
    names = alt.Axis(labelLimit=NAMES, minExtent=NAMES, grid=False, ticks=False)
    base = alt.Chart(inline(shown), width=WIDTH, height=ROW * len(rows)).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=names),
        x=alt.X("ratio:Q", scale=scale, title=None, axis=alt.Axis(values=[0.1, 1, 10, 100, 1000, 10000], format="~g")),
    )
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        color=alt.Color("role:N", scale=_of_roles(COLOURS), legend=None),
        shape=alt.Shape("role:N", scale=_of_roles(SHAPES), legend=None),
    )
    words = base.mark_text(align="left", dx=9).encode(text="label:N")
    ours = alt.Chart(inline(pd.DataFrame({"one": [1.0]}))).mark_rule(strokeDash=[2, 3]).encode(x=alt.X("one:Q"))
    panel: alt.LayerChart = (ours + dots + words).properties(title=f"{group}, as a multiple of ours")
    return panel


def _of_roles(values: dict[str, str]) -> alt.Scale:
    return alt.Scale(domain=list(values), range=list(values.values()))
