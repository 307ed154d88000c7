"""Put the result of a run into the documentation: a line for each comparison, and the figure beside it.

    python -m hemicycle.bench.publish bench-results/recommenders-20260101-000000

Recommenders stand in the README, opinions in ``platform/docs/bench_opinions.md``, between two marks; the figures become
``platform/docs/bench_recommenders.svg`` and ``platform/docs/bench_opinions.svg``.
"""

import json
import math
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hemicycle.bench.machine import sentence
from hemicycle.core.errors import InputError

DOCS = Path("platform", "docs")
PAGES = {"recommenders": Path("README.md"), "opinions": DOCS / "bench_opinions.md"}
FIGURES = {subject: DOCS / f"bench_{subject}.svg" for subject in PAGES}
BEGIN, END = "<!-- bench: written by python -m hemicycle.bench.publish -->", "<!-- /bench -->"
HEAD = "| what | ours | others, as a multiple of the time of ours |\n|---|---|---|"
_UNIT = {"cpu": "CPU s", "wall": "s"}
Row = Mapping[str, Any]


def publish(folder: Path, root: Path) -> None:
    """Write a run's comparison into its page of a clone, and copy its figure.

    Raises:
        InputError: the folder holds no finished run, or the page has no marks.
    """
    if not (folder / "bench.svg").is_file():
        raise InputError(f"there is no finished run in {folder}", remedy="name a folder that jobs/bench.py wrote")
    about = json.loads((folder / "machine.json").read_text(encoding="utf-8"))
    page, figure = (root / of[about.get("subject", "recommenders")] for of in (PAGES, FIGURES))
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    frame = pd.read_csv(folder / "bench.csv", keep_default_na=True)
    if BEGIN not in text or END not in text:
        raise InputError(f"{page.name} has no place for it", str(page), f"add the lines {BEGIN} and {END}")
    block = f"{BEGIN}\n{compared(frame)}\n\n*{sentence(about)}*\n{END}"
    pattern = f"{re.escape(BEGIN)}.*{re.escape(END)}"
    page.write_text(re.sub(pattern, lambda _: block, text, flags=re.DOTALL), encoding="utf-8")
    shutil.copyfile(folder / "bench.svg", figure)


def compared(frame: pd.DataFrame) -> str:
    """Return one line of Markdown for each group: the reference's time, and everybody's multiple of it."""
    groups = [rows.to_dict(orient="records") for _, rows in frame.groupby("group", sort=False)]
    return "\n".join([HEAD, *(_line([{str(k): v for k, v in row.items()} for row in rows]) for rows in groups)])


def _line(rows: list[Row]) -> str:
    ours = next(row for row in rows if row["role"] == "ours" and row["ratio"] == 1)
    others = "; ".join(_other(row) for row in rows if row is not ours)
    named = "" if ours["name"] == "ours" else f" ({ours['name'].removeprefix('ours, ')})"
    return f"| {ours['group']} | {ours['least']:,.3g} {_UNIT[ours['clock']]}{named}{_missed(ours)} | {others} |"


def _other(row: Row) -> str:
    if not math.isfinite(row["ratio"]):
        return f"{row['name']}: not measured"
    ratio = f"{row['ratio']:,.2f}" if row["ratio"] < 10 else f"{row['ratio']:,.0f}"
    return f"{row['name']}: **{ratio}**{_missed(row)}"


def _missed(row: Row) -> str:
    """Say that a target was missed; one that was met needs no words."""
    return f" ({row['asked']} was the aim)" if str(row["met"]) == "False" else ""


if __name__ == "__main__":
    publish(Path(sys.argv[1]), Path.cwd())
