"""Headlines of what else was asked of representations: maps, order of learning, erasure, explanation, attacks."""

from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from hemicycle.probes.learning_order import order_sentence
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_erasure import METHODS, SITES, frontier_table, leaked
from hemicycle.reports.findings_geometry import shape_findings
from hemicycle.reports.summaries import envelope, with_model, with_names
from hemicycle.reports.theme import interval, label, listing, number, signed, with_minus

MOST = 4
"""Models, attitudes and readers of which is spoken."""
LINEAR = ("linear", "logistic")
_NEGLIGIBLE = 0.02
"""Growth below it is not called so."""
_KNOWN = 0.1
"""Fraction of labels that the attacker of whom is spoken has, where there is such a one."""


def interpretation_findings(tables: Tables) -> list[str]:
    """Sentences on every question that was asked, each with its control; none on what was not asked."""
    records = table(tables, "records")
    erased = table(tables, "erasure_results")
    return [
        *order_findings(table(tables, "learning_order"), table(tables, "probe_results"), records),
        *erasure_findings(erased, records),
        *regrowth_findings(erased, records),
        *explanation_findings(table(tables, "explanation_results"), records),
        *attack_findings(table(tables, "attack_results"), records),
        *map_findings(table(tables, "map_results")),
        *shape_findings(tables),
    ]


# -- the map of attitudes --------------------------------------------------------------------------------------------


def map_findings(results: pd.DataFrame) -> list[str]:
    """How well parties that the map has not seen are placed, and for which attitudes that is not shown."""
    if results.empty:
        return []
    clear = results["ci_low"] > results["control_high"]
    parts = [_placed(row) for row in results[clear].head(MOST).to_dict("records")]
    none = [str(name) for name in results.loc[~clear, "attitude"]]
    lead = "Parties left out of the map of attitudes, and of the choice of its dimensions, are placed with "
    first = f"{lead}R² {listing(parts)}" if parts else ""
    more = int(clear.sum()) - len(parts)
    first += f"; {more} more attitudes stand in the table" if more > 0 else ""
    doubt = f"not shown to be placed better than with parties permuted: {listing(none)}" if none else ""
    if not first:
        return [f"Of attitudes of parties left out of the map, {doubt}."]
    return [f"{first}; {doubt}." if doubt else f"{first}."]


def _placed(row: dict[Hashable, Any]) -> str:
    beside = f"in sample {number(row['r2_in_sample'])}, parties permuted {number(row['control_mean'])}"
    dims = f"{int(row['dims'])} dimension{'s' if row['dims'] != 1 else ''}"
    bounds = interval(row["ci_low"], row["ci_high"])
    return f"{number(row['r2_nested'])}{bounds} on {row['attitude']} ({beside}; {dims})"


# -- the order of learning -------------------------------------------------------------------------------------------


