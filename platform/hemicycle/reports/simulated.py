"""One simulation of a study as its figures, tables and sentences need it: results, arms in order, cells in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.summaries import METRICS
from hemicycle.reports.theme import label, small

MOST_METRICS = 6
"""Metrics that a figure shows at most."""
PREFERRED = (
    *("variance", "consensus", "major_clusters", "one_sidedness", "topic_correlation"),
    *(name for name in METRICS if name != "variance"),
    *("exposure_distance", "effective_clusters"),
)
"""Metrics in the order in which figures take them."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """Tables of one simulation; all have the column ``cell``, 0 where there is no design.

    Args:
        name: of the simulation.
        several: whether the study has others, so that figures must say which is theirs.
        results: simulation_results.
        contrasts: simulation_contrasts at the last step.
        densities: simulation_densities.
        knowledge: simulation_knowledge.
        changes: simulation_changes, what users did to their follows, counted.
        factors: simulation_factors.
        sensitivity: simulation_sensitivity.
    """

    name: str
    several: bool
    results: pd.DataFrame
    contrasts: pd.DataFrame
    densities: pd.DataFrame
    knowledge: pd.DataFrame
    changes: pd.DataFrame
    factors: pd.DataFrame
    sensitivity: pd.DataFrame

    def id(self, figure: str) -> str:
        """Id of a figure of this simulation, unique in its study."""
        return f"{figure}_{self.name}" if self.several else figure

    def title(self, text: str) -> str:
        """Title of a figure, with the simulation where there are several."""
        return f"{text} ({self.name.replace('_', ' ')})" if self.several else text

    @property
    def reference(self) -> str:
        """Arm with which the others are compared; empty where none is."""
        return str(self.contrasts["reference"].iloc[0]) if len(self.contrasts) else ""

    @cached_property
    def arms(self) -> list[str]:
        """Arms, the reference first."""
        found = [str(arm) for rows in (self.results, self.contrasts) if len(rows) for arm in rows["arm"].unique()]
        return sorted(dict.fromkeys(found), key=lambda arm: arm != self.reference)

    @property
    def varied(self) -> list[str]:
        """Factors of the grid, those that take several levels; none for a sensitivity analysis."""
        if self.factors.empty or len(self.sensitivity):
            return []
        levels = self.factors.groupby("factor", sort=False)["level"].nunique()
        return [str(name) for name in levels.index[levels > 1]]

    @cached_property
    def names(self) -> dict[str, str]:
        """Factors -> their names for people."""
        return factor_names(self.factors["factor"].unique() if len(self.factors) else ())

    def levels(self, factor: str) -> dict[int, str]:
        """Cell -> level of a factor, in words."""
        rows = self.factors[self.factors["factor"] == factor]
        return {int(c): _level(v, w) for c, v, w in zip(rows["cell"], rows["value"], rows["level"], strict=True)}

    def values(self, factor: str) -> dict[int, float]:
        """Cell -> level of a factor as a number; NaN for words."""
        rows = self.factors[self.factors["factor"] == factor]
        return dict(zip(rows["cell"].astype(int), rows["value"].astype(float), strict=True))

    @cached_property
    def cells(self) -> dict[int, str]:
        """Cell -> what it is, ``confidence .20, homophily 2``; empty without a design."""
        known = [(self.names[factor], self.levels(factor)) for factor in self.varied]
        of = sorted({cell for _, levels in known for cell in levels})
        return {cell: ", ".join(f"{name} {levels[cell]}" for name, levels in known if cell in levels) for cell in of}

    def some_cells(self, most: int) -> list[int]:
        """Cells that stand for the others: the ends of every factor, and between them where there is one factor."""
        if not self.cells:
            return [0]
        places = [self._places(factor) for factor in self.varied]
        if len(places) > 1:
            places = [[levels[0], levels[-1]] for levels in places]
        sets = [set.intersection(*found) for found in product(*places)]
        corners = [min(cells) for cells in sets if cells]
        kept = np.unique(np.linspace(0, len(corners) - 1, min(most, len(corners))).round().astype(int))
        return [corners[place] for place in kept]

    def _places(self, factor: str) -> list[set[int]]:
        """Cells of every level of a factor, from the least on."""
        levels, values = self.levels(factor), self.values(factor)
        found = {level: {cell for cell in levels if levels[cell] == level} for level in levels.values()}
        return sorted(found.values(), key=lambda cells: (np.nan_to_num(values[min(cells)]), min(cells)))

    def panels(self, rows: pd.DataFrame) -> pd.Series:
        """Name of every row's opinion model and, with a design, of its cell."""
        names, cells = rows["opinion"].map(label), rows["cell"].map(self.cells)
        several = self.results.empty or len(self.results["opinion"].unique()) > 1
        return names if not self.cells else names + ": " + cells if several else cells


