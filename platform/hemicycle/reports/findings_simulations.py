"""Sentences about simulations: what exposure changes, what mediators know, which options decide the outcome."""

from collections.abc import Iterator

import pandas as pd

from hemicycle.reports.facts import Tables
from hemicycle.reports.figures_knowledge import CURRENT, INITIAL, PERMUTED, UNTRAINED, known_opinions
from hemicycle.reports.simulated import (
    Simulated,
    at_the_end,
    brief,
    factor_names,
    is_clear,
    order_metrics,
    shown_metrics,
    simulations,
)
from hemicycle.reports.summaries import METRICS
from hemicycle.reports.theme import label, listing, number, small
from hemicycle.simulations.outcomes import outcomes

MOST_FACTORS, MOST_ENDS = 3, 3


def simulation_findings(tables: Tables) -> list[str]:
    """One sentence per simulation, opinion model and arm, whatever the number of cells; then knowledge and indices."""
    found: list[str] = []
    for simulated in simulations(tables):
        if simulated.sensitivity.empty:
            found += _arms(simulated)
        found += [*_knowledge(simulated), *_indices(simulated)]
    return found


def contrast_findings(contrasts: pd.DataFrame) -> list[str]:
    """One sentence per simulation, opinion model and pair of arms, from the table of paired differences alone."""
    return simulation_findings({"simulation_contrasts": contrasts})