def order_findings(order: pd.DataFrame, probes: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """Whether the first attribute is readable before recommendations are good."""
    if order.empty or probes.empty:
        return []
    text = order_sentence(with_names(order, with_model(probes, records)), str(probes["attribute"].iloc[0]))
    return [with_minus(text)] if text else []


# -- erasure ---------------------------------------------------------------------------------------------------------


def erasure_findings(erasure: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """What is still read after the strongest erasure by LEACE, and what that costs beside random directions."""
    rows = frontier_table(erasure, records)
    if rows.empty:
        return []
    full = rows[(rows["strength"] == rows["strength"].max()) & (rows["method"] != "random")]
    method = "leace" if (full["method"] == "leace").any() else full["method"].iloc[0]
    full = full[(full["method"] == method) & (full["attribute"] == full["attribute"].iloc[0])]
    parts = list(full.groupby("panel", sort=False))[:MOST]
    return [f"{_erased(part, rows)}." for _, part in parts]


def _erased(part: pd.DataFrame, rows: pd.DataFrame) -> str:
    row = part.iloc[0]
    linear, others = part[part["reader"].isin(LINEAR)], part[~part["reader"].isin(LINEAR)]
    where = f"{METHODS.get(row['method'], row['method'])} on {SITES.get(row['site'], row['site'])} of {row['model']}"
    said = [_read(r, rows) for _, r in linear.iterrows()]
    rest = [f"{r['reader']} {_left(r)}" for _, r in others.iterrows()]
    beside = [f"beyond that linear reading, {listing(rest)}"] if rest else []
    return "; ".join([f"{where}: {listing(said)}" if said else where, *beside, _cost(row, rows)])


def _read(row: pd.Series, rows: pd.DataFrame) -> str:
    same = (rows["panel"] == row["panel"]) & (rows["reader"] == row["reader"]) & (rows["strength"] == 0)
    before = rows[same & (rows["attribute"] == row["attribute"])]["value"].mean()
    measure = f"{row['reader']} reading of {row['attribute']} goes from {label(row['metric'])} {number(before)}"
    after = f"to {number(row['value'])}{interval(row['low'], row['high'])}"
    return f"{measure} {after}, {signed(row['value'] - row['chance'])} against {_chance(row)}"


def _chance(row: pd.Series) -> str:
    return f"the majority's share of {number(row['chance'])}" if row["metric"] == "accuracy" else "chance"


def _left(row: pd.Series) -> str:
    """What a reader still finds, if that is clearly more than chance and permuted labels."""
    found = f"{number(row['value'])}{interval(row['low'], row['high'])}"
    above = np.nanmax([row["chance"], row["control_high"]])
    return f"still reads {found}" if row["low"] > above else f"is not shown to read anything ({found})"


def _cost(row: pd.Series, rows: pd.DataFrame) -> str:
    same = (rows["panel"] == row["panel"]) & (rows["strength"] == row["strength"]) & (rows["method"] == "random")
    random = rows[same & (rows["rank"] == row["rank"])]["difference"].mean()
    beside = f", by {signed(random, 3)} when random directions are erased" if np.isfinite(random) else ""
    bounds = interval(row["difference_low"], row["difference_high"], 3)
    return f"{label(row['ndcg_metric'])} changes by {signed(row['difference'], 3)}{bounds}{beside}"


def regrowth_findings(erasure: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """Whether a linear reader finds again what was erased when training goes on."""
    rows = leaked(erasure, records, "regrown")
    rows = rows if rows.empty else rows[rows["reader"].isin(LINEAR)]
    rows = rows if rows.empty else rows[rows["attribute"] == rows["attribute"].iloc[0]]
    if rows.empty:
        return []
    erased = rows[rows["method"] != "random"].groupby(["model", "method"], sort=False)
    return [f"{_regrown(part.sort_values('epoch'), rows)}." for _, part in list(erased)[:MOST]]


def _regrown(line: pd.DataFrame, rows: pd.DataFrame) -> str:
    first, last = line.iloc[0], line.iloc[-1]
    same = (rows["model"] == last["model"]) & (rows["epoch"] == last["epoch"]) & (rows["method"] == "random")
    random = rows[same]["value"].mean()
    beside = f" (random directions erased {number(random)}, chance {number(last['chance'])})"
    epochs = f"{int(last['epoch'])} epoch{'s' if last['epoch'] != 1 else ''}"
    what = f"the {last['reader']} reading of {last['attribute']} in {last['model']} goes from"
    ends = [f"{number(end['value'])}{interval(end['low'], end['high'])}" for end in (first, last)]
    grew = last["low"] > max(first["high"], last["chance"]) and last["value"] - first["value"] >= _NEGLIGIBLE
    grows = "it grows back" if grew else "no clear growth"
    method = METHODS.get(last["method"], last["method"])
    return f"Trained on for {epochs} after {method}, {what} {ends[0]} to {ends[1]}{beside}: {grows}"


# -- explanation -----------------------------------------------------------------------------------------------------


def explanation_findings(rows: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """Share of scores along the first attitude's axis, and what its removal does to lists, beside controls."""
    if rows.empty:
        return []
    rows = rows[(rows["rank"] == 0) & (rows["group_by"] == "") & (rows["status"] != "untrained")]
    rows = rows[rows["attribute"] == rows["attribute"].iloc[0]] if len(rows) else rows
    if rows.empty:
        return []
    models = list(with_model(rows, records).groupby("model", sort=False))[:MOST]
    shares = [text for model, part in models for text in _share(str(model), part)]
    moves = [text for model, part in models for text in _crossing(str(model), part)]
    attitude = rows["attribute"].iloc[0]
    found = [f"Of the scores of whole lists, the axis of {attitude} carries {'; '.join(shares)}."] if shares else []
    lead = f"Without the axis of {attitude}, the share of listed items from the other side goes"
    return [*found, *([f"{lead} {'; '.join(moves)}."] if moves else [])]


def _mean(part: pd.DataFrame, measure: str) -> pd.Series | None:
    """Mean over seeds of one measure with its controls; the interval holds every seed's own."""
    rows = part[part["measure"] == measure]
    if rows.empty:
        return None
    mean = rows[["value", "random", "permuted", "permuted_low", "permuted_high"]].mean()
    ends = envelope(rows.assign(score=rows["value"]))
    return pd.Series({**mean.to_dict(), "ci_low": ends[0], "ci_high": ends[1]})


def _share(model: str, part: pd.DataFrame) -> Iterator[str]:
    row = _mean(part, "share_of_score")
    if row is not None:
        band = f"{number(row['permuted'])}{interval(row['permuted_low'], row['permuted_high'])}"
        above, below = row["ci_low"] > row["permuted_high"], row["ci_high"] < row["permuted_low"]
        place = "more than" if above else "less than" if below else "not shown to differ from"
        own = f"{number(row['value'])}{interval(row['ci_low'], row['ci_high'])} in {model}"
        yield f"{own}, {place} axes of permuted labels ({band}; random directions {number(row['random'])})"


def _crossing(model: str, part: pd.DataFrame) -> Iterator[str]:
    names = ("before", "after", "change", "chance")
    before, after, change, chance = (_mean(part, f"cross_cutting_{name}") for name in names)
    if before is not None and after is not None and change is not None:
        own = f"from {number(before['value'])} to {number(after['value'])} in {model}"
        bounds = interval(change["ci_low"], change["ci_high"])
        beside = f"axes of permuted labels {signed(change['permuted'])}"
        luck = "" if chance is None else f", random lists have {number(chance['value'])}"
        yield f"{own} (change {signed(change['value'])}{bounds}; {beside}{luck})"


# -- attacks ---------------------------------------------------------------------------------------------------------


def attack_findings(attacks: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """What somebody who knows some users' labels infers of the others, beyond what covariates or the majority tell."""
    rows = attacks if attacks.empty else attacks[attacks["status"] != "untrained"]
    if rows.empty:
        return []
    rows = main_attack(rows)
    known = min(rows["known"].unique(), key=lambda share: abs(share - _KNOWN))
    rows = with_model(rows[(rows["known"] == known) & (rows["attribute"] == rows["attribute"].iloc[0])], records)
    seen = rows.groupby("model", sort=False)["reads"].transform(lambda reads: (reads == "vectors").any())
    rows = pd.concat([rows[seen], rows[~seen]])
    parts = [_inferred(part) for _, part in list(rows.groupby(["model", "reads"], sort=False))[:MOST]]
    lead = f"Who knows {rows['attribute'].iloc[0]} of {known:.0%} of users infers it of the others with"
    return [f"{lead} {label(rows['score_name'].iloc[0])} {'; '.join(parts)}."]


def main_attack(rows: pd.DataFrame) -> pd.DataFrame:
    """One score per attack, beside the strongest control that there is."""
    first = rows.groupby(["attribute", "attacker"], sort=False)["score_name"].transform("first")
    rows = rows[rows["score_name"] == first]
    keys = ["record_id", "reads", "attribute", "attacker", "known"]
    ordered = rows.sort_values("control_score", ascending=False, kind="stable")
    return ordered.drop_duplicates(keys).sort_index()


def _inferred(part: pd.DataFrame) -> str:
    row = part.iloc[0]
    own = f"{number(part['score'].mean())}{interval(*envelope(part))} from {row['reads']} of {row['model']}"
    low, high = float(part["advantage_low"].min()), float(part["advantage_high"].max())
    control = {"majority": "the majority or the mean"}.get(row["control"], f"{row['control']} alone")
    gain = f"{signed(part['advantage'].mean())}{interval(low, high)} against {control}"
    return f"{own} ({gain}{'' if low > 0 else ', no advantage that these data show'})"