SAME = 1e-6
"""Range of a metric's values below which they are the same but for rounding."""
NEGLIGIBLE = 5e-4
"""Differences below it are not spoken of, however narrow their interval."""


def brief(value: float) -> str:
    """A measure with two significant digits; what is far below all that is spoken of is about 0."""
    return "≈ 0" if abs(value) < NEGLIGIBLE / 5 else small(value)


def is_clear(rows: pd.DataFrame) -> pd.Series:
    """Tell which paired differences are told from 0: their interval excludes it, and they are not negligible."""
    excludes = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    measured = rows["ci_high"] > rows["ci_low"]
    return excludes & measured & (rows["difference"].abs() >= NEGLIGIBLE)


def _level(value: float, word: str) -> str:
    return word if not np.isfinite(value) else f"{value:g}" if float(value).is_integer() else _digits(value)


def _digits(value: float) -> str:
    """A level of a factor with as many digits as it needs, at most four."""
    text = f"{value:.4g}"
    return text[1:] if text.startswith("0.") else text if abs(value) >= 1 else small(value)


def factor_names(factors: Iterable[object]) -> dict[str, str]:
    """Names for people of dotted options; the whole option where two would be called alike."""
    short = {str(name): _short(str(name)) for name in factors}
    called = list(short.values())
    return {name: text if called.count(text) == 1 else name for name, text in short.items()}


def _short(name: str) -> str:
    root, *between, last = name.split(".")
    word = last.replace("_", " ")
    return f"{word} of {label(between[0])}" if root == "arms" and between and not between[0].isdigit() else word


def with_cell(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the column ``cell``, which tables of older studies lack."""
    return rows if rows.empty or "cell" in rows else rows.assign(cell=0)


def at_the_end(contrasts: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last step of every difference; runs may stop at different steps."""
    if contrasts.empty:
        return contrasts
    rows = with_cell(contrasts)
    keys = ["simulation", "cell", "opinion", "metric", "arm", "reference"]
    return rows[rows["step"] == rows.groupby(keys, dropna=False)["step"].transform("max")]


def last_values(results: pd.DataFrame) -> pd.DataFrame:
    """Rows of the last step of every run at which its metric was measured."""
    keys = ["cell", "opinion", "arm", "seed", "metric"]
    return results[results["step"] == results.groupby(keys)["step"].transform("max")]


def simulations(tables: Tables) -> list[Simulated]:
    """Every simulation of a study, in the order of its tables."""
    names = ("results", "contrasts", "densities", "knowledge", "changes", "factors", "sensitivity")
    found = {name: with_cell(table(tables, f"simulation_{name}")) for name in names}
    found["contrasts"] = at_the_end(found["contrasts"])
    of = list(dict.fromkeys(str(n) for key in names[:2] if len(found[key]) for n in found[key]["simulation"].unique()))
    parts = {name: {key: _of(rows, name) for key, rows in found.items()} for name in of}
    return [Simulated(name, len(of) > 1, **parts[name]) for name in of]


def _of(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return rows if rows.empty else rows[rows["simulation"] == name]


def order_metrics(names: Iterable[object]) -> list[str]:
    """Metrics in their customary order, others after them."""
    present = list(dict.fromkeys(str(name) for name in names))
    first = [name for name in PREFERRED if name in present]
    return [*first, *(name for name in present if name not in first)]


def shown_metrics(rows: pd.DataFrame, most: int = MOST_METRICS) -> list[str]:
    """Metrics that a figure shows: the customary ones that are not always the same; without such, the first."""
    value = "value" if "value" in rows else "difference"
    measured = rows.dropna(subset=[value])
    varied = measured.groupby("metric", sort=False)[value].agg(lambda found: found.max() - found.min() > SAME)
    known = order_metrics(varied.index)
    customary = [name for name in known if name in PREFERRED and varied[name]]
    return (customary or known)[:most]


def number_or_words(values: Iterable[float]) -> bool:
    """True when all levels are numbers."""
    return all(np.isfinite(value) for value in values)
