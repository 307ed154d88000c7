"""Tables of the report: captions, headings and cells as text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.findings import headline_table, shown_controls
from hemicycle.reports.summaries import UNSAID, control_names, control_words, over_seeds, with_model
from hemicycle.reports.theme import MINUS, interval, label, number, signed

MOST_ROWS = 60


@dataclass(frozen=True)
class HtmlTable:
    """A table as text.

    Args:
        id: anchor.
        caption: what it shows, in a sentence.
        head: column headings.
        rows: cells; the first of a row is its heading.
        numeric: which columns are numbers, to be set flush right.
    """

    id: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


def html_table(name: str, caption: str, rows: Sequence[dict[str, str]], text: Sequence[str]) -> HtmlTable | None:
    """Make a table of rows with the same keys; columns in ``text`` are set flush left; None without rows."""
    if not rows:
        return None
    head = tuple(rows[0])
    cells = tuple(tuple(str(row.get(key, "")) for key in head) for row in rows)
    return HtmlTable(name, caption, head, cells, tuple(key not in text for key in head))


def frame_table(name: str, frame: pd.DataFrame) -> HtmlTable | None:
    """The table behind a figure, its first MOST_ROWS rows."""
    caption = f"{len(frame)} rows" if len(frame) <= MOST_ROWS else f"First {MOST_ROWS} of {len(frame)} rows"
    rows = [{str(k): _cell(v) for k, v in row.items()} for row in frame.head(MOST_ROWS).to_dict(orient="records")]
    numbers = set(frame.select_dtypes("number").columns)
    return html_table(
        name, f"{caption}; all in figures/{name}.csv", rows, [c for c in frame.columns if c not in numbers]
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}".replace("-", MINUS)
    return "" if value is None else str(value)


def glance(tables: Tables) -> HtmlTable | None:
    """The answer in one table: per model and target, score, untrained, gain and controls at the read-out."""
    head = headline_table(table(tables, "probe_results"), table(tables, "records"))
    caption = (
        "At the layer that scores recommendations: mean over seeds; brackets after scores hold every seed's 95 % "
        "bootstrap interval, brackets after gains are 95 % t-intervals over seeds, paired with the untrained twins."
    )
    return html_table("glance", caption, [_glance_row(row) for _, row in head.iterrows()], ("model", "attribute"))


def _glance_row(row: pd.Series) -> dict[str, str]:
    cells = {
        "model": str(row["model"]),
        "attribute": str(row["target"]),
        label(row["score_name"]) if row["score_name"] == "r2" else "score": number(row["score"])
        + interval(row["low"], row["high"]),
        "untrained": number(row["untrained"]),
        "training adds": f"{signed(row['gain'])}{interval(row['gain_low'], row['gain_high'])}",
    }
    alone = {control_words(name): number(row[f"control {name}"]) for name in shown_controls(row) if name not in UNSAID}
    return cells | alone | {"seeds": str(row["seeds"])}


def models(tables: Tables) -> HtmlTable | None:
    """Test metrics of every model and its untrained twin: mean and range over seeds."""
    ranking = table(tables, "ranking_results")
    if ranking.empty:
        return None
    rows = with_model(ranking[ranking["split"] == "test"], table(tables, "records"))
    means = over_seeds(rows, ["model", "status", "metric"], "value")
    found = [
        {"model": str(model), "status": str(status)} | {label(r["metric"]): _ranged(r) for _, r in part.iterrows()}
        for (model, status), part in means.groupby(["model", "status"], sort=False)
    ]
    caption = "Ranking of withheld test interactions: mean over seeds, in brackets the range over seeds."
    return html_table("models", caption, found, ("model", "status"))


def _ranged(row: pd.Series) -> str:
    return number(row["mean"], 3) + (interval(row["low"], row["high"], 3) if row["seeds"] > 1 else "")


def probes(tables: Tables) -> HtmlTable | None:
    """Every probe at the read-out with all of its controls."""
    rows = table(tables, "probe_results")
    head = headline_table(rows, table(tables, "records"))
    names = control_names(rows)
    found = [_probe_row(row, names) for _, row in head.iterrows()]
    caption = (
        "Probes at the read-out with the 95 % range of each control over seeds; the partial score is what the model "
        "adds to covariates, as a share of what they leave unexplained."
    )
    return html_table("probes", caption, found, ("model", "attribute", "probe", "measure"))


def _probe_row(row: pd.Series, names: Sequence[str]) -> dict[str, str]:
    cells = {
        "model": row["model"],
        "attribute": row["target"],
        "probe": row["probe"],
        "measure": label(row["score_name"]),
    }
    cells |= {"n": str(row["n"]), "trained": number(row["score"]) + interval(row["low"], row["high"])}
    cells["untrained"] = number(row["untrained"]) + interval(row["untrained_low"], row["untrained_high"])
    for name in names:
        key = f"control {name}"
        cells[control_words(name)] = number(row[key]) + interval(row[f"{key} low"], row[f"{key} high"])
    cells["partial R²"] = number(row["partial"]) + interval(row["partial_low"], row["partial_high"])
    return cells


def failures(tables: Tables) -> HtmlTable | None:
    """What failed, and why."""
    rows = table(tables, "failures").to_dict(orient="records")
    found = [{key: str(row.get(key, ""))[:300] for key in ("step", "title", "error")} for row in rows]
    return html_table(
        "failures",
        "Items that failed; everything else in this report is complete.",
        found,
        list(found[0]) if found else (),
    )
