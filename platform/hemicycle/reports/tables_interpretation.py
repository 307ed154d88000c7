"""Tables of the report on maps, similarity, erasure and attacks, with controls beside every score."""

from collections.abc import Hashable
from typing import Any, TypeAlias

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_erasure import READERS, SITES, frontier_table
from hemicycle.reports.figures_similarity import MEASURES
from hemicycle.reports.findings_geometry import families
from hemicycle.reports.summaries import with_model
from hemicycle.reports.tables import HtmlTable, html_table
from hemicycle.reports.theme import interval, label, number, signed

Row: TypeAlias = dict[Hashable, Any]


def map_results(tables: Tables) -> HtmlTable | None:
    """How the map from latent dimensions places parties: in sample, left out, nested, and with parties permuted."""
    rows = table(tables, "map_results")
    caption = (
        "The map from latent dimensions to attitudes, R² over parties: in sample, leaving one party out, and leaving "
        "it out of the choice of dimensions and penalty, too (nested, with 95 % bootstrap intervals over parties, and "
        "the range that the experts' disagreement gives). What parties permuted reach is the control."
    )
    found = [_map_row(row) for row in rows.to_dict("records")]
    return html_table("map-of-attitudes", caption, found, ("attitude",))


def _map_row(row: Row) -> dict[str, str]:
    return {
        "attitude": str(row["attitude"]),
        "parties": str(row["n_parties"]),
        "dimensions": str(row["dims"]),
        "in sample": number(row["r2_in_sample"]),
        "leave one out": number(row["r2_loo"]),
        "nested": number(row["r2_nested"]) + interval(row["ci_low"], row["ci_high"]),
        "experts": interval(row["survey_low"], row["survey_high"]).strip(),
        "parties permuted": number(row["control_mean"]) + interval(row["control_low"], row["control_high"]),
    }


def similarity(tables: Tables) -> HtmlTable | None:
    """Mean similarity between kinds of models."""
    rows = families(table(tables, "similarity"), table(tables, "records"))
    if rows.empty:
        return None
    caption = (
        f"Similarity ({MEASURES[rows['measure'].iloc[0]]}) between models at the layer that recommends, "
        f"{rows['n'].max():,} users: mean and range over pairs of records, and the mean with users permuted, with the "
        "upper end of its 95 % range."
    )
    return html_table("similarity", caption, [_pair(row) for row in rows.to_dict("records")], ("model", "and"))


def _pair(row: Row) -> dict[str, str]:
    return {
        "model": str(row["one"]),
        "and": str(row["two"]),
        "pairs": str(row["pairs"]),
        "similarity": number(row["value"]) + (interval(row["low"], row["high"]) if row["pairs"] > 1 else ""),
        "users permuted": f"{number(row['control'])} (to {number(row['control_high'])})",
    }


def erasure(tables: Tables) -> HtmlTable | None:
    """Leakage by reader and ranking after each eraser at full strength, beside the untouched model and chance."""
    rows = frontier_table(table(tables, "erasure_results"), table(tables, "records"))
    if rows.empty:
        return None
    whole = rows["strength"] == rows["strength"].max()
    first = rows["curve"] == rows.groupby("panel")["curve"].transform("first")
    untouched = rows[(rows["strength"] == 0) & first].assign(curve="nothing")
    kept = pd.concat([untouched, rows[whole & (rows["strength"] > 0)]])
    order = {name: place for place, name in enumerate(dict.fromkeys(kept["panel"]))}
    kept = kept.sort_values("panel", key=lambda names: names.map(order), kind="stable")
    found = [_erased(part) for _, part in kept.groupby(["panel", "attribute", "curve"], sort=False)]
    readers = [name for name in dict.fromkeys(READERS.values()) if name in set(kept["reader"])]
    full = [{key: row.get(key, "") for key in _columns(row, readers)} for row in found]
    caption = (
        "What readers find of the erased label, in users whom neither eraser nor reader has seen (brackets: range over "
        "seeds, of one seed a 95 % interval), beside chance and what they find with labels permuted; ranking after "
        "erasure and its paired change. Random directions are the control of every eraser."
    )
    return html_table("erasure", caption, full, ("model", "where", "label", "erased by"))


def _columns(row: dict[str, str], readers: list[str]) -> list[str]:
    known = [*readers, *(key for key in row if key not in readers)]
    lead = [key for key in ("model", "where", "label", "erased by") if key in row]
    return [*lead, *(key for key in known if key not in lead)]


def _erased(part: pd.DataFrame) -> dict[str, str]:
    row = part.iloc[0]
    cells = {"model": str(row["model"]), "where": SITES.get(row["site"], row["site"]), "label": str(row["attribute"])}
    cells |= {"erased by": str(row["curve"])}
    cells |= {str(r["reader"]): number(r["value"]) + interval(r["low"], r["high"]) for _, r in part.iterrows()}
    cells["majority" if row["metric"] == "accuracy" else "chance"] = number(row["chance"])
    cells["labels permuted"] = interval(part["control_low"].min(), part["control_high"].max()).strip()
    cells[label(row["ndcg_metric"])] = number(row["ndcg"], 3) + interval(row["ndcg_low"], row["ndcg_high"], 3)
    bounds = interval(row["difference_low"], row["difference_high"], 3)
    return cells | {"change": "" if row["curve"] == "nothing" else signed(row["difference"], 3) + bounds}


def attacks(tables: Tables) -> HtmlTable | None:
    """What an attacker infers, beside every control and the advantage over it."""
    rows = table(tables, "attack_results")
    if rows.empty:
        return None
    rows = with_model(rows, table(tables, "records"))
    by = ["model", "status", "reads", "attribute", "attacker", "known", "score_name"]
    controls = list(dict.fromkeys(rows["control"]))
    found = [_attack(dict(zip(by, key, strict=True)), part, controls) for key, part in rows.groupby(by, sort=False)]
    caption = (
        "Attribute inference by somebody who knows the labels of some users: score on all others, mean over seeds and "
        "draws; brackets hold every seed's 95 % interval. Controls are the same attacker who sees covariates alone, "
        "and one who says the majority or the mean."
    )
    return html_table("attacks", caption, found, ("model", "status", "sees", "label", "attacker", "measure"))


def _attack(key: dict[str, object], part: pd.DataFrame, controls: list[str]) -> dict[str, str]:
    first = part["control"] == part["control"].iloc[0]
    cells = {"model": str(key["model"]), "status": str(key["status"]), "sees": str(key["reads"])}
    cells |= {"label": str(key["attribute"]), "attacker": label(key["attacker"]), "measure": label(key["score_name"])}
    cells["labels known"] = f"{float(str(key['known'])):.0%} ({part['n_known'].max():,})"
    cells["score"] = _spread(part[first], "score", "ci_low", "ci_high")
    for control in controls:
        own = part[part["control"] == control]
        cells[f"{control} alone"] = _spread(own, "control_score", "control_low", "control_high")
        cells[f"advantage over {control}"] = _spread(own, "advantage", "advantage_low", "advantage_high")
    return cells


def _spread(rows: pd.DataFrame, value: str, low: str, high: str) -> str:
    if rows.empty:
        return ""
    shown = (signed if value == "advantage" else number)(float(rows[value].mean()))
    return shown + interval(float(rows[low].min()), float(rows[high].max()))
