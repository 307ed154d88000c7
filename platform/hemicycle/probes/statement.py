"""What was controlled, in sentences for a report."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

_TOLD = {
    "permuted": "permuted labels",
    "permuted within degree": "labels permuted among users of similar degree",
    "permuted within community": "labels permuted inside communities of the graph",
    "random vectors": "random vectors of the same shape",
    "rewired": "models that were trained again on a rewired graph with the same degrees",
    "covariates": "groups and covariates alone, by the same probe",
    "covariates by trees": "groups and covariates alone, by boosted trees",
}


def controls_sentence(rows: Sequence[Mapping[str, Any]] | pd.DataFrame) -> str:
    """Say what scores were held out from, compared with and corrected for, as the rows show it.

    Args:
        rows: rows of a probe table, in a sequence or a frame.

    Returns:
        A short paragraph; empty where there are no rows.
    """
    table = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame([dict(row) for row in rows])
    if table.empty:
        return ""
    parts = (_folds(table), _controls(table), _partial(table), _within(table), _corrected(table))
    return " ".join(part for part in parts if part)


def _folds(table: pd.DataFrame) -> str:
    cuts = _names(table["cv"])
    grouped = [cut for cut in cuts if "(detected)" in cut]
    words = "All scores are held out; penalties were chosen in nested folds, in " + _listed(cuts) + "."
    if not grouped:
        return words
    labels = _names(table.loc[table["cv"].isin(grouped), "attribute"])
    return f"{words} Folds keep groups whole where a label is constant within them ({_listed(labels)})."


def _controls(table: pd.DataFrame) -> str:
    found = _names(table["control"])
    known = [_TOLD[name] for name in _TOLD if name in found]
    alone = [f"{name} alone" for name in found if name not in _TOLD]
    return f"Every score stands beside {_listed([*known, *alone])}."


def _partial(table: pd.DataFrame) -> str:
    if not table["partial_r2"].notna().any():
        return "No covariates were known, so that no score is adjusted for them."
    better = (
        " over the better of the two readers of covariates" if "covariates by trees" in set(table["control"]) else ""
    )
    return f"Partial R2 says what vectors add to groups and covariates, out of fold{better}."


def _within(table: pd.DataFrame) -> str:
    groups = [scope.removeprefix("within ") for scope in _names(table["scope"]) if scope != "all"]
    return f"Scores within {_listed(groups)} compare members of the same group only." if groups else ""


def _corrected(table: pd.DataFrame) -> str:
    words = "Intervals are 95 % bootstrap intervals over users, or over groups where folds are by group"
    if "p_holm" not in table:
        return f"{words}."
    return f"{words}; p-values are corrected over attributes by Holm's and by Benjamini and Hochberg's procedures."


def _names(values: "pd.Series[Any]") -> list[str]:
    return [str(value) for value in dict.fromkeys(values.dropna())]


def _listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    given = list(words)
    return given[0] if len(given) == 1 else f"{', '.join(given[:-1])} and {given[-1]}"
