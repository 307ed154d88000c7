"""The result of a run as a table: one row a case, times, ratios, and what was asked for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hemicycle.bench.cases import Case
from hemicycle.bench.measure import Measurement

Results = Mapping[Case, Sequence[Measurement]]
_KEPT = ("recall@20", "ndcg@20", "epochs", "steps", "bytes_sent")


def table(results: Results) -> pd.DataFrame:
    """Return all rows in the order of the cases.

    ``least`` and ``median``: seconds by the case's clock over all timed calls. ``ratio``: the least over that of the
    group's reference, so 2 is twice as slow. ``memory``: MB, the largest of all processes.
    """
    rows = [_row(case, found) for case, found in results.items()]
    references = {case.group: row["least"] for case, row in zip(results, rows, strict=True) if case.reference}
    for case, row in zip(results, rows, strict=True):
        row["ratio"] = row["least"] / references.get(case.group, math.nan)
        row["met"] = case.target.met(row["ratio"], row["least"]) if case.target and row["least"] > 0 else None
    return pd.DataFrame(rows)


def _row(case: Case, found: Sequence[Measurement]) -> dict[str, Any]:
    calls = [call for measurement in found for call in measurement.calls]
    times = [case.clock_of(call) for call in calls] or [math.nan]
    walls = [case.times * call["wall"] for call in calls] or [math.nan]
    problem = next((measurement.problem for measurement in found if measurement.problem), "")
    return {
        "group": case.group,
        "name": case.name,
        "role": case.role,
        "clock": case.clock,
        "threads": case.threads,
        "processes": sum(bool(measurement.calls) for measurement in found),
        "calls": len(calls),
        "least": min(times),
        "median": float(np.median(times)),
        "wall": min(walls),
        "memory": max((m.peak_bytes for m in found if m.calls), default=math.nan) / 1e6,
        "asked": str(case.target) if case.target else "",
        "gb_per_s": max((c["bytes"] / c["wall"] / 1e9 for c in calls if "bytes" in c), default=math.nan),
        **{name: calls[-1].get(name, math.nan) if calls else math.nan for name in _KEPT},
        "note": case.note,
        "problem": problem,
    }


def markdown(frame: pd.DataFrame) -> str:
    """Return the table for people, a part for each group."""
    parts = [f"**{group}**\n\n{_part(rows)}" for group, rows in frame.groupby("group", sort=False)]
    return "\n\n".join(parts) + "\n"


def _part(rows: pd.DataFrame) -> str:
    clock = {"cpu": "CPU s", "wall": "s"}[rows["clock"].iloc[0]]
    head = [clock, f"median {clock}", "times ours", "MB", "asked", "remark"]
    lines = [f"| | {' | '.join(head)} |", "|---" * 7 + "|"]
    for row in [{str(k): v for k, v in row.items()} for row in rows.to_dict(orient="records")]:
        cells = [row["name"], _number(row["least"]), _number(row["median"]), _number(row["ratio"])]
        lines.append("| " + " | ".join([*cells, _number(row["memory"]), _asked(row), _remark(row)]) + " |")
    return "\n".join(lines)


def plain(frame: pd.DataFrame) -> str:
    """Return any table in Markdown, numbers with three digits."""
    rows = [[_number(value) if isinstance(value, float) else str(value) for value in row] for row in frame.to_numpy()]
    lines = [list(map(str, frame.columns)), ["---"] * len(frame.columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float) -> str:
    """Three significant digits."""
    if not math.isfinite(value):
        return ""
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 4)}f}"


def _asked(row: Mapping[str, Any]) -> str:
    return f"{row['asked']}: {'met' if row['met'] else 'missed'}" if row["asked"] and row["met"] is not None else ""


def _remark(row: Mapping[str, Any]) -> str:
    """Join what is known beside the times."""
    known = [f"{row['gb_per_s']:.1f} GB/s"] if math.isfinite(row["gb_per_s"]) else []
    known += [f"{row['bytes_sent'] / 1e6:.2f} MB sent a step"] if row["bytes_sent"] > 0 else []
    known += [f"Recall@20 {row['recall@20']:.4f}".replace("0.", ".")] if row["recall@20"] > 0 else []
    known += [f"{row['epochs']:.0f} epochs"] if row["epochs"] > 0 else []
    problem = f"not measured: {row['problem']}" if row["problem"] else ""
    return "; ".join(filter(None, [*known, row["note"], problem])).replace("|", "/")
