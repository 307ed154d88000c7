"""The headline: sentences computed from the result tables, for the report's first lines and for the terminal."""

import numpy as np
import pandas as pd

from hemicycle.core.records import READOUT
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.findings_agenda import agenda_findings
from hemicycle.reports.findings_effects import effect_findings
from hemicycle.reports.findings_interpretation import interpretation_findings
from hemicycle.reports.findings_search import search_findings
from hemicycle.reports.findings_simulations import simulation_findings
from hemicycle.reports.quality import quality_findings, without_strengths
from hemicycle.reports.spotlight import spotlight
from hemicycle.reports.summaries import (
    PERMUTED,
    UNSAID,
    at_readout,
    control,
    control_names,
    control_words,
    envelope,
    gains,
    main_probe,
    over_seeds,
    recommending,
    scores,
    with_model,
)
from hemicycle.reports.theme import interval, label, listing, number, signed

BY = ["model", "entity", "attribute", "scope", "target", "score_name", "probe"]
MOST_MODELS, MOST_ATTRIBUTES = 8, 4


def headline_table(probes: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """One row per model and target at the layer that recommends: score, untrained, gain and every control.

    Models with untrained twins come first: what they know may be learnt.

    Returns:
        Columns BY, ``status``, ``seeds``, ``score``, ``low``, ``high`` (envelope of the seeds' 95 % bootstrap
        intervals), ``untrained``, ``untrained_low``, ``untrained_high``, ``gain``, ``gain_low``, ``gain_high`` (95 %
        t-interval over seeds, paired), and for each control, e.g. ``party``, the columns ``control party``,
        ``control party low`` and ``control party high``.
    """
    if probes.empty:
        return pd.DataFrame()
    rows = at_readout(recommending(main_probe(with_model(probes, records)), records))
    single = scores(rows)
    shown = single[single["status"] != "untrained"]
    found = pd.DataFrame([_row(dict(zip(BY, key, strict=True)), part, single, rows) for key, part in _groups(shown)])
    if found.empty:
        return found
    found = found.merge(gains(single, ["model", "target"]), on=["model", "target"], how="left")
    return found.sort_values("untrained", key=pd.isna, kind="stable", ignore_index=True)


def _groups(rows: pd.DataFrame) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    return [(tuple(str(part) for part in key), rows_) for key, rows_ in rows.groupby(BY, sort=False)]


def _row(key: dict[str, str], part: pd.DataFrame, single: pd.DataFrame, rows: pd.DataFrame) -> dict[str, object]:
    same = (single["model"] == key["model"]) & (single["target"] == key["target"])
    twins = single[same & (single["status"] == "untrained")]
    low, high = envelope(part)
    row: dict[str, object] = {**key, "status": part["status"].iloc[0], "seeds": part["seed"].nunique()}
    row |= {"score": part["score"].mean(), "low": low, "high": high, "n": part["n"].max()}
    ends = envelope(twins) if len(twins) else (np.nan, np.nan)
    row |= {"untrained": twins["score"].mean(), "untrained_low": ends[0], "untrained_high": ends[1]}
    partial = {"partial": "partial_r2", "partial_low": "partial_low", "partial_high": "partial_high"}
    how = {"partial": "mean", "partial_low": "min", "partial_high": "max"}
    row |= {name: part[column].agg(how[name]) if column in part else np.nan for name, column in partial.items()}
    own = rows[rows["record_id"].isin(part["record_id"]) & (rows["target"] == key["target"])]
    for name in control_names(rows):
        used = control(own, name)
        row |= {f"control {name}": used["control_score"].mean(), f"control {name} low": used["control_low"].min()}
        row |= {f"control {name} high": used["control_high"].max()}
    return row


def gain_clause(gain: float, low: float, high: float) -> str:
    """Say how much training adds: ``training adds +.21 [.15, .27]``, or that these seeds cannot show it."""
    if not np.isfinite(gain):
        return ""
    amount = f"{signed(gain)}{interval(low, high)}"
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"training changes it by {amount} (one pair of seeds, so no interval)"
    if low > 0:
        return f"training adds {amount}"
    if high < 0:
        return f"training lowers it by {number(-gain)}{interval(-high, -low)}"
    return f"training adds nothing that these seeds can show ({amount})"


def overlap(row: pd.Series) -> bool:
    """True when the trained and the untrained interval share a point."""
    return bool(row["untrained_high"] >= row["low"] and row["untrained_low"] <= row["high"])


def probe_sentence(row: pd.Series) -> str:
    """One model and one attribute, with what explains the score without learning."""
    seeds = f"{row['seeds']} seed{'s' if row['seeds'] != 1 else ''}"
    what = (
        f"{row['target']} with {label(row['score_name'])} = {number(row['score'])}{interval(row['low'], row['high'])}"
    )
    parts = [f"{row['model']} reads {what} ({seeds})"]
    if np.isfinite(row["untrained"]):
        twin = f"untrained twins reach {number(row['untrained'])}"
        parts.append(f"{twin}, so {gain_clause(row['gain'], row['gain_low'], row['gain_high'])}")
        if overlap(row):
            parts[-1] += ", and the two scores' intervals overlap"
    alone = [_alone(row, name) for name in shown_controls(row) if name not in UNSAID]
    return "; ".join([*parts, listing(alone)] if alone else parts)


def shown_controls(row: pd.Series) -> list[str]:
    """Controls that a row of the headline table has."""
    names = [str(key)[8:] for key in row.index if str(key).startswith("control ") and f"{key} low" in row.index]
    return [name for name in names if np.isfinite(row[f"control {name}"])]


def _alone(row: pd.Series, name: str) -> str:
    bounds = interval(row[f"control {name} low"], row[f"control {name} high"]) if name == PERMUTED else ""
    return f"{control_words(name)} reach {number(row[f'control {name}'])}{bounds}"


def probe_findings(probes: pd.DataFrame, records: pd.DataFrame) -> list[str]:
    """One sentence per attribute and model; scopes such as ``within party`` close their attribute's sentence."""
    head = headline_table(probes, records)
    if head.empty:
        return []
    plain = head[head["scope"].isin(["all", ""])]
    plain = plain[plain["attribute"].isin(plain["attribute"].unique()[:MOST_ATTRIBUTES])]
    plain = plain[plain["model"].isin(plain["model"].unique()[:MOST_MODELS])]
    order = {name: index for index, name in enumerate(plain["attribute"].unique())}
    plain = plain.sort_values("attribute", key=lambda names: names.map(order), kind="stable")
    twins = plain["untrained"].notna()
    idle = (plain["status"] == "trained") & ~twins & bool(twins.any())
    told = [f"{'; '.join([probe_sentence(row), *_narrower(row, head)])}." for _, row in plain[~idle].iterrows()]
    found = [*told, *_idle_findings(plain[idle])]
    return [f"At the layer that scores recommendations, {found[0]}", *found[1:]] if found else []


def _idle_findings(rows: pd.DataFrame) -> list[str]:
    """One short sentence an attribute on trained models that have no untrained state to compare with."""
    found = []
    for target, part in rows.groupby("target", sort=False):
        read = [_idle(row) for _, row in part.iterrows()]
        found.append(f"Without vectors that are learnt, {target} is read from {listing(read)}.")
    return found


def _idle(row: pd.Series) -> str:
    alone = [_alone(row, name) for name in shown_controls(row) if name == PERMUTED]
    beside = f" ({alone[0]})" if alone else ""
    return f"{row['model']} with {number(row['score'])}{interval(row['low'], row['high'])}{beside}"


def propagation_findings(rows: pd.DataFrame) -> list[str]:
    """Say for every model with several layers where its untrained twin knows most, and what training adds there.

    Propagation of random vectors over the graph can come near the trained score; what structure alone explains is not
    learning.

    Args:
        rows: scores of recommending checkpoints, trained and untrained, with columns ``model`` and ``target``.
    """
    found = []
    for (model, target), part in rows.groupby(["model", "target"], sort=False):
        twins = part[part["status"] == "untrained"]
        if twins["layer"].nunique() < 2:
            continue
        layer = twins.groupby("layer", sort=False)["score"].mean().idxmax()
        here = gains(part[part["layer"] == layer], ["model"])
        alone = number(twins[twins["layer"] == layer]["score"].mean())
        place = "the readout" if layer == READOUT else f"layer {layer}"
        parts = [gain_clause(row["gain"], row["gain_low"], row["gain_high"]) for _, row in here.iterrows()]
        clause = f", where {parts[0]}" if parts else ""
        found.append(f"{model} untrained reads {target} best at {place}: {alone} by the graph alone{clause}")
    return found


def _narrower(row: pd.Series, head: pd.DataFrame) -> list[str]:
    """Scores of the same model and attribute in narrower scopes, e.g. ``within party .36 [.33, .39]``."""
    same = (head["model"] == row["model"]) & (head["attribute"] == row["attribute"])
    inner = head[same & (head["entity"] == row["entity"]) & ~head["scope"].isin(["all", ""])]
    return [f"{r['scope']} {number(r['score'])}{interval(r['low'], r['high'])}" for _, r in inner.iterrows()]


def ranking_finding(ranking: pd.DataFrame, records: pd.DataFrame, metric: str = "ndcg@20") -> str:
    """How well each model recommends on test items; empty without test rows."""
    if ranking.empty:
        return ""
    rows = with_model(ranking, records)
    rows = rows[(rows["split"] == "test") & (rows["metric"] == metric) & (rows["status"] != "untrained")]
    rows = without_strengths(rows)
    means = over_seeds(rows, ["model"], "value").sort_values("mean", ascending=False)
    parts = [_ranked(row) for _, row in means.iterrows()]
    return f"On withheld interactions {label(metric)} is {listing(parts)}." if parts else ""


def _ranked(row: pd.Series) -> str:
    spread = f" (range {number(row['low'], 3)} to {number(row['high'], 3)})" if row["seeds"] > 1 else ""
    return f"{row['model']} {number(row['mean'], 3)}{spread}"


def findings(tables: Tables) -> list[str]:
    """All headline sentences: searches and designs first, then probes, then ranking and lists, then simulations.

    Attention comes before ranking: a study that asks about attention and probes nothing trains its models for that.
    """
    searched, tables = [*search_findings(tables), *effect_findings(tables)], spotlight(tables)
    records, probes = table(tables, "records"), table(tables, "probe_results")
    ranking = ranking_finding(table(tables, "ranking_results"), records)
    alone = [] if probes.empty else propagation_findings(_plain_scores(probes, records))
    moved, attention = simulation_findings(tables), agenda_findings(tables)
    known = [*probe_findings(probes, records), *(f"{text}." for text in alone)]
    asked = interpretation_findings(tables)
    shown = [*([ranking] if ranking else []), *asked, *quality_findings(tables)]
    return [*searched, *known, *attention, *shown, *moved]


def _plain_scores(probes: pd.DataFrame, records: pd.DataFrame) -> pd.DataFrame:
    """Scores over all users of the main probe at the recommending checkpoints."""
    rows = scores(recommending(main_probe(with_model(probes, records)), records))
    return rows[rows["scope"].isin(["all", ""])]


def summary_lines(tables: Tables) -> list[str]:
    """Lines for the terminal after a run: the findings, then what failed."""
    failed = len(table(tables, "failures"))
    broken = [f"{failed} item{'s' if failed != 1 else ''} failed; see the table of failures."] if failed else []
    return [*findings(tables), *broken] or ["No results yet."]
