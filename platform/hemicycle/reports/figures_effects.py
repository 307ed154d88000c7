"""What a factorial population's factors do to what is learnt: differences with intervals, and shares of variance."""

from collections.abc import Iterable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from hemicycle.reports.facts import Chart, Figure
from hemicycle.reports.search_words import metric_label, param_labels
from hemicycle.reports.theme import BLUE, GREY, ORANGE, inline, interval, level_label, listing, number, signed

TREND = "linear trend"
SEED = "seed"
MOST_PANELS, MOST_ROWS, MOST_FACTORS, COLUMNS = 6, 24, 16, 2
CLEAR, ALONE, UNCLEAR = "beyond 0 with all others", "beyond 0 by itself", "not beyond 0"
VERDICTS = {CLEAR: (BLUE, "circle"), ALONE: (ORANGE, "diamond"), UNCLEAR: (GREY, "square")}
_TIMES = " \u00d7 "


def factor_labels(names: Iterable[str]) -> dict[str, str]:
    """Names for people of factors and interactions: ``dimension``, ``architecture x dimension``."""
    wanted = list(dict.fromkeys(names))
    single = param_labels(sorted({part for name in wanted for part in name.split(":")}))
    return {name: _TIMES.join(single[part] for part in name.split(":")) for name in wanted}


def _panels(rows: pd.DataFrame) -> pd.DataFrame:
    """Name each design and outcome; the design only where there are several."""
    several = len(rows["design"].unique()) > 1
    names = [
        f"{design}: {metric_label(outcome)}" if several else metric_label(outcome)
        for design, outcome in zip(rows["design"], rows["outcome"], strict=True)
    ]
    return rows.assign(panel=names)


# -- differences -----------------------------------------------------------------------------------------------------


def differences(effects: pd.DataFrame) -> pd.DataFrame:
    """Differences of levels to draw, one row a mark: ``panel``, ``row`` and ``verdict`` beside what they are from.

    Of more than MOST_ROWS of an outcome those furthest from 0 stay, in units of their interval.
    """
    rows = effects if effects.empty else effects[effects["against"] != TREND].dropna(subset=["effect", "ci_low"])
    if rows.empty:
        return pd.DataFrame()
    rows = _panels(rows)
    rows = rows[rows["panel"].isin(rows["panel"].unique()[:MOST_PANELS])]
    distance = (rows["effect"].abs() / (rows["ci_high"] - rows["ci_low"])).groupby(rows["panel"])
    rows = rows[distance.rank(method="first", ascending=False) <= MOST_ROWS]
    known = factor_labels(rows["factor"])
    names = [
        f"{known[factor]}: {level_label(level)} against {level_label(against)}"
        for factor, level, against in zip(rows["factor"], rows["level"], rows["against"], strict=True)
    ]
    return rows.assign(row=names, verdict=verdicts(rows)).reset_index(drop=True)


def verdicts(rows: pd.DataFrame) -> list[str]:
    """Tell of every effect which of its intervals excludes 0."""
    alone, together = (
        (rows[low] > 0) | (rows[high] < 0) for low, high in (("ci_low", "ci_high"), ("adjusted_low", "adjusted_high"))
    )
    return [str(v) for v in np.select([together, alone], [CLEAR, ALONE], UNCLEAR)]


def factor_effects(effects: pd.DataFrame) -> Figure | None:
    """Forest of effects, one panel an outcome; None without intervals."""
    table = differences(effects)
    if table.empty:
        return None
    return Figure(
        id="factor_effects",
        title="What each choice changes, averaged over the others",
        chart=_forest(table),
        sentence=_differences_sentence(table, effects),
        alt_text=(
            "Differences of each factor's levels from its first one, averaged over the other factors: thick 95 % "
            "intervals, thin ones that hold for all of an outcome together, a line at zero; one panel an outcome."
        ),
        table=table,
    )


def _forest(table: pd.DataFrame) -> Chart:
    kinds = [kind for kind in VERDICTS if kind in set(table["verdict"])]
    order = list(table["row"].unique())
    panels = []
    for place, (panel, rows) in enumerate(table.groupby("panel", sort=False)):
        drawn = _forest_panel(rows, order, kinds, named=place % COLUMNS == 0)
        panels.append(drawn.properties(width=250, height=24 * len(order), title=alt.TitleParams(str(panel))))
    return alt.concat(*panels, columns=COLUMNS, spacing={"row": 20, "column": 20})


