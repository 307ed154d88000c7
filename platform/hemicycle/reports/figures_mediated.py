"""What lists of a recommender do to what groups attend to, against no lists: differences paired by replication."""

from collections.abc import Iterator
from typing import Any

import altair as alt
import pandas as pd

from hemicycle.agenda.simulated.mediation_weight import ALL
from hemicycle.reports.agendas import group_label
from hemicycle.reports.facts import Figure, Tables, table
from hemicycle.reports.figures_simulations import CLEAR, verdicts
from hemicycle.reports.theme import CYCLE, inline, label, listing, small

MODEL = "model"
TOGETHER = "all together"
"""Name for people of the mean over groups, or pairs of groups."""
MEASURES = ("effective issues", "divergence", "correlation", "concentration", "entropy")
"""In the order in which they are shown; entropy says what effective issues say."""
MOST_MEASURES, MOST_WHO = 4, 6
_NOTHING = 1e-12
_ARMS = {
    MODEL: "{}",
    "random": "random lists",
    "popularity": "the most popular",
    "untrained": "{} untrained",
    "permuted": "{}, dealt to others",
}


def mediated_rows(tables: Tables) -> pd.DataFrame:
    """Paired differences of arms from the one without a recommender.

    Returns:
        ``agenda_mediation_effects`` with ``kind`` (the arm in the table), ``arm`` (its name for people), ``who`` they
        are about and ``verdict``; models first. Arms that are the same whatever the model stand there once.
    """
    rows = table(tables, "agenda_mediation_effects")
    if rows.empty:
        return rows
    rows = rows.assign(model=rows.get("model", MODEL), agenda=rows.get("agenda", "")).reset_index(drop=True)
    one = ["agenda", "arm", "measure", "a", "b"]
    of_one = rows.groupby(one)["difference"]
    same = (of_one.transform("max") - of_one.transform("min")).abs() < _NOTHING
    shared = rows["arm"].isin(["random", "popularity"]) & same.groupby(rows["arm"]).transform("all")
    rows = rows[~(shared & rows.duplicated(one))]
    told = zip(rows["arm"], rows["model"], shared[rows.index], rows["agenda"], strict=True)
    several = len(set(rows["agenda"])) > 1
    names = [
        _named(arm, model, alone=alone) + (f" ({group_label(agenda)})" if several else "")
        for arm, model, alone, agenda in told
    ]
    who = [_who(a, b) for a, b in zip(rows["a"], rows["b"], strict=True)]
    found = rows.assign(kind=rows["arm"], arm=names, who=who, verdict=verdicts(rows))
    order = found["kind"].map({kind: place for place, kind in enumerate(_ARMS)})
    return found.iloc[order.fillna(len(_ARMS)).argsort(kind="stable")]


def _named(arm: str, model: str, *, alone: bool) -> str:
    """Name for people of an arm: ``LightGCN``, ``LightGCN untrained``, ``random lists``."""
    if arm in _ARMS:
        known = _ARMS[arm].format(label(model))
        return known if alone or "{}" in _ARMS[arm] or model == MODEL else f"{known} ({label(model)})"
    return group_label(arm)


def _who(a: str, b: str) -> str:
    if a == ALL:
        return TOGETHER
    return f"{group_label(a)} and {group_label(b)}" if b else group_label(a)


# -- figure ----------------------------------------------------------------------------------------------------------


def mediated_figures(tables: Tables) -> list[Figure]:
    """Differences from no recommender with intervals, a panel a measure; none without arms."""
    rows = mediated_rows(tables)
    if rows.empty:
        return []
    columns = ["measure", "arm", "who", "mean", "difference", "ci_low", "ci_high", "replications", "verdict"]
    found = rows[columns].reset_index(drop=True)
    known = [name for name in MEASURES if name in set(found["measure"])]
    panels = [_panel(name, found[found["measure"] == name]) for name in known[:MOST_MEASURES]]
    return [
        Figure(
            id="agenda_mediation",
            title="What a recommender's exposure does to attention",
            chart=alt.concat(*panels, columns=2, spacing=24).resolve_scale(color="independent"),
            sentence=mediated_sentence(found),
            alt_text="Paired differences of arms from no recommender with intervals, one panel per measure.",
            table=found,
        )
    ]


