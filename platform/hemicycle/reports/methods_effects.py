"""What the methods paragraph says of factorial designs, and its sources."""

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_effects import factor_labels
from hemicycle.reports.theme import level_label, listing

ALWAYS = ["box2005statistics", "holm1979simple"]
ROBUST = ["brown1974robust", "mackinnon1985heteroskedasticity"]


def effects_methods(tables: Tables) -> list[str]:
    """A paragraph on the estimation of effects; none without them."""
    effects, tests = table(tables, "effects"), table(tables, "effect_tests")
    if effects.empty:
        return []
    seeded = len(tests) > 0 and (tests["factor"] == "seed").any()
    unit = "every fit is a unit and the seed a block" if seeded else "a member's mean over its seeds is the unit"
    text = (
        "Effects: differences of marginal means from each factor's first level, from a linear model of main effects; "
        f"{unit}. Its residual holds interactions, too, which widens intervals. 95 % t-intervals; adjusted ones hold "
        "for all rows of an outcome together (Bonferroni), p values of F tests are corrected for them (Holm)."
    )
    return [
        *_levels(table(tables, "design_levels")),
        text + (" Where residuals vary unequally, covariances are HC3." if _robust(effects) else ""),
    ]


def _levels(levels: pd.DataFrame) -> list[str]:
    """What every design varies: ``dimension (8, 32)``."""
    found = []
    for design, rows in levels.groupby("design", sort=False) if len(levels) else ():
        known = factor_labels(rows["factor"].unique())
        parts = [
            f"{known[str(factor)]} ({', '.join(dict.fromkeys(map(level_label, part['level'])))})"
            for factor, part in rows.sort_values("place", kind="stable").groupby("factor", sort=False)
        ]
        found.append(f"The design {design} has {rows['member'].nunique()} members that vary {listing(parts)}.")
    return found


def effects_keys(tables: Tables) -> list[str]:
    """Keys of the sources."""
    effects = table(tables, "effects")
    return [] if effects.empty else [*ALWAYS, *(ROBUST if _robust(effects) else [])]


def _robust(effects: pd.DataFrame) -> bool:
    return bool((effects["variance"] == "HC3").any())
