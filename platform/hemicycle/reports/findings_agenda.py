"""Sentences about attention: who follows whom more than they lead, who predicts whom, and what simulations show."""

from collections.abc import Iterator

import pandas as pd

from hemicycle.reports.agendas import (
    Agenda,
    agendas,
    excludes_zero,
    group_label,
    issue_label,
    measure_label,
)
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_hawkes import EXOGENOUS, ITSELF, endogeneity_rows
from hemicycle.reports.figures_leads import edges, strongest_lag
from hemicycle.reports.figures_mediated import mediated_findings
from hemicycle.reports.figures_recovery import (
    power_rows,
    power_sentence,
    recovery_rows,
    recovery_sentence,
)
from hemicycle.reports.findings_following import MOST_NAMED, following_by_issue, following_findings, mode_findings
from hemicycle.reports.theme import interval, listing, number

CAVEAT = (
    "All this tells what predicts what (Granger's sense), not what causes it: what moves several groups at once, or is "
    "not in the data, can look like leading."
)


def agenda_findings(tables: Tables) -> list[str]:
    """Sentences of every analysis of attention, the caveat once, then those of simulations."""
    analyses = agendas(tables)
    found = [*(text for agenda in analyses for text in _findings(agenda)), *mode_findings(analyses)]
    return [*found[:1], *([CAVEAT] if found else []), *found[1:], *_simulations(tables)]


def _findings(agenda: Agenda) -> Iterator[str]:
    main = agenda.main("var")
    unreadable = bool(main.get("explosive", pd.Series(dtype=bool)).astype(bool).any())
    yield from _explosive(agenda) if unreadable else ()  # before what it takes back
    yield from following_findings(agenda)
    yield from following_by_issue(agenda)
    yield from () if unreadable else _explosive(agenda)
    yield from _edges(agenda)
    yield from _shares(agenda)
    yield from _stationarity(agenda)


_LEVEL = 0.05


def _stationarity(agenda: Agenda) -> Iterator[str]:
    """How many series the tests take for stationary."""
    rows = agenda.rows("stationarity").dropna(subset=["p_bh"]) if len(agenda.rows("stationarity")) else pd.DataFrame()
    if rows.empty:
        return
    refused = {name: (part["p_bh"] <= _LEVEL).mean() for name, part in rows.groupby("test")}
    parts = []
    if "adf" in refused:
        parts.append(f"a unit root is rejected in {refused['adf']:.0%} of the series (augmented Dickey-Fuller)")
    if "kpss" in refused:
        parts.append(f"stationarity in {refused['kpss']:.0%} (KPSS)")
    yield f"At a false-discovery rate of .05{agenda.where()} {' and '.join(parts)}."


def _explosive(agenda: Agenda) -> Iterator[str]:
    rows = agenda.rows("var")
    if rows.empty or "explosive" not in rows:
        return
    found = rows[rows["explosive"].astype(bool)]
    if found.empty:
        return
    named = listing([issue_label(issue) for issue in found["issue"].astype(str).unique()[:MOST_NAMED]])
    root = number(float(found["largest_root"].max()), 3)
    yield (
        f"{len(found)} of {len(rows)} autoregressions{agenda.where()} are explosive (largest root {root}: {named}); "
        "their responses grow without end and should not be read."
    )


def _edges(agenda: Agenda) -> Iterator[str]:
    rows = agenda.main("leads")
    if rows.empty:
        return
    rows = strongest_lag(rows[rows["from"] != rows["to"]])
    parts = [
        f"{int(edges(part).sum())} of {len(part)} by {measure_label(name)}"
        for name, part in rows.groupby("measure", sort=False)
    ]
    text = f"Who predicts whom{agenda.where()}: edges at the false-discovery rate are {listing(parts)}"
    yield f"{text}.{_net_leaders(agenda)}"


def _net_leaders(agenda: Agenda) -> str:
    """The group that leads others most on balance, and the one that follows most, where told from 0."""
    rows = agenda.main("network")
    if rows.empty:
        return ""
    rows = rows[rows["measure"] == rows["measure"].iloc[0]]
    told = rows[excludes_zero(rows)]
    leaders = [group_label(group) for group in told.sort_values("net", ascending=False).query("net > 0")["group"]]
    followers = [group_label(group) for group in told.sort_values("net").query("net < 0")["group"]]
    measure = measure_label(rows["measure"].iloc[0])
    if told.empty:
        return f" On balance over all others no group can be told to lead or follow ({measure})."
    parts = [f"{listing(leaders)} lead" if leaders else "", f"{listing(followers)} follow" if followers else ""]
    return f" On balance over all others, by {measure}, {listing([part for part in parts if part])}."


def _shares(agenda: Agenda) -> Iterator[str]:
    """How much of each source's attention earlier events bring about, and which other source most of it."""
    rows = endogeneity_rows(agenda)
    parts = [_share(str(target), part) for target, part in rows.groupby("target", sort=False)] if len(rows) else []
    if parts:
        more = f" and {len(parts) - MOST_NAMED} more" if len(parts) > MOST_NAMED else ""
        told = f"{'; '.join(parts[:MOST_NAMED])}{more}"
        lead = f"Share of events that earlier events bring about in the Hawkes process{agenda.where()}"
        yield f"{lead}: {told}.{_ratio(agenda)}"


def _share(target: str, rows: pd.DataFrame) -> str:
    outside, others = rows[rows["kind"] == EXOGENOUS], rows[~rows["kind"].isin([EXOGENOUS, ITSELF])]
    text = target
    if len(outside):
        one = outside.iloc[0]
        text += f" {number(1 - one['share'])}{interval(1 - one['ci_high'], 1 - one['ci_low'])}"
    if len(others):
        most = others.iloc[int(others["share"].argmax())]
        text += f" ({most['part']} {number(most['share'])}{interval(most['ci_low'], most['ci_high'])} of all)"
    return text


def _ratio(agenda: Agenda) -> str:
    """Branching ratio with its interval, and what must be said of it."""
    rows = agenda.main("hawkes_fit")
    if rows.empty:
        return ""
    row = rows.iloc[0]
    text = f" The branching ratio is {number(row['branching_ratio'])}{interval(row['ci_low'], row['ci_high'])}."
    return f"{text} Note: {row['message']}." if row.get("message") else text


# -- simulations -----------------------------------------------------------------------------------------------------


def _simulations(tables: Tables) -> Iterator[str]:
    """What simulations say about mediation, and about the estimators: recovery, false discoveries, power."""
    yield from mediated_findings(tables)
    found = recovery_rows(tables)
    if len(found):
        yield f"Recovery of what was planted: {recovery_sentence(found)}"
    for _, row in table(tables, "agenda_false_discoveries").iterrows():
        yield (
            f"In simulations, by {measure_label(row['measure'])}, the false-discovery rate at level "
            f"{number(row['level'])} is {number(row['rate'], 3)}{interval(row['ci_low'], row['ci_high'], 3)}, and "
            f"{number(row['found'])} of planted edges are found ({int(row['replications'])} replications)."
        )
    rows = power_rows(tables)
    if len(rows):
        yield power_sentence(rows)