def _panel(measure: str, rows: pd.DataFrame) -> Any:
    who = [TOGETHER] if TOGETHER in set(rows["who"]) else []
    others = [name for name in rows["who"].unique() if name != TOGETHER]
    who += others if not who or len(others) <= MOST_WHO else []
    rows = rows[rows["who"].isin(who)]
    shades = [CYCLE[place % len(CYCLE)] for place in range(len(who))]
    legend = alt.Legend(columns=3, labelLimit=160) if len(who) > 1 else None
    colour = alt.Color("who:N", title=None, scale=alt.Scale(domain=who, range=shades), legend=legend)
    pale = alt.condition(f"datum.verdict === '{CLEAR}'", alt.value(1), alt.value(0.35))
    y = alt.Y("arm:N", sort=list(rows["arm"].unique()), title=None, axis=alt.Axis(labelLimit=190))
    base = alt.Chart().encode(y=y, yOffset=alt.YOffset("who:N", sort=who), color=colour, opacity=pale)
    low = alt.X("ci_low:Q", title="difference from no recommender")
    bars = base.mark_rule(strokeWidth=2).encode(x=low, x2="ci_high:Q")
    tips = [alt.Tooltip(f"{name}:N") for name in ("arm", "who", "verdict")]
    tips += [alt.Tooltip(f"{name}:Q", format=".4f") for name in ("mean", "difference", "ci_low", "ci_high")]
    x = alt.X("difference:Q", axis=alt.Axis(tickCount=4))
    points = base.mark_point(filled=True, size=45).encode(x=x, tooltip=tips)
    zero = alt.Chart().mark_rule(strokeDash=[3, 3]).encode(x=alt.datum(0))
    layered: Any = alt.layer(zero, bars, points, data=inline(rows))
    height = {"step": 12 + 7 * len(who), "for": "position"}
    return layered.properties(width=290, height=height, title=measure)


def mediated_sentence(found: pd.DataFrame) -> str:
    """How many differences are told from 0, and the clearest."""
    single = found[found["who"] != TOGETHER]
    told = single[single["verdict"] == CLEAR]
    runs = int(found["replications"].min())
    count = f"{len(told)} of {len(single)} paired differences of groups have a 95 % interval"
    text = f"{count} over {runs} replications that excludes 0"
    if told.empty:
        return f"{text}."
    row = told.iloc[int((told["difference"].abs() / (told["ci_high"] - told["ci_low"])).argmax())]
    return f"{text}; clearest: {row['measure']} of {row['who']}, {row['arm']}, {_amount(row)}."


# -- findings --------------------------------------------------------------------------------------------------------


def mediated_findings(tables: Tables) -> Iterator[str]:
    """A sentence a model on how many issues groups attend to and how far apart they are; one on all other lists."""
    rows = mediated_rows(tables)
    if rows.empty:
        return
    together = rows[rows["who"] == TOGETHER]
    if together.empty:
        yield f"Attention under a recommender, simulated: {mediated_sentence(rows)}"
        return
    for arm, part in together[together["kind"] == MODEL].groupby("arm", sort=False):
        told = listing(list(_effects(part)))
        yield (
            f"Lists of {arm} lead, in simulations and compared with no lists, to {told}, on average over all groups of "
            "the agenda."
        )
    others = together[(together["kind"] != MODEL) & together["measure"].isin(_WORDS)]
    if len(others):
        named = listing([str(name) for name in others["measure"].unique()])
        parts = [f"{arm} {listing(list(_marked(part)))}" for arm, part in others.groupby("arm", sort=False)]
        lists = "other lists" if (together["kind"] == MODEL).any() else "lists"
        told = "; ".join(parts)
        yield f"Differences from no lists in {named} under {lists}: {told} (* 95 % interval excludes 0)."


_WORDS = {
    "effective issues": ("fewer issues a group", "no clear change in the number of issues", "more issues a group"),
    "divergence": ("agendas closer together", "no clear change in how far apart agendas are", "agendas further apart"),
}


def _effects(rows: pd.DataFrame) -> Iterator[str]:
    """The measures in words, with the mean over groups, or pairs of groups."""
    for measure, words in _WORDS.items():
        for _, row in rows[rows["measure"] == measure].iterrows():
            way = 0 if row["ci_high"] < 0 else 2 if row["ci_low"] > 0 else 1
            yield f"{words[way]} ({measure} {_amount(row)})"


def _marked(rows: pd.DataFrame) -> Iterator[str]:
    """Differences alone, those that are told from 0 with a star."""
    for _, row in rows.iterrows():
        yield f"{_signed(row['difference'])}{'*' if row['verdict'] == CLEAR else ''}"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{small(value)}"


def _amount(row: pd.Series) -> str:
    return f"{_signed(row['difference'])} [{small(row['ci_low'])}, {small(row['ci_high'])}]"