def _forest_panel(rows: pd.DataFrame, order: list[str], kinds: list[str], *, named: bool) -> alt.LayerChart:
    """One outcome; all panels have the same rows, which the left ones name."""
    axis = alt.Axis(grid=False, ticks=False, labels=named, labelLimit=330)
    y = alt.Y("row:N", title=None, sort=order, scale=alt.Scale(domain=order), axis=axis)
    colours = alt.Scale(domain=kinds, range=[VERDICTS[kind][0] for kind in kinds])
    shapes = alt.Scale(domain=kinds, range=[VERDICTS[kind][1] for kind in kinds])
    base = alt.Chart().encode(y=y, color=alt.Color("verdict:N", title=None, scale=colours))
    ends = ("effect", "ci_low", "ci_high", "adjusted_low", "adjusted_high")
    tips = [alt.Tooltip("row:N", title="difference"), alt.Tooltip("n:Q", title="units")]
    tips += [alt.Tooltip(f"{name}:Q", format=".4f", title=name.replace("_", " ")) for name in ends]
    x = alt.X("adjusted_low:Q", title="difference", axis=alt.Axis(tickCount=4), scale=alt.Scale(zero=False))
    points = base.mark_point(filled=True, size=75, opacity=1).encode(
        x=alt.X("effect:Q"), shape=alt.Shape("verdict:N", title=None, scale=shapes), tooltip=tips
    )
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))
    thin = base.mark_rule(strokeWidth=1).encode(x=x, x2="adjusted_high:Q")
    thick = base.mark_rule(strokeWidth=4).encode(x=alt.X("ci_low:Q"), x2="ci_high:Q")
    layered: Any = alt.layer(zero, thin, thick, points, data=inline(rows))
    chart: alt.LayerChart = layered
    return chart


def _differences_sentence(table: pd.DataFrame, effects: pd.DataFrame) -> str:
    """How many differences all intervals together leave, the clearest of each outcome, and clear trends."""
    clear = table[table["verdict"] == CLEAR]
    lead = f"{len(clear)} of {len(table)} differences are beyond 0 when all of their outcome are taken together"
    parts = [_clearest(str(panel), rows) for panel, rows in clear.groupby("panel", sort=False)]
    text = f"{lead}. The clearest: {'; '.join(parts)}." if parts else f"{lead}."
    left_out = int((effects["against"] != TREND).sum()) - len(table)
    text += f" {left_out} more are in the table of effects alone." if left_out > 0 else ""
    return text + _trends(effects)


def _clearest(panel: str, rows: pd.DataFrame) -> str:
    row = rows.iloc[int((rows["effect"].abs() / (rows["ci_high"] - rows["ci_low"])).argmax())]
    ends = interval(row["adjusted_low"], row["adjusted_high"], 3)
    return f"in {panel}, {row['row']} ({signed(row['effect'], 3)}{ends})"


def _trends(effects: pd.DataFrame) -> str:
    """Clear trends per doubling; what a unit of another scale does is seldom a number that says something."""
    known = factor_labels(effects["factor"])
    rows = effects[(effects["against"] == TREND) & (effects["level"] == "per doubling")]
    rows = _panels(rows)[np.array(verdicts(rows), dtype=object) == CLEAR]
    parts = [
        f"{row['panel']} by {signed(row['effect'], 3)}{interval(row['adjusted_low'], row['adjusted_high'], 3)} "
        f"({known[row['factor']]})"
        for _, row in rows.head(MOST_PANELS).iterrows()
    ]
    return f" A doubling changes {listing(parts)}." if parts else ""


# -- shares of variance ----------------------------------------------------------------------------------------------


