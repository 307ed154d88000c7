"""Networks of leading and following: groups on a circle, arrows from leaders to followers, one network an issue."""

import math
from collections.abc import Iterator
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.agendas import Agenda, group_colours, group_label, issue_label, measure_label
from hemicycle.reports.facts import Figure
from hemicycle.reports.figures_leads import edges, strongest_lag
from hemicycle.reports.theme import inline, listing

MOST_NETWORKS = 9
RADIUS, BEND, STEPS = 1.0, 0.16, 16


def lead_network(agenda: Agenda) -> Figure | None:
    """Network of edges of the first measure, one an issue; None where there is no edge."""
    found = agenda.rows("leads")
    if found.empty:
        return None
    rows = found[(found["measure"] == found["measure"].iloc[0]) & (found["from"] != found["to"])]
    rows = strongest_lag(rows)
    kept = rows[edges(rows)]
    if kept.empty:
        return None
    groups = [group_label(group) for group in agenda.groups if group in {*rows["from"], *rows["to"]}]
    named = kept.assign(leader=kept["from"].map(group_label), follower=kept["to"].map(group_label))
    wanted = [*agenda.issues("leads")[:1], *agenda.areas("leads")[0]]
    issues = [issue for issue in dict.fromkeys(wanted) if issue in set(named["issue"].astype(str))]
    names = ["issue", "measure", "leader", "follower", "lag", "value", "ci_low", "ci_high", "p_bh"]
    table = named[[name for name in names if name in named]].reset_index(drop=True)
    width = float(table["value"].abs().max())
    parts = [(issue, table[table["issue"].astype(str) == issue]) for issue in issues[:MOST_NETWORKS]]
    panels = [_network(part, groups, width).properties(title=issue_label(issue)) for issue, part in parts]
    return Figure(
        id=agenda.id("lead_network"),
        title=agenda.title("Networks of leading and following"),
        chart=alt.concat(*panels, columns=min(3, len(panels)), spacing=14),
        sentence=_network_sentence(table, parts, found),
        alt_text="Groups on a circle with arrows from leaders to followers, one network per issue; wide: strong.",
        table=table,
    )


def places(groups: list[str]) -> dict[str, tuple[float, float]]:
    """Place of each group on a circle, the first at the top, clockwise."""
    angles = [math.pi / 2 - 2 * math.pi * place / len(groups) for place in range(len(groups))]
    found = (RADIUS * math.cos(angle) for angle in angles), (RADIUS * math.sin(angle) for angle in angles)
    return dict(zip(groups, zip(*found, strict=True), strict=True))


def arrow(start: tuple[float, float], end: tuple[float, float]) -> pd.DataFrame:
    """Points of a bent line between two places that leaves room for their marks; the two directions bend apart.

    Returns:
        ``x``, ``y`` and ``angle``, the direction in degrees clockwise from up.
    """
    (x0, y0), (x1, y1) = start, end
    length = math.hypot(x1 - x0, y1 - y0)
    middle = ((x0 + x1) / 2 + BEND * (y1 - y0), (y0 + y1) / 2 - BEND * (x1 - x0))
    gap = min(0.3, 0.17 / length)
    t = np.linspace(gap, 1 - gap, STEPS)
    x, y = ((1 - t) ** 2 * a + 2 * t * (1 - t) * m + t**2 * b for a, m, b in ((x0, middle[0], x1), (y0, middle[1], y1)))
    angle = np.degrees(np.arctan2(np.gradient(x), np.gradient(y)))
    return pd.DataFrame({"x": x, "y": y, "angle": angle, "order": range(STEPS)})


def _network(rows: pd.DataFrame, groups: list[str], widest: float) -> Any:
    at = places(groups)
    nodes = pd.DataFrame([{"group": g, "x": x, "y": y, "side": _side(x)} for g, (x, y) in at.items()])
    lines = pd.concat(list(_lines(rows, at, widest)), ignore_index=True)
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[-2.05, 2.05], nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-1.35, 1.45], nice=False))
    colours = alt.Scale(domain=groups, range=group_colours(groups))
    base: Any = alt.Chart().encode(x=x, y=y)
    dots = base.mark_circle(size=170, opacity=1, stroke="white")
    dots = dots.encode(color=alt.Color("group:N", scale=colours, legend=None))
    names = [_names(base, side) for side in nodes["side"].unique()]
    arrows = alt.layer(*_arrows(base, colours), data=inline(lines))
    layered: Any = alt.layer(arrows, alt.layer(dots, *names, data=inline(nodes)))
    return layered.properties(width=262, height=185)


def _arrows(base: Any, colours: alt.Scale) -> tuple[Any, Any]:
    """Bent lines, and heads at their ends."""
    tips = [alt.Tooltip("edge:N"), alt.Tooltip("value:Q", format=".4f"), alt.Tooltip("p_bh:Q", format=".4f")]
    base = base.encode(color=alt.Color("leader:N", scale=colours, legend=None), tooltip=tips)
    lines = base.mark_line(opacity=0.75)
    heads = base.transform_filter(alt.datum["order"] == STEPS - 1)
    heads = heads.mark_point(shape="triangle-up", filled=True, opacity=1)
    return (
        lines.encode(detail="edge:N", order="order:Q", strokeWidth=alt.StrokeWidth("width:Q", scale=None)),
        heads.encode(angle=alt.Angle("angle:Q", scale=None), size=alt.Size("head:Q", scale=None)),
    )


def _side(x: float) -> str:
    """Where the text of a mark begins: away from the circle."""
    return "left" if x > 0.2 else "right" if x < -0.2 else "center"


def _names(base: Any, side: str) -> Any:
    """Names of groups beside their marks, those that begin on one side."""
    shift = {"left": (12, 0), "right": (-12, 0)}.get(side, (0, -18))
    text = base.transform_filter(alt.datum["side"] == side).transform_calculate(words="split(datum.group, ' ')")
    return text.mark_text(fontSize=10.5, lineHeight=11, align=side, dx=shift[0], dy=shift[1]).encode(text="words:N")


def _lines(rows: pd.DataFrame, at: dict[str, tuple[float, float]], widest: float) -> Iterator[pd.DataFrame]:
    for row in rows.to_dict(orient="records"):
        share = abs(row["value"]) / widest if widest else 1.0
        words = {"edge": f"{row['leader']} to {row['follower']}", "leader": row["leader"], "value": row["value"]}
        yield arrow(at[row["leader"]], at[row["follower"]]).assign(
            **words, p_bh=row["p_bh"], width=1 + 3 * share, head=70 + 90 * share
        )


def _network_sentence(table: pd.DataFrame, drawn: list[tuple[str, pd.DataFrame]], found: pd.DataFrame) -> str:
    counts = listing([f"{len(rows)} in {issue_label(issue)}" for issue, rows in drawn])
    asked = found["issue"].astype(str).nunique() if "issue" in found else 1
    measure = measure_label(table["measure"].iloc[0])
    text = f"Arrows go from leader to follower, edges of {measure} at the false-discovery rate: {counts}."
    without = asked - table["issue"].astype(str).nunique()
    text += f" {without} issue{'s have' if without > 1 else ' has'} no edge." if without else ""
    left = table["issue"].astype(str).nunique() - len(drawn)
    return f"{text} {left} more issues are in the table." if left > 0 else text
