"""Headlines of factorial designs: what each outcome changes most with, and what these fits show nothing of."""

import pandas as pd

from hemicycle.reports.designs import member_words, shown_members
from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_effects import CLEAR, SEED, TREND, factor_labels, verdicts
from hemicycle.reports.search_words import metric_label
from hemicycle.reports.theme import interval, level_label, listing, number, signed

MOST_OUTCOMES = 4
"""Outcomes of a design that are spoken of."""
ALPHA = 0.05


def effect_findings(tables: Tables) -> list[str]:
    """Sentences on every design: the strongest factor of each outcome, then what shows nothing, and who is shown."""
    effects, tests = table(tables, "effects"), table(tables, "effect_tests")
    if effects.empty:
        return []
    found = []
    shown = shown_members(tables)
    for design, rows in effects.groupby("design", sort=False):
        known = rows[rows["outcome"].isin(rows["outcome"].unique()[:MOST_OUTCOMES])]
        known = known.assign(clear=[verdict == CLEAR for verdict in verdicts(known)])
        own = tests if tests.empty else tests[(tests["design"] == design) & tests["outcome"].isin(known["outcome"])]
        levels = table(tables, "design_levels")
        levels = levels if levels.empty else levels[levels["design"] == design]
        more = rows["outcome"].nunique() - known["outcome"].nunique()
        found.append(_most(str(design), known, own, levels) + _more(more))
        found.append(" ".join([*_nothing(known, own), *_shown(shown[shown["design"] == design], levels)]))
    return [text for text in found if text]


def _more(outcomes: int) -> str:
    if not outcomes:
        return ""
    return f" {outcomes} more outcome{'s are' if outcomes > 1 else ' is'} in the table of effects alone."


# -- what counts most ------------------------------------------------------------------------------------------------


def _most(design: str, rows: pd.DataFrame, tests: pd.DataFrame, levels: pd.DataFrame) -> str:
    """For each outcome its largest difference that is beyond 0 with all others."""
    crossed = listing(factor_labels(rows["factor"]).values())
    members = f" in {levels['member'].nunique()} members" if len(levels) else ""
    parts = [_outcome(str(outcome), part, tests) for outcome, part in rows.groupby("outcome", sort=False)]
    lead = f"The design {design} varies {crossed}{members}."
    return f"{lead} On average over the others, {'; '.join(parts)}.{_depends(tests)}"


def _outcome(outcome: str, rows: pd.DataFrame, tests: pd.DataFrame) -> str:
    """``NDCG@20 changes most with dimension (32 against 8: +.042 [.033, .052], partial η² .60)``."""
    name = metric_label(outcome)
    if rows["ci_low"].isna().all():
        return f"there are too few fits to tell what changes {name}"
    clear = rows[rows["clear"] & (rows["against"] != TREND)]
    own = tests if tests.empty else tests[tests["outcome"] == outcome]
    if clear.empty:
        return f"no factor changes {name} as far as these fits can show"
    row = clear.iloc[int(clear["effect"].abs().argmax())]
    share = _share(own, str(row["factor"]))
    value = f"{signed(row['effect'], 3)}{interval(row['adjusted_low'], row['adjusted_high'], 3)}"
    text = f"{level_label(row['level'])} against {level_label(row['against'])}: {value}"
    text += "" if pd.isna(share) else f", partial \u03b7\u00b2 {number(share)}"
    return f"{name} changes most with {factor_labels([row['factor']])[row['factor']]} ({text})"


def _share(tests: pd.DataFrame, factor: str) -> float:
    found = tests if tests.empty else tests[tests["factor"] == factor]
    return float(found["eta2_partial"].iloc[0]) if len(found) else float("nan")


def _depends(tests: pd.DataFrame) -> str:
    """The strongest interaction; its share is of another model's variance, and is compared with no factor's."""
    found = _interactions(tests)
    if found.empty:
        return ""
    row = found.iloc[int(found["eta2_partial"].argmax())]
    name, share = factor_labels([row["factor"]])[row["factor"]], number(row["eta2_partial"])
    where = f"{name} (partial \u03b7\u00b2 {share} in the model with interactions)"
    return f" Effects depend on each other, most in {metric_label(row['outcome'])}: {where}."


def _interactions(tests: pd.DataFrame) -> pd.DataFrame:
    """Clear interactions between factors; those with the seed are no choice."""
    if tests.empty:
        return tests
    crossed = tests["factor"].map(lambda name: ":" in name and SEED not in name.split(":")).astype(bool)
    return tests[crossed & (tests["p_adjusted"] < ALPHA)]


# -- what shows nothing ----------------------------------------------------------------------------------------------


def _nothing(rows: pd.DataFrame, tests: pd.DataFrame) -> list[str]:
    """Factors of which no difference, trend or interaction is clear, and those of which interactions alone are."""
    silent: dict[str, list[str]] = {}
    crossed: dict[str, list[str]] = {}
    for (factor, outcome), part in rows.dropna(subset=["ci_low"]).groupby(["factor", "outcome"], sort=False):
        if part["clear"].any():
            continue
        own = _interactions(tests)
        own = own if own.empty else own[own["outcome"] == outcome]
        meets = len(own) > 0 and any(str(factor) in name.split(":") for name in own["factor"])
        (crossed if meets else silent).setdefault(str(factor), []).append(metric_label(str(outcome)))
    count = rows.dropna(subset=["ci_low"])["outcome"].nunique()
    none, alone = (_clauses(found, rows, count) for found in (silent, crossed))
    texts = [f"These fits show no effect of {'; of '.join(none)}."] if none else []
    return [*texts, *([f"Interactions alone show one of {'; of '.join(alone)}."] if alone else [])]


def _clauses(found: dict[str, list[str]], rows: pd.DataFrame, count: int) -> list[str]:
    """``L2 penalty on NDCG@20 and recall@20`` for each factor, ``on any outcome`` where none is left."""
    names = factor_labels(rows["factor"])
    return [
        f"{names[factor]} on {'any outcome' if len(outcomes) == count > 1 else listing(outcomes)}"
        for factor, outcomes in found.items()
    ]


def _shown(shown: pd.DataFrame, levels: pd.DataFrame) -> list[str]:
    """Which members figures and sentences on models show, and that they were chosen by what is shown."""
    if shown.empty:
        return []
    words, count = member_words(levels), levels["member"].nunique()
    parts = [f"{m} ({words.get(m, '')}), {why}" for m, why in zip(shown["member"], shown["why"], strict=True)]
    return [f"Of the {count} members, what follows shows those picked by their test results: {'; '.join(parts)}."]