def last_step(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last step of every difference."""
    return at_the_end(contrasts)


def _arms(simulated: Simulated) -> Iterator[str]:
    rows = simulated.contrasts
    if rows.empty:
        yield from _ends_alone(simulated)
        return
    for (opinion, arm, reference), part in rows.groupby(["opinion", "arm", "reference"], sort=False):
        where = f"{label(opinion)} in {simulated.name}" if simulated.several else label(opinion)
        lead = f"Under {where}, {label(arm)} against {label(reference)}"
        say = _over_cells if len(part["cell"].unique()) > 1 else _sentence
        yield f"{lead} {say(simulated, _headline(part))}."


def _ends_alone(simulated: Simulated) -> Iterator[str]:
    """Where opinions end in a simulation of one arm: mean over seeds with its interval, or its range over cells."""
    results = simulated.results
    if results.empty:
        return
    table = outcomes(results[results["metric"].isin(shown_metrics(results, MOST_ENDS))])
    for opinion, rows in table.groupby("opinion", sort=False):
        told = [f"{label(m)} {_end(simulated, rows[rows['metric'] == m])}" for m in order_metrics(rows["metric"])]
        where = f" in {simulated.name.replace('_', ' ')}" if simulated.several else ""
        count = int(rows["n_seeds"].min())
        seeds = f"{count} seed{'' if count == 1 else 's'}"
        yield f"Under {label(opinion)}{where}, opinions end with {listing(told)} ({seeds})."


def _end(simulated: Simulated, rows: pd.DataFrame) -> str:
    """A metric's mean with its interval, from the cell where it is least to that where it is greatest."""
    rows = rows.dropna(subset=["mean"])
    ends = rows.iloc[[int(rows["mean"].argmin()), int(rows["mean"].argmax())]]
    told = [
        f"{brief(row['mean'])}{_ends(row.rename({'ci_low': 'low', 'ci_high': 'high'}))}" for _, row in ends.iterrows()
    ]
    if len(rows) == 1:
        return told[0]
    places = [simulated.cells.get(int(cell), f"cell {cell}") for cell in ends["cell"]]
    return f"from {told[0]} at {places[0]} to {told[1]} at {places[1]}"


def _headline(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the customary metrics, or all where there are none, in their order."""
    kept = rows[rows["metric"].isin(METRICS)]
    kept = kept if len(kept) else rows
    order = {name: place for place, name in enumerate(order_metrics(kept["metric"]))}
    return kept.sort_values("metric", key=lambda names: names.map(order), kind="stable")


def _closing(rows: pd.DataFrame) -> str:
    seeds = int(rows["n_seeds"].min())
    return f" (step {rows['step'].max()}, {seeds} paired seed{'' if seeds == 1 else 's'})"


def _sentence(simulated: Simulated, rows: pd.DataFrame) -> str:
    """What differs at the end, and what no seed could show."""
    del simulated
    measured = rows["ci_high"] > rows["ci_low"]
    if not measured.any():
        return f"has no interval: the seeds do not vary, or there is one{_closing(rows)}"
    clear, unclear = rows[is_clear(rows)], rows[measured & ~is_clear(rows)]
    parts = [
        f"{'raises' if r['difference'] > 0 else 'lowers'} {label(r['metric'])} by {small(abs(r['difference']))}"
        for _, r in clear.iterrows()
    ]
    none = listing([label(name) for name in unclear["metric"]], "or")
    if not parts:
        return f"shows no change of {none} that these seeds could tell from zero{_closing(rows)}"
    return f"{listing(parts)}{f', and shows no clear change of {none}' if none else ''}{_closing(rows)}"


def _over_cells(simulated: Simulated, rows: pd.DataFrame) -> str:
    """In how many cells each metric rises or falls, and where most."""
    cells = rows["cell"].nunique()
    told = [_metric(simulated, part) for _, part in rows.groupby("metric", sort=False)]
    parts = [text for text in told if text]
    names = listing([simulated.names[factor] for factor in simulated.varied]) or "the design"
    if not parts:
        return f"shows in none of the {cells} cells of {names} a change that these seeds could tell from zero"
    still = [label(n) for n, t in zip(rows["metric"].unique(), told, strict=True) if not t]
    closing = f"; nowhere is a change of {listing(still, 'or')} clear" if still else ""
    lead = f"over the {cells} cells of {names}, where the 95 % interval excludes 0"
    return f"{lead}, {'; '.join(parts)}{closing}{_closing(rows)}"


def _metric(simulated: Simulated, rows: pd.DataFrame) -> str:
    clear = rows[is_clear(rows)]
    if clear.empty:
        return ""
    up, down = int((clear["difference"] > 0).sum()), int((clear["difference"] < 0).sum())
    moves = [f"{word} {label(rows['metric'].iloc[0])} in {n}" for word, n in (("raises", up), ("lowers", down)) if n]
    most = clear.iloc[int(clear["difference"].abs().argmax())]
    ends = f"[{small(most['ci_low'])}, {small(most['ci_high'])}]"
    place = simulated.cells.get(int(most["cell"]), f"cell {most['cell']}")
    return f"{' and '.join(moves)} (most at {place}: {small(most['difference'])} {ends})"


def _knowledge(simulated: Simulated) -> Iterator[str]:
    """What the mediators of all arms know at the last refresh, in one sentence a simulation."""
    known = known_opinions(simulated)
    if known.empty:
        return
    parts = []
    for panel, rows in list(known.groupby("panel", sort=False))[:6]:
        last = rows[rows["step"] == rows["step"].max()].set_index("series")["mean"]
        untrained = last.get(f"{CURRENT}, {UNTRAINED}")
        beside = [] if untrained is None else [f"untrained {number(float(untrained))}"]
        beside += [f"permuted {number(float(last[PERMUTED]))}"]
        both = [f"{number(float(last[name]))} of {name}" for name in (INITIAL, CURRENT) if name in last]
        parts.append(f"in the arm {panel}, {listing(both)} ({', '.join(beside)})")
    where = f" in {simulated.name}" if simulated.several else ""
    yield f"At the last refresh{where} a linear probe reads from the mediator's vectors R² {'; '.join(parts)}."


def _indices(simulated: Simulated) -> Iterator[str]:
    """Which options decide the first metric of a sensitivity analysis, for every arm."""
    rows = simulated.sensitivity
    rows = rows if rows.empty else rows[rows["kind"] == "total"].dropna(subset=["value"])
    if rows.empty:
        return
    metric = order_metrics(rows["metric"])[0]
    names = factor_names(rows["factor"].unique())
    for (opinion, arm), part in rows[rows["metric"] == metric].groupby(["opinion", "arm"], sort=False):
        best = part.sort_values("value", ascending=False).head(MOST_FACTORS)
        told = [f"{names[r['factor']]} {brief(r['value'])}{_ends(r)}" for _, r in best.iterrows()]
        lead = f"Of the variance of {label(metric)} at the end, under {label(opinion)} with {label(arm)}"
        yield f"{lead}, total Sobol indices are {listing(told)}."


def _ends(row: pd.Series) -> str:
    """An interval in brackets, unless it is unknown or of what is about 0."""
    told = pd.notna(row["low"]) and brief(max(abs(row["low"]), abs(row["high"]))) != brief(0)
    return f" [{small(row['low'])}, {small(row['high'])}]" if told else ""