def shares(tests: pd.DataFrame) -> pd.DataFrame:
    """Partial eta squared of each factor and outcome to draw: factors first, then the strongest interactions."""
    if tests.empty:
        return pd.DataFrame()
    rows = _panels(tests)
    rows = rows[rows["panel"].isin(rows["panel"].unique()[: 2 * MOST_PANELS])]
    rows = rows.assign(row=rows["factor"].map(factor_labels(rows["factor"])), crossed=rows["factor"].str.contains(":"))
    strongest = rows.groupby("row", sort=False).agg(crossed=("crossed", "first"), eta=("eta2_partial", "max"))
    ordered = strongest.sort_values(["crossed", "eta"], ascending=[True, False], kind="stable")
    order = list(ordered.index[:MOST_FACTORS])
    rows = rows[rows["row"].isin(order)].sort_values("row", key=lambda names: names.map(order.index), kind="stable")
    texts = [
        number(eta) + ("*" if p < 0.05 else "") for eta, p in zip(rows["eta2_partial"], rows["p_adjusted"], strict=True)
    ]
    return rows.assign(text=texts).reset_index(drop=True)


def factor_shares(tests: pd.DataFrame) -> Figure | None:
    """Heat map of partial eta squared, factor by outcome; None without tests."""
    table = shares(tests)
    if table.empty:
        return None
    return Figure(
        id="factor_shares",
        title="What decides what is learnt",
        chart=_heat_map(table),
        sentence=_shares_sentence(table),
        alt_text=(
            "Partial eta squared, the share of the variance left by all other factors, of each factor (rows) in each "
            "outcome (columns); a star marks those told from 0 by an F test corrected for all of an outcome."
        ),
        table=table,
    )


def _heat_map(table: pd.DataFrame) -> Chart:
    rows, panels = (list(table[name].unique()) for name in ("row", "panel"))
    y = alt.Y("row:N", title=None, sort=rows, axis=alt.Axis(grid=False, ticks=False, labelLimit=330))
    width = min(140 if len(panels) > 3 else 190, 620 // len(panels))
    angle = -30 if max(map(len, panels)) * 6 > width else 0
    top = alt.Axis(grid=False, ticks=False, labelLimit=190, labelAngle=angle, orient="top")
    x = alt.X("panel:N", title=None, sort=panels, axis=top)
    scale = alt.Scale(domain=[0, 1], range=["#eef3f7", BLUE])
    legend = alt.Legend(orient="right", titleLimit=200, gradientLength=120)
    colour = alt.Color("eta2_partial:Q", title="partial η²", scale=scale, legend=legend)
    tips = [alt.Tooltip("row:N", title="factor"), alt.Tooltip("panel:N", title="outcome")]
    tips += [
        alt.Tooltip(f"{n}:Q", format=".3f", title=n.replace("_", " ")) for n in ("eta2_partial", "F", "p_adjusted")
    ]
    base = alt.Chart().encode(x=x, y=y)
    cells = base.mark_rect(stroke="white", strokeWidth=2).encode(color=colour, tooltip=tips)
    ink = alt.condition(alt.datum["eta2_partial"] > 0.62, alt.value("white"), alt.value("#22252a"))
    words = base.mark_text(fontSize=12).encode(text="text:N", color=ink)
    layered: Any = alt.layer(cells, words, data=inline(table))
    drawn: alt.LayerChart = layered.properties(width=max(150, width * len(panels)), height=28 * len(rows))
    return drawn


def _shares_sentence(table: pd.DataFrame) -> str:
    """For each outcome the factor that counts most, the seed beside it, and interactions."""
    factors = table[~table["crossed"] & (table["factor"] != SEED)]
    parts = [_first(str(panel), rows) for panel, rows in factors.groupby("panel", sort=False)]
    seeds = table.loc[table["factor"] == SEED, "eta2_partial"]
    text = f"What counts most (partial \u03b7\u00b2): {'; '.join(parts)}."
    text += f" The seed has at most {number(float(seeds.max()))}." if len(seeds) else ""
    crossed = table[table["crossed"] & (table["p_adjusted"] < 0.05)]
    found = [f"{r['row']} in {r['panel']} ({number(r['eta2_partial'])})" for _, r in crossed.head(4).iterrows()]
    return text + (f" Effects depend on each other: {listing(found)}." if found else "")


def _first(panel: str, rows: pd.DataFrame) -> str:
    row = rows.iloc[int(rows["eta2_partial"].argmax())]
    if row["p_adjusted"] >= 0.05:
        return f"in {panel} no factor can be told from chance"
    return f"in {panel} {row['row']}, {number(row['eta2_partial'])}"
