"""Tables about attention: effects of all pairs, following against leading, models, leaders, topics."""

from collections.abc import Iterator

import pandas as pd

from hemicycle.reports.agendas import SHOCKS, Agenda, agendas, group_label, issue_label, measure_label, sort_groups
from hemicycle.reports.facts import Tables
from hemicycle.reports.figures_agenda import last_day, response_rows
from hemicycle.reports.figures_following import comparisons, share_comparisons
from hemicycle.reports.figures_recovery import power_rows
from hemicycle.reports.tables import HtmlTable, html_table
from hemicycle.reports.theme import interval, number, signed, small

MOST_WORDS, MOST_TOPICS = 8, 60


def agenda_tables(tables: Tables) -> list[HtmlTable]:
    """Every table about attention that the study asked for."""
    found = agendas(tables)
    makers = (agenda_effects, agenda_following, agenda_models, agenda_leaders, agenda_topics)
    made = [*(maker(found) for maker in makers), agenda_power(tables)]
    return [table for table in made if table is not None]


def _named(agenda: Agenda) -> dict[str, str]:
    return {"analysis": group_label(agenda.name)} if agenda.several else {}


def _with_ends(value: float, low: float, high: float, digits: int = 2) -> str:
    return signed(value, digits) + interval(low, high, digits)


def agenda_effects(found: list[Agenda]) -> HtmlTable | None:
    """Effects at the last day of every pair: a row a pair, a column a rise and mode."""
    rows = [row for agenda in found for row in _effect_rows(agenda)]
    caption = (
        "Responses in points of attention to a rise of another group, at the end of the horizon, with intervals of the "
        "bootstrap; a cumulative one is summed over the horizon."
    )
    return html_table("agenda-effects", caption, rows, ("analysis", "who rises", "who responds"))


def _effect_rows(agenda: Agenda) -> Iterator[dict[str, str]]:
    rows = response_rows(agenda)
    if rows.empty:
        return
    rows = last_day(rows)
    columns = _columns(rows)
    order = sort_groups([*rows["impulse"], *rows["response"]])
    parts = {(str(rises), str(answers)): part for (rises, answers), part in rows.groupby(["impulse", "response"])}
    for key in sorted(parts, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))):
        cells = dict.fromkeys(columns.values(), "")
        for _, row in parts[key].iterrows():
            name = columns[str(row["shock"]), str(row["mode"])]
            cells[name] = _with_ends(row["value"], row["ci_low"], row["ci_high"])
        yield _named(agenda) | {"who rises": key[0], "who responds": key[1]} | cells


def _columns(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Rise and mode -> heading of a column."""
    modes = list(rows["mode"].unique())
    shocks = sorted(rows["shock"].unique(), key=lambda name: SHOCKS.index(name) if name in SHOCKS else len(SHOCKS))
    known = set(zip(rows["shock"], rows["mode"], strict=True))
    pairs = [(str(shock), str(mode)) for mode in modes for shock in shocks if (shock, mode) in known]
    return {(shock, mode): f"{shock}, {mode}" if len(modes) > 1 else shock for shock, mode in pairs}


def agenda_following(found: list[Agenda]) -> HtmlTable | None:
    """Following against leading of every pair of a legislator and another group, by rise and mode."""
    rows = [row for agenda in found for row in _following_rows(agenda)]
    caption = (
        "How strongly the first group follows the second, how strongly it leads it (points at the end of the horizon, "
        "or shares of forecast variance), and the difference with the interval of paired bootstrap samples."
    )
    text = ("analysis", "group", "other", "rise or share", "autoregression", "verdict")
    return html_table("agenda-following", caption, rows, text)


def _following_rows(agenda: Agenda) -> Iterator[dict[str, str]]:
    rows = pd.concat([comparisons(agenda), share_comparisons(agenda)], ignore_index=True)
    for _, row in rows.iterrows():
        names = {"group": group_label(row["a"]), "other": group_label(row["b"])}
        about = {"rise or share": str(row["shock"]), "autoregression": str(row["mode"])}
        cells = {"follows": signed(row["b_on_a"]), "leads": signed(row["a_on_b"])}
        cells["difference"] = _with_ends(row["difference"], row["ci_low"], row["ci_high"])
        yield _named(agenda) | names | about | cells | {"verdict": str(row["verdict"])}


def agenda_models(found: list[Agenda]) -> HtmlTable | None:
    """Every autoregression: lags, size, largest root, what must be said of it."""
    rows = [
        _named(agenda)
        | {"issue": issue_label(row.get("issue", "all")), "autoregression": str(row["mode"]), "lags": str(row["lags"])}
        | {"topics": str(row["topics"]), "rows": f"{int(row['rows']):,}"}
        | {"largest root": number(row["largest_root"], 3), "remarks": str(row.get("message") or "")}
        for agenda in found
        for _, row in agenda.rows("var").iterrows()
    ]
    caption = "Vector autoregressions; one whose largest root is 1 or more is explosive, so that responses have no end."
    return html_table("agenda-models", caption, rows, ("analysis", "issue", "autoregression", "remarks"))


def agenda_leaders(found: list[Agenda]) -> HtmlTable | None:
    """On balance over all other groups: how much each group leads, by issue and measure."""
    rows = [
        _named(agenda)
        | {"issue": issue_label(row.get("issue", "all")), "measure": measure_label(row["measure"])}
        | {"group": group_label(row["group"]), "net lead": _small_with_ends(row)}
        for agenda in found
        for _, row in agenda.rows("network").iterrows()
    ]
    caption = "Net lead: mean over all other groups of what a group leads less what it follows, with intervals."
    return html_table("agenda-leaders", caption, rows, ("analysis", "issue", "measure", "group"))


def _small_with_ends(row: pd.Series) -> str:
    bounds = f" [{small(row['ci_low'])}, {small(row['ci_high'])}]" if pd.notna(row["ci_low"]) else ""
    return small(row["net"]) + bounds


def agenda_topics(found: list[Agenda]) -> HtmlTable | None:
    """Topics found in texts: words, coherence, stability."""
    rows = [row for agenda in found for row in _topic_rows(agenda)][:MOST_TOPICS]
    caption = "Topics found in texts, the words that weigh most, coherence and stability over seeds."
    return html_table("agenda-topics", caption, rows, ("analysis", "topic", "words", "category"))


def _topic_rows(agenda: Agenda) -> Iterator[dict[str, str]]:
    rows = agenda.rows("topics")
    for topic, part in rows.groupby("topic", sort=False) if len(rows) else ():
        first = part.iloc[0]
        cells = {"topic": str(first.get("label") or topic), "words": ", ".join(part["word"].astype(str)[:MOST_WORDS])}
        cells |= {"category": str(first.get("category") or "")}
        yield (
            _named(agenda) | cells | {name: number(first[name]) for name in ("coherence", "stability") if name in part}
        )


def agenda_power(tables: Tables) -> HtmlTable | None:
    """Share of simulated studies that find an effect, by days, topics and size."""
    rows = [
        {"estimator": str(row["estimator"]), "effect": small(row["effect"]), "topics": str(row["topics"])}
        | {"days": str(row["days"]), "power": number(row["power"]) + interval(row["low"], row["high"])}
        | {"replications": str(row["replications"])}
        for _, row in power_rows(tables).iterrows()
    ]
    caption = "Share of simulated studies that find the planted effect, with 95 % intervals (Wilson)."

    return html_table("agenda-power", caption, rows, ("estimator",))
